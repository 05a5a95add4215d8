"""Which mistakes are put into a reference solution, and which of them are noticed."""

import json

import pytest

from fairgrade import trial
from fairgrade.assignment import Cell, to_json
from fairgrade.mutation import joint_mutants, mutants

from .assignments import assignment


def answer(body, head="def f(x, y=2.0):\n"):
    region = f"### BEGIN SOLUTION\n{body}\n### END SOLUTION"
    indented = "\n".join(f"    {line}" for line in region.split("\n"))
    return head + indented


def cell(source, grade_id="f"):
    return Cell("answer", grade_id, 0.0, source, "code")


def kinds(body):
    """Return {what follows the arrow: kind of mistake} of a body's mutants."""
    return {one.key.split(" -> ")[-1]: one.what for one in mutants(cell(answer(body)))}


@pytest.mark.parametrize(
    ("body", "mutated"),
    [
        ("return x + y", "return x - y"),
        ("return x + y", "return x"),
        ("return x - y", "return y - x"),
        ("return x < y", "return x <= y"),
        ("return x @ y", "return y @ x"),
        ("return x[1:]", "return x[2:]"),
        ("return x[1:]", "return x[:]"),
        ("return x.T @ y", "return x @ y"),
        ("return x.sum(axis=0)", "return x.mean(axis=0)"),
        ("return x.sum(axis=0)", "return x.sum(axis=1)"),
        ("return x.sum(axis=0)", "return x.sum()"),
        ("return g(x, y)", "return g(y, x)"),
        ("return np.sqrt(x)", "return x"),
        ("return -x", "return x"),
        ("return x", "return _times(0, x)"),
        ("return x", "return _single(x)"),
        ("return x", "(nothing returned)"),
        ("return y", "return x"),
        ("return x, y", "return (y, x)"),
        ("return x, y", "return (x, _times(0, y))"),
        ("return x.copy()", "return x"),
        ("return x * y", "(y ignored: always its default)"),
        ("return x * y", "(x ignored: always that of the first call)"),
        ("z = x - y\nreturn z", "(computed in the argument itself)"),
        ("x += y\nreturn x", "(a statement dropped)"),
        ("x += y\nreturn x", "x = y"),
        ("for i in range(3):\n    x = x + i\nreturn x", "(one turn only)"),
        ("for i in range(y):\n    x = x + i\nreturn x", "for i in range(y - 1):"),
        ("if x:\n    return y\nreturn x", "(a condition always true)"),
        ("return x if y else 0", "return x"),
        ("return [a for a in x if a > 0]", "return [a for a in x if a >= 0]"),
    ],
)
def test_a_mistake_is_among_the_mutants(body, mutated):
    assert mutated in kinds(body)


def test_only_the_solution_is_mutated():
    source = "a = 1 + 2\n" + answer("return x + y") + "\nb = 3 + 4\n"
    assert {one.line for one in mutants(cell(source))} == {4}
    assert {one.line for one in mutants(cell("a = 1 + 2"))} == {1}


def test_texts_and_tiny_constants_stay():
    body = '"""Add 1."""\nif x < 0:\n    raise ValueError(f"{x + 1}")\nreturn x + 1e-12'
    found = kinds(body)
    assert "return x + 0.0" in found
    assert not any("2e-12" in text or "ValueError" in text for text in found)


def test_each_mutant_is_new_and_compiles():
    found = mutants(cell(answer("z = x * y\nreturn z.sum(axis=0) / len(x), z")))
    sources = [one.sources["f"] for one in found]
    assert len(set(sources)) == len(sources) > 20
    for source in sources:
        compile(source, "mutant", "exec")


def test_an_answer_that_is_no_python_has_no_mutants():
    assert mutants(cell("%matplotlib inline")) == []
    assert joint_mutants(cell("%x", "g"), cell("def f(): return 1")) == []


# ---- tried

LOSS = answer("return np.mean(x**2)", "def loss(x):\n")
GRADIENT = answer("return 2 * x / len(x)", "def gradient(x):\n")
CHECK = """\
x = np.array([0.5, -1.0])
for i in range(2):
    e = 1e-6 * np.eye(2)[i]
    slope = (loss(x + e) - loss(x - e)) / 2e-6
    assert abs(gradient(x)[i] - slope) < 1e-6
"""
HIDDEN = (
    "### BEGIN HIDDEN TESTS\nassert loss(np.array([2.0])) == 4\n### END HIDDEN TESTS"
)


