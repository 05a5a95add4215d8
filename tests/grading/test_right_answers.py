"""Right answers, and tests that other courses have: what a notebook gives, they get."""

import re
import time

import pytest

from fairgrade.grading import Grader, Limits, ReferenceFails, record_reference
from fairgrade.learner import compile_cell, execute, needs_shell

from .assignments import assignment, reference, statuses

V = """\
class V:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return self.x == other.x

    def __lt__(self, other):
        return self.x < other.x

    def __len__(self):
        return self.x

    def __add__(self, other):
        return V(self.x + other.x)
"""
OPERATORS = """\
assert V(1) == V(1) and V(1) != V(2) and not V(1) != V(1)
assert [v.x for v in sorted([V(2), V(1)])] == [1, 2] and max(V(1), V(2)).x == 2
assert V(1) and not V(0)
v = V(1)
v += V(2)
assert v.x == 3
"""
OWN_CLASSES = """\
class Degrees(float):
    def shown(self):
        return f"{self}°"

class Items(list):
    def first(self):
        return self[0]

class Table(dict):
    def rows(self):
        return list(self)

class Text(str):
    def shout(self):
        return self.upper()

def number():
    return Degrees(3)

def items():
    return Items([1, 2])

def table():
    return Table(a=1)

def text():
    return Text("ab")
"""
PLAIN = """\
assert abs(number() - 3) < 1e-9 and number() == 3 and 2 < number() < 4
assert items() == [1, 2] and [1, 2] == items() and items() + [3] == [1, 2, 3]
assert 1 in items() and items()
assert table() == {"a": 1} and "a" in table() and table()["a"] == 1
assert text() == "ab" and "ab" in {text()} and "b" in text() and text() + "c" == "abc"
assert items() == items()
"""
CAPTURED = """\
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as said:
    hello()
assert said.getvalue() == "Hello\\n"
assert capsys() is None
"""
TYPED = """\
from unittest import mock
with mock.patch("builtins.input", side_effect=["3", "4"]):
    assert ask() == 7
"""
DATES = """\
from datetime import date, datetime, time, timedelta, timezone
noon = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
assert later(date(2024, 2, 28), timedelta(1)) == date(2024, 2, 29)
assert later(noon, timedelta(hours=1)) - noon == timedelta(hours=1)
assert later(noon, timedelta(0)).time() == time(12)
"""
LATER = "def later(when, how_long):\n    return when + how_long"
KEYWORDS = """\
assert at(f=lambda x: x + 1, number=1) == 2
assert at(lambda x: x, number=2, operation=3) == 2
assert Box(cls=1, peer=2).cls == 1
"""
AT = """\
def at(f, number, operation=None, name=None, value=None):
    return f(number)

class Box:
    def __init__(self, cls, peer):
        self.cls = cls
"""
# what is right: (cells, other answers that are as right)
RIGHT = {
    "operators by others of their family": (
        [("answer", V), ("test", OPERATORS)],
        [
            V + "    def __ne__(self, other):\n        return self.x != other.x\n",
            V + "    def __bool__(self):\n        return self.x != 0\n",
            V + "    def __iadd__(self, other):\n        return self + other\n",
            V.replace("__lt__", "__gt__").replace(" < ", " > "),
        ],
    ),
    "numbers, lists and texts with methods of their own": (
        [
            (
                "answer",
                "def number():\n    return 3.0\n"
                "def items():\n    return [1, 2]\n"
                "def table():\n    return {'a': 1}\n"
                "def text():\n    return 'ab'\n",
            ),
            ("test", PLAIN),
        ],
        [OWN_CLASSES],
    ),
    "keys and values of a dict": (
        [
            ("answer", "def keys(d):\n    return set(d)\nvalues = list"),
            ("test", "assert keys({'a': 1}) == {'a'} and 'a' in keys({'a': 2})"),
        ],
        ["def keys(d):\n    return d.keys()"],
    ),
    "arguments by any name": ([("answer", AT), ("test", KEYWORDS)], []),
    "what a test makes of what is printed": (
        [
            (
                "answer",
                "def hello():\n    print('Hello')\ndef capsys():\n    print('more')",
            ),
            ("test", CAPTURED),
        ],
        [],
    ),
    "what a test types for the learner": (
        [
            ("answer", "def ask():\n    return int(input()) + int(input())"),
            ("test", TYPED),
        ],
        ["def ask():\n    a, b = input('a'), input()\n    return int(a) + int(b)"],
    ),
    "dates": ([("answer", LATER), ("test", DATES)], []),
    "magics in given cells and tests": (
        [
            (
                "given",
                "%matplotlib inline\n%config InlineBackend.dpi = 72\nimport math",
            ),
            ("answer", "def f(x):\n    return math.floor(x)"),
            ("test", "%timeit -n1 -r1 f(1.5)\nassert f(2.5) == 2"),
        ],
        [],
    ),
    "magics that measure or keep": (
        [
            ("given", "%%time\nimport math\nlimit = 2"),
            (
                "answer",
                "%%capture\nfactor = 2\ndef f(x):\n    return limit * factor * x",
            ),
            (
                "test",
                "\n%%time\n%matplotlib inline\n%time v = f(1)\nassert v == 4\n"
                "def g():\n    %timeit -n 10 -r1 f(2)\n    f?\ng()",
            ),
            ("test", "%%timeit -n 3 w = 1\nassert f(w) == 4"),
            ("test", "%%capture out\nprint(f(1))"),
            ("test", "assert out.stdout == '4\\n'\n%prun f(2)"),
        ],
        ["%%time\ndef f(x):\n    return 4 * x"],
    ),
    "a record of functions, by a class": (
        [
            (
                "answer",
                "from collections import namedtuple\n"
                "Layer = namedtuple('Layer', 'forward size')\n"
                "def make():\n    return Layer(lambda x: x + 1, 2)",
            ),
            (
                "test",
                "layer = make()\n"
                "assert layer.size == 2\n"
                "assert layer.forward(1) == 2, f'gave {layer.forward(1)}'",
            ),
        ],
        [
            "class Layer:\n    size = 2\n    def forward(self, x):\n"
            "        return x + 1\nmake = Layer",
            "from types import SimpleNamespace\ndef make():\n"
            "    return SimpleNamespace(forward=lambda x: x + 1, size=2)",
        ],
    ),
    "a record within an object": (
        [
            (
                "answer",
                "from collections import namedtuple\n"
                "Place = namedtuple('Place', 'x y')\n"
                "class Ship:\n    def __init__(self):\n"
                "        self.place = Place(1, 2)\n        self.crew = {'a': 1}",
            ),
            (
                "test",
                "ship = Ship()\nassert ship.place.y == 2\nassert ship.crew['a'] == 1\n"
                "assert not callable(ship.place) and not callable(ship)",
            ),
        ],
        [
            "from types import MappingProxyType, SimpleNamespace\n"
            "class Ship:\n    place = SimpleNamespace(x=1, y=2)\n"
            "    crew = MappingProxyType({'a': 1})",
            "class Ship:\n    class place:\n        y = 2\n"
            "    def __init__(self):\n        self.place = Ship.place()\n"
            "    def __getattr__(self, name):\n        return {'a': len(name) - 3}",
        ],
    ),
    "parts of a model, by other names": (
        [
            (
                "answer",
                "class Part:\n    def __call__(self, x):\n        return x + 1\n"
                "class Model:\n    def __init__(self):\n        self.first = Part()",
            ),
            (
                "test",
                "model = Model()\n"
                "parts = [getattr(model, name) for name in vars(model)]\n"
                "assert [part(1) for part in parts] == [2]",
            ),
        ],
        [
            "class Model:\n    def __init__(self):\n"
            "        self.layer = lambda x: x + 1",
        ],
    ),
    "who reads sources": (
        [
            ("answer", "def f(x):\n    return x"),
            ("test", "assert f(2) == 2"),
        ],
        [
            "import inspect\ndef f(x):\n    return x\n"
            "assert 'return x' in inspect.getsource(f)",
            "%matplotlib widget\ndef f(x):\n    return x",
        ],
    ),
    "what the visible tests import and bind": (
        [
            ("answer", "def f(x):\n    return x * 2"),
            ("test", "import math\nxs = [1, 2]\nassert f(1) == 2"),
            ("answer", "def g(x):\n    return [x]"),
            ("test", "assert g(1)[0] == 1"),
        ],
        [],
    ),
}


