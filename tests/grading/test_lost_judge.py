"""What an answer gives a test may stop the judge: it costs that test, and no other."""

import pytest

from fairgrade.grading import Grader, Limits, record_reference

from .assignments import assignment, reference, statuses

PLAYED = """\
class Player:
    def __init__(self):
        self.moves = []

    def move(self, n):
        self.moves.append(n)
        return n

    def right(self, n):
        return n == 2


player = Player()
play(player)
assert player.right(player.moves[-1]) and player.move(1) == 1
"""
TWO = assignment(
    ("answer", "def f(n):\n    return list(range(n))\n"),
    ("test", "assert sum(f(3)) == 3"),
    ("test", "before = list(f(2))\nassert before == [0, 1]"),
    (
        "test",
        "for got, want in zip(map(f, [0, 1]), [[], [0]]):\n    assert got == want",
    ),
    ("answer", "def play(player):\n    player.move(2)\n"),
    ("test", PLAYED),
    ("answer", "def hook(model):\n    model.on_end = lambda: 3\n"),
    (
        "test",
        "class Model:\n    def on_end(self):\n        return 0\n\n\n"
        "model = Model()\nhook(model)\nassert model.on_end() == 3",
    ),
)


@pytest.fixture(scope="module")
def grader():
    limits = Limits(seconds_per_cell=1, seconds_in_all=30, memory=2**29)
    with Grader([TWO], limits) as grader:
        yield grader


@pytest.fixture(scope="module")
def recorded(grader):
    return record_reference(TWO, grader)


@pytest.mark.parametrize(
    ("name", "answer", "wrong"),
    [
        (
            "answer0",
            "def f(n):\n    return range(10**18)\n",
            {"test1": "time-out", "test2": "out of memory", "test3": "failed"},
        ),
        (
            "answer0",
            "def f(n):\n    return range(n)\n",
            {"test3": "failed"},
        ),
        (
            "answer0",
            "def f(n):\n    raise StopIteration\n",
            {"test1": "error", "test2": "error", "test3": "error"},
        ),
        (
            "answer4",
            "def play(player):\n    player.moves.append(7)\n"
            "    player.right = lambda n: True\n",
            {"test5": "error"},
        ),
        (
            "answer6",
            "def hook(model):\n    model.on_end = lambda: 4\n",
            {"test7": "failed"},
        ),
    ],
    ids=["endless", "other type", "ends a loop", "sets the test's method", "hook"],
)
def test_a_question_is_lost_and_no_other(grader, recorded, name, answer, wrong):
    result, _ = grader.run(recorded, reference(TWO) | {name: answer})
    assert result.status == "graded"
    assert statuses(result) == wrong


def test_a_lost_judge_is_told_in_plain_words(grader, recorded):
    endless = {"answer0": "def f(n):\n    return range(10**18)\n"}
    result, _ = grader.run(recorded, reference(TWO) | endless)
    assert "did not end" in result.cells[1].evalue
