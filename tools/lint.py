"""Check, or mend, the style of Python files and of the code cells in Markdown.

    python -m tools.lint [--fix]

ruff skips code cells in Markdown. They are turned into notebooks, which it reads.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.book import ROOT, notebooks
from tools.exercises import SOLUTIONS

RUFF = [sys.executable, "-m", "ruff"]
CONFIG = ["--config", str(ROOT / "pyproject.toml")]
# An expression at the end of a cell shows its value; imports belong to the first cell.
CELLS = ["--extend-ignore", "B018,E402"]


def sources():
    """Return the Markdown files that hold code cells."""
    return [*notebooks(), *sorted(SOLUTIONS.glob("*/*.md"))]


def check_python():
    """Return whether ruff is content with the Python files."""
    runs = [
        subprocess.run([*RUFF, *arguments], cwd=ROOT)
        for arguments in (["check", "."], ["format", "--check", "."])
    ]
    return not any(run.returncode for run in runs)


def check_cells():
    """Return whether ruff is content with the code cells."""
    with tempfile.TemporaryDirectory() as folder:
        for source in sources():
            target = Path(folder) / source.relative_to(ROOT).with_suffix(".ipynb")
            target.parent.mkdir(parents=True, exist_ok=True)
            command = [
                "jupytext",
                "--quiet",
                "--to",
                "ipynb",
                str(source),
                "-o",
                str(target),
            ]
            subprocess.run([sys.executable, "-m", *command], check=True)
        runs = [
            subprocess.run([*RUFF, *arguments, *CONFIG, "."], cwd=folder)
            for arguments in (["check", *CELLS], ["format", "--check"])
        ]
    return not any(run.returncode for run in runs)


def fix():
    """Let ruff mend what it can."""
    for arguments in (["check", "--fix", "."], ["format", "."]):
        subprocess.run([*RUFF, *arguments], cwd=ROOT)
    for source in sources():
        ruff = f"{sys.executable} -m ruff format --config {ROOT / 'pyproject.toml'} -"
        command = ["jupytext", "--quiet", "--pipe", ruff, "--pipe-fmt", "py:percent"]
        subprocess.run([sys.executable, "-m", *command, str(source)], check=True)


def main(arguments=None):
    """Check or mend; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.lint")
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    if parser.parse_args(arguments).fix:
        fix()
    python, cells = check_python(), check_cells()
    return 0 if python and cells else 1


if __name__ == "__main__":
    sys.exit(main())
