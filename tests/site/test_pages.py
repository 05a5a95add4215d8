"""Every page opens in a real browser: nothing missing, no other host asked."""

import pytest

from tools.book import ROOT, pages

PAGES = [str(page.relative_to(ROOT).with_suffix(".html")) for page in pages()]
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 640}

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture
def visit(chromium, address, scheme):
    """Return a function that opens a page.

    Its `complaints` are the browser's, its `hosts` are all that were asked.
    """
    context = chromium.new_context(color_scheme=scheme, viewport=WIDE)
    page = context.new_page()

    def open_page(path):
        page.goto(f"{address}/{path}", wait_until="load")
        page.wait_for_load_state("networkidle")
        return page

    open_page.complaints, open_page.hosts = [], set()
    complain = open_page.complaints.append
    page.on("pageerror", lambda error: complain(str(error)))
    page.on(
        "console",
        lambda line: line.type in {"error", "warning"} and complain(line.text),
    )
    page.on("requestfailed", lambda request: complain(request.url))
    page.on("response", lambda reply: reply.status >= 400 and complain(reply.url))
    page.on("request", lambda request: open_page.hosts.add(request.url.split("/")[2]))
    yield open_page
    context.close()


def pictures(page):
    """Return (address, width as loaded, alt text) of every picture of a page."""
    return page.evaluate(
        """async () => {
            const all = [...document.querySelectorAll(".bd-article img")];
            await Promise.all(all.map((img) => img.decode().catch(() => 0)));
            return all.map((img) => [img.src, img.naturalWidth, img.alt]);
        }"""
    )


def overflow(page):
    """Return by how many pixels a page is wider than a small phone."""
    page.set_viewport_size(NARROW)
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_whole(path, visit, address):
    page = visit(path)
    assert page.locator(".bd-article h1").count() == 1
    for source, width, alt in pictures(page):
        assert width > 0, f"{source} does not load"
        assert len(alt) > 30, f"{source} has no description"
    assert page.locator(".math math").count() == page.locator(".math").count()
    assert overflow(page) <= 0, "the page scrolls sideways on a phone"
    assert visit.complaints == []
    assert visit.hosts <= {address.split("/")[2], ""}


def test_a_broken_page_is_noticed(visit):
    page = visit("book/introduction.html")
    page.evaluate("console.error('planted')")
    page.evaluate("fetch('http://planted.example/').catch(() => 0)")
    page.wait_for_timeout(300)
    assert "planted" in visit.complaints
    assert "planted.example" in visit.hosts
    page.evaluate("document.querySelector('.bd-article').style.width = '2000px'")
    assert overflow(page) > 0


def test_the_front_door_leads_to_the_introduction(visit):
    assert visit("index.html").url.endswith("/book/introduction.html")


def test_the_theme_button_changes_the_theme(visit, scheme):
    page = visit("book/introduction.html")
    html, button = (
        page.locator("html"),
        page.locator(".theme-switch-button:visible").first,
    )
    assert html.get_attribute("data-theme") == scheme
    seen = set()
    for _ in range(3):  # the button goes round light, dark and automatic
        button.click()
        seen.add(html.get_attribute("data-theme"))
    assert seen == {"light", "dark"}
