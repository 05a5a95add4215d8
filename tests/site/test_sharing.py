"""A shared link shows title, description and picture."""

import re
import sys
from io import StringIO

import pytest
from bs4 import BeautifulSoup
from PIL import Image
from sphinx.application import Sphinx

from tools.book import ROOT, SITE, chapters, pages

FIGURE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="200pt" height="100pt" viewBox="0 0 2 1">
<rect width="2" height="1" fill="{}"/></svg>
"""
PAGE = """\
A page
======

What it is about, in a sentence & a half.

.. figure:: red.svg
   :name: fig-red
   :alt: A red field.

   First.

.. figure:: blue.svg
   :name: fig-blue
   :alt: A blue "field".

   Second.
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a function that builds a site of one page, with our extension alone."""
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    monkeypatch.delenv("SITE_URL", raising=False)
    for colour in ("red", "blue"):
        (tmp_path / f"{colour}.svg").write_text(FIGURE.format(colour))
    (tmp_path / "index.rst").write_text(PAGE, encoding="utf-8")

    def build_site(**settings):
        settings = {"extensions": ["share"], "html_theme": "basic"} | settings
        out, said, warned = tmp_path / "out", StringIO(), StringIO()
        app = Sphinx(
            tmp_path, None, out, tmp_path / "trees", "html", settings, said, warned
        )
        app.build()
        page = BeautifulSoup((out / "index.html").read_text(), "html.parser")
        tags = {
            tag.get("property") or tag.get("name"): tag["content"]
            for tag in page.select("meta[content]")
        }
        # Docutils remembers what other builds of this process have registered.
        lines = warned.getvalue().splitlines()
        return out, tags, [x for x in lines if "already registered" not in x]

    yield build_site
    for name in ("share", "light"):
        sys.modules.pop(name, None)


def colour(picture):
    """Return the colour in the middle of a picture, after looking at its size."""
    with Image.open(picture) as image:
        assert image.size == (1200, 630)
        assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
        return image.convert("RGB").getpixel((600, 315))


def test_title_description_and_the_first_figure(build):
    out, tags, warned = build(html_baseurl="https://example.org/course")
    assert warned == []
    assert tags["og:title"] == "A page"
    assert tags["og:description"] == "What it is about, in a sentence & a half."
    assert tags["og:url"] == "https://example.org/course/index.html"
    assert tags["og:image"] == "https://example.org/course/_share/index.png"
    assert tags["og:image:alt"] == "A red field."
    assert tags["twitter:card"] == "summary_large_image"
    assert colour(out / "_share" / "index.png") == (255, 0, 0)
    assert (out / "sitemap.txt").read_text() == tags["og:url"] + "\n"


def test_the_most_telling_figure(build):
    settings = {"share_figures": {"index": "fig-blue"}}
    out, tags, _ = build(html_baseurl="https://example.org/", **settings)
    assert tags["og:image:alt"] == 'A blue "field".'
    assert colour(out / "_share" / "index.png") == (0, 0, 255)


def test_a_figure_that_is_not_there_is_said(build):
    settings = {"share_figures": {"index": "fig-gone"}}
    _, _, warned = build(html_baseurl="https://example.org/", **settings)
    assert "index has no figure fig-gone" in "".join(warned)


def test_the_address_may_come_from_the_environment(build, monkeypatch):
    monkeypatch.setenv("SITE_URL", "https://example.org/elsewhere")
    _, tags, _ = build()
    assert tags["og:image"].startswith("https://example.org/elsewhere/_share/")


def test_without_an_address_nothing_says_half_of_one(build, capsys):
    out, tags, _ = build()
    assert tags["og:title"] == "A page"
    assert not {"og:url", "og:image"} & set(tags)
    assert not (out / "_share").exists()
    assert "No html.baseurl" in capsys.readouterr().out


def test_every_page_of_the_book_has_them():
    for path in pages():
        place = SITE / path.relative_to(ROOT).with_suffix(".html")
        head = place.read_text(encoding="utf-8").partition("</head>")[0]
        found = dict(re.findall(r'<meta property="(og:\w+)" content="([^"]*)"', head))
        assert found["og:title"], place
        words = re.search(r'name="description" content="([^"]*)"', head)[1]
        assert found["og:description"] == words


def test_chosen_figures_exist():
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    chosen = re.findall(r"^      book/(\w+): (fig-[\w-]+)$", config, re.M)
    assert chosen
    texts = {path.stem: path.read_text(encoding="utf-8") for path in chapters()}
    for stem, label in chosen:
        assert f"name: {label}\n" in texts[stem]
