"""Search finds words of the text, of code and of exercises, also from the keyboard."""

import pytest

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def page(chromium, address):
    page = chromium.new_page()
    yield page
    page.close()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("separability", "book/perceptron.html"),  # text
        ("fit_min_max", "book/gradient_descent.html"),  # code
        ("Charbonnier", "exercises/gradient_descent/gradient_descent.html"),
        ("symmetry", "book/initialisation.html"),
    ],
    ids=["text", "code", "exercise", "concept"],
)
def test_search_finds(words, found, page, address):
    page.goto(f"{address}/search.html?q={words}")
    page.locator(f"#search-results li a[href*='{found}']").first.wait_for()


def test_what_is_found_is_shown_without_tex(page, address):
    page.goto(f"{address}/search.html?q=momentum")
    shown = page.locator("#search-results p.context", has_text="PyTorch calls α the")
    shown.wait_for()
    assert "alpha" not in shown.inner_text()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("search.html", ".bd-search-container"),
        ("book/introduction.html", "#pst-search-dialog"),
    ],
    ids=["page", "dialog"],
)
def test_the_icon_stands_before_the_words(path, form, page, address):
    page.goto(f"{address}/{path}", wait_until="load")
    page.keyboard.press("Control+k")
    field = page.locator(f"{form} input[name=q]")
    field.wait_for(state="visible")
    icon = page.locator(f"{form} .fa-magnifying-glass").bounding_box()
    assert 0 < icon["x"] + icon["width"] <= field.bounding_box()["x"]


def test_a_word_that_is_nowhere_is_not_found(page, address):
    page.goto(f"{address}/search.html?q=xylophonist")
    page.get_by_text("did not match any documents").wait_for()
    assert page.locator("#search-results li").count() == 0


def test_the_keyboard_opens_the_search_and_asks(page, address):
    page.goto(f"{address}/book/introduction.html", wait_until="load")
    page.keyboard.press("Control+k")
    field = page.locator("#pst-search-dialog input[name=q]")
    field.wait_for(state="visible")
    page.keyboard.press("Escape")
    field.wait_for(state="hidden")
    page.keyboard.press("Control+k")
    page.keyboard.type("perceptron")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=perceptron*")
    page.locator("#search-results li").first.wait_for()
