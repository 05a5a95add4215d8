"""Every internal link and anchor of the built site leads somewhere."""

from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from bs4 import BeautifulSoup

from tools.book import SITE

OUTSIDE = ("http:", "https:", "mailto:", "data:", "javascript:")


def read(site):
    """Return {path: parsed page} of all pages of a site."""
    # JupyterLite is an app of its own, whose pages are made by scripts.
    found = [
        path
        for path in site.rglob("*.html")
        if not {"_static", "lite"} & set(path.relative_to(site).parts)
    ]
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in found
    }


def references(page):
    """Return every address that a page links to or loads."""
    found = [tag.get("href") or tag.get("src") for tag in page.select("[href], [src]")]
    return [address for address in found if address and not address.startswith(OUTSIDE)]


def anchors(page):
    return {tag["id"] for tag in page.select("[id]")} | {
        tag["name"] for tag in page.select("a[name]")
    }


def broken_links(site):
    """Return (page, address) of each internal reference that leads nowhere."""
    site_pages, broken = read(site), []
    known = {path: anchors(page) for path, page in site_pages.items()}
    for path, page in site_pages.items():
        for address in references(page):
            file, anchor = urldefrag(address)
            file = unquote(file.split("?")[0])
            target = (path.parent / file).resolve() if file else path
            missing = not target.exists()
            if missing or (
                anchor and target in known and unquote(anchor) not in known[target]
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
