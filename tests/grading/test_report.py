"""Crashed, unreadable, missing and 0 points are four different things."""

import csv
import io
import json
import os

import pytest
from nbgrader.apps.exportapp import ExportApp

from fairgrade import converter
from fairgrade.grading import Outcome
from fairgrade.report import Row, breakdowns, points, printable, record_path, summary

from .small_course import Course, graded_by_reading, nbgrader

pytestmark = pytest.mark.xdist_group("fairgrade_report")

NOTHING = "def double(y):\n    return None"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class in which everything happens once."""
    course = Course(tmp_path_factory.mktemp("course"))
    assert course.fairgrade("generate", "twice") == 0
    with course.gradebook() as book:
        for student in ("nobody", "later"):
            book.add_student(student, first_name="=1+1")
    course.hand_in("right")
    course.time("right", "2029-01-01 12:00:00 UTC")
    course.hand_in("nought", NOTHING)
    course.hand_in("crashes", "import os\nos.abort()")
    course.hand_in_text("unreadable", "{")
    course.hand_in_text("missing", "{}", name="other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(converter, "grade_all", graded_by_reading)
        assert course.fairgrade("autograde", "twice") == 1
    course.hand_in("later")
    # Learners whom nothing could be entered of are in the class all the same.
    with course.gradebook() as book:
        for student in ("crashes", "unreadable", "missing"):
            book.update_or_create_student(student)
    return course


STATUS = {
    "right": ("graded", 3.0),
    "nought": ("graded", 0.0),
    "crashes": ("crashed", None),
    "unreadable": ("unreadable", None),
    "missing": ("missing", None),
    "nobody": ("missing", None),
    "later": ("submitted", None),
}


def test_json_tells_them_apart(course, tmp_path):
    assert course.fairgrade("export", f"--to={tmp_path}/grades.json") == 0
    rows = json.loads((tmp_path / "grades.json").read_text())
    assert {row["student_id"]: (row["status"], row["score"]) for row in rows} == STATUS
    assert {row["max_score"] for row in rows} == {5.0}
    said = {row["student_id"]: row["reason"] for row in rows}
    assert "not JSON" in said["unreadable"]
    assert "is it other.ipynb?" in said["missing"]
    assert said["nobody"] is None


def table(text):
    rows = csv.DictReader(io.StringIO(text))
    return {row["student_id"]: row for row in rows}


def test_a_table_leaves_empty_what_does_not_exist(course, capsys):
    assert course.fairgrade("export", "--to=-") == 0
    rows = table(capsys.readouterr().out)
    assert {name: row["status"] for name, row in rows.items()} == {
        name: status for name, (status, _) in STATUS.items()
    }
    expected = {n: "" if s is None else str(s) for n, (_, s) in STATUS.items()}
    assert {name: row["score"] for name, row in rows.items()} == expected
    assert rows["right"]["timestamp"] == "2029-01-01 12:00:00"
    # What a table program would take for a formula is text.
    assert rows["nobody"]["first_name"] == "'=1+1"


def test_learners_and_assignments_can_be_chosen(course, capsys):
    assert course.fairgrade("export", "--to=-", "--student=right") == 0
    assert set(table(capsys.readouterr().out)) == {"right"}
    assert course.fairgrade("export", "--to=-", "--student=rihgt") == 2
    assert "no student 'rihgt'" in capsys.readouterr().err


def test_nbgraders_own_command_uses_it(course, tmp_path):
    app = ExportApp()
    app.load_cwd_config = False
    app.initialize(
        [
            f"--CourseDirectory.root={course.folder}",
            "--exporter=fairgrade.report.FairExport",
            f"--to={tmp_path}/grades.csv",
        ]
    )
    app.start()
    rows = table((tmp_path / "grades.csv").read_text())
    assert rows["crashes"]["status"] == "crashed"


@pytest.mark.filterwarnings("ignore")
def test_formgrader_lists_the_class(course):
    """Its tables come from nbgrader's API; our records are no submissions to it."""
    api = nbgrader(course)
    assert api.get_autograded_students("twice") == {"right", "nought"}
    rows = {row["student"]: row for row in api.get_submissions("twice")}
    assert rows["right"]["autograded"]
    assert rows["right"]["score"] == 3
    assert not rows["unreadable"]["autograded"]


