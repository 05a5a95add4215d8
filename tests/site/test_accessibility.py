"""axe finds nothing to mend on any page, light and dark, wide and narrow."""

import pytest

from tools.book import ROOT, pages
from tools.node import MODULES

AXE = MODULES / "axe-core" / "axe.min.js"
# The pages of the book, and those that Sphinx adds.
PAGES = [str(page.relative_to(ROOT).with_suffix(".html")) for page in pages()]
PAGES += ["search.html", "genindex.html"]
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]
# Thousands of coloured words of code differ from each other in nothing that axe sees but
# their class, and what KaTeX draws is hidden from screen readers: one of a kind is left.
PRUNE = """() => {
    const seen = new Set();
    for (const word of document.querySelectorAll(".highlight span[class]")) {
        if (seen.has(word.className)) word.replaceWith(word.textContent);
        seen.add(word.className);
    }
    for (const part of document.querySelectorAll(".katex-html, math > *")) part.remove();
}"""
RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations.map((rule) => [
        rule.id, rule.nodes.map((node) => node.target.join(" ") + ": " + node.html),
    ]);
}"""

pytestmark = pytest.mark.xdist_group("axe")


@pytest.fixture(scope="module")
def look(chromium):
    """Return a function that opens an address in a certain look."""
    contexts = {
        (scheme, width): chromium.new_context(
            color_scheme=scheme,
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
        )
        for scheme, width in LOOKS
    }
    opened = {key: context.new_page() for key, context in contexts.items()}

    def open_page(address, scheme, width):
        page = opened[scheme, width]
        page.goto(address, wait_until="load")
        page.evaluate(PRUNE)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        return page

    yield open_page
    for context in contexts.values():
        context.close()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(path, scheme, width, look, address):
    assert AXE.exists(), "bring it first: python -m tools.node"
    assert look(f"{address}/{path}", scheme, width).evaluate(RUN) == []


def test_axe_finds_what_is_planted(look, address):
    page = look(f"{address}/book/introduction.html", "light", 1280)
    page.evaluate(
        """document.querySelector("article").insertAdjacentHTML(
            "beforeend",
            '<img src="../_static/favicon.svg"><p style="color: #ccc">faint</p>')"""
    )
    assert {rule for rule, _ in page.evaluate(RUN)} == {"color-contrast", "image-alt"}
