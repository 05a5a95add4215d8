"""Every chapter has the frame, short cells, described figures and keeps its time."""

import ast
import re
import sys

import pytest
from jupyter_cache import get_cache

from tools.book import CACHE, chapters, notebooks
from tools.exercises import teacher_notebook

from .conftest import code_cells, python, text

HEADER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
ALLOWED_PACKAGES = {
    "everygrad",
    "keras",
    "matplotlib",
    "numpy",
    "scipy",
    "sklearn",
    "torch",
    "yaml",
}
NETWORK = {"ftplib", "http", "smtplib", "socket", "ssl", "urllib"}
SECONDS = 30

chapter = pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
page = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)


def figures(path):
    """Return (alt text, figure metadata) of every cell that shows a picture."""
    found = []
    for cell in code_cells(path):
        mystnb = cell.metadata.get("mystnb", {})
        if "plt.show()" in cell.source:
            found.append((mystnb["image"]["alt"], mystnb["figure"]))
        if re.search(r"^slider_figure\(", cell.source, re.M):
            call = ast.parse(python(cell)).body[-1].value
            (alt,) = [word.value for word in call.keywords if word.arg == "alt"]
            found.append((ast.literal_eval(alt), mystnb["figure"]))
    return found


@page
def test_header(path):
    assert text(path).startswith(HEADER)


@chapter
def test_frame(path):
    source, anchor = text(path), path.stem.replace("_", "-")
    assert f"\n(ch-{anchor})=\n# " in source
    assert (
        len(re.findall(r"^# .*", re.sub(r"```.*?```", "", source, flags=re.S), re.M))
        == 1
    )
    assert "\nAfter this chapter you can" in source
    assert re.search(
        r"^\*\*You need\*\* .*\*\*Time\*\* \d+ minutes", source, re.M | re.S
    )
    order = [
        "## ",
        "## Practise",
        "**Graded exercise**",
        "**What to remember**",
        "**Source",
    ]
    places = [source.index(f"\n{heading}") for heading in order]
    assert places == sorted(places)


@chapter
def test_derivation(path):
    source = text(path)
    labels = re.findall(r"^\$\$ \((eq-[\w-]+)\)$", source, re.M)
    assert len(labels) >= 3
    assert len(set(labels)) == len(labels)
    assert {label for label in re.findall(r"{eq}`(eq-[\w-]+)`", source)} & set(labels)
    assert re.search(r"^\|.*\bshape\b.*\|$", source, re.M), "no table of shapes"


@chapter
def test_the_check_and_its_planted_bug(path):
    source = "\n".join(cell.source for cell in code_cells(path))
    asserts = re.findall(r"^ *assert .*$", source, re.M)
    assert re.search(r"\b(check_grad|gradient_errors?)\(", source)
    assert any(re.search(r"< 1e-[67]", line) for line in asserts), "no relative check"
    caught = re.compile(r"(bug|error|relative|wrong|caught).* > 0?\.\d")
    assert any(caught.search(line) for line in asserts), "no bug seen caught"


@chapter
def test_pytorch_agrees(path):
    cells = "\n".join(cell.source for cell in code_cells(path))
    assert "import torch" in cells
    assert re.search(r"assert_allclose\([^#]*?rtol=0,\s*atol=1e-10", cells)


@page
def test_every_figure_is_described(path):
    for alt, figure in figures(path):
        name, caption = figure["name"], figure["caption"]
        assert name.startswith("fig-")
        assert f"{{numref}}`{name}`" in text(path) or path not in chapters()
        assert len(alt) > 60, f"say what is seen: {alt}"
        assert len(caption) > 20
        assert alt != caption


@chapter
def test_there_are_figures(path):
    assert len(figures(path)) >= 2
    assert "everygrad.figures" in text(path), "the shared style"


@chapter
def test_practice(path):
    source = text(path)
    asked = re.findall(r"{exercise}\n:label: (ex-[\w-]+)", source)
    solved = re.findall(r"{solution(?:-start)?} (ex-[\w-]+)\n:class: dropdown", source)
    assert len(asked) >= 6
    assert sorted(asked) == sorted(solved)


@chapter
def test_the_graded_exercise_has_the_points_that_the_chapter_says(path):
    link = rf"{{doc}}`[^`]*</exercises/{path.stem}/{path.stem}>`"
    (points,) = re.findall(rf"\*\*Graded exercise\*\* {link}, (\d+) points", text(path))
    cells = teacher_notebook(path.stem).cells
    assert sum(c.metadata.get("nbgrader", {}).get("points", 0) for c in cells) == int(
        points
    )


@page
def test_cells_are_short(path):
    for cell in code_cells(path):
        hidden = {"hide-input", "hide-cell", "remove-input"} & set(
            cell.metadata.get("tags", [])
        )
        lines = cell.source.splitlines()
        assert len(lines) <= (25 if hidden else 15), cell.source
        assert max(map(len, lines), default=0) <= 88, cell.source


@page
def test_no_cell_reaches_for_the_network_or_for_an_unknown_package(path):
    source = "\n".join(python(cell) for cell in code_cells(path))
    imported = set(re.findall(r"^\s*(?:import|from) (\w+)", source, re.M))
    assert not imported & NETWORK
    assert imported <= ALLOWED_PACKAGES | set(sys.stdlib_module_names)


@page
def test_a_chapter_executes_in_time(path):
    cache = get_cache(CACHE)
    record = cache.get_project_record(str(path))
    seconds = cache.get_cached_project_nb(record.pk).data["execution_seconds"]
    assert seconds <= SECONDS