@pytest.fixture
def tried(monkeypatch, tmp_path):
    """Return a function that prepares an assignment here, for `try_mutant`."""

    def prepare(*cells):
        whole = assignment(("given", "import numpy as np"), *cells)
        trial.prepare(json.dumps(to_json(whole)), tmp_path)
        return whole

    monkeypatch.chdir(tmp_path)  # and back, in the end
    yield prepare
    trial._COURSES.clear()


def verdict_on(whole, number, mutated):
    one = next(x for x in mutants(whole.cells[number]) if x.key.endswith(mutated))
    return trial.try_mutant(one.sources)


def test_a_constant_loss_with_a_zero_gradient_needs_a_test_of_values(tried):
    whole = tried(("answer", LOSS), ("answer", GRADIENT), ("test", CHECK))
    assert trial.reference_outcome() is None
    (pair,) = trial.Course(whole).partners()
    verdicts = [trial.try_mutant(one.sources) for one in joint_mutants(*pair)]
    assert [one.caught for one in verdicts] == ["", "", ""]
    assert "loss(" in verdicts[0].apart
    assert verdict_on(whole, 1, "return _times(0, np.mean(x ** 2))").caught == "visible"


def test_hidden_tests_catch_what_visible_ones_do_not(tried):
    whole = tried(
        ("answer", LOSS), ("answer", GRADIENT), ("test", CHECK), ("test", HIDDEN)
    )
    (pair,) = trial.Course(whole).partners()
    verdicts = [trial.try_mutant(one.sources) for one in joint_mutants(*pair)]
    assert [(x.caught, x.by) for x in verdicts] == [("hidden", "test4")] * 3


def test_a_mutant_that_is_no_different_is_told_from_one_that_slips_through(tried):
    body = "return np.maximum(x - 1, 0)"
    whole = tried(("answer", answer(body)), ("test", "assert f(np.ones(1))[0] == 0"))
    same = verdict_on(whole, 1, "return np.maximum(0, x - 1)")
    assert (same.caught, same.apart) == ("", "")
    assert same.tried > 3
    slips = verdict_on(whole, 1, "return np.minimum(x - 1, 0)")
    assert slips.caught == ""
    assert slips.apart.startswith("f(")


def test_endless_loops_and_crashes_are_caught(tried, monkeypatch):
    monkeypatch.setattr(trial, "LEAST_SECONDS", 0.2)
    body = "while x > 0:\n    x -= 1\nreturn x"
    whole = tried(("answer", answer(body)), ("test", "assert f(3) == 0"))
    assert verdict_on(whole, 1, "x += 1").why == "it did not end, or crashed"
    assert (
        trial.try_mutant({"answer1": "import os\nos.kill(os.getpid(), 9)"}).caught
        == "visible"
    )


def test_points_of_a_test_that_are_not_all_count_as_caught(tried):
    whole = tried(("answer", answer("return x + 1")), ("test", "0.5 * f(1)"))
    assert trial.reference_outcome() is None
    assert verdict_on(whole, 1, "return x - 1").caught == "visible"


def test_a_reference_that_fails_says_where(tried):
    tried(("answer", answer("return x")), ("test", "assert f(1) == 2, 'two'"))
    assert trial.reference_outcome() == ["test2", False, "AssertionError: two"]


def test_only_the_tests_that_use_an_answer_are_run_for_it():
    whole = assignment(
        ("answer", "def f(x): return x"),
        ("answer", "def g(x): return f(x)"),
        ("test", "got = f(1)\nassert got"),
        ("test", "got = g(1)\nassert got"),
        ("given", "def twice(x): return 2 * g(x)"),
        ("test", "assert twice(1)"),
    )
    course = trial.Course(whole)
    assert course.tests_of({"answer0"}) == {2, 3, 5}
    assert course.tests_of({"answer1"}) == {3, 5}
    assert [a.grade_id for pair in course.partners() for a in pair] == []
