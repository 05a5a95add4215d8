"""What a reader on a phone loads before asking for more: at most 300 KiB a page."""

import gzip
import re

import pytest

from tools.book import ROOT, SITE, pages

PAGES = [str(page.relative_to(ROOT).with_suffix(".html")) for page in pages()]
LIMIT = 300 * 1024
AHEAD = re.compile(r'<link rel="preload" as="font"[^>]*href="([^"]*)">')
COMPRESSED = {".png", ".woff2"}  # already: gzip gains nothing

pytestmark = pytest.mark.xdist_group("browser")


def weight(path):
    """Return how many bytes a server sends for a file."""
    content = path.read_bytes()
    return len(content if path.suffix in COMPRESSED else gzip.compress(content))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_light(path, seen, address):
    names = {url.split("?")[0] for url in seen(path)["asked first"]}
    asked = {SITE / name.removeprefix(f"{address}/") for name in names}
    files = {file: weight(file) for file in asked if file.is_file()}
    assert SITE / path in files
    heaviest = sorted(files, key=files.get)[:-6:-1]
    assert sum(files.values()) <= LIMIT, [(f.name, files[f]) for f in heaviest]


def test_fonts_of_early_formulas_are_asked_for_at_once(visiting):
    early = {}
    for path in PAGES:
        names = AHEAD.findall((SITE / path).read_text(encoding="utf-8"))
        assert all((SITE / path).parent.joinpath(name).is_file() for name in names), (
            path
        )
        early[path] = len(names)
    assert set(early.values()) == {0, 2}
    with visiting(max(early, key=early.get)) as visit:
        loaded = "[...document.fonts].filter((font) => font.status === 'loaded').length"
        assert visit.page.evaluate(loaded) >= 2
        fonts = [url for url in visit.asked if "KaTeX" in url]
        assert len(fonts) == len(set(fonts))  # not once ahead, and once more


def test_pictures_have_their_size_and_wait_until_they_are_near():
    pictures = 0
    for path in PAGES:
        page = (SITE / path).read_text(encoding="utf-8")
        for tag in page.split("<img ")[1:]:
            tag = tag.partition(">")[0]
            pictures += 1
            assert 'loading="lazy"' in tag, tag
            assert 'width="' in tag, tag
            assert 'height="' in tag, tag
    assert pictures > 10


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_what_it_is_about(path):
    head = (SITE / path).read_text(encoding="utf-8").partition("</head>")[0]
    words = head.partition('name="description" content="')[2].partition('"')[0]
    assert 30 < len(words) <= 160, words
