"""Where there is no page, one leads back into the book, from any depth."""

import sys
from types import SimpleNamespace

import pytest

from tools.book import ROOT, SITE

from .conftest import SMALL_PHONE, Quiet, overflow, serving

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import missing

FOLDER = "/some/folder"  # as GitHub's pages stand in one

pytestmark = pytest.mark.xdist_group("browser")


class Host(Quiet):
    """A host that shows 404.html where there is no page, and none above the folder."""

    def translate_path(self, path):
        if not path.startswith(FOLDER):
            return str(SITE / "none")
        return super().translate_path(path.removeprefix(FOLDER))

    def send_error(self, code, *arguments):
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write((SITE / "404.html").read_bytes())


@pytest.fixture(scope="module")
def host():
    """Return where the site stands there."""
    with serving(Host) as address:
        yield address + FOLDER


@pytest.mark.parametrize("path", ["gone.html", "book/gone/deeper/"])
def test_it_leads_home_and_to_the_search(path, host, visiting):
    with visiting() as visit:
        page = visit.open(f"{host}/{path}")
        assert page.get_by_role("heading").inner_text() == "There is no such page"
        assert visit.hosts == {host.split("/")[2]}
        page.get_by_role("link").click()
        page.wait_for_url(
            f"{host}/book/introduction.html"
        )  # the first page leads there
        visit.open(f"{host}/{path}")
        page.get_by_role("searchbox").fill("perceptron")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{host}/search.html?q=perceptron")
        page.locator("#search-results a").first.wait_for()


def test_it_fits_a_small_phone(host, visiting):
    with visiting(viewport=SMALL_PHONE) as visit:
        assert overflow(visit.open(f"{host}/gone.html")) <= 0


def test_with_an_address_it_needs_no_script(tmp_path):
    config = SimpleNamespace(html_baseurl="https://example.org/book/", html_title="T")
    builder = SimpleNamespace(name="html")
    app = SimpleNamespace(config=config, builder=builder, outdir=tmp_path)
    missing.finish(app, None)
    page = (tmp_path / "404.html").read_text(encoding="utf-8")
    assert 'href="https://example.org/book/index.html"' in page
    assert 'action="https://example.org/book/search.html"' in page
