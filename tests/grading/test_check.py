"""`fairgrade check`: banks, reports, exit codes and misuse, on a small course."""

import json
from types import SimpleNamespace

import nbformat
import pytest

from fairgrade import trial
from fairgrade.assignment import read_assignment, to_json
from fairgrade.bank import BankError, filled, no_answers, read_bank
from fairgrade.check import Report, all_cheats, fits, main
from fairgrade.mutation import Mutant

from .assignments import assignment
from .small_course import HIDDEN, VISIBLE, teachers

BANK = """\
WRONG = {
    "always four": ("double", "def double(x):\\n    return 4", {"hidden"}),
    "no sign": ("double", "def double(x):\\n    return abs(2 * x)", {"hidden"}),
    "the square": ("double", "def double(x):\\n    return x**2", {"hidden"}),
    "thrice": ("double", "def double(x):\\n    return 3 * x", {"hidden", "visible"}),
}
RIGHT = {"a sum": ("double", "def double(x):\\n    return x + x")}
"""


@pytest.fixture
def course(tmp_path):
    """A course with the exercise "twice", and a bank for it."""
    config = "c = get_config()\nc.CourseDirectory.course_id = 'small'\n"
    (tmp_path / "nbgrader_config.py").write_text(config)
    source = tmp_path / "source" / "twice" / "twice.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(teachers(), source)
    bank = tmp_path / "banks" / "twice.py"
    bank.parent.mkdir()
    bank.write_text(BANK)
    return SimpleNamespace(folder=tmp_path, source=source, bank=bank)


@pytest.fixture
def check(course, capsys):
    """Return a function that runs the command: (exit code, what it says)."""

    def run(*arguments):
        options = ["--course-dir", str(course.folder), "--jobs", "1"]
        code = main([*arguments, *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def without_hidden(course):
    notebook = teachers()
    for cell in notebook.cells:
        cell.source = cell.source.replace(HIDDEN, VISIBLE)
    nbformat.write(notebook, course.source)


def test_a_sound_exercise_passes_and_leaves_an_index(check, course):
    code, said = check("twice")
    assert code == 0, said
    assert said.startswith("twice: 7 answers, 0 graded wrongly\n")
    assert "100% by all" in said
    (index,) = (course.folder / ".fairgrade").rglob("*.json")
    labels = [one[0] for one in json.loads(index.read_text())["known"]]
    assert labels == ["always four", "no sign", "the square", "thrice"]


def test_a_weak_test_is_told_by_bank_and_mutants(check, course):
    without_hidden(course)
    code, said = check("twice", "--json")
    assert code == 1
    (report,) = json.loads(said)["reports"]
    assert not report["is_well"]
    assert "wrong answer 'no sign' to double: passes hidden" in report["failures"]
    by_mutant = {one["mutant"]: one["apart"] for one in report["survivors"]}
    ignored = "return 2 * x -> (x ignored: always that of the first call)"
    assert by_mutant[ignored].startswith("double(")


def test_an_accepted_mutant_is_no_failure(check, course):
    without_hidden(course)
    course.bank.write_text(BANK + 'ACCEPTED = {"*": {"return 2 * x ->": "so be it"}}')
    code, said = check("twice", "--only", "mutants")
    assert code == 0, said
    assert "not caught" not in said


def test_a_cell_that_is_accepted_whole_has_no_mutants(check, course):
    course.bank.write_text(BANK + 'ACCEPTED = {"double": {"*": "chance"}}')
    code, said = check("twice", "--only", "mutants")
    assert code == 0
    assert "mutants" not in said


def test_a_wrong_expectation_fails_with_the_reason(check, course):
    course.bank.write_text(BANK.replace("x + x", "x + x + 1"))
    code, said = check("twice", "--only", "bank")
    assert code == 1
    assert "right answer 'a sum' to double: fails visible: failed" in said
    assert "twice two is four" in said


def test_a_reference_that_fails_is_a_refusal(check, course):
    notebook = teachers()
    notebook.cells[2].source = notebook.cells[2].source.replace("2 * x", "3 * x")
    nbformat.write(notebook, course.source)
    code, said = check("twice")
    assert code == 3
    assert "reference solution does not get full marks" in said
    assert "twice two is four" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["thrice"], "no assignment 'thrice': there is twice"),
        (["twice", "--bank", "nowhere.py"], "no bank for twice: nowhere.py"),
        (["twice", "--jobs", "0"], "--jobs needs a number from 1 up, got 0"),
        (["twice", "--without", "moat"], "no wall 'moat'"),
        (["twice", "--course-dir", "/nowhere"], "there is no folder /nowhere"),
    ],
    ids=["name", "bank", "jobs", "wall", "folder"],
)
def test_misuse_is_answered(course, capsys, arguments, words):
    assert main(["--course-dir", str(course.folder), *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("WRONG = 3", "WRONG must be a dict"),
        ("x = 1", "neither WRONG nor RIGHT"),
        ("1/0", "ZeroDivisionError"),
        ("WRONG = {'a': ('double', 'pass')}", r"WRONG\['a'\]: need 3 things"),
        ("RIGHT = {'a': ('triple', 'pass')}", "'triple' is not one of"),
        ("WRONG = {'a': ('double', '', {'seen'})}", "need some of .* got .'seen'"),
        ("WRONG = {'a': ('double', '', set())}", "need some of"),
        (BANK + "ACCEPTED = {'double': 'x'}", "need ACCEPTED ="),
    ],
)
def test_a_bad_bank_is_refused_with_its_place(course, text, words):
    course.bank.write_text(text)
    assignment = read_assignment(course.source, "twice")
    with pytest.raises(BankError, match=words) as error:
        read_bank(course.bank, assignment)
    assert str(course.bank) in str(error.value)


