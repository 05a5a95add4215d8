"""Every control of a page works from the keyboard, and nothing moves unasked."""

import pytest

from .conftest import SMALL_PHONE, WIDE, drawn, lay_out

CHAPTER = "book/gradient_descent.html"
SHORT = "book/introduction.html"

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def visit(chromium, address):
    """Return a function that opens a page."""
    contexts = []

    def open_page(path=SHORT, viewport=WIDE, **options):
        contexts.append(chromium.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.goto(f"{address}/{path}", wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_the_first_key_offers_to_skip_to_the_text(visit):
    page = visit()
    page.keyboard.press("Tab")
    link = page.locator("#pst-skip-link a")
    assert link.evaluate("x => x === document.activeElement")
    assert link.is_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/*#main-content")
    page.keyboard.press("Tab")
    inside = "document.activeElement.closest('#main-content') !== null"
    assert page.evaluate(inside)


def test_theme_button(visit):
    page = visit()
    button = page.locator(".theme-switch-button:visible").first
    seen = set()
    for _ in range(3):
        button.press("Enter")
        seen.add(page.locator("html").get_attribute("data-mode"))
    assert seen == {"light", "dark", "auto"}


def test_an_answer_unfolds_and_folds(visit):
    page = visit(CHAPTER)
    answer = page.locator(".solution.dropdown").first
    button = answer.locator("button.toggle-button")
    button.wait_for()
    words = answer.locator(".solution-content, .section, p").last
    assert not words.is_visible()
    button.press("Enter")
    words.wait_for(state="visible")
    button.press("Enter")
    words.wait_for(state="hidden")


def test_hidden_code_unfolds(visit):
    page = visit(CHAPTER)
    fold = page.locator("details.above-input").first
    fold.locator("summary").press("Enter")
    assert fold.evaluate("x => x.open")


def test_the_book_unfolds_in_the_sidebar(visit):
    page = visit()
    fold = page.locator(".bd-sidebar-primary details:not([open]) > summary").first
    fold.evaluate("x => x.dataset.planted = 1")
    page.locator("[data-planted]").press("Enter")
    assert page.locator("[data-planted]").evaluate("x => x.parentElement.open")


@pytest.mark.parametrize(
    ("toggle", "bar"),
    [
        (".primary-toggle:visible", "#pst-primary-sidebar-modal"),
        (".secondary-toggle:visible", "#pst-secondary-sidebar-modal"),
    ],
    ids=["book", "page"],
)
def test_sidebars_open_and_close_on_a_phone(visit, toggle, bar):
    page = visit("book/perceptron.html", viewport={"width": 390, "height": 844})
    page.locator(toggle).first.press("Enter")
    page.locator(bar).locator("a:visible").first.wait_for()
    page.keyboard.press("Escape")
    page.locator(bar).wait_for(state="hidden")


# What a reader does as early as the page can hear it, and what then is there.
AT_ONCE = {
    "search": (
        "window.dispatchEvent(new KeyboardEvent('keydown', {key: 'k', ctrlKey: true}))",
        "document.getElementById('pst-search-dialog').open",
    ),
    "theme": (
        "document.querySelector('.theme-switch-button').click()",
        "document.documentElement.dataset.mode !== 'auto'",
    ),
    "book": (
        "document.querySelector('.primary-toggle').click()",
        "document.getElementById('pst-primary-sidebar-modal').open",
    ),
    "page": (
        "document.querySelector('.secondary-toggle').click()",
        "document.getElementById('pst-secondary-sidebar-modal').open",
    ),
}


@pytest.mark.parametrize(("deed", "done"), AT_ONCE.values(), ids=AT_ONCE)
def test_who_asks_at_once_is_heard(deed, done, chromium, address):
    """No step that is put off takes a key or a click away from a hasty reader."""
    with chromium.new_context(viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.add_init_script(
            "document.addEventListener('DOMContentLoaded', () => {"
            f"globalThis.before = {done}; {deed}; globalThis.after = {done}; }})"
        )
        page.goto(f"{address}/{CHAPTER}", wait_until="load")
        assert page.evaluate("[globalThis.before, globalThis.after]") == [False, True]


def test_what_scrolls_sideways_can_be_reached(visit):
    """A formula, code or a table that is too wide takes the focus, and has a name."""
    page = visit("book/backprop.html", SMALL_PHONE)
    page.evaluate("for (const x of document.querySelectorAll('details')) x.open = true")
    lay_out(page)
    found = page.evaluate(SCROLLERS)
    assert len(found) > 5
    assert [name for name, reached in found if not reached] == []
    page.locator(".katex-display[tabindex]").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_what_late_letters_make_too_wide_can_be_reached(visit):
    """The page has its height already, and keeps it."""
    page = visit("book/backprop.html", SMALL_PHONE)
    lay_out(page)
    page.evaluate(
        """() => {
            const article = document.querySelector(".bd-article");
            article.style.height = `${article.offsetHeight}px`;
            const formula = article.querySelector(".katex-display");
            formula.innerHTML = "<span style='font-family: Late'>x=1,2,3,4</span>";
            formula.id = "formula";
        }"""
    )
    drawn(page)
    formula = page.locator("#formula")
    assert formula.evaluate("x => x.tabIndex") == -1
    source = "../_static/fonts/KaTeX_Main-Regular.woff2"
    page.add_style_tag(
        content=f"@font-face {{ font-family: Late; src: url({source}); "
        "size-adjust: 500% }"
    )
    page.wait_for_function("formula.tabIndex === 0")


SCROLLERS = """() => [...document.querySelectorAll(".bd-article *")]
    .filter((x) => /auto|scroll/.test(getComputedStyle(x).overflowX)
        && x.clientWidth && x.scrollWidth > x.clientWidth + 1)
    .map((x) => [x.outerHTML.slice(0, 90), x.tabIndex === 0
        && (x.hasAttribute("aria-label") || x.tagName === "PRE")])"""


def test_nothing_moves_for_who_asked_for_rest(visit):
    page = visit(reduced_motion="reduce")
    long = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((x) => {
            const style = getComputedStyle(x);
            const seconds = `${style.transitionDuration},${style.animationDuration}`;
            return seconds.split(",").some((s) => parseFloat(s) > 0);
        }).map((x) => x.outerHTML.slice(0, 80))"""
    )
    assert long == []
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert page.evaluate(behaviour) == "auto"
