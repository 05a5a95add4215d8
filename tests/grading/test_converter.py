"""What nbgrader would write is written; what nbgrader stumbles over gets a line."""

import copy
import json
import os
import stat

import nbformat
import pytest
from traitlets.config import Config

from fairgrade import converter, owner
from fairgrade.commands import slow
from fairgrade.grading import Limits, Outcome
from fairgrade.preprocessors import limits_of

from .small_course import CONFIG, RIGHT, WRONG, Course, graded_by_reading, nbgrader

pytestmark = pytest.mark.xdist_group("fairgrade_converter")

LATE = '\nc.LateSubmissionPlugin.penalty_method = "zero"\n'
FAIR = "\nimport fairgrade\nfairgrade.configure(c)\n"
# Its own commands warn of its own code.
OF_NBGRADER = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("course"), config=CONFIG + LATE)
    assert course.fairgrade("generate", "twice") == 0
    with course.gradebook() as book:
        book.update_or_create_assignment("twice", duedate="2030-01-02 00:00")
    return course


@pytest.fixture
def course(generated, tmp_path):
    """A copy of the course, with nobody's work in it yet."""
    return generated.copy(tmp_path / "course")


@pytest.fixture
def read(course, monkeypatch):
    """The course, with answers judged by their looks: nothing is run."""
    monkeypatch.setattr(converter, "grade_all", graded_by_reading)
    return course


def everything(course, student):
    """Return all that the gradebook says of a submission."""
    with course.gradebook() as book:
        submission = book.find_submission("twice", student)
        return {
            "submission": {k: v for k, v in submission.to_dict().items() if k != "id"},
            "penalty": submission.late_submission_penalty,
            "grades": sorted(
                (g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
                for notebook in submission.notebooks
                for g in notebook.grades
            ),
            "comments": sorted(
                (c.name, c.auto_comment, c.manual_comment)
                for notebook in submission.notebooks
                for c in notebook.comments
            ),
        }


def cells(course, student):
    notebook = course.autograded(student)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when a kernel began and ended
    return [(c.cell_type, c.id, c.source, c.metadata) for c in notebook.cells]


def files(course, student):
    folder = course.folder / "autograded" / student / "twice"
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }


HONEST = {
    "ada": (RIGHT, "Because."),
    "ben": (WRONG, "Because."),
    "cyd": (None, None),  # as it was released
    "dot": (RIGHT, None),  # and late
}


@OF_NBGRADER
def test_honest_work_is_written_as_nbgrader_writes_it(generated, tmp_path):
    ours, theirs = generated.copy(tmp_path / "o"), generated.copy(tmp_path / "t")
    for course in (ours, theirs):
        for student, (answer, why) in HONEST.items():
            stub = course.released().cells[2].source
            path = course.hand_in(student, answer or stub, why)
            course.time(student, "2030-01-01 12:00:00 UTC")
            (path.parent / "data.csv").write_text("1,2\n")
        course.time("dot", "2030-01-03 12:00:00 UTC")
        (course.folder / "source" / "twice" / "helper.py").write_text("x = 1\n")
    assert ours.fairgrade("autograde", "twice", "--jobs=2") == 0
    assert nbgrader(theirs).autograde("twice", "*")["success"]
    for student in HONEST:
        assert everything(ours, student) == everything(theirs, student)
        assert cells(ours, student) == cells(theirs, student)
        assert files(ours, student) == files(theirs, student)
        kernels = [c.autograded(student).metadata.kernelspec for c in (ours, theirs)]
        assert kernels[0] == kernels[1]
    assert everything(ours, "dot")["penalty"] == 3


def test_a_failing_test_shows_its_message(course):
    course.hand_in("ben", WRONG)
    assert course.fairgrade("autograde", "twice", "--jobs=1") == 0
    (error,) = course.autograded("ben").cells[4].outputs
    assert (error.output_type, error.ename) == ("error", "AssertionError")
    assert "minus three" in error.evalue


