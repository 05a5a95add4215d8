"""Whatever a notebook's file holds, it is read or refused in plain words, and soon.

What arrives on the wire is fuzzed in `test_wire`; `test_there_are_enough_cases` counts
both. The mutations here start from a real submission, because most random JSON is
refused at its first character.
"""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_notebook

from fairgrade.assignment import Assignment, Cell
from fairgrade.submission import Unreadable, read_submission
from tools.exercises import full_metadata

from . import test_wire
from .hostile import RIGHT, bank_cells

KINDS = {"solution": "answer", "test": "test", "manual": "manual"}
CASES = {"objects": 900, "bytes": 500}
HOW = settings(deadline=20_000, derandomize=True, database=None)


def bank():
    """Return the assignment of the bank, and a right submission as plain dicts."""
    cells, notebook = [], new_notebook()
    for number, (new, short, source) in enumerate(bank_cells()):
        cell = new(source, id=f"cell-{number}")
        kind, name = "given", None
        if short:
            cell.metadata["nbgrader"] = full_metadata(short, "here")
            key = next(iter(short))
            kind, name = KINDS[key], short[key]
            cell.source = RIGHT.get(name, source)
        elif cell.cell_type == "markdown":
            kind = "text"
        points = float((short or {}).get("points", 0))
        cells.append(Cell(kind, name, points, source, cell.cell_type))
        notebook.cells.append(cell)
    return Assignment("bank", "bank", tuple(cells)), json.loads(json.dumps(notebook))


ASSIGNMENT, NOTEBOOK = bank()


def deep(levels, kind):
    value = 1
    for _ in range(levels):
        value = [value] if kind else {"cells": value}
    return value


WORDS = st.sampled_from(
    [
        *("cells", "metadata", "nbgrader", "grade_id", "source", "cell_type", "tags"),
        *("nbformat", "points", "schema_version", "solution", "grade", "double"),
        *("visible", "why", "code", "markdown", "4"),
    ]
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**64, -(10**400), 1e308, float("nan"), float("inf"), -0.0]),
    st.text(max_size=20),
    WORDS,
    st.sampled_from(["\ud800", "\x00", "\u202e" * 50, "é" * 3000, "[" * 500, '"\\']),
    st.builds(deep, st.integers(1, 150), st.booleans()),
    st.lists(st.none() | st.integers() | WORDS, max_size=4),
    st.dictionaries(WORDS, st.none() | st.integers() | WORDS, max_size=4),
)


def places(value, path=()):
    """Return the paths of everything in some JSON."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            found += places(value[key], (*path, key))
    return found


def mutate(notebook, draw):
    """Change one place of a notebook: another value, none, a copy, another key."""
    found = places(notebook)
    if not found:
        return
    *way, last = draw(st.sampled_from(found))
    inside = notebook
    for key in way:
        inside = inside[key]
    what = draw(st.sampled_from(["replace", "drop", "copy", "swap", "rename"]))
    if what == "replace":
        inside[last] = draw(ODD)
    elif what == "drop":
        del inside[last]
    elif what == "copy" and isinstance(inside, list):
        inside.insert(draw(st.integers(0, len(inside))), copy.deepcopy(inside[last]))
    elif what == "swap":
        *other, key = draw(st.sampled_from(found))
        where = notebook
        for step in other:
            where = where[step]
        inside[last], where[key] = copy.deepcopy((where[key], inside[last]))
    elif what == "rename" and isinstance(inside, dict):
        inside[draw(WORDS)] = inside.pop(last)


def read(data):
    """Read a submission; what comes of it is well formed, whatever it was."""
    reason = None
    try:
        got = read_submission(data, ASSIGNMENT)
    except Unreadable as error:
        reason = error.reason
    if reason is not None:
        assert reason.isprintable()
        assert len(reason) < 300
        return reason
    answers = {cell.grade_id for cell in ASSIGNMENT.cells if cell.is_answer}
    assert got.sources.keys() <= answers
    for source in got.sources.values():
        source.encode()
    assert len(got.notes) <= 21
    assert all(type(note) is str and len(note) <= 300 for note in got.notes)
    return got


@settings(HOW, max_examples=CASES["objects"])
@given(st.data())
def test_a_submission_with_other_objects_in_it(data):
    notebook = copy.deepcopy(NOTEBOOK)
    for _ in range(data.draw(st.integers(1, 6))):
        mutate(notebook, data.draw)
    read(json.dumps(notebook).encode())


@settings(HOW, max_examples=CASES["bytes"])
@given(st.data())
def test_a_submission_with_other_bytes_in_it(data):
    content = bytearray(json.dumps(NOTEBOOK).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content)))
        length = data.draw(st.sampled_from([0, 1, 1, 2, 50]))
        content[place : place + length] = data.draw(
            st.binary(max_size=6)
            | st.sampled_from([b"[" * 5000, b'"', b"\\", b"}", b"9" * 9000, b"\\ud8"])
        )
    read(bytes(content))


def test_what_was_not_changed_is_read_whole():
    got = read(json.dumps(NOTEBOOK).encode())
    assert got.sources == RIGHT


@pytest.mark.parametrize("odd", ["\x1b[2J", "\ud800", ["\n"], {"a": "\x00"}])
def test_the_reason_commands_no_terminal(odd):
    assert "nbformat" in read(json.dumps({**NOTEBOOK, "nbformat": odd}).encode())


def test_there_are_enough_cases():
    wire = [
        test._hypothesis_internal_use_settings.max_examples
        for name, test in vars(test_wire).items()
        if hasattr(test, "hypothesis")
    ]
    assert sum(CASES.values()) >= 1000
    assert sum(wire) + sum(CASES.values()) >= 2000
