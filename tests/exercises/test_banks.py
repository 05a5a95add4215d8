"""Every exercise's grader is tested with the answers that learners hand in.

fairgrade grades each of them; plain nbgrader's own autograder, which learners have in
"Validate", some. An exercise without a bank fails here.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from fairgrade.bank import no_answers, reference_answers
from fairgrade.check import lost
from tools.exercises import ROOT, exercise_names, teacher_notebook

from .conftest import (
    SOLUTION,
    cells_of,
    defined,
    hand_in,
    load_bank,
    questions,
    share_out,
)

SCHEME = re.compile(
    r"=== BEGIN MARK SCHEME ===\n(.*?)=== END MARK SCHEME ===", re.DOTALL
)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)
NAMES = exercise_names()


def each(answers):
    """Return one test parameter per answer; those of one exercise share a worker."""
    return [
        pytest.param(name, label, marks=pytest.mark.xdist_group(name))
        for name in NAMES
        if (Path(__file__).parent / f"{name}.py").exists()
        for label in getattr(load_bank(name), answers)
    ]


def each_exercise():
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES]


def telling(text):
    """Return the lines of a text that say something, without their indentation."""
    return {line.strip() for line in text.splitlines() if len(line.strip()) > 12}


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_has_a_bank(name):
    bank = Path(__file__).parent / f"{name}.py"
    assert bank.exists(), (
        f"write {bank.relative_to(ROOT)}: the answers that prove the grader"
    )
    assert len(load_bank(name).WRONG) >= 8
    assert len(load_bank(name).RIGHT) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_is_whole(name):
    notebook = teacher_notebook(name)
    tests = cells_of(notebook, grade=True, solution=False)
    hidden = {cell for cell, test in tests.items() if HIDDEN.search(test.source)}
    visible = {
        cell
        for cell, test in tests.items()
        if HIDDEN.sub("", test.source).count("assert")
    }
    assert len(tests) >= 8
    assert hidden, "no hidden test"
    assert visible, "no visible test"
    assert len(cells_of(notebook, grade=True, solution=True)) == 1, (
        "one free-text question"
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_tests_only_call_what_a_learner_wrote(name):
    notebook = teacher_notebook(name)
    written = set()
    for cell in cells_of(notebook, solution=True, grade=False).values():
        written |= defined(cell)
    for test in cells_of(notebook, grade=True, solution=False).values():
        tree = ast.parse(test.source)
        called = {id(x.func) for x in ast.walk(tree) if isinstance(x, ast.Call)}
        names = [
            x for x in ast.walk(tree) if isinstance(x, ast.Name) and x.id in written
        ]
        assert names, f"{test.id} calls nothing"
        assert {x.id for x in names if id(x) not in called} == set(), test.id


@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_answered_wrongly_and_every_test_fails_for_someone(name):
    notebook, bank = teacher_notebook(name), load_bank(name)
    solutions = cells_of(notebook, solution=True, grade=False)
    assert {cell for cell, _, _ in bank.WRONG.values()} == set(solutions)
    failed = set().union(*(cells for _, _, cells in bank.WRONG.values()))
    assert failed == set(cells_of(notebook, grade=True, solution=False))


@pytest.mark.parametrize("name", NAMES)
def test_the_release_gives_nothing_away(name):
    path = ROOT / "exercises" / name / f"{name}.ipynb"
    sources = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    secret, shown = set(), set()
    for cell in teacher_notebook(name).cells:
        regions = HIDDEN.findall(cell.source) + SCHEME.findall(cell.source)
        regions += [region["body"] for region in SOLUTION.finditer(cell.source)]
        secret |= telling("\n".join(regions))
        for pattern in (HIDDEN, SCHEME, SOLUTION):
            cell.source = pattern.sub("", cell.source)
        shown |= telling(cell.source)
    assert len(secret) > 8
    assert not (secret - shown) & telling("\n".join(sources))
    assert not any("BEGIN" in source or "END" in source for source in sources)


@pytest.mark.parametrize("name", each_exercise())
def test_the_reference_solution_gets_full_marks(name, fair):
    exercise = fair(name)
    assert lost(exercise.grade(reference_answers(exercise.assignment))) == set()


@pytest.mark.parametrize("name", each_exercise())
def test_the_untouched_release_gets_nothing(name, fair):
    exercise = fair(name)
    assert exercise.grade(no_answers(exercise.assignment)).score == 0


@pytest.mark.parametrize(("name", "label"), each("WRONG"))
def test_a_wrong_answer_loses_its_points_on_the_right_cell(name, label, fair):
    assert fair(name).misgraded(label) is None


@pytest.mark.parametrize(("name", "label"), each("RIGHT"))
def test_a_right_answer_in_another_style_gets_full_marks(name, label, fair):
    assert fair(name).misgraded(label) is None


@pytest.mark.parametrize("name", each_exercise())
def test_plain_nbgrader_agrees(name, by_nbgrader):
    graded, bank = by_nbgrader(name), load_bank(name)
    assert graded.lost("reference") == set()
    assert graded.total("untouched") == 0
    expected = set().union(*(bank.WRONG[label][2] for label in graded.wrong))
    assert graded.lost("wrong") == expected


def test_answers_that_meet_in_a_test_are_one_question():
    notebook = nbformat.v4.new_notebook()
    for grade_id, source, grade in [
        ("f", "def f(): pass", False),
        ("g", "def g(): return f()", False),
        ("h", "def h(): pass", False),
        ("test_f", "assert f()", True),
        ("test_h", "assert h()", True),
    ]:
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata["nbgrader"] = {
            "grade_id": grade_id,
            "grade": grade,
            "solution": not grade,
        }
        notebook.cells.append(cell)
    question = questions(notebook)
    assert question == {"f": "f", "g": "f", "h": "h"}
    answers = {"a": ("f", ""), "b": ("g", ""), "c": ("h", ""), "d": ("h", "")}
    assert share_out(answers, question) == [["a", "c"], ["b", "d"]]


@pytest.mark.parametrize("name", NAMES)
def test_one_learner_never_answers_one_question_twice(name):
    question, bank = questions(teacher_notebook(name)), load_bank(name)
    answers = {label: (cell, body) for label, (cell, body, _) in bank.WRONG.items()}
    for labels in share_out(answers, question):
        asked = [question[answers[x][0]] for x in labels]
        assert len(set(asked)) == len(asked)
        given = cells_of(hand_in(name, dict(answers[x] for x in labels)), solution=True)
        for x in labels:
            assert answers[x][1].strip().splitlines()[0] in given[answers[x][0]].source
