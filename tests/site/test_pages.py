"""Every page opens in a real browser: nothing missing, no other host asked."""

import re

import pytest

from tools.book import ROOT, SITE, pages

from .conftest import cut_off, lay_out

TORN = """() => {
    const torn = [];
    for (const words of document.querySelectorAll(".bd-article p, .bd-article li"))
        for (const formula of words.querySelectorAll(":scope span.math")) {
            const tex = formula.querySelector("annotation").textContent;
            const next = formula.nextSibling;
            if (!/^[.,;:!?)]/.test(next?.data ?? "") || tex.length > 8) continue;
            const sign = document.createRange();
            sign.setStart(next, 0);
            sign.setEnd(next, 1);
            const { top } = sign.getBoundingClientRect();
            const parts = [...formula.querySelectorAll(".katex-html *")];
            const last = parts.at(-1)?.getBoundingClientRect();
            if (last && top > last.bottom) torn.push(tex + next.data);
        }
    return torn;
}"""
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
    assert page["cut off"] == []
    assert page["beyond"] == []
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


def test_a_formula_that_is_cut_off_is_noticed(visiting):
    with visiting("book/losses.html") as visit:
        assert cut_off(visit.page) == []
        visit.page.add_style_tag(content=".katex-display { letter-spacing: 9px }")
        assert len(cut_off(visit.page)) > 3


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


@pytest.mark.parametrize("path", ["book/activations.html", "book/losses.html"])
def test_no_line_begins_with_the_sign_after_a_formula(path, visiting):
    torn = []
    with visiting(path) as visit:
        lay_out(visit.page)
        for rule in "nowrap", "normal":
            visit.page.add_style_tag(content=f".together {{ white-space: {rule} }}")
            torn.append([])
            for width in range(320, 420, 10):
                visit.page.set_viewport_size({"width": width, "height": 800})
                torn[-1] += visit.page.evaluate(TORN)
    assert torn[0] == []
    assert torn[1] != []


def test_words_in_a_table_are_whole(visiting):
    """Columns of code were as narrow as a few letters."""
    with visiting("book/from_numpy_to_pytorch.html") as visit:
        lay_out(visit.page)
        word = visit.page.locator("td code .pre", has_text="torch.inference_mode")
        assert word.evaluate("it => it.getClientRects().length") == 1
        anywhere = "td .pre { overflow-wrap: anywhere !important }"
        visit.page.add_style_tag(content=anywhere)
        assert word.evaluate("it => it.getClientRects().length") > 1
