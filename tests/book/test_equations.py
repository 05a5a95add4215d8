"""Where promised, each equation of a chapter is a row of a table and a line of code.

A line of code names its equation in a comment: ``# eq-backprop-dw``.
"""

import re

import pytest

from tools.book import ROOT

from .conftest import code_cells, text

CHAPTERS = ["backprop", "regularisation"]


def equations(name):
    """Return the labels of the numbered equations of a chapter."""
    return re.findall(r"^\$\$ \((eq-[\w-]+)\)$", text(ROOT / f"book/{name}.md"), re.M)


@pytest.mark.parametrize("name", CHAPTERS)
def test_there_are_many_equations(name):
    assert len(equations(name)) >= 15


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_equation_is_a_row_of_a_table_of_shapes(name):
    rows = re.findall(
        r"^\| \{eq\}`(eq-[\w-]+)` \|", text(ROOT / f"book/{name}.md"), re.M
    )
    assert sorted(rows) == sorted(equations(name))


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_equation_is_named_by_a_line_of_code(name):
    cells = "\n".join(cell.source for cell in code_cells(ROOT / f"book/{name}.md"))
    named = set(re.findall(r"^ *[^\s#].*# (eq-[\w-]+)", cells, re.M))
    assert named == set(equations(name))


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_library_names_equations_that_exist(name):
    source = text(ROOT / f"src/everygrad/{name}.py")
    named = set(re.findall(r"^ *[^\s#].*# (eq-[\w-]+)", source, re.M))
    assert named
    assert named <= set(equations(name))