def test_what_nbgrader_grades_later_is_graded(course, tmp_path):
    other = course.copy(tmp_path / "course")
    record = record_path_of(other, "right")
    record.write_text(json.dumps({"student": "right", "status": "unreadable"}))
    graded = other.folder / "autograded" / "right" / "twice"
    long_ago = graded.stat().st_mtime - 100
    os.utime(record, (long_ago, long_ago))
    assert other.fairgrade("export", f"--to={tmp_path}/grades.json") == 0
    rows = json.loads((tmp_path / "grades.json").read_text())
    (row,) = [row for row in rows if row["student_id"] == "right"]
    assert (row["status"], row["score"]) == ("graded", 3.0)


def record_path_of(course, student):
    return course.folder / "autograded" / student / ".twice.fairgrade.json"


def test_the_record_is_where_it_is_said_to_be(course):
    coursedir = nbgrader(course).coursedir
    path = record_path(coursedir, "unreadable", "twice")
    assert path == record_path_of(course, "unreadable")
    assert json.loads(path.read_text())["status"] == "unreadable"


def test_a_record_that_is_none_is_told(course, tmp_path):
    other = course.copy(tmp_path / "course")
    record_path_of(other, "crashes").write_text('{"student"')
    assert other.fairgrade("export", f"--to={tmp_path}/grades.json") == 0
    rows = json.loads((tmp_path / "grades.json").read_text())
    (row,) = [row for row in rows if row["student_id"] == "crashes"]
    assert "cannot be read" in row["reason"]


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (Row("ada", "graded", score=2.5, max_score=5), "ada: 2.5 of 5"),
        (Row("ada", "graded", score=0, max_score=5), "ada: 0 of 5"),
        (
            Row("ada", "crashed", "f: ended the program", 0, 5),
            "ada: 0 of 5, crashed: f: ended the program",
        ),
        (Row("ada", "unreadable", "not JSON"), "ada: unreadable: not JSON"),
        (
            Row("ada", "graded", "", 5, 5, ["a note", "b", "c"]),
            "ada: 5 of 5 [a note (and 2 more)]",
        ),
        (Row("a\x1b[2Jb\n", "refused", "x\r\ny"), "a\ufffd[2Jb : refused: x y"),
    ],
)
def test_a_row_is_one_line(row, line):
    assert row.line() == line


def test_a_line_cannot_command_a_terminal():
    assert printable("a\x1b]0;x\x07\u202eb\n\nc") == "a\ufffd]0;x\ufffd\ufffdb c"


def test_points_are_written_as_people_do():
    assert [points(x) for x in (3.0, 2.5, 1 / 3, 0.0, 100.0)] == [
        *("3", "2.5", "0.33", "0", "100")
    ]


def test_breakdowns_are_in_plain_words():
    cells = [
        Outcome("double", "answer", "time-out"),
        Outcome("visible", "test", "failed"),
        Outcome("hidden", "test", "out of memory"),
        Outcome(None, "given", "crashed"),
    ]
    assert breakdowns(cells) == (
        "double: took too long, an endless loop?; hidden: used too much memory; "
        "a given cell: ended the program"
    )
    assert breakdowns(cells * 2).endswith("…")
    assert breakdowns(cells[1:2]) == ""


def test_the_summary_counts_each_kind():
    rows = [
        Row("a", "graded"),
        Row("b", "graded"),
        Row("c", "crashed"),
        Row("d", "unreadable"),
        Row("e", "refused"),
        Row("f", "missing"),
        Row("g", "missing", handed_in=False),
        Row("h", "skipped"),
    ]
    assert summary(rows) == (
        "2 graded, 1 crashed, 1 unreadable, 1 refused, 1 without the notebook, "
        "1 handed in nothing, 1 left alone (graded before; --force)"
    )