@OF_NBGRADER
def test_nbgrader_itself_grades_fairly_once_it_is_configured(generated, tmp_path):
    """As the button of formgrader does: the stock converter, our preprocessors."""
    course = generated.copy(tmp_path)
    config = course.folder / "nbgrader_config.py"
    config.write_text(config.read_text() + FAIR)
    course.hand_in("ada")
    released = course.released()
    released.cells[2].source = WRONG
    released.cells[4].metadata["nbgrader"]["points"] = 100
    released.cells[4].metadata["tags"] = ["skip-execution"]
    released.cells[3].metadata["nbgrader"]["schema_version"] = 99
    released.cells.append(copy.deepcopy(released.cells[4]))
    course.hand_in_text("ben", json.dumps(released))
    outcome = nbgrader(course).autograde("twice", "*")
    assert outcome["success"], outcome["log"]
    assert course.grades("ada")["hidden"] == (2, None, False)
    assert course.grades("ben")["hidden"] == (0, None, False)
    assert len(course.autograded("ben").cells) == 6


def rows(capsys):
    """Return {learner: row} of a report in JSON."""
    report = json.loads(capsys.readouterr().out)
    return {row["student"]: row for row in report["submissions"]}


def broken(course):
    """Hand in one of each kind; return {learner: (status, a word of the reason)}."""
    released = json.loads(nbformat.writes(course.released()))
    released["cells"][2]["source"] = RIGHT

    def changed(**change):
        return json.dumps(released | change)

    def meta(index, **change):
        other = copy.deepcopy(released)
        other["cells"][index]["metadata"]["nbgrader"] |= change
        return json.dumps(other)

    course.hand_in_text("json", "{")
    course.hand_in_text("empty", "")
    course.hand_in_text("five", changed(nbformat=5))
    course.hand_in_text("list", "[]")
    course.hand_in_text("misnamed", changed(), name="twcie")
    (course.folder / "submitted/nothing/twice").mkdir(parents=True)
    link = course.folder / "submitted/link/twice/twice.ipynb"
    link.parent.mkdir(parents=True)
    link.symlink_to(course.hand_in("honest"))
    pipe = course.folder / "submitted/pipe/twice/twice.ipynb"
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    (course.folder / "submitted/folder/twice/twice.ipynb").mkdir(parents=True)
    (course.folder / "submitted/linked").symlink_to("honest")
    course.hand_in("<img src=x>")
    course.hand_in_text("old", meta(3, schema_version=1))
    course.hand_in_text("new", meta(3, schema_version=99))
    course.hand_in_text("twofold", changed(cells=released["cells"] * 2))
    course.hand_in_text("points", meta(4, points=200))
    course.hand_in("aborts", "import os\nos.abort()")
    return {
        "json": ("unreadable", "JSON"),
        "empty": ("unreadable", "empty"),
        "five": ("unreadable", "nbformat 5"),
        "list": ("unreadable", "not a notebook"),
        "misnamed": ("missing", "is it twcie.ipynb?"),
        "nothing": ("missing", "no twice.ipynb"),
        "link": ("unreadable", "link"),
        "pipe": ("unreadable", "a pipe"),
        "folder": ("unreadable", "a folder"),
        "linked": ("refused", "link"),
        "<img src=x>": ("refused", "cannot be called"),
        "aborts": ("crashed", "ended itself"),
        "honest": ("graded", ""),
        "old": ("graded", ""),
        "new": ("graded", ""),
        "twofold": ("graded", ""),
        "points": ("graded", ""),
    }


def test_one_bad_submission_never_stops_the_others(read, capsys):
    expected = broken(read)
    assert read.fairgrade("autograde", "twice", "--json") == 1
    said = rows(capsys)
    assert set(said) == set(expected)
    for student, (status, word) in expected.items():
        assert said[student]["status"] == status
        assert word in said[student]["reason"]
    fair = [s for s in expected if expected[s][0] == "graded"]
    assert {said[student]["score"] for student in fair} == {3}
    assert {said[s]["score"] for s in set(expected) - set(fair)} == {None}
    # What could not be graded is tried again, and only that.
    assert read.fairgrade("autograde", "twice", "--json") == 1
    again = {s for s, row in rows(capsys).items() if row["status"] != "skipped"}
    assert again == set(expected) - set(fair)


