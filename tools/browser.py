"""Find a Chromium for the tests of the site; install one where there is none.

    python -m tools.browser

The variable CHROMIUM names one of your own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
NONE_FOUND = """\
The tests of the site need a Chromium, and none could be installed (see above).
Install Chromium or Chrome, or name one: make test CHROMIUM=/path/to/chrome
"""


def find():
    """Return the path of a Chromium, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    on_path = [found for found in map(shutil.which, NAMES) if found]
    if on_path:
        return on_path[0]
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install():
    """Install one: Debian's where we may, else the one that Playwright brings."""
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        for arguments in (["update"], ["install", "--yes", "chromium"]):
            subprocess.run(["apt-get", "--quiet", *arguments], check=False)
    if find() is None:
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, check=False)


def main():
    """Say where the browser is; return the exit status."""
    if find() is None and not os.environ.get("CHROMIUM"):
        install()
    if find() is None:
        print(NONE_FOUND, file=sys.stderr)
        return 1
    print(f"browser for the tests: {find()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
