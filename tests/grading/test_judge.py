"""Whatever an answer does, it gets what it deserves, and the other questions theirs."""

import random
from dataclasses import replace

import pytest

from fairgrade.assignment import released
from fairgrade.grading import Grader, Limits, record_reference

from .assignments import assignment, reference, statuses

F = "def f(x):\n    return x + 1\n"
G = "def g(x):\n    return np.asarray(x) * 2.0\n"
TWO_QUESTIONS = assignment(
    ("given", "import numpy as np"),
    ("answer", F),
    (
        "test",
        "got = f(2)\nassert got == 3, f'expected 3, got {got}'\nassert f(10) == 11",
    ),
    ("answer", G),
    (
        "test",
        "x = np.arange(4.0)\ngot = g(x)\nnp.testing.assert_allclose(got, x * 2)\n"
        "assert got.shape == (4,)",
    ),
    ("test", "assert abs(float(g(1)) - 2) < 1e-9"),
)
# An object that says yes to everything, and to arithmetic what passes for zero.
EVIL = """\
class E:
    def __eq__(s, o):
        return True

    def __ne__(s, o):
        return False

    def __sub__(s, o):
        return 0.0

    __rsub__ = __add__ = __radd__ = __mul__ = __sub__

    def __abs__(s):
        return 0.0

    def __lt__(s, o):
        return True

    __gt__ = __le__ = __ge__ = __lt__

    def __bool__(s):
        return True

    def __float__(s):
        return 0.0

    def __array__(s, *a, **k):
        return np.array([0.0])

    def __contains__(s, o):
        return True

    def __array_ufunc__(self, *a, **k):
        return True

    __array_interface__ = {
        "data": (0x10, False),
        "shape": (100,),
        "typestr": "<f8",
        "version": 3,
    }
    shape = (4,)

    def __instancecheck__(s, o):
        return True
"""
# The channel can always be found: it is in the same interpreter.
FIND = """\
import gc, sys, threading, socket, os, struct
from fairgrade.peer import Peer, frame


def peer():
    fr = sys._getframe()
    while fr:
        for v in fr.f_locals.values():
            if isinstance(v, Peer):
                return v
        fr = fr.f_back
    return [o for o in gc.get_objects() if isinstance(o, Peer)][0]
"""
# what it does: (answer to f, answer to g or None, {cell: status} of what fails)
ANSWERS = {
    "loop in f": (
        """\
def f(x):
    while True:
        try:
            while True:
                pass
        except:
            pass
""",
        None,
        {"test2": "time-out"},
    ),
    "loop at top": (
        """\
while True:
    pass
""",
        None,
        {"answer1": "time-out", "test2": "error"},
    ),
    "sigalrm ignored": (
        """\
import signal

try:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
except Exception:
    pass


def f(x):
    while True:
        pass
""",
        None,
        {"test2": "time-out"},
    ),
    "_exit": (
        """\
import os


def f(x):
    os._exit(0)
""",
        None,
        {"test2": "crashed"},
    ),
    "_exit top": (
        """\
import os

os._exit(0)
""",
        None,
        {"answer1": "crashed", "test2": "error"},
    ),
    "sys.exit": (
        """\
import sys


def f(x):
    sys.exit(0)
""",
        None,
        {"test2": "error"},
    ),
    "segv": (
        """\
import ctypes


def f(x):
    ctypes.string_at(0)
""",
        None,
        {"test2": "crashed"},
    ),
    "memory": (
        """\
def f(x):
    return bytearray(10**11)
""",
        None,
        {"test2": "out of memory"},
    ),
    "recursion": (
        """\
def f(x):
    return f(x)
""",
        None,
        {"test2": "error"},
    ),
    "evil": (
        EVIL
        + """\
def f(x):
    return E()
""",
        "def g(x): return E()",
        {"test2": "failed", "test4": "failed", "test5": "failed"},
    ),
    "print 100MB": (
        """\
def f(x):
    print("x" * 100_000_000)
    return x + 1
""",
        None,
        {},
    ),
    "big return": (
        """\
def f(x):
    return "a" * 70_000_000
""",
        None,
        {"test2": "error"},
    ),
    "nested": (
        """\
def f(x):
    l = ()
    for i in range(100000):
        l = (l,)
    return l
""",
        None,
        {"test2": "error"},
    ),
    "selfref": (
        """\
def f(x):
    l = []
    l.append(l)
    return l
""",
        None,
        {"test2": "failed"},
    ),
    "floatsub": (
        """\
class F(float):
    def __eq__(s, o):
        return True

    def __float__(s):
        return 3.0


def f(x):
    return F(0)
""",
        None,
        {"test2": "failed"},
    ),
    "close socket": (
        FIND
        + """\
def f(x):
    peer().channel.sock.close()
    return x + 1
""",
        None,
        {"test2": "crashed"},
    ),
    "close all": (
        """\
import os

os.closerange(0, 1000)


def f(x):
    return x + 1
""",
        None,
        {"answer1": "crashed", "test2": "error"},
    ),
    "forge stale in call": (
        FIND
        + """\
def f(x):
    p = peer()
    p.channel.send(frame(p.nonce, "ok", [[], [], 3]))
    return 5
""",
        None,
        {"test2": "crashed"},
    ),
    "forge wrong nonce": (
        FIND
        + """\
def f(x):
    p = peer()
    p.channel.send(frame(b"12345678", "ok", [[], [], 3]))
    return 5
""",
        None,
        {"test2": "crashed"},
    ),
    "garbage": (
        FIND
        + """\
def f(x):
    p = peer()
    p.channel.sock.sendall(os.urandom(10000))
    return 3
""",
        None,
        {"test2": "crashed"},
    ),
    "amplify": (
        FIND
        + """\
def f(x):
    p = peer()
    d = b"\\xdd\\x03\\xff\\xff\\xff" + b"\\x90" * (60 << 20)
    p.channel.sock.sendall(
        struct.pack("<I", len(d) + 4) + struct.pack("<I", len(d)) + d
    )
    import time

    time.sleep(100)
""",
        None,
        {"test2": "crashed"},
    ),
    "callback bomb": (
        FIND
        + """\
def f(x):
    p = peer()
    for n in range(300):
        try:
            p.request("call", n)
        except Exception as e:
            pass
    return x + 1
""",
        None,
        {},
    ),
    "getattr judge": (
        FIND
        + """\
def f(x):
    p = peer()
    try:
        return p.request("getattr", 0, "__class__")
    except Exception as e:
        return str(e)
""",
        None,
        {"test2": "failed"},
    ),
    "library name": (
        FIND
        + """\
def f(x):
    p = peer()
    p.channel.send(frame(p.nonce, "ok", [[], [], ["N", "lib:os:system"]]))
    import time

    time.sleep(100)
""",
        None,
        {"test2": "crashed"},
    ),
    "threads": (
        """\
import threading, time

for i in range(20):
    threading.Thread(target=time.sleep, args=(1000,), daemon=False).start()


def f(x):
    return x + 1
""",
        None,
        {},
    ),
    "patch numpy": (
        """\
import numpy.testing, numpy as np

numpy.testing.assert_allclose = lambda *a, **k: None
np.asarray = lambda *a, **k: 1 / 0


def f(x):
    return x + 1
""",
        "def g(x): return 7",
        {"test4": "error", "test5": "failed"},
    ),
    "patch learner": (
        FIND
        + """\
import fairgrade.learner as L

L.OPERATIONS["call"] = lambda *a, **k: 3


def f(x):
    return 0
""",
        None,
        {"test2": "failed", "test4": "failed", "test5": "failed"},
    ),
    "warn": (
        """\
import warnings, sys

warnings.warn("x")
print("err", file=sys.stderr)


def f(x):
    warnings.warn("again")
    print("e", file=sys.stderr)
    return x + 1
""",
        None,
        {},
    ),
    "syntax": (
        """\
def f(x:
  return
""",
        None,
        {"answer1": "error", "test2": "error"},
    ),
    "magic": (
        """\
%matplotlib inline
%time 1+1
!ls
def f(x): return x+1
""",
        None,
        {},
    ),
    "raises assertion": (
        """\
def f(x):
    raise AssertionError("haha")
""",
        None,
        {"test2": "error"},
    ),
    "raise base": (
        """\
class B(BaseException):
    pass


def f(x):
    raise B("z")
""",
        None,
        {"test2": "error"},
    ),
    "raise stop": (
        """\
def f(x):
    raise StopIteration
""",
        None,
        {"test2": "error"},
    ),
    "handle chain": (
        """\
class H:
    def __getattr__(s, n):
        return H()

    def __call__(s, *a):
        return H()


def f(x):
    return H()
""",
        "def g(x): return f(x)",
        {"test2": "failed", "test4": "error", "test5": "error"},
    ),
    "mutate builtins": (
        """\
import builtins

builtins.abs = lambda x: 0
builtins.float = lambda x: 2.0
builtins.isinstance = lambda *a: True


def f(x):
    return x + 1
""",
        None,
        {"test2": "crashed"},
    ),
    "nan": (
        """\
def f(x):
    return float("nan")
""",
        "def g(x): return np.full(4,np.nan)",
        {"test2": "failed", "test4": "failed", "test5": "error"},
    ),
    "main module": (
        """\
import __main__, sys

for k in list(sys.modules):
    if "fairgrade" in k:
        del sys.modules[k]


def f(x):
    return x + 1
""",
        None,
        {},
    ),
    "pdb": (
        """\
def f(x):
    input("?")
    return x + 1
""",
        None,
        {"test2": "error"},
    ),
    "settrace": (
        """\
import sys

sys.settrace(lambda *a: 1 / 0)


def f(x):
    return x + 1
""",
        None,
        {"answer1": "crashed", "test2": "error"},
    ),
    "bigint": (
        """\
def f(x):
    return 10**100000
""",
        None,
        {"test2": "error"},
    ),
    "nested exc": (
        """\
class X(Exception):
    def __str__(s):
        raise SystemExit


def f(x):
    raise X()
""",
        None,
        {"test2": "error"},
    ),
}


