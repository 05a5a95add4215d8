"""Killed at any moment, with a full disk or a lost gradebook: a second run mends it."""

import errno
import multiprocessing
import os
import signal
import sqlite3

import pytest

from fairgrade import converter, files

from .small_course import RIGHT, WRONG, Course, graded_by_reading

pytestmark = pytest.mark.xdist_group("fairgrade_resume")

WAS, IS = 0, 2  # points of the hidden test, before and after


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course in which Ada's first answer, a wrong one, has been graded."""
    course = Course(tmp_path_factory.mktemp("course"))
    assert course.fairgrade("generate", "twice") == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(converter, "grade_all", graded_by_reading)
        course.hand_in("ada", WRONG)
        course.time("ada", "2029-01-01 12:00:00 UTC")
        assert course.fairgrade("autograde", "twice") == 0
    return course


@pytest.fixture
def course(graded, tmp_path, monkeypatch):
    """The same, after Ada and Ben have handed in a right one."""
    monkeypatch.setattr(converter, "grade_all", graded_by_reading)
    course = graded.copy(tmp_path / "course")
    for student in ("ada", "ben"):
        course.hand_in(student, RIGHT)
        course.time(student, "2029-01-01 13:00:00 UTC")
    return course


def state(course, student):
    """Return (points of the hidden test, whether the notebook is the right answer)."""
    answer = course.autograded(student).cells[2].source
    return course.grades(student)["hidden"][0], answer == RIGHT


def leftovers(course):
    """Return what is in `autograded` but no submission."""
    names = [path.name for path in (course.folder / "autograded").glob("*/*")]
    return sorted(set(names) - {"twice", ".twice.fairgrade.json"})


def assert_whole(course):
    """After a run that nothing disturbed, all is in its place, once."""
    assert course.fairgrade("autograde", "twice") == 0
    for student in ("ada", "ben"):
        assert state(course, student) == (IS, True)
    assert leftovers(course) == []
    with course.gradebook() as book:
        assert len(book.assignment_submissions("twice")) == 2
        for submission in book.assignment_submissions("twice"):
            (notebook,) = submission.notebooks
            assert len(notebook.grades) == 3
            assert submission.score == 3


def killed(place, name, after):
    """Replace a function by one that is killed before or after it has done its work."""
    original = getattr(place, name)

    def fatal(*arguments, **options):
        if after:
            original(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, fatal)


# Where a run is killed -9, and what Ada's submission is afterwards.
OLD, BETWEEN, NEW = (WAS, False), (IS, False), (IS, True)
MOMENTS = {
    "before the first row": (converter.FairAutograde, "enter", False, OLD),
    "with grades unsaved": (converter.FairAutograde, "write_notebook", True, OLD),
    "before the commit": (converter.FairAutograde, "set_modes", True, OLD),
    "after the commit": (converter, "write_record", False, BETWEEN),
    "before the swap": (files, "swap", False, BETWEEN),
    "after the exchange": (files, "exchange", True, NEW),
    "after the swap": (files, "swap", True, NEW),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_leaves_the_old_or_the_new(moment, course):
    place, name, after, expected = MOMENTS[moment]

    def run():
        killed(place, name, after)
        course.fairgrade("autograde", "twice", "--student=ada")

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert state(course, "ada") == expected
    assert course.grades("ada")["hidden"][1] is None
    assert_whole(course)


def test_where_names_cannot_be_exchanged(course, monkeypatch):
    monkeypatch.setattr(files, "exchange", lambda one, other: False)
    assert_whole(course)


def test_a_full_disk_stops_the_run_and_loses_nothing(course, monkeypatch, capsys):
    def full(self, *arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device", "twice.ipynb")

    with monkeypatch.context() as patch:
        patch.setattr(converter.FairAutograde, "write_notebook", full)
        assert course.fairgrade("autograde", "twice") == 3
    said = capsys.readouterr().err
    assert "stopped at ada: No space left on device" in said
    assert "a second run does the rest" in said
    assert state(course, "ada") == OLD
    assert_whole(course)


def test_a_locked_gradebook_is_named(course, capsys):
    config = course.folder / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.FairAutograde.patience = 0.1\n")
    lock = sqlite3.connect(course.folder / "gradebook.db")
    lock.execute("BEGIN EXCLUSIVE")
    assert course.fairgrade("autograde", "twice") == 3
    lock.rollback()
    lock.close()
    said = capsys.readouterr().err
    assert "another program is writing" in said
    assert "locked" in said
    assert state(course, "ada") == OLD
    assert_whole(course)


def test_a_gradebook_lost_on_the_way_is_named(course, capsys, monkeypatch):
    """It goes after the first submission; that one is safe, the other comes later."""
    path = course.folder / "gradebook.db"

    def lose(self, student, *arguments):
        self.gradebook.engine.dispose()
        path.rename(path.with_suffix(".gone"))
        path.mkdir()

    with monkeypatch.context() as patch:
        patch.setattr(
            converter.FairAutograde, "run_post_convert_hook", lambda self: lose(self, 0)
        )
        assert course.fairgrade("autograde", "twice") == 3
    assert "cannot be used" in capsys.readouterr().err
    path.rmdir()
    path.with_suffix(".gone").rename(path)
    assert state(course, "ada") == NEW
    assert not (course.folder / "autograded/ben/twice").exists()
    assert_whole(course)


def test_a_gradebook_that_is_none_is_named(course, capsys):
    (course.folder / "gradebook.db").write_text("not a database, but long enough " * 40)
    assert course.fairgrade("autograde", "twice") == 3
    assert "not a database" in capsys.readouterr().err
    (course.folder / "gradebook.db").unlink()
    assert course.fairgrade("autograde", "twice") == 2
    assert "no gradebook at" in capsys.readouterr().err
    assert not (course.folder / "gradebook.db").exists()


def test_an_error_of_ours_costs_one_submission(course, monkeypatch, capsys):
    original = converter.FairAutograde.write_notebook

    def fragile(self, student, *arguments):
        if student == "ada":
            raise KeyError("surprise")
        original(self, student, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(converter.FairAutograde, "write_notebook", fragile)
        assert course.fairgrade("autograde", "twice") == 1
    assert "could not be written: KeyError" in capsys.readouterr().out
    assert state(course, "ada") == OLD
    assert state(course, "ben") == NEW
    assert_whole(course)
