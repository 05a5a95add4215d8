"""Every page opens in a real browser: nothing missing, no other host asked."""

import re

import pytest

from tools.book import ROOT, SITE, pages

PAGES = [str(page.relative_to(ROOT).with_suffix(".html")) for page in pages()]

pytestmark = pytest.mark.xdist_group("browser")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_whole(path, seen, address):
    page = seen(path)
    assert page["headings"] == 1
    for source, width, alt in page["pictures"]:
        assert width > 0, f"{source} does not load"
        assert len(alt) > 30, f"{source} has no description"
    formulas, set_for_readers = page["formulas"]
    assert formulas == set_for_readers
    assert page["overflow"] <= 0, "the page scrolls sideways on a phone"
    assert page["complaints"] == []
    assert page["hosts"] == {address.split("/")[2]}


def addresses(html):
    """Return the places in memory that a page shows, other ones after each build."""
    return re.findall(r"&lt;[^&]* at 0x[0-9a-f]+&gt;", html)


@pytest.mark.parametrize("path", PAGES)
def test_no_output_is_an_address(path):
    assert addresses((SITE / path).read_text(encoding="utf-8")) == []


def test_an_address_is_noticed():
    assert addresses("<pre>&lt;torch._C.Generator at 0x7f1ca551b6d0&gt;</pre>")


def test_a_broken_page_is_noticed(visiting):
    with visiting("book/introduction.html") as visit:
        visit.page.evaluate("console.error('planted')")
        with visit.page.expect_event("requestfailed"):
            visit.page.evaluate("fetch('http://planted.example/').catch(() => 0)")
        assert "planted" in visit.complaints
        assert "planted.example" in visit.hosts
        assert visit.overflow() <= 0
        visit.page.evaluate(
            "document.querySelector('.bd-article').style.width = '2000px'"
        )
        assert visit.overflow() > 0


def test_the_front_door_leads_to_the_introduction(visiting):
    with visiting("index.html") as visit:
        visit.page.wait_for_url("**/book/introduction.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_button_changes_the_theme(visiting, scheme):
    with visiting(
        "book/introduction.html",
        color_scheme=scheme,
        viewport={"width": 1280, "height": 900},
    ) as visit:
        html = visit.page.locator("html")
        button = visit.page.locator(".theme-switch-button:visible").first
        assert html.get_attribute("data-theme") == scheme
        themes = set()
        for _ in range(3):  # the button goes round light, dark and automatic
            button.click()
            themes.add(html.get_attribute("data-theme"))
        assert themes == {"light", "dark"}
