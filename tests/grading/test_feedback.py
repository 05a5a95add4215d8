"""What learners read in their feedback, and what they never do.

A small course with one exercise of its own: fairgrade grades a class of answers, each
of which makes hidden tests show up in another way, and writes the feedback on them.
"""

import copy
import html
import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook

from fairgrade.app import main
from tools.exercises import ROOT, full_metadata

pytestmark = pytest.mark.xdist_group("feedback")

VISIBLE = "assert double(2) == 4, 'twice two is four'"
BESIDE = "assert double(1) == 2"
HIDDEN = [
    "answers = [double(number) for number in (-3, 0, 5)]",
    "assert answers == [-6, 0, 10], f'minus three, nought and five gave {answers}'",
]

CELLS = [
    (
        new_code_cell,
        {"solution": "double"},
        "### BEGIN SOLUTION\ndef double(x):\n    return 2 * x\n### END SOLUTION",
    ),
    (new_code_cell, {"test": "visible", "points": 1}, VISIBLE),
    (
        new_code_cell,
        {"test": "hidden", "points": 2},
        "\n".join([BESIDE, "### BEGIN HIDDEN TESTS", *HIDDEN, "### END HIDDEN TESTS"]),
    ),
    (new_markdown_cell, {"manual": "why", "points": 2}, "Because."),
]

# What each learner writes instead of the solution.
ANSWERS = {
    "right": """\
def double(x):
    return 2 * x""",
    "warns": """\
import warnings
def double(x):
    warnings.warn("adding is quicker", stacklevel=2)
    return 2 * x""",
    "wrong": """\
def double(x):
    return x + max(x, 1)""",
    "raises": """\
def double(x):
    if x < 0:
        return [][x]
    return 2 * x""",
    "prints": """\
def double(x):
    print(globals().get("In"))
    return 2 * x""",
    "quotes": """\
def double(x):
    raise ValueError(globals().get("In"))""",
    "exits": """\
import sys
def double(x):
    sys.exit(0)""",
    "nothing": """\
def double(x):
    return None""",
    "mutes": """\
get_ipython().showtraceback = lambda *arguments, **options: None
def double(x):
    return None""",
    "deletes": """\
def double(x):
    return 2 * x""",
}


def source_notebook():
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(metadata={"kernelspec": kernel})
    for new, short, source in CELLS:
        full = full_metadata(short, "test_feedback.py")
        notebook.cells.append(new(source, metadata={"nbgrader": full}))
    return notebook


class Class:
    """Everybody's submission, graded: `scores` and `feedback` by learner."""

    def __init__(self, course):
        self.course = course
        shutil.copy(ROOT / "nbgrader_config.py", course)
        source = course / "_build" / "source" / "twice" / "twice.ipynb"
        source.parent.mkdir(parents=True)
        nbformat.write(source_notebook(), source)
        self.fairgrade("generate")
        release = nbformat.read(course / "exercises/twice/twice.ipynb", as_version=4)
        for learner, answer in ANSWERS.items():
            notebook = copy.deepcopy(release)
            notebook.cells[0].source = answer
            if learner == "deletes":
                del notebook.cells[2:]
            # Also a cell of the learner's own, which looks back at the tests.
            notebook.cells.append(new_code_cell("In[-2]"))
            target = course / "submitted" / learner / "twice" / "twice.ipynb"
            target.parent.mkdir(parents=True)
            nbformat.write(notebook, target)
        self.fairgrade("autograde")
        self.fairgrade("feedback")
        self.scores, self.feedback = {}, {}
        with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            for learner in ANSWERS:
                (notebook,) = gradebook.find_submission("twice", learner).notebooks
                scores = {grade.name: grade.auto_score for grade in notebook.grades}
                self.scores[learner] = scores["visible"], scores["hidden"]
                page = course / "feedback" / learner / "twice" / "twice.html"
                self.feedback[learner] = as_read(page)

    def fairgrade(self, command):
        assert main([command, "twice", f"--course-dir={self.course}"]) == 0


def as_read(page):
    """Return the text of an HTML page as a browser shows it."""
    body = page.read_text(encoding="utf-8").partition("</head>")[2]
    return re.sub(r"\n+", "\n", html.unescape(re.sub(r"<[^>]*>", "", body)))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return Class(tmp_path_factory.mktemp("course"))


@pytest.mark.parametrize(
    ("learner", "scores"),
    {
        "right": (1, 2),
        "warns": (1, 2),
        "wrong": (1, 0),
        "raises": (1, 0),
        "prints": (1, 2),
        "quotes": (0, 0),
        "exits": (0, 0),
        "nothing": (0, 0),
        "mutes": (0, 0),
        "deletes": (1, 2),
    }.items(),
)
def test_points_are_lost_for_errors_alone(learner, scores, graded):
    assert graded.scores[learner] == scores


@pytest.mark.parametrize("learner", ANSWERS)
def test_feedback_keeps_hidden_tests_hidden(learner, graded):
    for line in HIDDEN:
        assert line not in graded.feedback[learner]


@pytest.mark.parametrize("learner", ANSWERS)
def test_feedback_shows_the_visible_tests(learner, graded):
    assert VISIBLE in graded.feedback[learner]
    assert "# (hidden tests)" in graded.feedback[learner]


def test_a_failing_hidden_test_says_why(graded):
    message = "AssertionError: minus three, nought and five gave [-2, 1, 10]"
    assert message in graded.feedback["wrong"]


def test_an_error_in_the_learners_code_names_its_line(graded):
    said = "IndexError: list index out of range\n(in double, line 3: return [][x])"
    assert said in graded.feedback["raises"]


def test_a_visible_test_that_fails_says_so(graded):
    assert "AssertionError: twice two is four" in graded.feedback["nothing"]


def test_a_warning_can_be_read(graded):
    assert "UserWarning: adding is quicker" in graded.feedback["warns"]
