"""A wrong answer that gives the same results as a known one is told its name."""

import json
from dataclasses import replace

import nbformat
import numpy as np
import pytest

from fairgrade.bank import Wrong
from fairgrade.check import main as check
from fairgrade.grading import Grader, record_reference
from fairgrade.misconceptions import (
    SAYS,
    explain,
    fingerprint,
    from_json,
    index_path,
    make_index,
    probing_source,
    read_index,
    recorded_probes,
    run_wrong,
    write_index,
)
from fairgrade.results import digest

from .assignments import assignment
from .small_course import WRONG, Course

BANK = [
    Wrong("the mean forgotten", "answer1", "return np.sum(x**2)", frozenset()),
    Wrong("the square forgotten", "answer1", "return np.mean(x)", frozenset()),
    Wrong("the absolute value", "answer1", "return np.mean(abs(x))", frozenset()),
    Wrong("absolute, in a loop", "answer1", "return sum(map(abs, x)) / len(x)", ()),
    Wrong("nothing at all", "answer1", "raise NotImplementedError", frozenset()),
    Wrong("a style", "answer1", "return float(x @ x / len(x))", frozenset()),
    Wrong("x changed", "answer1", "x *= x\nreturn np.mean(x)", frozenset()),
    Wrong("times ten", "answer2", "return 10 * x", frozenset()),
]
WHOLE = assignment(
    ("given", "import numpy as np"),
    (
        "answer",
        "def f(x):\n    ### BEGIN SOLUTION\n    return np.mean(x**2)\n"
        "    ### END SOLUTION\n",
    ),
    (
        "answer",
        "def g(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION\n",
    ),
    ("test", "got = f(np.array([1.0, 3.0]))\nassert got == 5, f'secret {got}'"),
    ("test", "x = np.array([2.0, -2.0])\nassert f(x) == 4\nassert x[0] == 2"),
    ("test", "assert g(1.0) == 1"),
)


def fill(whole, **bodies):
    """Return the bytes of a notebook with other bodies for some answers."""
    notebook = nbformat.v4.new_notebook()
    for cell in whole.cells:
        new = nbformat.v4.new_code_cell(cell.source)
        if cell.grade_id:
            flags = {"grade": cell.kind == "test", "solution": cell.kind == "answer"}
            marks = {"grade_id": cell.grade_id, **flags, "points": cell.points}
            new.metadata["nbgrader"] = marks
        if cell.grade_id in bodies:
            head = cell.source.split("\n")[0]
            new.source = f"{head}\n    {bodies[cell.grade_id]}"
        notebook.cells.append(new)
    return nbformat.writes(notebook).encode()


@pytest.fixture(scope="module")
def grader():
    with Grader([WHOLE], walls=[]) as grader:
        yield grader


@pytest.fixture(scope="module")
def whole(grader):
    return record_reference(WHOLE, grader)


@pytest.fixture(scope="module")
def index(grader, whole):
    probes, reference = recorded_probes(whole, grader)
    noted = [(wrong, run_wrong(probes, grader, wrong)) for wrong in BANK]
    return make_index(whole, probes, reference, noted)


@pytest.fixture
def told(grader, whole, index):
    """Return a function from bodies to {test: text} of the failed tests."""

    def tell(**bodies):
        work = fill(whole, **bodies)
        result = grader.grade(whole, work)
        explained = explain(grader, whole, index, work, result)
        assert explained.score == result.score
        return {c.grade_id: c.evalue for c in explained.cells if c.status == "failed"}

    return tell


def test_the_same_results_by_another_way_are_told_the_name(told):
    texts = told(answer1="return x[0]**2 + x[1]**2")
    assert texts["test3"] == f"secret 10.0\n{SAYS}the mean forgotten"
    assert set(texts) == {"test3", "test4"}
    for text in texts.values():
        assert text.endswith(f"{SAYS}the mean forgotten")


def test_unknown_results_are_told_nothing(told):
    assert told(answer1="return 17.0") == {
        "test3": "secret 17.0",
        "test4": "assert f(x) == 4",
    }


