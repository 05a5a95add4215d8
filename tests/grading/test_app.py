"""The command: what it says, and what its exit code means."""

import json
import os
import pty
import re
import stat
import subprocess
import sys
import termios

import nbformat
import pytest

from fairgrade import app, commands, converter
from fairgrade.app import main
from fairgrade.grading import Outcome, Result

from .small_course import WRONG, Course, graded_by_reading

pytestmark = pytest.mark.xdist_group("fairgrade_app")


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("course"))
    assert course.fairgrade("generate", "twice") == 0
    return course


@pytest.fixture
def course(generated, tmp_path, monkeypatch):
    monkeypatch.setattr(converter, "grade_all", graded_by_reading)
    return generated.copy(tmp_path / "course")


def test_help_teaches_with_examples(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for name in app.HELP:
        assert name in said
    assert "exit codes: 0" in said
    for name in set(app.HELP) - set(app.ELSEWHERE):
        assert main([name, "--help"]) == 0
        assert f"\n  fairgrade {name} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["autograd", "twice"], "did you mean 'autograde'?"),
        ([], "required: COMMAND"),
        (["autograde"], "required: NAME"),
        (["autograde", "twice", "--jobs=0"], "need a number from 1 up, got '0'"),
        (["autograde", "twice", "--forse"], "what is '--forse'?"),
        (["autograde", "twcie"], "did you mean 'twice'?"),
        (["autograde", "twice"], "no submissions of twice"),
        (["autograde", "twice", "--student=eve"], "no submissions of twice"),
        (["autograde", "twice", "--notebook=one"], "no notebook that is called one"),
        (["feedback", "twcie"], "did you mean 'twice'?"),
        (["feedback", "twice"], "nothing of twice is graded yet"),
        (["round", "twcie"], "did you mean 'twice'?"),
        (["generate", "twcie"], "did you mean 'twice'?"),
        (["validate", "no.ipynb"], "no.ipynb: No such file"),
        (["export", "--assignment=twcie"], "no assignment 'twcie'"),
    ],
)
def test_misuse_says_what_to_do(arguments, said, course, capsys):
    where = [f"--course-dir={course.folder}"] if len(arguments) > 1 else []
    assert main([*arguments, *where]) == 2
    assert said in capsys.readouterr().err


def test_where_there_is_no_course(tmp_path, capsys):
    for command in ("autograde", "feedback", "round", "generate"):
        assert main([command, "twice", f"--course-dir={tmp_path}"]) == 2
        assert "is no nbgrader course" in capsys.readouterr().err


def test_a_course_without_a_gradebook(tmp_path, capsys):
    course = Course(tmp_path)
    assert course.fairgrade("autograde", "twice") == 2
    assert "generate the assignment first" in capsys.readouterr().err
    assert not (tmp_path / "gradebook.db").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raise AttributeError('boo')", "does not work: AttributeError: boo"),
        ("c.FairAutograde.limits = (", "does not work: SyntaxError"),
        ("c.FairAutograde.limits = {'parsecs': 3}", "parsecs"),
    ],
)
def test_a_configuration_that_does_not_work_is_not_passed_over(
    line, said, course, capsys
):
    """nbgrader itself would go on without it, and grade unprotected."""
    course.hand_in("ada")
    config = course.folder / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\n{line}\n")
    assert course.fairgrade("autograde", "twice") == 2
    assert said in capsys.readouterr().err


def test_one_line_each_and_a_summary(course, capsys):
    course.hand_in("ada")
    course.hand_in("ben", WRONG)
    course.hand_in_text("cyd", "[]")
    assert course.fairgrade("autograde", "twice") == 1
    assert capsys.readouterr().out.splitlines() == [
        "ada: 3 of 5",
        "ben: 1 of 5",
        "cyd: unreadable: not a notebook: JSON of another kind",
        "twice: 2 graded, 1 unreadable",
    ]
    (course.folder / "submitted/cyd/twice/twice.ipynb").unlink()
    course.hand_in("cyd")
    assert course.fairgrade("autograde", "twice") == 0
    assert capsys.readouterr().out.splitlines() == [
        "cyd: 3 of 5",
        "twice: 1 graded, 2 left alone (graded before; --force)",
    ]


