"""What is far from the screen is laid out when a reader comes near, and not lost."""

import pytest

from .conftest import PHONE, WIDE, drawn

PAGE = "book/backprop.html"
DRAWN = "(part) => part.checkVisibility({contentVisibilityAuto: true})"
CODE = ".bd-article section section > .cell pre"
# Where a part of the page is, once nothing moves any more.
SETTLED = """async (selector) => {
    const top = () => document.querySelector(selector).getBoundingClientRect().top;
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    let before, still = 0;
    while (still < 20) {
        await frame();
        still = top() === before ? still + 1 : 0;
        before = top();
    }
    return before;
}"""

pytestmark = pytest.mark.xdist_group("browser")


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
def test_the_end_is_laid_out_when_it_is_near(visiting, viewport):
    with visiting(PAGE, viewport=viewport) as visit:
        shown = f"[...document.querySelectorAll('{CODE}')].map({DRAWN})"
        before = visit.page.evaluate(shown)
        assert before[0]
        assert sum(before) < len(before) / 4
        visit.page.locator(CODE).last.scroll_into_view_if_needed()
        visit.page.wait_for_function(f"{shown}.pop()")


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
def test_a_link_leads_to_its_place(visiting, address, viewport):
    """From another page, and from the list of contents, to what was not laid out."""
    with visiting(viewport=viewport, reduced_motion="reduce") as visit:
        page = visit.open(f"{address}/{PAGE}")
        names = page.evaluate(
            """[...document.querySelectorAll(".bd-article div.math[id]")]
                .map((formula) => formula.id)"""
        )
        assert len(names) > 20
        for name in names[:: len(names) // 4]:
            visit.open("about:blank")
            page = visit.open(f"{address}/{PAGE}#{name}")
            top = page.evaluate(SETTLED, f"[id='{name}']")
            assert 0 <= top < viewport["height"] / 2, (name, top)
        headings = page.evaluate(
            """[...document.querySelectorAll("#pst-page-toc-nav a")].map(x => x.hash)"""
        )
        for name in [*headings[::3], headings[0], headings[-1]]:
            page.evaluate("hash => { location.hash = hash; }", name)
            top = page.evaluate(SETTLED, name)
            end = "scrollY + innerHeight >= document.documentElement.scrollHeight - 2"
            assert -5 <= top < 150 or page.evaluate(end), (name, top)


def test_the_browser_finds_what_was_not_laid_out(visiting):
    with visiting(PAGE) as visit:
        last = visit.page.locator(".bd-article section section > p").last
        words = last.text_content().split(".")[0]
        assert len(words) > 10
        assert visit.page.evaluate("words => find(words)", words)
        assert not visit.page.evaluate("find('words that stand nowhere')")


def test_all_is_printed(visiting):
    with visiting(PAGE) as visit:
        waiting = """() => [...document.querySelectorAll(".bd-article *")].filter(
            (part) => getComputedStyle(part).contentVisibility === "auto").length"""
        assert visit.page.evaluate(waiting) > 50
        visit.page.emulate_media(media="print")
        assert visit.page.evaluate(waiting) == 0


# Counts how often a script asks where something within the list of chapters is.
COUNTS = """
    const where = Element.prototype.getBoundingClientRect;
    window.measured = 0;
    Element.prototype.getBoundingClientRect = function () {
        window.measured += this.closest(".bd-docs-nav") !== null;
        return where.call(this);
    };
"""


@pytest.mark.parametrize(("viewport", "is_open"), [(PHONE, False), (WIDE, True)])
def test_a_closed_list_of_chapters_is_not_measured(
    visiting, address, viewport, is_open
):
    with visiting(viewport=viewport) as visit:
        visit.page.add_init_script(COUNTS)
        page = visit.open(f"{address}/{PAGE}")
        drawn(page)
        assert (page.evaluate("measured") > 0) is is_open
