"""Every page's buttons lead where they say, with an address and without one."""

import sys
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.errors import ConfigError

from tools.book import ROOT, SITE, notebooks, pages

sys.path.append(str(ROOT / "book" / "_ext"))
import launch

REPOSITORY = "https://github.com/somebody/course"
PAGES = [str(page.relative_to(ROOT).with_suffix("")) for page in pages()]
EXECUTED = {str(page.relative_to(ROOT).with_suffix("")) for page in notebooks()}
SOURCE = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {name: python3, display_name: Python 3, language: python}
---

# A page & more

```{code-cell}
1 + 1
```
"""


def buttons(html):
    """Return {text: address} of the buttons at the top of a page."""
    header = BeautifulSoup(html, "html.parser").select_one(".article-header-buttons")
    links = header.select("a.dropdown-item")
    return {link.get_text(strip=True): link["href"] for link in links}


@pytest.fixture
def built(tmp_path, monkeypatch, capsys):
    """Return a function that builds a book of one page with these extensions."""

    def build(repository=""):
        for folder in ("source", "out"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "source" / "page.md").write_text(SOURCE)
        monkeypatch.setenv(launch.REPOSITORY_VARIABLE, repository)
        settings = {
            "extensions": ["myst_nb", "launch"],
            "root_doc": "page",
            "html_theme": "sphinx_book_theme",
            "nb_execution_mode": "off",
        }
        app = Sphinx(
            tmp_path / "source",
            None,
            tmp_path / "out",
            tmp_path / "out" / "trees",
            "html",
            confoverrides=settings,
            status=None,
            freshenv=True,
        )
        app.build()
        html = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
        return buttons(html), capsys.readouterr().out

    return build


def test_with_an_address_all_buttons_are_there(built):
    found, said = built(REPOSITORY)
    assert "No address of the repository" not in said
    assert found["Binder"] == (
        "https://mybinder.org/v2/gh/somebody/course/main?urlpath=lab%2Ftree%2Fpage.md"
    )
    assert found["Colab"] == (
        "https://colab.research.google.com/github/somebody/course/blob/notebooks/"
        "page.ipynb"
    )
    assert found["Show source"] == f"{REPOSITORY}/blob/main/page.md"
    report = urlsplit(found["Report a problem"])
    assert report.path == "/somebody/course/issues/new"
    assert parse_qs(report.query)["title"] == ["A page & more (page)"]


def test_without_one_those_that_need_it_are_left_out_and_the_build_says_so(built):
    found, said = built()
    assert not {"Binder", "Colab", "Show source", "Report a problem"} & found.keys()
    assert found["Source file"] == "_sources/page.md"
    assert found["Notebook"] == "notebooks/page.ipynb"
    assert "_config.yml" in said
    assert launch.REPOSITORY_VARIABLE in said


def test_an_address_that_buttons_cannot_use_is_refused(built):
    with pytest.raises(ConfigError, match="need one like"):
        built("https://git.example/course")


@pytest.mark.parametrize("page", PAGES)
def test_each_page_of_the_site_has_its_buttons(page):
    found = buttons((SITE / f"{page}.html").read_text(encoding="utf-8"))
    executed = page in EXECUTED or page.startswith("exercises/")
    assert ("Notebook" in found) == executed
    assert "Source file" in found
    if executed:
        assert (SITE / f"{page}.html").parent.joinpath(found["Notebook"]).exists()
        lite = found["JupyterLite"]
        assert not urlsplit(lite).netloc
        (path,) = parse_qs(urlsplit(lite).query)["path"]
        assert (SITE / "lite" / "files" / path).exists()