@pytest.fixture(scope="module")
def grader():
    magics = assignment(*RIGHT["magics in given cells and tests"][0])
    with Grader([magics], Limits(seconds_per_cell=4, seconds_in_all=60)) as grader:
        yield grader


@pytest.mark.parametrize("what", RIGHT)
def test_a_right_answer_gets_its_points(grader, what):
    cells, others = RIGHT[what]
    recorded = record_reference(assignment(*cells), grader)
    answer = next(iter(reference(recorded)))
    for source in [*reference(recorded).values(), *others][:: 1 if others else 2]:
        result, _ = grader.run(recorded, reference(recorded) | {answer: source})
        assert statuses(result) == {}


def test_names_that_visible_tests_bind_are_there_for_later_answers(grader):
    one = assignment(*RIGHT["what the visible tests import and bind"][0])
    answer = "last = [f(x) for x in xs]\ndef g(x):\n    return [math.floor(x), last]"
    result, _ = grader.run(one, reference(one) | {"answer2": answer})
    assert statuses(result) == {}


MAGIC_TESTS = {
    "%%time": ("%%time\nassert f(2) == 4", "assert f(2) == 4"),
    "%time": ("for x in [2]:\n    %time assert f(x) == 4", "assert f(x) == 4"),
    "%%capture": ("\n%%capture\n\nassert f(2) == 4", "assert f(2) == 4"),
    "%%timeit": ("%%timeit x = 2\nassert f(x) == 4", "assert f(x) == 4"),
}


