"""Notebooks for download read well without MyST, and are the executed chapters."""

import base64
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import jupytext
import nbformat
import pytest
from docutils import nodes
from docutils.core import publish_doctree

from tools.book import ROOT, SITE, notebooks

sys.path.append(str(ROOT / "book" / "_ext"))
from notebooks import picture, still, targets
from plain_markdown import Code, PlainMarkdown, escaped

FOLDER = SITE / "notebooks"
PAGES = [str(path.relative_to(ROOT).with_suffix("")) for path in notebooks()]
QUICK = ("book/conventions", "book/gradient_descent")
MYST = re.compile(
    r"\{[\w:-]+\}`"  # a role
    r"|^ *(?::{3,}|`{3,}\{|~{3,}\{|\+\+\+)"  # a directive, a break
    r"|^\([\w-]+\)=\s*$|\$\$ *\([\w-]+\)",  # a label
    re.M,
)


def read(page):
    return nbformat.read(FOLDER / f"{page}.ipynb", as_version=4)


def text(notebook):
    """Return the notebook's Markdown, without code within it."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return "\n\n".join(cells)


@pytest.mark.parametrize(
    "sample",
    [
        "see {ref}`ch-one`",
        "{cite:t}`key`",
        "```{note}\nx\n```",
        ":::{tip}\nx\n:::",
        "(ch-one)=",
        "$$ (eq-one)",
        "+++",
    ],
)
def test_what_is_left_of_myst_would_be_found(sample):
    assert MYST.search(sample)


@pytest.mark.parametrize("page", PAGES)
def test_nothing_of_myst_is_left(page):
    assert [match.group() for match in MYST.finditer(text(read(page)))] == []


@pytest.mark.parametrize("page", PAGES)
def test_it_is_the_page_with_its_code_equations_and_exercises(page):
    notebook, source = read(page), (ROOT / f"{page}.md").read_text(encoding="utf-8")
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    original = [
        cell.source.strip()
        for cell in jupytext.read(ROOT / f"{page}.md").cells
        if cell.cell_type == "code"
    ]
    assert [c.source.strip() for c in code if c["id"] != "install"] == original
    words = text(notebook)
    assert words.count(r"\tag{") == len(re.findall(r"^\$\$ \(", source, re.M))
    assert len(re.findall(r"^#+ Exercise \d", words, re.M)) == source.count(
        "{exercise}"
    )
    assert words.count("<details>") == words.count("</details>")
    assert len(re.findall(r"^\*\*Fig\. ", words, re.M)) >= source.count("caption: ")
    assert ("## Works cited" in words) == ("{cite" in source)
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_shows_where_nothing_is_trusted_and_is_described(page):
    for cell in read(page).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            assert not {"image/svg+xml", "image/png"} & set(data)
            for alt in re.findall(r'<img alt="([^"]*)"', data.get("text/html", "")):
                assert len(alt) > 30
            assert "<svg" not in data.get("text/html", "")


def printed(notebook):
    """Return what the cells print, in however many pieces it came."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(x.text for x in outputs if x.output_type == "stream")


def test_two_of_them_run_again_and_print_the_same(tmp_path):
    before = {page: read(page) for page in QUICK}
    for page, notebook in before.items():
        emptied = deepcopy(notebook)
        for cell in emptied.cells:
            if cell.cell_type == "code":
                cell.outputs = []
        nbformat.write(emptied, tmp_path / f"{Path(page).name}.ipynb")
    paths = sorted(tmp_path.glob("*.ipynb"))
    execute = Path(sys.executable).with_name("jupyter-execute")
    subprocess.run([execute, "--inplace", *paths], check=True, cwd=tmp_path)
    for page, notebook in before.items():
        again = nbformat.read(tmp_path / f"{Path(page).name}.ipynb", as_version=4)
        assert printed(again) == printed(notebook)
    assert any(printed(notebook) for notebook in before.values())


def target(path, anchor):
    return f"https://course.example/{path}#{anchor}"


def plain(*children):
    """Return the blocks of a document with these nodes."""
    document = publish_doctree("")
    document.extend(children)
    return PlainMarkdown("book/one", {}, {}, target).blocks(document)


def test_links_become_absolute():
    link = nodes.reference("", "", nodes.inline("", "two"), refuri="two.html#there")
    assert plain(nodes.paragraph("", "", link)) == [
        "[two](https://course.example/book/two.html#there)"
    ]


def test_an_address_of_the_site_or_the_notebook_next_door():
    known = {"book/one", "book/two", "exercises/two/two"}
    with_address = targets("book/one", "https://course.example/", known)
    assert (
        with_address("book/two.html", "x") == "https://course.example/book/two.html#x"
    )
    assert with_address(None, "x") == "https://course.example/book/one.html#x"
    without = targets("book/one", "", known)
    assert without("book/two.html", "x") == "two.ipynb"
    assert without("exercises/two/two.html", "") == "../exercises/two/two.ipynb"
    assert without("book/glossary.html", "bias") is None
    assert without(None, "x") is None


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("5 * 3_000 costs $2", r"5 \* 3\_000 costs \$2"),
        ("a < b", "a &lt; b"),
        ("1. One", r"1\. One"),
        ("- less", r"\- less"),
        ("x - y", "x - y"),
    ],
)
def test_signs_that_markdown_would_take_for_its_own(said, written):
    assert escaped(said) == written


def test_a_bar_in_a_table_ends_no_cell():
    row = nodes.row("", *[nodes.entry("", nodes.paragraph("", "", child)) for child in (
        nodes.math("", "|a|"), nodes.Text("b|c"))])  # fmt: skip
    table = nodes.table("", nodes.tgroup("", nodes.tbody("", row), cols=2))
    assert plain(table) == [
        r"| $\vert a\vert $ | b\|c |" + "\n| --- | --- |"
    ]  # fmt: skip


def test_code_stays_where_it_stands():
    cell = nodes.container(nb_element="cell_code", cell_index=7)
    before, after = (nodes.paragraph("", word) for word in ("before", "after"))
    for paragraph in (before, after):
        paragraph += nodes.Text(paragraph.rawsource)
    assert plain(before, cell, after) == ["before", Code(7), "after"]


def test_an_unknown_element_is_refused_by_name():
    with pytest.raises(NotImplementedError, match=r"book/one.*<sidebar>"):
        plain(nodes.sidebar())


def test_a_picture_is_an_image_with_its_words():
    html = picture("<svg/>", "image/svg+xml", 'less "is" more')
    assert html.startswith(
        '<img alt="less &quot;is&quot; more" src="data:image/svg+xml'
    )
    assert base64.b64decode(html.split("base64,")[1][:-2]) == b"<svg/>"


def test_a_figure_with_a_slider_stands_still_and_keeps_its_words():
    from everygrad.interactive import slider_figure

    frames = [(str(k), f"is {k}", [[[k, k]]]) for k in (1, 2)]
    axis = ("x", 0, 3)
    html = still(slider_figure(frames, "step", "a dot moves", axis, axis).html)
    assert "<svg" not in html
    assert "data-lines" not in html
    assert "<b>2</b> is 2" in html
    svg = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()
    assert 'viewBox="0 0 480 330"' in svg
    assert 'xmlns="http://www.w3.org/2000/svg"' in svg


def test_every_page_that_executes_has_its_notebook():
    assert len(PAGES) > 15
    assert [page for page in PAGES if not Path(FOLDER, f"{page}.ipynb").exists()] == []
