"""axe finds nothing to mend on any page, light and dark, wide and narrow."""

from contextlib import ExitStack

import pytest

from tools.book import ROOT, pages
from tools.node import MODULES

from .conftest import drawn, lay_out, turn

AXE = MODULES / "axe-core" / "axe.min.js"
# The pages of the book, and those that the build adds.
PAGES = [str(page.relative_to(ROOT).with_suffix(".html")) for page in pages()]
PAGES += ["search.html", "genindex.html", "404.html"]
WIDTHS = (1280, 390)
# Thousands of coloured words of code differ in nothing that axe sees but their class,
# and what KaTeX draws is hidden from screen readers: one of a kind is left. So it is
# with the drawings inside icons.
PRUNE = """() => {
    const seen = new Set();
    for (const word of document.querySelectorAll(".highlight span[class]")) {
        if (seen.has(word.className)) word.replaceWith(word.textContent);
        seen.add(word.className);
    }
    const drawn = ".katex-html, math > *, svg.icon > :not(title)";
    document.querySelectorAll(drawn).forEach((part) => part.remove());
}"""
RUN = """async (options) => {
    const quick = {resultTypes: ["violations"], preload: false};
    const found = await axe.run(document, {...quick, ...options});
    return found.violations.map((rule) => [
        rule.id, rule.nodes.map((node) => node.target.join(" ") + ": " + node.html),
    ]);
}"""
ALL = {"rules": {"target-size": {"enabled": True}}}  # Lighthouse asks for it too
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}  # all that dark changes

# In two groups, for two processes: this takes longest.
EACH = [
    pytest.param(path, marks=pytest.mark.xdist_group(f"axe_{place % 2}"))
    for place, path in enumerate(PAGES)
]


@pytest.fixture
def look(visiting):
    """Return a function that opens a page, ready for axe."""
    with ExitStack() as stack:

        def open_page(path):
            assert AXE.exists(), "bring it first: python -m tools.node"
            page = stack.enter_context(visiting(path, reduced_motion="reduce")).page
            page.evaluate(PRUNE)
            lay_out(page)
            page.evaluate(AXE.read_text(encoding="utf-8"))
            return page

        yield open_page


def found(page, rules, width=1280):
    """Return what axe finds at a width."""
    page.set_viewport_size({"width": width, "height": 900})
    drawn(page)
    return page.evaluate(RUN, rules)


@pytest.mark.parametrize("path", EACH)
def test_axe_finds_nothing(path, look):
    page = look(path)
    assert [found(page, ALL, width) for width in WIDTHS] == [[], []]
    turn(page, "dark")
    drawn(page)
    assert [found(page, COLOURS, width) for width in WIDTHS] == [[], []]


@pytest.mark.xdist_group("axe_0")
def test_axe_finds_what_is_planted(look):
    page = look("book/introduction.html")
    page.evaluate(
        """document.querySelector("article").insertAdjacentHTML(
            "beforeend",
            '<img src="../_static/favicon.svg"><p style="color: #888">faint</p>')"""
    )
    assert {rule for rule, _ in found(page, ALL)} == {
        "color-contrast",
        "image-alt",
    }
    turn(page, "dark")
    drawn(page)
    assert found(page, COLOURS) == []
    page.locator("article p").last.evaluate("faint => faint.style.color = '#333'")
    assert [rule for rule, _ in found(page, COLOURS)] == ["color-contrast"]
