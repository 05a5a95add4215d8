"""The exercises of the course, graded: full marks where they are due, no more."""

import json
import os
import re
import signal
from pathlib import Path

import nbformat
import pytest

from fairgrade.assignment import read_assignment
from fairgrade.grading import (
    Grader,
    Limits,
    Outcome,
    ReferenceFails,
    Result,
    record_reference,
)
from fairgrade.zygote import ZygoteError
from tests.exercises.conftest import hand_in, load_bank
from tools.exercises import EXERCISES, exercise_names, write_teacher_notebooks

from .assignments import assignment, reference, statuses

BANKS = ["autodiff", "optimisers"]  # the others' are run by `fairgrade check`


@pytest.fixture(scope="module")
def grader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    write_teacher_notebooks(exercise_names(), folder)
    names = exercise_names()
    paths = {name: folder / name / f"{name}.ipynb" for name in names}
    assignments = [read_assignment(path, name) for name, path in paths.items()]
    with Grader(assignments) as grader:
        yield grader


@pytest.mark.parametrize("name", exercise_names())
def test_the_reference_gets_full_marks_and_the_release_none(grader, name):
    recorded = record_reference(grader.assignments[name], grader)
    best = sum(cell.points for cell in recorded.cells if cell.kind == "test")
    whole = grader.grade(recorded, nbformat.writes(hand_in(name, {})).encode())
    assert (whole.status, whole.score, whole.notes) == ("graded", best, [])
    empty = grader.grade(recorded, EXERCISES / name / f"{name}.ipynb")
    assert (empty.status, empty.score) == ("graded", 0)


@pytest.mark.parametrize("name", BANKS)
def test_wrong_answers_lose_their_cells_and_right_ones_none(grader, name):
    one, bank = record_reference(grader.assignments[name], grader), load_bank(name)
    answers = [(cell, body, lost) for cell, body, lost in bank.WRONG.values()]
    answers += [(cell, body, set()) for cell, body in bank.RIGHT.values()]
    for cell, body, lost in answers:
        data = nbformat.writes(hand_in(name, {cell: body})).encode()
        result = grader.grade(one, data)
        got = {c.grade_id for c in result.cells if c.points < c.max_points}
        assert {c for c in got if one.cell(c).kind == "test"} == lost, body


def test_unreadable_and_missing_are_not_graded(grader, tmp_path):
    one = grader.assignments["losses"]
    assert grader.grade(one, b"{").status == "unreadable"
    assert grader.grade(one, b"{").reason.startswith("not JSON")
    missing = grader.grade(one, tmp_path / "none.ipynb")
    assert (missing.status, missing.reason) == ("missing", "no notebook")
    assert missing.max_score == one.max_score
    assert {cell.status for cell in missing.cells} == {"not run"}


def test_a_result_travels_as_json():
    cell = Outcome("a", "test", "failed", 0, 1, "AssertionError", "no", images=["x"])
    result = Result("graded", "", 1.5, 2, [cell], ["a note"], 0.1)
    assert Result.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_no_process_and_no_file_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    one = assignment(("answer", "def f():\n    return 1"), ("test", "assert f() == 1"))
    with Grader([one]) as grader:
        zygotes = [grader.judges.process, grader.learners.process]
        hang = "import time\ndef f():\n    open('left', 'w').write('x')\n    return 1\n"
        result, _ = grader.run(one, {"answer0": hang})
        assert statuses(result) == {}
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    assert [zygote.poll() is not None for zygote in zygotes] == [True, True]


def test_libraries_write_into_a_home_that_goes(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    plot = "%matplotlib inline\nimport matplotlib.pyplot as plt"
    one = assignment(("given", plot), ("answer", "plt.plot([1, 2])"), ("test", "1"))
    with Grader([one]) as grader:
        assert statuses(grader.run(one, {})[0]) == {"answer1": "error"}
        result, _ = grader.run(one, reference(one))
        assert statuses(result) == {}
        assert len(result.cells[1].images) == 1
        for zygote in (grader.judges, grader.learners):
            environment = Path(f"/proc/{zygote.process.pid}/environ").read_text()
            (home,) = re.findall(r"(?:^|\0)HOME=([^\0]*)", environment)
            assert Path(home).parent == tmp_path
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_a_test_makes_again_goes_too(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    write = "import os\nos.makedirs(os.path.expanduser('~/.cache'))"
    one = assignment(("answer", "x = 1"), ("test", write))
    with Grader([one]) as grader:
        assert statuses(grader.run(one, reference(one))[0]) == {}
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_does_not_start_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("fairgrade.zygote.BOOT", "raise OSError('planted')")
    with pytest.raises(ZygoteError, match=r"did not start:\n(.|\n)*planted"):
        Grader([]).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_grader_that_is_killed_takes_everything_with_it():
    one = assignment(("answer", "x = 1"), ("test", "assert x == 1"))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        grader = Grader([one]).__enter__()
        pids = [grader.judges.process.pid, grader.learners.process.pid]
        os.write(writer, json.dumps(pids).encode())
        signal.pause()
    os.close(writer)
    pids = json.loads(os.read(reader, 100))
    os.close(reader)
    handles = [os.pidfd_open(pid) for pid in pids]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for handle in handles:
        import select

        assert select.select([handle], [], [], 10)[0]
        os.close(handle)


def test_a_judge_that_breaks_down_costs_one_cell(tmp_path):
    kill = "import os\nos._exit(1)"
    one = assignment(("answer", "x = 1"), ("test", kill), ("test", "assert x == 1"))
    with Grader([one], Limits(seconds_in_all=5)) as grader:
        result, _ = grader.run(one, reference(one))
        assert result.status == "graded"
        assert statuses(result) == {"test1": "crashed"}
        again = assignment(("answer", "x = 1"), ("test", "assert x == 1"))
        assert statuses(grader.run(again, reference(again))[0]) == {}


def test_a_reference_that_breaks_the_judge_is_told(tmp_path):
    one = assignment(("answer", "x = 1"), ("test", "import os\nos._exit(1)"))
    with (
        Grader([one], Limits(seconds_in_all=5)) as grader,
        pytest.raises(ReferenceFails, match="broke down"),
    ):
        record_reference(one, grader)