@pytest.fixture(scope="module")
def grader():
    limits = Limits(seconds_per_cell=2, seconds_in_all=60)
    with Grader([TWO_QUESTIONS], limits, imports=["matplotlib.pyplot"]) as grader:
        yield grader


@pytest.fixture(scope="module")
def recorded(grader):
    return record_reference(TWO_QUESTIONS, grader)


def grade(grader, recorded, f, g=None):
    return grader.run(recorded, {"answer1": f, "answer3": g or G})[0]


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_gets_what_it_deserves(grader, recorded, what):
    f, g, expected = ANSWERS[what]
    result = grade(grader, recorded, f, g)
    assert statuses(result) == expected
    assert result.score == 3 - sum(name.startswith("test") for name in expected)
    for cell in result.cells:
        assert len(cell.printed) < 70_000
        assert len(cell.evalue) <= 4000


def test_the_reference_needs_no_operator_of_the_learners(recorded):
    assert recorded.allowed == {}


@pytest.mark.parametrize("thread", [False, True], ids=["at once", "in a thread"])
def test_a_forger_loses_the_question_and_no_other(grader, recorded, thread):
    forge = FIND + "p = peer()\n"
    if thread:
        forge += (
            "def flood():\n    while True:\n        p.channel.sock.send(b'\\0' * 99)\n"
            "threading.Thread(target=flood, daemon=True).start()\n"
        )
    else:
        node = ["t", [None, ["t", []], ["t", []]]]
        forge += f"p.channel.send(frame(p.nonce, 'ok', [[], [], {node}]))\n"
    result = grade(grader, recorded, forge + F)
    assert result.cells[2].points == 0
    assert result.score == 2


