"""The zip of the site works from a folder on disk, without any server."""

import zipfile

import pytest

from tools.archive import NAME, pack

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return where the site lies after packing and unpacking."""
    place = tmp_path_factory.mktemp("offline")
    pack(place / "book.zip")
    with zipfile.ZipFile(place / "book.zip") as archive:
        archive.extractall(place)
    return place / NAME


@pytest.fixture
def visit(chromium, folder):
    """Return a function that opens a page by double click, as it were."""
    page = chromium.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("console", lambda x: x.type == "error" and complaints.append(x.text))

    def open_page(path, query=""):
        page.goto((folder / path).as_uri() + query, wait_until="load")
        return page

    open_page.complaints = complaints
    yield open_page
    page.close()


def test_it_says_how_to_open_it(folder):
    assert "index.html" in (folder / "README.txt").read_text(encoding="utf-8")


def test_index_leads_into_the_book(visit):
    page = visit("index.html")
    page.wait_for_url("**/book/introduction.html")
    page.locator(".bd-article h1").wait_for()
    assert visit.complaints == []


def test_a_chapter_is_whole_and_its_sliders_move(visit):
    page = visit("book/gradient_descent.html")
    slider = page.get_by_role("slider").first
    words = page.get_by_role("status").first
    slider.press("Home")
    before = words.text_content()
    slider.press("End")
    assert words.text_content() != before
    picture = page.locator(".bd-article img").first
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("img => img.decode().then(() => img.naturalWidth)") > 0
    assert page.locator(".katex").count() > 10
    assert visit.complaints == []


def test_cells_keep_no_room_for_buttons_that_would_not_work(visit):
    page = visit("book/arrays.html")
    assert page.locator("div.cell").count() > 10
    page.wait_for_function("document.querySelector('div.cell.live') === null")


def test_search_finds_pages_from_disk(visit):
    page = visit("search.html", "?q=perceptron")
    page.locator("#search-results li").first.wait_for()
    assert page.locator("#search-results li a[href*='perceptron']").count() > 1
