"""Create .venv with everything that the course needs; do nothing when it is complete.

    python3 tools/environment.py

Only the standard library is used, and only syntax that an old Python can read, so that
an old Python hears what is wrong instead of a syntax error. The environment is marked
complete last: one that was interrupted, copied, or made from other requirements is
thrown away and made anew.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
COMPLETE = VENV / "complete"
OLDEST = (3, 11)
NEWEST = (3, 14)

# Run by the environment's own Python: is every pinned package there, and whole?
INSTALLED = """
import sys
from importlib.metadata import PackageNotFoundError, distribution

for line in open("requirements.txt", encoding="utf-8"):
    if "==" in line and not line.startswith("#"):
        try:
            files = distribution(line.split("==")[0]).files
        except PackageNotFoundError:
            sys.exit(1)
        if not all(file.locate().exists() for file in files if file.suffix == ".py"):
            sys.exit(1)
"""

WRONG_PYTHON = """\
The course needs Python {oldest} or newer, and {executable} is Python {found}.
Install a newer one, then name it: make book PYTHON=python{oldest}
"""
NO_VENV = """\
{executable} could not create a virtual environment in {venv}.
On Debian and Ubuntu, venv is a package of its own: apt install python3-venv
"""
NO_PACKAGES = """\
The packages in requirements.txt could not be installed; pip says why above.
No network, or a proxy? Connect, or tell pip of the proxy, and run the same command
again. Nothing half-built is kept.
"""
TOO_NEW = """\
Python {found} may be too new for the pinned packages, which have builds up to {newest}.
Name an older one: make book PYTHON=python{newest}
"""


def dotted(version):
    """Return (3, 11) as "3.11"."""
    return ".".join(str(part) for part in version)


def fingerprint():
    """Return what the environment was made from: requirements, Python, place."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return f"{digest.hexdigest()} {dotted(sys.version_info[:3])} {VENV}\n"


def is_complete():
    """Return whether the environment is whole, up to date and able to start."""
    if not COMPLETE.exists() or COMPLETE.read_text(encoding="utf-8") != fingerprint():
        return False
    try:
        check = subprocess.run(
            [str(PYTHON), "-c", INSTALLED], cwd=str(ROOT), check=False
        )
    except OSError:  # its Python was removed or upgraded
        return False
    return check.returncode == 0


def install():
    """Make the environment; return a message that says what went wrong, or None."""
    if VENV.exists():
        print("The environment in .venv is unfinished or out of date: making it anew.")
        shutil.rmtree(str(VENV))
    print(
        "Creating .venv and installing the packages; this takes some minutes.",
        flush=True,
    )
    created = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
    if created.returncode != 0:
        return NO_VENV.format(executable=sys.executable, venv=VENV)
    pip = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    files = ["--requirement", "requirements.txt", "--constraint", "constraints.txt"]
    installed = subprocess.run(pip + files, cwd=str(ROOT), check=False)
    if installed.returncode != 0:
        message = NO_PACKAGES
        if sys.version_info[:2] > NEWEST:
            message += TOO_NEW.format(
                found=dotted(sys.version_info[:2]), newest=dotted(NEWEST)
            )
        return message
    COMPLETE.write_text(fingerprint(), encoding="utf-8")
    return None


def main():
    """Make sure of the environment; return the exit status."""
    if sys.version_info[:2] < OLDEST:
        found = dotted(sys.version_info[:3])
        sys.stderr.write(
            WRONG_PYTHON.format(
                oldest=dotted(OLDEST), executable=sys.executable, found=found
            )
        )
        return 2
    if is_complete():
        return 0
    message = install()
    if message is None:
        return 0
    shutil.rmtree(str(VENV), ignore_errors=True)
    sys.stderr.write("\n" + message)
    return 1


if __name__ == "__main__":
    sys.exit(main())