def test_an_untouched_answer_is_an_error_and_costs_the_others_nothing(grader, recorded):
    result, _ = grader.run(recorded, {"answer3": G})
    assert result.cells[1].ename == "NotImplementedError"
    assert result.score == 2


def test_messages_say_what_failed_and_where_and_never_quote_the_test(grader, recorded):
    result = grade(grader, recorded, "def f(x):\n    y = x\n    return y\n")
    assert result.cells[2].ename == "AssertionError"
    assert result.cells[2].evalue == "expected 3, got 2"
    assert result.cells[2].line == ""
    result = grade(grader, recorded, "def f(x):\n    y = [x]\n    return y[3]\n")
    assert result.cells[2].status == "error"
    assert result.cells[2].ename == "IndexError"
    assert result.cells[2].line == "return y[3]"
    assert "answer1, line 3" in result.cells[2].evalue
    result = grade(grader, recorded, "def f(x):\n    while True:\n        x += 1\n")
    assert result.cells[2].status == "time-out"
    assert result.cells[2].line in ("while True:", "x += 1")
    assert "longer than 2 seconds" in result.cells[2].evalue


# What a failing test without a message may quote: (test, what is quoted).
HIDE = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
BARE = {
    "plain": ("assert f(1) == 2", "assert f(1) == 2"),
    "own error": ("if f(1) != 2:\n    raise AssertionError", "raise AssertionError"),
    "several lines": (
        "assert (\n    f(1)\n    == 2\n)",
        "assert (\n    f(1)\n    == 2\n)",
    ),
    "in a loop": ("for x in (1, 2):\n    assert f(x) > x", "assert f(x) > x"),
    "in a helper": (
        "def check(x):\n    assert f(x) == x + 1\ncheck(1)",
        "assert f(x) == x + 1",
    ),
    "a message": ("assert f(1) == 2, f'{f(1)}'", "1"),
    "hidden": (HIDE.format("assert f(1) == 2"), ""),
    "hidden, like a visible one": (
        "if f(1) == 2:\n    assert f(1) == 2\n" + HIDE.format("assert f(1) == 2"),
        "",
    ),
    "hidden inside several lines": (
        "assert (\n    f(1)\n" + HIDE.format("    == 2 if f(1) else 7") + "\n)",
        "",
    ),
    "hidden after the start of a loop": (
        "for x in (1, 2):\n    f(x)\n" + HIDE.format("    assert f(x) == x + 1"),
        "",
    ),
    "on the line of a marker": (
        "### BEGIN HIDDEN TESTS\nx = 1\nassert f(x) == 2  ### END HIDDEN TESTS",
        "",
    ),
    "in a hidden helper": (
        HIDE.format("def check(x):\n    assert f(x) == x + 1") + "\ncheck(1)",
        "check(1)",
    ),
    "a visible helper, called hidden": (
        "def check(x):\n    assert f(x) == x + 1\n" + HIDE.format("check(1)"),
        "assert f(x) == x + 1",
    ),
    "made of text": (HIDE.format("exec('assert f(1) == 2')"), ""),
}


