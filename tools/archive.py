"""Pack the site for reading without a network.

python -m tools.archive [_build/every-gradient-checked.zip]
"""

import argparse
import re
import sys
import zipfile
from pathlib import Path

from tools.book import BUILD, SITE

NAME = "every-gradient-checked"
AHEAD = re.compile(r'<link rel="preload" as="font"[^>]*>\n?')
HOW_TO = """\
Every Gradient Checked, to be read without a network.

Open index.html in a browser. Reading, searching and the figures with sliders work
from the folder. Whatever runs Python on a page does not: browsers allow it only on
pages that come from a server. Any server of files will do, such as Python's own:

    python3 -m http.server --bind 127.0.0.1

Start it in this folder, then open http://localhost:8000 in a browser.
"""


def pack(target, site=SITE):
    """Write a zip of the site, in one folder; return how many files are in it."""
    files = sorted(path for path in site.rglob("*") if path.is_file())
    partial = target.with_suffix(".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{NAME}/README.txt", HOW_TO)
        for path in files:
            name = f"{NAME}/{path.relative_to(site).as_posix()}"
            if path.suffix == ".html":  # a folder on disk has no fonts ahead of time
                text = AHEAD.sub("", path.read_text(encoding="utf-8"))
                archive.writestr(name, text, zipfile.ZIP_DEFLATED)
            else:
                archive.write(path, name)
    partial.replace(target)
    return len(files) + 1


def main():
    """Pack the site; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    target = BUILD / f"{NAME}.zip"
    parser.add_argument("target", nargs="?", type=Path, default=target)
    target = parser.parse_args().target
    if not (SITE / "index.html").exists():
        print("There is no site to pack; build it first: make book", file=sys.stderr)
        return 1
    print(f"{pack(target)} files: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