def test_an_argument_that_is_changed_is_a_result(told):
    texts = told(answer1="x[:] = x**2; return x.mean()")
    assert texts == {"test4": f"assert x[0] == 2\n{SAYS}x changed"}


def test_two_labels_for_the_same_results_name_nothing(told, index):
    assert SAYS not in "".join(told(answer1="return abs(x).mean()").values())
    assert "absolute, in a loop" in index.unnamed["the absolute value"]


def test_mistakes_in_two_answers_are_told_apart(told):
    texts = told(answer1="return x.mean()", answer2="return x + 9")
    assert texts["test3"].endswith(f"{SAYS}the square forgotten")
    assert texts["test5"].endswith(f"{SAYS}times ten")


def test_labels_without_a_result_of_their_own_are_left_out(index):
    assert "errors" in index.unnamed["nothing at all"]
    assert "reference" in index.unnamed["a style"]


def test_a_right_or_empty_submission_is_not_run_again(
    grader, whole, index, monkeypatch
):
    right, empty = fill(whole), fill(whole, answer1="while True: pass")
    fine = grader.grade(whole, right)
    lost = replace(
        fine, cells=[replace(c, status="time-out", points=0) for c in fine.cells]
    )
    monkeypatch.setattr(grader, "run", None)
    assert explain(grader, whole, index, right, fine) is fine
    assert explain(grader, whole, index, empty, lost) is lost
    assert explain(grader, whole, None, empty, lost) is lost


def test_a_forged_note_is_no_more_than_a_name(told, whole, index):
    digest = next(one for one in index.known if one.label == "the mean forgotten")
    texts = "".join(
        f"print('\\0fairgrade notes {d} 9')" for d in digest.digests.values()
    )
    assert SAYS not in "".join(told(answer1=f"return {texts!r} and 3.0").values())


def test_the_index_is_kept_until_the_notebook_changes(tmp_path, whole, index):
    path = write_index(tmp_path, whole, index)
    assert path == index_path(tmp_path, whole)
    again = read_index(tmp_path, whole)
    assert again.known == index.known
    assert again.probes.allowed == index.probes.allowed
    changed = replace(whole, cells=whole.cells[:-1])
    assert read_index(tmp_path, changed) is None
    assert fingerprint(changed) != fingerprint(whole)
    path.write_text("{")
    assert read_index(tmp_path, whole) is None
    assert (
        from_json(json.loads(json.dumps(index.to_json())), whole).known == again.known
    )


def test_a_probe_goes_on_where_its_test_fails():
    source = probing_source("for k in (1, 2):\n    assert f(k) == 0, 'no'\nx = f(3)")
    calls = []
    space = {"f": calls.append}
    exec(source, space)
    assert calls == [1, 2, 3]


def test_digests_forgive_rounding_and_nothing_else():
    x = np.array([0.1, 1e-12, 12345.678])
    assert digest(x) == digest([0.1 + 1e-16, 0.0, 12345.678 * (1 + 1e-15)])
    assert digest(x) == digest(x + np.array([0, 1e-13, 0]))
    assert len({digest(v) for v in (x, x[:2], x * 1.001, x[None], "a", None)}) == 6
    assert digest(1) == digest(1.0) == digest(np.float32(1)) == digest(True)
    assert digest(-0.0) == digest(0.0)


def test_autograde_tells_the_name_that_check_has_found(tmp_path):
    course = Course(tmp_path / "course")
    body = "def double(x):\n    return max(2 * x, 0)"
    bank = {"never below 0": ("double", body, {"hidden"})}
    (course.folder / "banks").mkdir()
    (course.folder / "banks" / "twice.py").write_text(f"WRONG = {bank!r}\n")
    where = ["--course-dir", str(course.folder), "--jobs", "1"]
    assert check(["twice", "--only", "bank", *where]) == 0
    assert course.fairgrade("generate", "twice") == 0
    course.hand_in("ada", WRONG)
    assert course.fairgrade("autograde", "twice", "--create", "--jobs", "1") == 0
    assert course.grades("ada")["hidden"][0] == 0
    text = course.autograded("ada").cells[4].outputs[0].evalue
    assert text.endswith(f"{SAYS}never below 0")
    assert not any("misconc" in p.name for p in course.folder.glob("release/**/*"))