def test_a_bare_assert_shows_its_line_if_learners_have_it(grader):
    tests = [("test", test) for test, _ in BARE.values()]
    whole = assignment(("answer", F), *tests, name="bare")
    whole = record_reference(whole, grader)
    result, _ = grader.run(whole, {"answer0": "def f(x): return x"})
    quoted = {c.grade_id: c.evalue for c in result.cells if c.kind == "test"}
    assert {c.status for c in result.cells if c.kind == "test"} == {"failed"}
    expected = [text for _, text in BARE.values()]
    assert dict(zip(BARE, quoted.values(), strict=True)) == dict(
        zip(BARE, expected, strict=True)
    )


def test_what_is_quoted_always_stands_in_the_released_cell():
    for test, quoted in BARE.values():
        cell = assignment(("test", test)).cells[0]
        if "f'{" not in test:
            assert quoted in released(cell)


def test_what_is_printed_is_kept_but_bounded(grader, recorded):
    loud = (
        "print('at first')\ndef f(x):\n    print('later')\n    return x + 1\n'a value'"
    )
    result = grade(grader, recorded, loud)
    assert result.cells[1].printed == "at first\n'a value'\n"
    assert result.cells[2].printed == "later\nlater\n"


def test_any_number_of_warnings_stops_no_later_submission(grader, recorded):
    # All together they are more than a pipe holds.
    loud = (
        "import warnings\nfor n in range(40):\n    warnings.warn(f'{n}' + 'x' * 480)\n"
    )
    for _ in range(10):
        result = grade(grader, recorded, loud + F)
        assert result.score == 3
        assert "UserWarning: 19xxx" in result.cells[1].printed


def test_figures_come_as_pictures(grader, recorded):
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
    for magic in ("", "%matplotlib inline\n%config InlineBackend.dpi = 72\n"):
        result = grade(grader, recorded, magic + plot + F)
        assert result.score == 3
        assert [image[:8] for image in result.cells[1].images] == ["iVBORw0K"]
        assert "nothing" not in result.cells[1].printed


def test_a_later_submission_sees_nothing_of_an_earlier_one(grader, recorded):
    grade(grader, recorded, "import builtins\nbuiltins.left = 1\n" + F)
    result = grade(grader, recorded, "def f(x):\n    return x + 1 + left\n")
    assert result.cells[2].ename == "NameError"


def test_a_slow_answer_costs_less_time_in_its_second_test(grader):
    slow = assignment(
        ("answer", F), ("test", "assert f(1) == 2"), ("test", "assert f(2) == 3")
    )
    result, _ = grader.run(slow, {"answer0": "def f(x):\n    while True:\n        x\n"})
    assert [cell.status for cell in result.cells[1:]] == ["time-out", "time-out"]
    assert result.cells[2].seconds < 1.8 < result.cells[1].seconds


def test_partial_points_are_the_last_value(grader):
    values = ["0.25", "7", "-1", "float('nan')", "'text'", "True", "[0.5]", "0.5;"]
    cells = [("answer", F), *(("test", value) for value in values)]
    result, _ = grader.run(assignment(*cells), {"answer0": F})
    assert [cell.points for cell in result.cells[1:]] == [0.25, 1, 1, 0, 1, 1, 1, 1]


