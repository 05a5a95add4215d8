"""Every internal link and anchor of the built site leads somewhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from tools.book import SITE

OUTSIDE = ("http:", "https:", "mailto:", "data:", "javascript:")


class Page(HTMLParser):
    """The anchors of a page, and every address that it links to or loads."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.references = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in {"href", "src"} and value and not value.startswith(OUTSIDE):
                self.references.append(value)


def read(site):
    """Return {path: Page} of all pages of a site."""
    # JupyterLite is an app of its own, whose pages are made by scripts.
    found = [
        path
        for path in site.rglob("*.html")
        if not {"_static", "lite"} & set(path.relative_to(site).parts)
    ]
    return {path: Page(path) for path in found}


def broken_links(site):
    """Return (page, address) of each internal reference that leads nowhere."""
    site_pages, broken = read(site), []
    for path, page in site_pages.items():
        for address in page.references:
            file, anchor = urldefrag(address)
            file = unquote(file.split("?")[0])
            target = (path.parent / file).resolve() if file else path
            missing = not target.exists()
            if missing or (
                anchor
                and target in site_pages
                and unquote(anchor) not in site_pages[target].anchors
            ):
                broken.append((str(path.relative_to(site)), address))
    return broken


def test_no_link_is_broken():
    assert (SITE / "index.html").exists(), "build the book first: make book"
    assert broken_links(SITE) == []


@pytest.mark.parametrize("address", ["gone.html", "#gone", "page.html#gone"])
def test_a_broken_link_is_found(tmp_path: Path, address):
    (tmp_path / "page.html").write_text(
        f'<p id="here"><a href="#here">good</a> <a href="{address}">bad</a></p>'
    )
    assert broken_links(tmp_path) == [("page.html", address)]
