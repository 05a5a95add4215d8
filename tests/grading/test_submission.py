"""From a submission only the source of answers counts; the rest is a note."""

import json
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairgrade.assignment import Assignment, Cell, released
from fairgrade.submission import SIZE_LIMIT, Unreadable, parse, read_submission

ONE = Assignment(
    "ps1",
    "one",
    (
        Cell("given", "imports", 0.0, "import numpy", "code"),
        Cell("answer", "f", 0.0, "def f():\n    return 1", "code"),
        Cell("test", "test_f", 1.0, "assert f() == 1", "code"),
        Cell("manual", "why", 2.0, "Because.", "markdown"),
    ),
)
MARKS = {
    "given": {"grade": False, "solution": False},
    "answer": {"grade": False, "solution": True},
    "test": {"grade": True, "solution": False, "points": 1.0},
    "manual": {"grade": True, "solution": True, "points": 2.0},
}


def raw(grade_id, source=None, **changes):
    """Return one cell of a submission, as in the release but for some changes."""
    cell = ONE.cell(grade_id)
    marks = {"grade_id": grade_id, "schema_version": 3, **MARKS[cell.kind], **changes}
    return {
        "cell_type": cell.cell_type,
        "metadata": {"nbgrader": marks},
        "source": released(cell) if source is None else source,
    }


def notebook(*cells, **changes):
    whole = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps({**whole, **changes}).encode()


def release(**sources):
    return [raw(cell.grade_id, sources.get(cell.grade_id)) for cell in ONE.cells]


def test_only_answers_are_taken():
    got = read_submission(notebook(*release(f="def f(): pass", why=["I ", "do"])), ONE)
    assert got.sources == {"f": "def f(): pass", "why": "I do"}
    assert got.notes == []


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (release(test_f="assert True"), "test_f: the test cell was edited"),
        ([*release()[:2], release()[3]], "test_f: the test cell is missing"),
        (release()[::-1], "another order"),
        ([*release(), raw("f", "new")], "2 cells with this id"),
        ([*release()[:2], raw("test_f", points=99), release()[3]], "says 99 points"),
        ([*release()[:2], raw("test_f", schema_version=99), release()[3]], "schema 99"),
        (
            [*release()[:2], raw("test_f", grade=False), release()[3]],
            "kind was changed",
        ),
        (
            [*release(), {**raw("f"), "metadata": {"nbgrader": {"grade_id": "z"}}}],
            "'z'",
        ),
        ([*release(), 7], "is no cell"),
        (release(f=3), "its source is no text"),
    ],
)
def test_what_was_changed_is_a_note_and_nothing_else(cells, note):
    got = read_submission(notebook(*cells), ONE)
    assert note in "\n".join(got.notes)
    assert got.sources.get("f", "new") in (released(ONE.cell("f")), "new")


def test_a_tag_that_would_skip_a_test_is_a_note():
    cells = release()
    cells[2]["metadata"]["tags"] = ["skip-execution"]
    assert "tagged" in read_submission(notebook(*cells), ONE).notes[0]


def test_of_two_answers_the_first_that_was_edited_counts():
    cells = [*release(), raw("f", "edited"), raw("f", "edited later")]
    assert read_submission(notebook(*cells), ONE).sources["f"] == "edited"


def test_a_missing_answer_is_left_out_and_noted():
    got = read_submission(notebook(*release()[2:]), ONE)
    assert "f" not in got.sources
    assert "f: the answer cell is missing" in got.notes


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "UTF-8"),
        (b"{", "not JSON"),
        (b"[]", "not a notebook"),
        (b"[" * 100_000, "nested"),
        (notebook(nbformat=5), "nbformat 5"),
        (notebook(nbformat=True), "nbformat True"),
        (notebook(cells={}), "no list of cells"),
        (b" " * (SIZE_LIMIT + 1), "bigger than"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_notebook_is_unreadable_for_a_plain_reason(data, reason):
    with pytest.raises(Unreadable, match=reason):
        read_submission(data, ONE)


def test_a_bracket_in_a_text_does_not_nest():
    source = "# " + "[" * 1000 + ' "\\" [[['
    got = read_submission(notebook(*release(f=source)), ONE)
    assert got.sources["f"] == source


def test_only_an_ordinary_file_is_read(tmp_path):
    (tmp_path / "real").write_bytes(notebook(*release()))
    assert read_submission(tmp_path / "real", ONE).sources
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, reason in [
        ("link", "a link"),
        ("pipe", "no ordinary file"),
        ("folder", "a folder"),
        ("none", "No such file"),
    ]:
        with pytest.raises(Unreadable, match=reason):
            read_submission(tmp_path / name, ONE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "cells",
                    "metadata",
                    "nbgrader",
                    "grade_id",
                    "source",
                    "cell_type",
                    "nbformat",
                    "tags",
                    "f",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.lists(JSON, max_size=4), JSON)
def test_any_json_is_read_or_unreadable(cells, marks):
    cells.append({"metadata": {"nbgrader": {"grade_id": "f"}}, "source": marks})
    cells.append({"metadata": {"nbgrader": marks}, "source": "x"})
    try:
        got = read_submission(notebook(*cells), ONE)
    except Unreadable:
        return
    assert set(got.sources) <= {"f", "why"}
    json.dumps([got.sources, got.notes])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        # Seconds for each kilobyte, if each quote is tried as the start of a string.
        (b'{"nbformat": 4, "cells": ["' + b'\\"' * 10**6, "not JSON"),
        (b'{"nbformat": 4, "cells": [' + b"[]," * 1_100_000 + b"[]]}", "brackets"),
        (b'{"nbformat": 4, "cells": [' + b"0," * 10_000 + b"0]}", "10001 cells"),
    ],
    ids=["quotes", "brackets", "cells"],
)
def test_a_file_made_to_take_long_does_not(data, reason):
    start = time.monotonic()
    with pytest.raises(Unreadable, match=reason):
        parse(data)
    assert time.monotonic() - start < 20
