"""axe finds nothing to mend on any page, light and dark, wide and narrow."""

import pytest

from tools.book import ROOT, pages
from tools.node import MODULES

AXE = MODULES / "axe-core" / "axe.min.js"
# The pages of the book, and those that Sphinx adds.
PAGES = [str(page.relative_to(ROOT).with_suffix(".html")) for page in pages()]
PAGES += ["search.html", "genindex.html"]
WIDTHS = (1280, 390)
# Thousands of coloured words of code differ in nothing that axe sees but their class,
# and what KaTeX draws is hidden from screen readers: one of a kind is left.
PRUNE = """() => {
    const seen = new Set();
    for (const word of document.querySelectorAll(".highlight span[class]")) {
        if (seen.has(word.className)) word.replaceWith(word.textContent);
        seen.add(word.className);
    }
    document.querySelectorAll(".katex-html, math > *").forEach((part) => part.remove());
}"""
RUN = """async (options) => {
    const found = await axe.run(document, {resultTypes: ["violations"], ...options});
    return found.violations.map((rule) => [
        rule.id, rule.nodes.map((node) => node.target.join(" ") + ": " + node.html),
    ]);
}"""
ALL = {}
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}  # all that dark changes

pytestmark = pytest.mark.xdist_group("axe")


@pytest.fixture
def look(chromium, address):
    """Return a function that opens a page at a width, ready for axe."""
    context = chromium.new_context(color_scheme="light", reduced_motion="reduce")

    def open_page(path, width):
        assert AXE.exists(), "bring it first: python -m tools.node"
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{address}/{path}", wait_until="load")
        page.evaluate(PRUNE)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        return page

    yield open_page
    context.close()


def darken(page):
    """Let the page turn dark, as its reader's system does in the evening."""
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.wait_for_timeout(300)  # colours change over a moment
    assert page.locator("html").get_attribute("data-theme") == "dark"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(path, width, look):
    page = look(path, width)
    assert page.evaluate(RUN, ALL) == []
    darken(page)
    assert page.evaluate(RUN, COLOURS) == []


def test_axe_finds_what_is_planted(look):
    page = look("book/introduction.html", 1280)
    page.evaluate(
        """document.querySelector("article").insertAdjacentHTML(
            "beforeend",
            '<img src="../_static/favicon.svg"><p style="color: #888">faint</p>')"""
    )
    assert {rule for rule, _ in page.evaluate(RUN, ALL)} == {
        "color-contrast",
        "image-alt",
    }
    darken(page)
    assert page.evaluate(RUN, COLOURS) == []
    page.locator("article p").last.evaluate("faint => faint.style.color = '#333'")
    assert [rule for rule, _ in page.evaluate(RUN, COLOURS)] == ["color-contrast"]