def test_json_is_all_there_is_on_stdout(course, capsys):
    course.hand_in("ada")
    assert course.fairgrade("autograde", "twice", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["assignment"] == "twice"
    assert report["summary"] == "1 graded"
    (row,) = report["submissions"]
    assert (row["student"], row["status"], row["score"]) == ("ada", "graded", 3)


def test_a_terminal_gets_a_bar(course):
    course.hand_in("ada")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with subprocess.Popen(
        [sys.executable, "-m", "fairgrade", "autograde", "twice", "--jobs=1"],
        cwd=course.folder,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        out, _ = process.communicate()
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        pass
    os.close(ours)
    assert process.returncode == 0
    assert out.splitlines() == ["ada: 3 of 5", "twice: 1 graded"]
    assert b"submissions" in shown


def test_a_reference_that_fails_is_refused(generated, tmp_path, capsys):
    course = generated.copy(tmp_path)
    path = course.folder / "source" / "twice" / "twice.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].source = notebook.cells[2].source.replace("2 * x", "3 * x")
    nbformat.write(notebook, path)
    assert course.fairgrade("generate", "twice", "--force") == 3
    said = capsys.readouterr().err
    assert "visible" in said
    assert "twice two is four" in said
    course.hand_in("ada")
    assert course.fairgrade("autograde", "twice") == 3
    assert "visible" in capsys.readouterr().err
    assert not (course.folder / "autograded").exists()


def test_a_source_with_other_cells_is_refused(course, capsys):
    course.hand_in("ada")
    path = course.folder / "source" / "twice" / "twice.ipynb"
    notebook = nbformat.read(path, as_version=4)
    del notebook.cells[3]
    nbformat.write(notebook, path)
    assert course.fairgrade("autograde", "twice") == 3
    assert "do not have the same cells (visible)" in capsys.readouterr().err
    path.unlink()
    assert course.fairgrade("autograde", "twice") == 3
    assert "no teacher's notebook" in capsys.readouterr().err


def test_generating_other_cells_keeps_the_release(course, capsys):
    """nbgrader refuses, and deletes the released folder: we put it back."""
    course.hand_in("ada")
    assert course.fairgrade("autograde", "twice") == 0
    released = course.released()
    path = course.folder / "source" / "twice" / "twice.ipynb"
    notebook = nbformat.read(path, as_version=4)
    del notebook.cells[3]
    nbformat.write(notebook, path)
    assert course.fairgrade("generate", "twice", "--force") == 3
    assert course.released() == released


def test_a_missing_wall_is_refused(course, capsys, monkeypatch):
    from fairgrade import doctor, walls

    def require(walls_=None, accepted=()):
        if "network" not in accepted:
            raise walls.WallMissing(["network"])

    monkeypatch.setattr(doctor, "require", require)
    course.hand_in("ada")
    assert course.fairgrade("autograde", "twice") == 3
    assert "network" in capsys.readouterr().err
    assert course.fairgrade("autograde", "twice", "--without=network") == 0


@pytest.fixture
def exchange(course, tmp_path):
    """Ada has handed in through an exchange."""
    root = tmp_path / "exchange"
    for name in ("inbound", "feedback"):
        (root / "small" / name).mkdir(parents=True)
    root.chmod(0o777)
    config = course.folder / "nbgrader_config.py"
    config.write_text(config.read_text() + f'c.Exchange.root = "{root}"\n')
    stamp = "2029-01-01 12:00:00.000000 UTC"
    course.hand_in("ada")
    course.time("ada", stamp)
    (course.folder / "submitted/ada/twice/submission_secret.txt").write_text("s")
    sent = root / "small" / "inbound" / f"ada+twice+{stamp}+x1"
    (course.folder / "submitted" / "ada" / "twice").rename(sent)
    (course.folder / "submitted").rename(course.folder / "was")
    return root


@pytest.mark.filterwarnings("ignore")  # nbgrader leaves files open
def test_a_round_is_from_collected_to_feedback(course, exchange, capsys):
    assert course.fairgrade("round", "twice") == 0
    assert capsys.readouterr().out.splitlines() == [
        "ada: 3 of 5",
        "twice: 1 graded",
        "twice: feedback for 1",
        "twice: feedback released",
    ]
    assert len(list((exchange / "small" / "feedback").iterdir())) == 1
    page = course.folder / "feedback" / "ada" / "twice" / "twice.html"
    assert stat.S_IMODE(page.stat().st_mode) & 0o444
    assert course.fairgrade("round", "twice", "--no-collect", "--no-release") == 0
    said = capsys.readouterr().out
    assert "left alone" in said
    assert "released" not in said


@pytest.fixture
def answers(monkeypatch):
    """Let `validate` judge by looks, too."""

    monkeypatch.setattr(commands, "grade_all", graded_by_reading)


def test_validate_fails_where_an_answer_does(course, answers, capsys):
    right, wrong = course.hand_in("ada"), course.hand_in("ben", WRONG)
    assert course.fairgrade("validate", str(right)) == 0
    assert re.search(r"twice.ipynb: passes, 3 of 3\n$", capsys.readouterr().out)
    assert course.fairgrade("validate", str(right), str(wrong)) == 1
    said = capsys.readouterr().out
    assert "FAILS, 1 of 3" in said
    assert "hidden: failed, AssertionError: minus three" in said
    assert course.fairgrade("validate", "--json", str(wrong)) == 1
    (result,) = json.loads(capsys.readouterr().out).values()
    assert result["score"] == 1


def test_validate_asks_which_assignment(course, answers, tmp_path, capsys):
    other = tmp_path / "mine.ipynb"
    other.write_bytes(course.hand_in("ada").read_bytes())
    assert course.fairgrade("validate", str(other)) == 2
    assert "Say --assignment" in capsys.readouterr().err
    assert course.fairgrade("validate", str(other), "--assignment=twice") == 0
    assert course.fairgrade("validate", str(other), "--assignment=once") == 2


def test_validate_says_what_cannot_be_read(course, answers, tmp_path, capsys):
    broken = tmp_path / "twice.ipynb"
    broken.write_text("{")
    assert course.fairgrade("validate", str(broken)) == 1
    assert "FAILS, unreadable: not JSON" in capsys.readouterr().out


def test_an_interruption_is_no_disaster(course, monkeypatch, capsys):
    def interrupted(*arguments, **settings):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(converter, "grade_all", interrupted)
    course.hand_in("ada")
    assert course.fairgrade("autograde", "twice") == 130
    assert "run it again for the rest" in capsys.readouterr().err


def test_a_loop_is_named(course, monkeypatch, capsys):
    def looping(assignment, submissions, **settings):
        for key, _ in submissions:
            one = assignment[key[-1]]
            cells = [
                Outcome(c.grade_id, c.kind, "not run", 0.0, c.points)
                for c in one.cells
                if c.is_run
            ]
            cells[1].status = "time-out"
            yield key, Result("graded", "", 0.0, 5.0, cells)

    monkeypatch.setattr(converter, "grade_all", looping)
    course.hand_in("ada", "while True: pass")
    # It has its score, nought; still it is no wrong answer.
    assert course.fairgrade("autograde", "twice") == 0
    assert "ada: 0 of 5, crashed: double: took too long" in capsys.readouterr().out