@pytest.mark.parametrize("name", MAGIC_TESTS)
def test_what_stands_behind_a_magic_is_tested(grader, name):
    source, line = MAGIC_TESTS[name]
    one = assignment(("answer", "def f(x):\n    return 2 * x"), ("test", source))
    one = record_reference(one, grader)
    assert statuses(grader.run(one, reference(one))[0]) == {}
    result, _ = grader.run(one, {"answer0": "def f(x):\n    return 5"})
    assert statuses(result) == {"test1": "failed"}
    assert line in result.cells[-1].evalue


@pytest.mark.parametrize(
    "magic",
    ["!ls", "files = !ls", "%cd /", "%%bash\nls", "t = %timeit -o f(2)", "%frob 1"],
)
def test_a_teacher_is_told_of_magics_that_a_test_cannot_have(grader, magic):
    one = assignment(("answer", "def f(x):\n    return 2 * x"), ("test", magic))
    said = magic.split("\n")[0].removeprefix("files = ").removeprefix("t = ")
    with pytest.raises(ReferenceFails, match=re.escape(f"`{said}` cannot be graded")):
        record_reference(one, grader)


def test_answers_may_have_any_magic(grader):
    one = assignment(
        ("answer", "def f(x):\n    return 2 * x"), ("test", "assert f(2) == 4")
    )
    answer = "%matplotlib inline\n%cd .\nfiles = !ls\n!ls\n" + reference(one)["answer0"]
    result, _ = grader.run(one, {"answer0": answer})
    assert statuses(result) == {}
    assert "no commands here: ls" in result.cells[0].printed
    assert "%matplotlib" not in result.cells[0].printed


def test_the_shell_is_only_there_for_who_needs_it():
    one = assignment(("answer", "def f():\n    return 1"), ("test", "assert f() == 1"))
    look = "import sys\nprint('IPy' + 'thon' in sys.modules)\n"
    answer = reference(one)["answer0"]
    # `in_disguise` is not found by looking at the text: the shell comes all the same.
    in_disguise = (
        "shell = globals()['get_' + 'ipy' + 'thon']()\n"
        "shell.run_line_magic('pwd', '')\n"
    )
    with Grader([one]) as grader:
        for before, seen in [
            ("", "False"),
            (in_disguise, "True"),
            ("", "False"),
            ("%pwd\n", "True"),
            ("", "True"),  # from now on, it is there for all
        ]:
            result, _ = grader.run(one, {"answer0": before + look + answer})
            assert statuses(result) == {}, result.cells[0]
            assert result.cells[0].printed.endswith(f"{seen}\n")


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("%matplotlib inline", True),
        ("x = 1\n  %timeit x", True),
        ("%%time\nx = 1", True),
        ("!ls", True),
        ("files = !ls", True),
        ("t = %timeit -o 1", True),
        ("sum?", True),
        ("np.sum??", True),
        ("?sum", True),
        ("get_ipython().run_line_magic('time', '1')", True),
        ("from IPython.display import display", True),
        ("x = 5 % 3\ny = x != 2", False),
        ("print('x=%d' % x)  # which is right?", False),
        ("# What is its shape?\ndef f():\n    return 'Why?'", False),
        ("\n" * 100_000 + " " * 100_000, False),
    ],
)
def test_what_needs_the_shell_is_seen_in_its_text(source, needed):
    start = time.perf_counter()
    assert needs_shell(source) == needed
    assert time.perf_counter() - start < 0.5  # learners may hand in any text


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("def f():\n    return 1", None),
        ("def f():\n    return 1  # one\n\n### END SOLUTION\n", None),
        ("def f():\n    return 1\n\nf()", 1),
        ("def f():\n    return (\n        1\n    )\n\nf() + 1", 2),
        ("'\\\n    return 1'", "    return 1"),
        ('"""\n    return 1\n# text"""', "\n    return 1\n# text"),
    ],
)
def test_only_what_ends_in_a_value_has_one(source, value):
    code, last = compile_cell(source, "<cell a>")
    namespace = {}
    execute(code, namespace)
    assert (last and execute(last, namespace)) == value
