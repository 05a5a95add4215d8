"""Points that nobody earned: ways round the tests that look harmless."""

import pytest

from fairgrade.grading import Grader, Limits, record_reference

from .assignments import assignment, reference, statuses

GRID = """\
import functools

class Grid:
    def __init__(self, numbers):
        self.numbers = numbers

    def solved(self):
        return self.numbers == [1, 2]

    @functools.cached_property
    def valid(self):
        return self.numbers == [1, 2]
"""
SOLVE = "def solve(grid):\n    return Grid([1, 2])\n"
SOLVED = "assert solve(Grid([0])).solved()"
VALID = "assert solve(Grid([0])).valid"
TOTAL = "def total(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n"
NO_SUM = """\
def sum(*xs):
    raise AssertionError("add them up yourself")
try:
    assert total([1, 2]) == 3
finally:
    del sum
"""
NO_NORM = """\
import numpy as np
own = np.linalg.norm
np.linalg.norm = None
try:
    assert norm(np.array([3.0, 4.0])) == 5
finally:
    np.linalg.norm = own
assert np.linalg.norm([3.0, 4.0]) == 5
"""
MOCKED = """\
from unittest import mock
with mock.patch("math.fsum", side_effect=AssertionError("add them up yourself")):
    assert total([1, 2]) == 3
"""
READ_ONLY = """\
import numpy as np
x = np.arange(3.0)
x.flags.writeable = False
got = half(x)
assert np.allclose(got, x / 2)
"""
UNLOCKED = "def half(x):\n    x.flags.writeable = True\n    x[:] = 0\n    return x\n"
WORDS = "def word():\n    return 'abc'\ndef found():\n    return {1, 2}\n"
METHODS = """\
assert word().startswith("ab")
assert found().issuperset({1, 2})
"""
AGREE = "def yes(*a):\n    return True\n"
YES_MAN = f"""\
{AGREE}
class YesMan:
    startswith = issuperset = yes
word = found = YesMan
"""
# what is tried: (cells, {answer: source}, what fails)
LOOPHOLES = {
    "an object of the teacher's class with a method of its own": (
        [("given", GRID), ("answer", SOLVE), ("test", SOLVED)],
        {"answer1": "def solve(grid):\n    grid.solved = lambda: 1\n    return grid"},
        {"test2": "failed"},
    ),
    "an object of the teacher's class that has its verdict with it": (
        [("given", GRID), ("answer", SOLVE), ("test", VALID)],
        {"answer1": "def solve(grid):\n    vars(grid)['valid'] = 1\n    return grid"},
        {"test2": "failed"},
    ),
    "nothing where something was to be imported": (
        [("answer", "import numpy as np"), ("test", "assert np.array([1]).sum() == 1")],
        {"answer0": ""},
        {"test1": "error"},
    ),
    "something else of the name that was to be imported": (
        [("answer", "from math import sqrt"), ("test", "assert sqrt(4) == 2")],
        {"answer0": "def sqrt(x):\n    return 2"},
        {},  # as long as its name is right
    ),
    "the builtin function that the test forbids": (
        [("answer", TOTAL), ("test", NO_SUM), ("test", "assert total([1]) == 1")],
        {"answer0": "def total(xs):\n    return sum(xs)"},
        {"test1": "error"},
    ),
    "the library's function that the test forbids": (
        [
            ("answer", "def norm(x):\n    return (x * x).sum() ** 0.5"),
            ("test", NO_NORM),
        ],
        {"answer0": "import numpy as np\ndef norm(x):\n    return np.linalg.norm(x)"},
        {"test1": "error"},
    ),
    "the library's function that a mock stands for": (
        [("given", "import math"), ("answer", TOTAL), ("test", MOCKED)],
        {"answer1": "import math\ndef total(xs):\n    return math.fsum(xs)"},
        {"test2": "error"},
    ),
    "an object whose methods agree to everything": (
        [("answer", WORDS), ("test", METHODS)],
        {"answer0": YES_MAN},
        {"test1": "error"},
    ),
    "a class whose methods agree to everything": (
        [("answer", WORDS), ("test", METHODS)],
        {
            "answer0": YES_MAN.replace("= yes", "= staticmethod(yes)").replace(
                "= YesMan", "= lambda: YesMan"
            )
        },
        {"test1": "error"},
    ),
    "a named tuple of functions that agree to everything": (
        [("answer", WORDS), ("test", METHODS)],
        {
            "answer0": AGREE + "from collections import namedtuple\n"
            "Yes = namedtuple('Yes', 'startswith issuperset')\n"
            "word = found = lambda: Yes(yes, yes)"
        },
        {"test1": "error"},
    ),
    "an object of the teacher's class with functions that agree": (
        [("given", "class Box:\n    pass"), ("answer", WORDS), ("test", METHODS)],
        {
            "answer1": AGREE + "def word():\n    box = Box()\n"
            "    box.startswith = box.issuperset = yes\n    return box\nfound = word"
        },
        {"test2": "error"},
    ),
    "an argument that may not be changed": (
        [("answer", "def half(x):\n    return x / 2"), ("test", READ_ONLY)],
        {"answer0": UNLOCKED},
        {"test1": "crashed"},
    ),
}


@pytest.fixture(scope="module")
def grader():
    with Grader([], Limits(seconds_per_cell=4, seconds_in_all=60)) as grader:
        yield grader


@pytest.mark.parametrize("what", LOOPHOLES)
def test_a_loophole_is_closed(grader, what):
    cells, answers, fails = LOOPHOLES[what]
    recorded = record_reference(assignment(*cells), grader)
    result, _ = grader.run(recorded, reference(recorded) | answers)
    assert statuses(result) == fails


def test_who_imported_nothing_loses_that_question_and_no_other(grader):
    one = assignment(
        ("answer", "import numpy as np"),
        ("test", "assert np.pi > 3"),
        ("answer", "def f(x):\n    return x"),
        ("test", "assert f(np.pi) == np.pi"),
    )
    result, _ = grader.run(one, reference(one) | {"answer0": ""})
    assert statuses(result) == {"test1": "error"}


def test_a_name_that_a_hidden_test_mentions_is_never_handed_on(grader):
    secret = "### BEGIN HIDDEN TESTS\ny = 7\n### END HIDDEN TESTS"
    one = assignment(
        ("answer", "def f(x):\n    return x"),
        ("test", f"x = 3\ny = 4\n{secret}"),
        ("answer", "z = 0"),
        ("test", "assert z == 3"),
    )
    for name, fails in {"x": {}, "y": {"answer2": "error", "test3": "error"}}.items():
        result, _ = grader.run(one, reference(one) | {"answer2": f"z = {name}"})
        assert statuses(result) == fails
