"""Every page opens in a real browser: nothing missing, no other host asked."""

import pytest

from tools.book import ROOT, SITE, pages

PAGES = [str(page.relative_to(ROOT).with_suffix(".html")) for page in pages()]
SCREENS = {"wide": (1280, 900), "narrow": (320, 640)}

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture
def visit(chromium, address, scheme):
    """Return a function that opens a page; what went wrong is in `visit.problems`."""
    context = chromium.new_context(color_scheme=scheme)
    page = context.new_page()
    visit_page = page_visitor(page, address)
    yield visit_page
    context.close()


def page_visitor(page, address):
    def visit(path, screen="wide"):
        width, height = SCREENS[screen]
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{address}/{path}", wait_until="networkidle")
        page.wait_for_function("!window.MathJax || MathJax.startup?.promise")
        page.evaluate("window.MathJax?.startup.promise")
        return page

    visit.problems, visit.hosts = [], set()
    page.on("pageerror", lambda error: visit.problems.append(str(error)))
    page.on(
        "console",
        lambda line: (
            line.type in ("error", "warning") and visit.problems.append(line.text)
        ),
    )
    page.on("requestfailed", lambda request: visit.problems.append(request.url))
    page.on("request", lambda request: visit.hosts.add(request.url.split("/")[2]))
    return visit


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_without_a_complaint(path, visit, address):
    page = visit(path)
    assert page.locator("h1").count() == 1
    assert visit.problems == []
    assert visit.hosts - {address.split("/")[2], ""} == set()


@pytest.mark.parametrize("path", PAGES)
def test_every_picture_is_there_and_described(path, visit):
    pictures = visit(path).evaluate(
        "[...document.querySelectorAll('.bd-article img')]"
        ".map(i => [i.getAttribute('src'), i.naturalWidth, i.alt])"
    )
    for source, width, alt in pictures:
        assert width > 0, f"{source} does not load"
        assert len(alt) > 30, f"{source} has no description"


@pytest.mark.parametrize("path", PAGES)
def test_all_mathematics_is_set(path, visit):
    page = visit(path)
    written = page.locator(".math").count()
    assert page.locator(".math mjx-container").count() >= written
    assert page.locator("mjx-merror").count() == 0


@pytest.mark.parametrize("path", PAGES)
def test_a_page_does_not_scroll_sideways_on_a_phone(path, visit):
    page = visit(path, "narrow")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_broken_page_is_noticed(visit, tmp_path):
    page = visit("book/introduction.html")
    page.evaluate("console.error('planted')")
    page.evaluate("fetch('http://planted.example/').catch(() => 0)")
    page.wait_for_timeout(300)
    assert "planted" in visit.problems
    assert "planted.example" in visit.hosts


def test_the_front_door_leads_to_the_introduction(visit):
    page = visit("index.html")
    page.wait_for_url("**/book/introduction.html")
    assert (SITE / "book" / "introduction.html").exists()


def test_the_theme_button_changes_the_theme(visit, scheme):
    page = visit("book/introduction.html")
    html = page.locator("html")
    assert html.get_attribute("data-theme") == scheme
    other = {"light": "dark", "dark": "light"}[scheme]
    for _ in range(3):
        page.locator(".theme-switch-button").first.click()
        if html.get_attribute("data-theme") == other:
            break
    assert html.get_attribute("data-theme") == other
