"""Check, or mend, the style of Python files and of the code cells in Markdown.

    python -m tools.lint [--fix]

ruff skips code cells in Markdown. They are turned into notebooks, which it reads.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import jupytext

from tools.book import ROOT, notebooks
from tools.exercises import SOLUTIONS

CONFIG = ["--config", str(ROOT / "pyproject.toml")]
# An expression at the end of a cell shows its value; imports belong to the first cell.
CELLS = ["--extend-ignore", "B018,E402"]


def sources():
    """Return the Markdown files that hold code cells."""
    return [*notebooks(), *sorted(SOLUTIONS.glob("*/*.md"))]


def ruff(arguments, folder=ROOT):
    """Run ruff in a folder; return whether it is content."""
    command = [sys.executable, "-m", "ruff", *arguments]
    return subprocess.run(command, cwd=folder).returncode == 0


def to_notebook(source, folder):
    """Write the notebook of a Markdown file, without its metadata; return its path."""
    target = Path(folder) / source.relative_to(ROOT).with_suffix(".ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    jupytext.write(jupytext.read(source), target)
    return target


def check():
    """Return whether ruff is content with the Python files and with the cells."""
    with tempfile.TemporaryDirectory() as folder:
        for source in sources():
            to_notebook(source, folder)
        runs = [
            ruff(["check", "."]),
            ruff(["format", "--check", "."]),
            ruff(["check", *CONFIG, *CELLS, "."], folder),
            ruff(["format", "--check", *CONFIG, "."], folder),
        ]
    return all(runs)


def fix():
    """Let ruff mend what it can; nothing but code changes in a Markdown file."""
    ruff(["check", "--fix", "."])
    ruff(["format", "."])
    with tempfile.TemporaryDirectory() as folder:
        targets = {source: to_notebook(source, folder) for source in sources()}
        ruff(["format", "--quiet", *CONFIG, "."], folder)
        for source, target in targets.items():
            old = text = source.read_text(encoding="utf-8")
            cells = zip(
                jupytext.read(source).cells, jupytext.read(target).cells, strict=True
            )
            for before, after in cells:
                if before.cell_type == "code":
                    text = text.replace(before.source, after.source)
            if text != old:
                source.write_text(text, encoding="utf-8")


def main(arguments=None):
    """Check or mend; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.lint")
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    if parser.parse_args(arguments).fix:
        fix()
    return 0 if check() else 1


if __name__ == "__main__":
    sys.exit(main())
