"""Bring the packages from npm that the site is built and tested with.

    python -m tools.node

tools/package.json pins them; Node itself is a Python package of requirements.txt.
Without them the book is built all the same, and says what it leaves out.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.book import BUILD, ROOT

PINS = ROOT / "tools" / "package.json"
FOLDER = BUILD / "node"
MODULES = FOLDER / "node_modules"


def program(name):
    """Return the path of `node` or `npm`, or None: the environment's own first."""
    return shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)


def is_complete():
    """Return whether the packages are there, as pinned."""
    mark = FOLDER / "complete"
    return mark.exists() and mark.read_bytes() == PINS.read_bytes()


def install():
    """Install the packages unless they are there; return whether they are now."""
    if is_complete():
        return True
    npm = program("npm")
    if npm is None:
        return False
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    shutil.copy(PINS, FOLDER)
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    command = [npm, "install", "--ignore-scripts", "--no-package-lock", *quiet]
    if subprocess.run(command, cwd=FOLDER, check=False).returncode != 0:
        return False
    shutil.copy(PINS, FOLDER / "complete")
    return True


def main():
    """Install, and say what is missing; return the exit status."""
    if install():
        return 0
    print(
        "No packages from npm: mathematics is set by the reader's browser, and the "
        "tests of the site cannot run. Is there a network?",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