def test_what_a_person_decided_survives(read):
    read.hand_in("ada", WRONG)
    assert read.fairgrade("autograde", "twice") == 0
    with read.gradebook() as book:
        grade = book.find_grade("hidden", "twice", "twice", "ada")
        grade.manual_score, grade.extra_credit = 1.5, 0.25
        book.find_comment("why", "twice", "twice", "ada").manual_comment = "Nice."
        book.db.commit()
    assert read.fairgrade("autograde", "twice", "--force") == 0
    with read.gradebook() as book:
        grade = book.find_grade("hidden", "twice", "twice", "ada")
        assert (grade.auto_score, grade.manual_score) == (0, 1.5)
        assert grade.score == 1.75
        assert grade.needs_manual_grade
        comment = book.find_comment("why", "twice", "twice", "ada")
        assert comment.comment == "Nice."
        assert len(book.assignment_submissions("twice")) == 1


def test_a_newer_version_that_is_broken_leaves_the_older_grade(read, capsys):
    read.hand_in("ada")
    read.time("ada", "2029-01-01 12:00:00 UTC")
    assert read.fairgrade("autograde", "twice") == 0
    read.hand_in_text("ada", "{")
    read.time("ada", "2029-01-01 13:00:00 UTC")
    capsys.readouterr()
    assert read.fairgrade("autograde", "twice") == 1
    assert "earlier version stands" in capsys.readouterr().out
    assert read.grades("ada")["hidden"] == (2, None, False)
    assert len(read.autograded("ada").cells) == 6


def test_only_what_was_asked_for_is_graded(read):
    for student in ("ada", "ben"):
        read.hand_in(student)
    assert read.fairgrade("autograde", "twice", "--student=ben") == 0
    assert [p.name for p in (read.folder / "autograded").iterdir()] == ["ben"]


def test_a_learner_who_is_unknown_can_be_refused(read, capsys):
    read.hand_in("eve")
    assert read.fairgrade("autograde", "twice", "--no-create") == 1
    assert "not in the gradebook" in capsys.readouterr().out


def test_several_notebooks(tmp_path, monkeypatch, capsys):
    course = Course(tmp_path, notebooks=("one", "two"))
    assert course.fairgrade("generate", "twice") == 0
    monkeypatch.setattr(converter, "grade_all", graded_by_reading)
    for name in ("one", "two"):
        course.hand_in("ada", name=name)
    course.hand_in("ben", name="one")
    course.hand_in("cyd", name="one")
    course.hand_in_text("cyd", "{", name="two")
    capsys.readouterr()
    assert course.fairgrade("autograde", "twice", "--json") == 1
    said = rows(capsys)
    assert (said["ada"]["status"], said["ada"]["score"]) == ("graded", 6)
    assert (said["ben"]["status"], said["ben"]["score"]) == ("missing", 3)
    assert (said["cyd"]["status"], said["cyd"]["score"]) == ("unreadable", 3)
    # As nbgrader has it: nothing for what is missing. Of the rest a person decides.
    assert course.grades("ben", "two")["hidden"] == (0, None, False)
    assert course.grades("cyd", "two")["hidden"] == (None, None, True)
    # One notebook again leaves the other one alone.
    before = course.autograded("ada", "two")
    course.hand_in("ada", WRONG, name="one")
    assert course.fairgrade("autograde", "twice", "--notebook=one", "--force") == 0
    assert course.autograded("ada", "two") == before
    assert course.grades("ada", "one")["hidden"] == (0, None, False)


