"""Interactive figures move from the keyboard, and say in words what they show."""

import functools
import re
from contextlib import ExitStack

import pytest

from tools.book import ROOT, chapters

from .conftest import SMALL_PHONE, WIDE

PAGES = [
    str(path.relative_to(ROOT).with_suffix(".html"))
    for path in chapters()
    if "\nslider_figure(" in path.read_text(encoding="utf-8")
]

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module", params=PAGES)
def path(request):
    """Each page with such a figure; all that is asked of one is asked in a row."""
    return request.param


@pytest.fixture(scope="module")
def visit(path, visiting):
    """Return a function to the page and its figures; it is opened once for each way."""
    with ExitStack() as stack:

        @functools.cache
        def open_page(small=False, **options):
            opened = visiting(path, viewport=SMALL_PHONE if small else WIDE, **options)
            page = stack.enter_context(opened).page
            return page, page.locator("div.interactive").all()

        yield open_page


DRAWN = """[...{}.querySelectorAll("g.moving > *, text.box")].map(
    (node) => node.getAttribute("d") ?? node.textContent)"""


def drawing(figure):
    """Return the moving lines, their marks and the boxes, as the page draws them."""
    return figure.evaluate("(figure) => " + DRAWN.format("figure"))


def as_built(page):
    """Return what all figures of a page draw in its file, before any script ran."""
    return page.evaluate(
        """async () => {
            const text = await (await fetch(location)).text();
            const file = new DOMParser().parseFromString(text, "text/html");
            return """
        + DRAWN.format("file")
        + "}"
    )


def luminance(colour):
    """Return the relative luminance (WCAG 2.2) of a colour such as "rgb(1, 2, 3)"."""
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_some_chapters_have_an_interactive_figure():
    assert len(PAGES) >= 6


def test_first_the_script_draws_as_the_build_did(visit):
    page, figures = visit()
    drawn = [part for figure in figures for part in drawing(figure)]
    assert drawn == as_built(page)
    assert any(re.fullmatch(r"M[-\d.,Me+ ]+", part) for part in drawn)


def test_the_keyboard_moves_the_drawing_and_the_words(visit):
    _, figures = visit()
    for figure in figures:
        slider, words = figure.get_by_role("slider"), figure.get_by_role("status")
        frames = figure.locator("li").all_text_contents()
        slider.focus()
        seen = {}
        for key in ("Home", "ArrowRight", "End", "ArrowLeft"):
            slider.press(key)
            place = int(slider.input_value())
            seen[place] = (drawing(figure), words.text_content())
            assert words.text_content() == frames[place]
            assert frames[place].startswith(slider.get_attribute("aria-valuetext"))
        assert set(seen) == {0, 1, len(frames) - 1, len(frames) - 2}
        assert len({str(drawn) for drawn, _ in seen.values()}) == 4


def test_a_figure_has_a_name_and_its_slider_too(visit):
    _, figures = visit()
    for figure in figures:
        picture = figure.get_by_role("img")
        assert len(picture.get_attribute("aria-label")) > 60
        assert figure.locator("label").inner_text().strip()
        assert figure.get_by_role("slider", name=re.compile(r"\w{3}")).count() == 1
        assert figure.get_by_role("slider").bounding_box()["height"] >= 24


def test_a_phone_shows_a_figure_whole_and_legibly(visit):
    _, figures = visit(small=True)
    for figure in figures:
        assert figure.get_by_role("slider").bounding_box()["width"] >= 80
        for box in figure.locator("svg text").evaluate_all(
            "(texts) => texts.map((text) => text.getBoundingClientRect().toJSON())"
        ):
            assert max(box["width"], box["height"]) >= 8
            assert 0 <= box["x"] <= SMALL_PHONE["width"] - box["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_stands_out_from_the_page(visit, scheme):
    page, figures = visit(color_scheme=scheme)
    behind = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(behind) < 0.1) == (scheme == "dark")
    for figure in figures:
        around = figure.evaluate(
            """(node) => [node, node.parentElement].map(
                (x) => getComputedStyle(x).backgroundColor)"""
        )
        assert set(around) <= {"rgba(0, 0, 0, 0)", behind}
        for name, property, least in (
            ("svg text", "fill", 4.5),
            ("output", "color", 4.5),
            ("g.moving path", "stroke", 3),
        ):
            colours = figure.locator(name).evaluate_all(
                f"(nodes) => nodes.map((node) => getComputedStyle(node).{property})"
            )
            for colour in set(colours):
                assert contrast(colour, behind) >= least, (name, colour)


def test_without_javascript_the_picture_and_the_words_are_there(visit):
    _, figures = visit(java_script_enabled=False)
    assert figures
    for figure in figures:
        figure.scroll_into_view_if_needed()
        figure.get_by_role("img").wait_for()
        assert not figure.locator("input").is_visible()
        assert any(drawing(figure))
        assert len(figure.locator("output").inner_text()) > 10
        assert figure.locator("summary").is_visible()


def test_on_paper_there_is_no_slider(visit):
    page, figures = visit()
    page.emulate_media(media="print")
    for figure in figures:
        assert not figure.locator("input").is_visible()
        assert figure.get_by_role("img").is_visible()
        assert figure.locator("output").is_visible()
    page.emulate_media(media="screen")


def test_nothing_moves_by_itself(visit):
    page, figures = visit()
    for figure in figures:
        figure.get_by_role("slider").press("End")
    assert (
        page.evaluate(
            """document.getAnimations().filter(
            (x) => x.effect.target.closest("div.interactive")).length"""
        )
        == 0
    )


def test_pages_without_such_a_figure_do_not_load_its_script(visiting):
    with visiting("book/introduction.html") as visit:
        assert visit.page.locator("div.interactive").count() == 0
        assert visit.page.locator("script[src*='interactive.mjs']").count() == 0


def test_the_script_is_small():
    script = ROOT / "book" / "_static" / "interactive.mjs"
    assert script.stat().st_size < 2048
