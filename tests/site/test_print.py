"""A page that its reader prints: answers open, controls gone, nothing cut off."""

import pytest

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def page(chromium, address):
    """Return a chapter as it lies on A4 paper."""
    page = chromium.new_page(viewport={"width": 672, "height": 900})
    page.goto(f"{address}/book/gradient_descent.html", wait_until="networkidle")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    yield page
    page.close()


def test_only_the_text_is_printed(page):
    for part in ("#pst-primary-sidebar", ".prev-next-footer", ".bd-header-article"):
        assert not page.locator(part).first.is_visible(), part
    for button in page.locator("button").all():
        assert not button.is_visible(), button.evaluate("x => x.outerHTML")


def test_answers_are_open_and_drawing_code_is_not(page):
    answers = page.locator(".solution p:not(.live-note)").all()
    assert len(answers) > 5
    assert all(answer.is_visible() for answer in answers)
    assert not page.locator("details.above-input").first.is_visible()


def test_long_lines_break(page):
    wide = page.evaluate(
        """() => [...document.querySelectorAll(".bd-article pre")]
            .filter((x) => x.scrollWidth > x.clientWidth + 1).length"""
    )
    assert wide == 0


def test_dark_readers_print_on_white(chromium, address):
    page = chromium.new_page(color_scheme="dark", reduced_motion="reduce")
    page.goto(f"{address}/book/introduction.html", wait_until="load")
    white = "getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'"
    page.wait_for_function(f"!({white})")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(white)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function(f"!({white})")
    page.close()