def test_files_are_copied_and_links_are_not_followed(read, tmp_path, capsys):
    config = read.folder / "nbgrader_config.py"
    keep = 'c.Autograde.exclude_overwriting = {"twice": ["mine.py"]}\n'
    config.write_text(config.read_text() + keep)
    source = read.folder / "source" / "twice"
    for name in ("theirs.py", "mine.py"):
        (source / name).write_text("teacher")
    secret = tmp_path / "secret.txt"
    secret.write_text("of somebody else")
    folder = read.hand_in("ada").parent
    for name in ("theirs.py", "mine.py", "sub/data.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("learner")
    (folder / "link.txt").symlink_to(secret)
    (folder / "all").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    assert read.fairgrade("autograde", "twice", "--json") == 0
    place = read.folder / "autograded" / "ada" / "twice"
    texts = {
        str(path.relative_to(place)): path.read_text()
        for path in place.rglob("*")
        if path.is_file() and path.suffix != ".ipynb"
    }
    assert texts == {
        "theirs.py": "teacher",
        "mine.py": "learner",
        "sub/data.txt": "learner",
    }
    assert len(rows(capsys)["ada"]["notes"]) == 3


@pytest.mark.parametrize(
    ("accounts", "strict", "refused"),
    [
        # who handed it in, who owns the collected file; the teacher grades
        (("ada", "tess"), False, None),
        (("ben", "tess"), False, "handed in by ben"),
        (("tess", "tess"), False, None),  # all is done by one account
        ((None, "tess"), False, None),  # came by mail
        ((None, "ben"), False, "belongs to ben"),
        ((None, "bob"), False, None),  # a colleague collected it
        (("tess", "tess"), True, "handed in by tess"),
        ((None, "tess"), True, "nobody knows"),
        (("ada", "tess"), True, None),
    ],
)
def test_the_owner_decides(accounts, strict, refused, tmp_path, monkeypatch):
    names = {1: "ada", 2: "ben", 3: "tess", 4: "bob"}
    uids = {name: uid for uid, name in names.items()}
    sent, collected = accounts
    monkeypatch.setattr(owner, "name_of", names.get)
    monkeypatch.setattr(os, "geteuid", lambda: uids["tess"])
    monkeypatch.setattr(
        os, "lstat", lambda path: os.stat_result([0] * 4 + [uids[path]] + [0] * 5)
    )
    handed_in = [sent] if sent else []
    said = owner.wrong_owner("ada", collected, handed_in, {"ada", "ben"}, strict)
    assert said is None if refused is None else refused in said


def test_the_exchange_is_asked_who_handed_in(read, tmp_path, monkeypatch, capsys):
    config = read.folder / "nbgrader_config.py"
    config.write_text(config.read_text() + f'c.Exchange.root = "{tmp_path}"\n')
    for student in ("ada", "ben"):
        read.hand_in(student)
        read.time(student, "2029-01-01 12:00:00.000000 UTC")
        name = f"{student}+twice+2029-01-01 12:00:00.000000 UTC+x1"
        (tmp_path / "small" / "inbound" / name).mkdir(parents=True)
    names = {os.geteuid(): "ben"}
    monkeypatch.setattr(owner, "name_of", names.get)
    monkeypatch.setattr(os, "geteuid", lambda: -1)
    assert read.fairgrade("autograde", "twice", "--json") == 1
    said = rows(capsys)
    assert said["ada"]["status"] == "refused"
    assert said["ada"]["reason"] == "handed in by ben, not by ada"
    assert said["ben"]["status"] == "graded"
    assert read.fairgrade("autograde", "twice", "--owner-check=off") == 0


def test_nbgraders_own_time_limit_holds_unless_another_is_chosen():
    config = Config()
    assert limits_of(config, {}) == Limits()
    config.ExecutePreprocessor.timeout = 60
    assert limits_of(config, {}).seconds_per_cell == 60
    assert limits_of(config, {}).seconds_in_all == 240
    assert limits_of(config, {"seconds_per_cell": 5}).seconds_per_cell == 5
    config.ExecutePreprocessor.timeout = -1
    assert limits_of(config, {}) == Limits()


def test_a_slow_reference_is_told():
    cell = Outcome("fit", "answer", "passed", seconds=4.2)
    assert "fit: the reference takes 4.2 of the 10 seconds" in slow(cell, Limits())
