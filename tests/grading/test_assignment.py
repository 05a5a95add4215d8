"""The teacher's notebook is read whole, and travels as plain JSON."""

import json

import nbformat
import pytest

from fairgrade import names
from fairgrade.assignment import (
    AssignmentError,
    from_json,
    read_assignment,
    released,
)
from tools.exercises import exercise_names, write_teacher_notebooks

TEST = "assert f() == 1\n### BEGIN HIDDEN TESTS\nassert f() is 1\n### END HIDDEN TESTS"
ANSWER = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"


def code(source, **marks):
    cell = nbformat.v4.new_code_cell(source)
    if marks:
        cell.metadata["nbgrader"] = {"schema_version": 3, **marks}
    return cell


def write(path, *cells):
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    return path


@pytest.fixture
def notebook(tmp_path):
    essay = nbformat.v4.new_markdown_cell("Because.")
    essay.metadata["nbgrader"] = {
        "grade_id": "why",
        "points": 3,
        "grade": True,
        "solution": True,
    }
    return write(
        tmp_path / "one.ipynb",
        nbformat.v4.new_markdown_cell("# Title"),
        code("import numpy as np"),
        code(ANSWER, grade_id="f", grade=False, solution=True),
        code(
            TEST, grade_id="test_f", grade=True, solution=False, points=2, locked=True
        ),
        code("%matplotlib inline", grade_id="g", grade=False, solution=False),
        essay,
    )


def test_cells_have_their_kinds_and_points(notebook):
    one = read_assignment(notebook, "ps1")
    assert (one.name, one.notebook, one.max_score) == ("ps1", "one", 5)
    kinds = [cell.kind for cell in one.cells]
    assert kinds == ["text", "given", "answer", "test", "given", "manual"]
    assert one.cell("test_f").points == 2
    assert one.answer_names == {"f"}
    inline = {"matplotlib.pyplot", "matplotlib_inline.backend_inline"}
    assert one.imports == {"numpy"} | inline  # as %matplotlib will


def test_the_release_has_no_solution_and_no_hidden_test(notebook):
    one = read_assignment(notebook, "ps1")
    stub = "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    assert released(one.cell("f")) == stub
    assert released(one.cell("test_f")) == "assert f() == 1"
    assert released(one.cell("why")) == "YOUR ANSWER HERE"


def test_files_beside_it_belong_to_it_and_other_notebooks_do_not(notebook):
    (notebook.parent / "data").mkdir()
    (notebook.parent / "data" / "x.csv").write_bytes(b"1,2")
    (notebook.parent / "solution.ipynb").write_text("{}")
    (notebook.parent / ".secret").write_text("x")
    (notebook.parent / "link").symlink_to("/etc/passwd")
    assert read_assignment(notebook, "ps1").files == {"data/x.csv": b"1,2"}


def test_an_assignment_travels_as_json(notebook):
    (notebook.parent / "x.bin").write_bytes(b"\x00\xff")
    one = read_assignment(notebook, "ps1")
    one.allowed["test_f"] = frozenset({("__eq__", 1, 7)})
    assert from_json(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([code("### BEGIN SOLUTION", grade_id="a", solution=True)], "without"),
        ([code("", grade_id="a", grade=True), code("", grade_id="a")], "two cells"),
        ([code("", grade_id="a", grade=True, points="many")], "give it a number"),
    ],
    ids=["marker", "id", "points"],
)
def test_a_notebook_that_cannot_be_graded_is_refused(tmp_path, cells, says):
    with pytest.raises(AssignmentError, match=says):
        read_assignment(write(tmp_path / "bad.ipynb", *cells), "bad")


def test_no_notebook_is_said_plainly(tmp_path):
    with pytest.raises(AssignmentError, match="cannot read"):
        read_assignment(tmp_path / "none.ipynb", "none")
    (tmp_path / "text.ipynb").write_text("hello")
    with pytest.raises(AssignmentError, match="no notebook"):
        read_assignment(tmp_path / "text.ipynb", "text")


def test_the_exercises_of_the_course_can_be_read(tmp_path):
    write_teacher_notebooks(exercise_names(), tmp_path)
    for name in exercise_names():
        one = read_assignment(tmp_path / name / f"{name}.ipynb", name)
        assert one.answer_names
        assert from_json(one.to_json()) == one


# ---- names


@pytest.mark.parametrize(
    ("source", "bound"),
    [
        ("a = b", {"a"}),
        ("(a, *b), c.d = 1", {"a", "b", "c"}),
        ("x['k'] += 1", {"x"}),
        ("def f(a):\n    b = 1", {"f"}),
        ("def f():\n    global g\n    g = 1", {"f", "g"}),
        ("class A(B):\n    c = 1", {"A"}),
        ("for i in y:\n    with z as w:\n        pass", {"i", "w"}),
        ("[k for k in l if (m := k)]", {"m"}),
        ("import a.b as c, d.e", {"c", "d"}),
        ("try:\n    pass\nexcept E as e:\n    pass", {"e"}),
        ("del q", {"q"}),
        ("%time x = 1\n!ls", {"x"}),
        ("def broken(:", set()),
    ],
)
def test_names_that_a_cell_binds(source, bound):
    assert names.bound(names.parse(source)) == bound


def test_what_runs_at_once_is_told_from_what_a_function_does_later():
    tree = names.parse("def f(x=a):\n    return b\ny = c(lambda: d)")
    assert names.used_at_once(tree) == {"a", "c"}
    assert names.used(tree) == {"a", "b", "c", "d"}