def test_the_tests_own_loops_end_too(grader):
    endless = "try:\n    while True:\n        pass\nexcept BaseException:\n    pass\n"
    one = assignment(("answer", F), ("test", endless), ("test", "assert f(1) == 2"))
    result, _ = grader.run(one, reference(one))
    assert statuses(result) == {"test1": "time-out"}


@pytest.mark.parametrize(
    "table",
    [
        "np.zeros(9_000_000)",  # more than one message holds
        "[0.0] * 1_000_000",
        "(x for x in ())",
        "type('T', (), {'__class__': property(lambda self: 1 / 0)})()",
    ],
    ids=["big array", "big list", "generator", "broken"],
)
def test_a_name_that_cannot_cross_takes_nothing_else_with_it(grader, table):
    three = assignment(
        ("given", "import numpy as np"),
        ("answer", f"{F}table = np.zeros(3)\n"),
        ("test", "assert f(2) == 3 and table.shape == (3,)"),
        ("test", "assert f(3) == 4"),
        ("test", "assert table.sum() == 0"),
    )
    three = record_reference(three, grader)
    answer = f"{F}print('made')\ntable = {table}\n"
    result, _ = grader.run(three, {"answer1": answer})
    assert result.cells[1].printed == "made\n"
    assert statuses(result) == {"test2": "error", "test4": "error"}


def test_values_come_with_the_answer_before_a_test(grader):
    listen = (
        f"{FIND}\nasked, own = [], peer()\nperform = own.perform\n\n"
        "def noted(operation, *rest):\n"
        "    asked.append(operation)\n"
        "    return perform(operation, *rest)\n\n"
        "own.perform = noted\n"
    )
    questions = assignment(
        ("given", "import numpy as np"),
        ("answer", listen),
        ("answer", F),
        ("test", "assert f(2) == 3"),  # with the answer
        ("test", "assert f(3) == 4"),  # not after an answer
        ("answer", G),
        ("given", "y = 1"),
        ("test", "assert g(1) == 2 and f(1) == 2\nassert asked == expected"),
    )
    expected = ["run", "call", "values", "call", "run", "run", "call", "call"]
    cells = [*questions.cells]
    cells[6] = replace(cells[6], source=f"expected = {expected}")
    questions = replace(questions, cells=tuple(cells))
    result, _ = grader.run(questions, reference(questions))
    assert statuses(result) == {}, result.cells[-1].evalue


def test_time_may_be_over_at_any_moment_of_a_conversation():
    # Long messages both ways: the alarm comes within one, or while the judge answers.
    answer = "def f(g, n):\n    for i in range(n):\n        g([i] * 20, 'x' * 50_000)\n"
    test = "f(lambda items, text: [len(text)] * 9, 10**6)"
    long = assignment(("answer", answer), ("test", test))
    chance, seen = random.Random(0), 0
    with Grader([long]) as grader:
        for _ in range(20):
            seconds = chance.uniform(0.03, 0.1)
            grader.limits = Limits(seconds_per_cell=seconds)
            result, _ = grader.run(long, reference(long))
            if result.cells[0].status == "passed":  # else a busy machine
                assert statuses(result) == {"test1": "time-out"}
                seen += 1
    assert seen


def test_what_takes_for_ever_to_unpack_costs_its_own_cell():
    # Keys of a dict that all have the same hash: each is compared with all before.
    slow = (
        f"{FIND}from fairgrade.wire import dump\nkeys = []\n"
        "for k in range(150_000):\n"
        "    key = k * (2**61 - 1)\n"
        "    keys += [['i', hex(key)] if key >= 2**63 else key, 0]\n"
        "state = [10**6 + 1, b'd' + dump(keys)]\n"
        "p = peer()\n"
        "p.channel.send(frame(p.nonce, 'ok', [[], [state], None]))\n"
        "import time\ntime.sleep(60)\n"
    )
    two = assignment(
        ("answer", F),
        ("test", "assert f(1) == 2"),
        ("answer", "def h(x):\n    return x\n"),
        ("test", "assert h(2) == 2"),
    )
    limits = Limits(seconds_per_cell=1.5, seconds_in_all=30)
    with Grader([two], limits) as grader:
        result, _ = grader.run(two, reference(two) | {"answer0": slow})
    assert statuses(result) == {"answer0": "time-out", "test1": "error"}