def test_a_body_stands_where_the_solution_stood(course):
    assignment = read_assignment(course.source, "twice")
    cell = assignment.cell("double")
    assert filled(cell, "pass\n") == "pass"
    assert no_answers(assignment)["double"].endswith("raise NotImplementedError()")
    source = "def f():\n    ### BEGIN SOLUTION\n    1\n    ### END SOLUTION\nlast"
    cell = type(cell)("answer", "f", 0.0, source, "code")
    assert filled(cell, "a\nb") == "def f():\n    a\n    b\nlast"


def test_an_entry_of_accepted_names_a_mutant_by_kind_or_by_part():
    mutant = Mutant("f", 3, "return a - b", "return b - a", "operands swapped", {})
    assert fits(mutant, "f", "operands swapped")
    assert fits(mutant, "*", "-> return b - a")
    assert not fits(mutant, "g", "-> return b - a")
    assert not fits(mutant, "f", "operands")


def test_the_report_is_read_in_lines():
    survivor = {
        "cell": "f",
        "line": 3,
        "what": "the sign",
        "mutant": "return a -> return -a",
        "apart": "f(1) is -1, not 1",
    }
    report = Report("twice", 9, ["a sentence"], 10, 6, 2, [survivor], [survivor])
    report.stale = [("f", "return b")]
    text = "\n".join(report.lines())
    assert "67% caught by visible tests, 89% by all" in text
    assert (
        "f, line 3: the sign: not caught\n    return a -> return -a\n    f(1)" in text
    )
    assert "ACCEPTED is out of date: f: return b" in text
    assert "no different\n" in "\n".join(report.lines(everything=True))


# ---- cheats

CARELESS = """\
x = np.array([1.0, 2.0])
got = f(x)
np.testing.assert_allclose(got, 2 * x)
"""
CAREFUL = CARELESS.replace("f(x)", "f(x.copy())")
LOOP = "for item in f(np.array([1.0, 2.0])):\n    assert item > 0"
NEGATED = "assert not np.any(abs(f(np.ones(2)) - 2) > 0.1)"
SHAPE = "assert f(np.ones(2)).shape == (2,)"
NO_CHANGE = "x = np.ones(2)\nf(x)\nassert np.all(x == 1)"
ZERO = "assert np.all(f(np.zeros(2)) == 0) and len(f(np.zeros(2))) == 2"


def fooled_by(tmp_path, *tests, answers=("def f(x):\n    return 2 * x",)):
    """Return {test cell: {what fools it}} of a small course."""
    whole = assignment(
        ("given", "import numpy as np"),
        *(("answer", answer) for answer in answers),
        *(("test", test) for test in tests),
    )
    trial.prepare(json.dumps(to_json(whole)), tmp_path)
    found = {}
    try:
        assert trial.reference_outcome() is None
        for one in all_cheats(whole):
            for test in trial.try_cheat(one):
                found.setdefault(test, set()).add(one.key)
    finally:
        trial._COURSES.clear()
    return found


IN_PLACE = "f: what is right for zeros, with its arguments set to zeros in place"


def test_a_test_that_trusts_what_it_handed_over_is_fooled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = fooled_by(tmp_path, CARELESS, CAREFUL)
    assert found.keys() == {"test2"}
    assert IN_PLACE in found["test2"]


def test_empty_results_and_nan_fool_whom_they_can(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = fooled_by(tmp_path, LOOP, NEGATED, SHAPE, NO_CHANGE, ZERO)
    assert found["test2"] == {"f: an empty array", "f: an array without rows"}
    assert found["test3"] >= {"f: an empty array", "f: NaN"}
    assert "test4" not in found
    assert "f: nothing" in found["test5"]
    assert "test6" not in found


def test_methods_values_and_pairs_cheat_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answers = (
        "class A:\n    def f(self, x):\n        return 2 * x",
        "best = np.array([1.0, 2.0])",
        "def g(x):\n    return 2 * x",
    )
    found = fooled_by(
        tmp_path,
        "assert not np.any(abs(A().f(np.ones(2)) - 2) > 0.1)",
        "assert np.all(best > 0)",
        "assert np.all(A().f(np.ones(2)) == g(np.ones(2)))",
        answers=answers,
    )
    assert "A.f: NaN" in found["test4"]
    assert "best: an empty array" in found["test5"]
    assert found["test6"] == {"A.f and g: an empty array"}


def test_a_fooled_test_is_told_and_can_be_accepted(check, course):
    notebook = teachers()
    for cell in notebook.cells:
        cell.source = cell.source.replace(
            HIDDEN, "import numpy as np\nnp.testing.assert_allclose(double(-3), -6)"
        ).replace(VISIBLE, "import numpy as np\nassert np.all(double(2) == 4)")
    nbformat.write(notebook, course.source)
    code, said = check("twice", "--only", "mutants")
    assert code == 1
    assert "hidden, visible: fooled by double giving an empty array" in said
    accepted = 'ACCEPTED = {"double": {"an empty array": "so be it"}}'
    course.bank.write_text(BANK + accepted)
    assert check("twice", "--only", "mutants")[0] == 0
