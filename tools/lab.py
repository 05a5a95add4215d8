"""Open JupyterLab with the chapters as notebooks.

    python -m tools.lab

The setting that makes JupyterLab open Markdown as a notebook goes into this
environment, not into your own settings.
"""

import subprocess
import sys
from pathlib import Path

from tools.book import ROOT

SETTINGS = Path(sys.prefix) / "etc/jupyter/labconfig/default_setting_overrides.json"


def open_markdown_as_notebooks():
    """Let the JupyterLab of this environment open .md files as notebooks."""
    SETTINGS.parent.mkdir(parents=True, exist_ok=True)
    command = ["jupytext_config", "--settings-file", str(SETTINGS)]
    command += ["set-default-viewer", "markdown", "myst"]
    subprocess.run([sys.executable, "-m", *command], check=True)


def main(arguments=None):
    """Start JupyterLab; further arguments are handed on to it."""
    open_markdown_as_notebooks()
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}"]
    command += ["--LabApp.default_url=/lab/tree/book/introduction.md"]
    return subprocess.run([*command, *(arguments or [])], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
