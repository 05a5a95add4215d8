"""`python -m tools.book` on a small book: quick where it can, never wrongly green.

One story, told in order: each step starts from what the one before left behind.
"""

import os
import shutil
import subprocess
import sys
import time

import pytest

from tools.book import ROOT

pytestmark = pytest.mark.xdist_group("small book")

TOC = """\
format: jb-book
root: book/one
chapters:
  - file: book/two
"""
PAGE = """\
---
jupytext:
  text_representation: {{extension: .md, format_name: myst}}
kernelspec: {{name: python3, display_name: Python 3, language: python}}
---

({name})=
# {name}

```{{code-cell}}
import everygrad
```

```{{code-cell}}
{code}
```
"""


class Book:
    """A book of two pages in a folder of its own, built with the project's tools."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("tools", "src", "book/_ext", "book/_static"):
            shutil.copytree(ROOT / name, folder / name)
        for name in ("_config.yml", "constraints.txt", "book/references.bib"):
            shutil.copy(ROOT / name, folder / name)
        (folder / "_toc.yml").write_text(TOC)
        self.write("one", "print(1)")
        self.write("two", "print(2)")

    def write(self, name, code, text=""):
        page = PAGE.format(name=name, code=code) + text
        (self.folder / "book" / f"{name}.md").write_text(page)

    def build(self):
        """Build; return the status, the pages that executed, and all that was said."""
        started = time.perf_counter()
        run = subprocess.run(
            [sys.executable, "-m", "tools.book"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
        )
        self.seconds = time.perf_counter() - started
        said = run.stdout + run.stderr
        executed = {
            x.split("/")[-1] for x in said.splitlines() if x.startswith("executing")
        }
        return run.returncode, executed, said

    def shown(self, name):
        return (self.folder / "_build" / "html" / "book" / f"{name}.html").read_text()


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return Book(tmp_path_factory.mktemp("small-book"))


def test_first_all_pages_execute(book):
    status, executed, said = book.build()
    assert status == 0, said
    assert executed == {"one.md", "two.md"}
    assert "_build/html/index.html" in said


def test_then_nothing_does(book):
    status, executed, said = book.build()
    assert (status, executed) == (0, set())
    assert "0 added, 0 changed, 0 removed" in said
    assert book.seconds < 30


def test_one_changed_page_executes_alone(book):
    book.write("two", "print(20 + 2)")
    status, executed, said = book.build()
    assert (status, executed) == (0, {"two.md"}), said
    assert "22" in book.shown("two")


@pytest.mark.parametrize("time", ["the first time", "and every time"])
def test_a_page_that_raises_is_named_with_its_cell(book, time):
    book.write("two", "1 / 0")
    status, executed, said = book.build()
    assert status != 0
    assert executed == {"two.md"}
    assert "book/two.md: code cell 2 raised" in said
    assert "1 / 0" in said
    assert "ZeroDivisionError" in said


@pytest.mark.parametrize("time", ["the first time", "and every time"])
def test_a_page_that_warns_fails_the_build(book, time):
    book.write("two", "print(2)", "\n{ref}`nowhere`\n")
    status, _, said = book.build()
    assert status != 0
    assert "undefined label: 'nowhere'" in said


@pytest.mark.parametrize("time", ["the first time", "and every time"])
def test_a_cell_that_writes_to_stderr_fails_the_build(book, time):
    book.write("two", 'import warnings\n\nwarnings.warn("planted")')
    status, _, said = book.build()
    assert status != 0
    assert "stderr" in said


def test_once_mended_it_is_green_again(book):
    book.write("two", "print(2)")
    assert book.build()[0] == 0


def test_a_changed_library_executes_every_page_again(book):
    with (book.folder / "src" / "everygrad" / "data.py").open("a") as module:
        module.write("# changed\n")
    assert book.build()[1] == {"one.md", "two.md"}


def test_an_interrupted_build_is_not_trusted(book):
    (book.folder / "_build" / "unfinished").touch()
    (book.folder / "_build" / "html" / "book" / "one.html").write_text("half a page")
    assert book.build()[0] == 0
    assert "half a page" not in book.shown("one")
