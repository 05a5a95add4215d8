"""The built site on a local server, and each of its pages as a reader opens it."""

import functools
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools.book import SITE

PHONE = {"width": 412, "height": 823}
SMALL_PHONE = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 900}
PICTURES = """async () => {
    const all = [...document.querySelectorAll(".bd-article img")];
    all.forEach((img) => { img.loading = "eager"; });  // else it waits for ever
    await Promise.all(all.map((img) => img.decode().catch(() => 0)));
    return all.map((img) => [img.src, img.naturalWidth, img.alt]);
}"""


CUT_OFF = """() => [...document.querySelectorAll(".katex-display, .eqno")]
    .filter((part) => part.scrollWidth > part.clientWidth && part.clientWidth)
    .map((part) => part.querySelector("annotation")?.textContent ?? part.innerText)"""

# A part that is not laid out yet hides what lies beyond it. Where it could not, its
# links would count as lying on those of the next parts: too near for a finger.
BEYOND = """() => [...document.querySelectorAll(".bd-article section section > *")]
    .filter((part) => {
        const style = getComputedStyle(part);
        return style.contentVisibility === "auto" && style.overflow !== "hidden";
    })
    .flatMap((part) => {
        const end = part.getBoundingClientRect().bottom;
        return [...part.querySelectorAll("a[href], button, input, summary")]
            .filter((link) => link.getBoundingClientRect().bottom > end)
            .map((link) => link.textContent);
    })"""


class Quiet(SimpleHTTPRequestHandler):
    """Serve files and say nothing."""

    def log_message(self, *arguments):
        pass


@contextmanager
def serving(handler):
    """Let a handler serve the built site; yield where."""
    assert (SITE / "index.html").exists(), "build the book first: make book"
    handler = functools.partial(handler, directory=SITE)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def address():
    """Return where the built site is served."""
    with serving(Quiet) as address:
        yield address


class Visit:
    """A page in a browser, what it asked for, and what the browser complained of."""

    def __init__(self, context):
        self.page = page = context.new_page()
        self.complaints, self.asked = [], []
        complain = self.complaints.append
        page.on("pageerror", lambda error: complain(str(error)))
        page.on(
            "console",
            lambda line: line.type in {"error", "warning"} and complain(line.text),
        )
        page.on("requestfailed", lambda request: complain(request.url))
        page.on("response", lambda reply: reply.status >= 400 and complain(reply.url))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, url):
        self.page.goto(url, wait_until="networkidle")
        return self.page

    @property
    def hosts(self):
        return {url.split("/")[2] for url in self.asked} - {""}

    def overflow(self):
        """Return by how many pixels the page is wider than a small phone."""
        return overflow(self.page)


def lay_out(page):
    """Lay out what is far from the screen, too, and show what a part would cut off."""
    rule = "content-visibility: visible; overflow: visible"
    page.add_style_tag(content=f":where(.bd-article *) {{ {rule} }}")
    drawn(page)


def drawn(page):
    """Wait until a page is drawn, in its own letters, and its scripts have seen it."""
    later = "setTimeout(() => setTimeout(r))"  # what scripts put off comes in between
    fonts = f"document.fonts.ready.then(() => {later})"
    page.evaluate(f"new Promise((r) => requestAnimationFrame(() => {fonts}))")


def overflow(page):
    """Return by how many pixels a page is wider than a small phone."""
    lay_out(page)
    page.set_viewport_size(SMALL_PHONE)
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def cut_off(page):
    """Return the formulas that are wider than their column on a laptop."""
    page.set_viewport_size(WIDE)
    unfolded = "display: block; height: auto; visibility: visible"
    page.add_style_tag(content=f".toggle-hidden {{ {unfolded} }}")
    lay_out(page)
    return page.evaluate(CUT_OFF)


def turn(page, scheme):
    """Let the page turn dark or light, as its reader's system does, and wait for it."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")


@pytest.fixture(scope="session")
def visiting(chromium, address):
    """Return a context manager: a visit, on a phone and in the light unless told."""

    @contextmanager
    def visit(path=None, **options):
        context = chromium.new_context(
            **{"color_scheme": "light", "viewport": PHONE, **options}
        )
        visit = Visit(context)
        try:
            if path:
                visit.open(f"{address}/{path}")
            yield visit
        finally:
            context.close()

    return visit


@pytest.fixture(scope="session")
def seen(visiting):
    """Return a function from a page to what there is to see; it is opened once."""

    @functools.cache
    def look(path):
        with visiting(path) as visit:
            page = visit.page
            count = lambda selector: page.locator(selector).count()  # noqa: E731
            first = list(visit.asked)
            beyond = page.evaluate(BEYOND)
            turn(page, "light")
            turn(page, "dark")
            return {
                "asked first": first,
                "beyond": beyond,
                "headings": count(".bd-article h1"),
                "formulas": (count(".math"), count(".math math")),
                "pictures": page.evaluate(PICTURES),
                "overflow": visit.overflow(),
                "cut off": cut_off(page),
                "complaints": visit.complaints,
                "hosts": visit.hosts,
            }

    return look
