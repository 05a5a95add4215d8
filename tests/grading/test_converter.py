"""What nbgrader would write is written; what nbgrader stumbles over gets a line."""

import copy
import json
import os
import stat

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from traitlets.config import Config

from fairgrade import converter, owner
from fairgrade.commands import slow
from fairgrade.grading import Limits, Outcome
from fairgrade.preprocessors import limits_of

from .small_course import (
    CELLS,
    CONFIG,
    RIGHT,
    WRONG,
    Course,
    graded_by_reading,
    nbgrader,
)

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
    notes = rows(capsys)["ada"]["notes"]
    assert sorted(note.split()[0] for note in notes) == [
        "all",
        "link.txt",
        "mine.py",
        "pipe",
    ]


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


def test_who_erases_a_record_in_the_exchange_is_not_believed(
    read, tmp_path, monkeypatch, capsys
):
    config = read.folder / "nbgrader_config.py"
    config.write_text(config.read_text() + f'c.Exchange.root = "{tmp_path}"\n')
    inbound = tmp_path / "small" / "inbound"
    for student in ("ada", "ben"):
        read.hand_in(student)
    read.time("ada", "2029-01-01 12:00:00.000000 UTC")  # and its record is gone
    read.time("ben", "2029-01-01 12:00:00.000000 UTC")
    (inbound / "ben+twice+2029-01-01 12:00:00.000000 UTC+x1").mkdir(parents=True)
    monkeypatch.setattr(owner, "name_of", {os.geteuid(): "ben"}.get)
    assert read.fairgrade("autograde", "twice", "--json") == 0
    assert rows(capsys)["ada"]["status"] == "graded"  # all is of one account here
    monkeypatch.setattr(os, "geteuid", lambda: -1)
    assert read.fairgrade("autograde", "twice", "--json", "--force") == 1
    said = rows(capsys)
    assert said["ada"]["status"] == "refused"
    assert "no record of this hand-in any more" in said["ada"]["reason"]
    assert said["ben"]["status"] == "graded"
    # What carries no time came by mail.
    assert not owner.is_erased(list(inbound.iterdir()), "twice", None, [])


def hand_in_modules(course, student):
    """Hand in an answer that stands in a module of the learner's own."""
    answer = "from more import double\nfrom helper import x"
    folder = course.hand_in(student, answer).parent
    (folder / "more.py").write_text(RIGHT)
    (folder / "helper.py").write_text("x = 'mine'")
    (folder / "big.py").write_bytes(bytes(9 << 20))
    (folder / "link.py").symlink_to(course.folder / "source/twice/twice.ipynb")
    os.mkfifo(folder / "pipe.py")
    (folder / "data.csv").write_text("1")


def handed_over(course, monkeypatch, capsys, config=""):
    """Return {learner: files that their code would find}, and what is told."""
    (course.folder / "source/twice/helper.py").write_text("x = 'the teacher'")
    hand_in_modules(course, "ada")
    path = course.folder / "nbgrader_config.py"
    path.write_text(path.read_text() + config)
    found = {}

    def grade(assignment, submissions, **settings):
        jobs = list(submissions)
        found.update({key[0]: sorted(data.files) for key, data in jobs})
        return graded_by_reading(assignment, jobs)

    monkeypatch.setattr(converter, "grade_all", grade)
    course.fairgrade("autograde", "twice", "--json")
    return found, capsys.readouterr().out


def test_modules_are_used_only_where_a_course_says_so(course, monkeypatch, capsys):
    found, told = handed_over(course, monkeypatch, capsys)
    assert found == {"ada": []}
    assert "more.py was not used (see FairAutograde.learner_files)" in told


def test_which_files_a_learners_code_finds(course, monkeypatch, capsys):
    some = '\nc.FairAutograde.learner_files = ["*.py"]\n'
    found, told = handed_over(course, monkeypatch, capsys, some)
    assert found == {"ada": ["more.py"]}  # the teacher has a helper.py
    assert "big.py was not used: more than 8 MiB" in told


def test_a_file_that_learners_are_to_edit_is_theirs(course, monkeypatch, capsys):
    mine = '\nc.FairAutograde.learner_files = ["*.py", "*.csv"]\n'
    mine += 'c.Autograde.exclude_overwriting = {"twice": ["helper.py"]}\n'
    found, _ = handed_over(course, monkeypatch, capsys, mine)
    assert found == {"ada": ["data.csv", "helper.py", "more.py"]}


def test_an_answer_in_a_module_gets_its_points(course):
    path = course.folder / "nbgrader_config.py"
    path.write_text(
        path.read_text() + '\nc.FairAutograde.learner_files = ["more*.py"]\n'
    )
    course.hand_in("ada", "from more import double")
    (course.folder / "submitted/ada/twice/more.py").write_text(RIGHT)
    course.hand_in("ben", "from more import double")
    assert course.fairgrade("autograde", "twice", "--jobs=1") == 0
    assert course.grades("ada")["hidden"][0] == 2
    assert course.grades("ben")["hidden"][0] == 0


# ---- cells that learners add

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # noqa: E501
TASK = (new_markdown_cell, {"manual": "explore", "points": 3}, "Draw what you like.")


@pytest.fixture(scope="module")
def with_task(tmp_path_factory):
    """A course in which learners work below a task, and the marker reads it."""
    course = Course(tmp_path_factory.mktemp("task"), cells=[*CELLS, TASK])
    source = course.folder / "source/twice/twice.ipynb"
    notebook = nbformat.read(source, as_version=4)
    task = notebook.cells[-1].metadata["nbgrader"]
    task.update(task=True, grade=False, solution=False, locked=False)
    nbformat.write(notebook, source)
    assert course.fairgrade("generate", "twice") == 0
    return course


def hand_in_added(course):
    notebook = course.released()
    notebook.cells[2].source = "half = 2"
    split = new_code_cell("def double(x):\n    return half * x")
    plot = new_code_cell("open('ran', 'w')\nplot()")
    plot.outputs = [
        new_output("stream", name="stdout", text="a value\x1b]0;x\x07"),
        new_output("display_data", {"image/png": PNG, "text/plain": "<Figure>"}),
        new_output("display_data", {"text/html": "<script>fgmark()</script>"}),
        new_output("display_data", {"image/png": "<script>fgmark()</script>"}),
    ]
    words = new_markdown_cell("What I see <script>fgmark()</script>")
    words.metadata["nbgrader"] = {"grade_id": "mine", "grade": True, "points": 9}
    notebook.cells.insert(3, split)
    notebook.cells += [plot, new_code_cell("  \n"), words]
    course.hand_in_text("ada", nbformat.writes(notebook))


def test_cells_that_learners_add_are_there_to_read(with_task, tmp_path, capsys):
    course = with_task.copy(tmp_path / "course")
    hand_in_added(course)
    assert course.fairgrade("autograde", "twice", "--jobs=1", "--json") == 0
    assert "cells were added: they are shown, and not run" in capsys.readouterr().out
    cells = course.autograded("ada").cells
    kinds = [c.metadata.get("fairgrade") is not None for c in cells]
    assert kinds == [False] * 3 + [True] + [False] * 4 + [True, True]
    split, plot, words = (cell for cell in cells if "fairgrade" in cell.metadata)
    assert split.source.startswith("def double")
    said, first, figure = plot.outputs
    assert "not run" in said.text
    assert first.text == "a value\ufffd]0;x\ufffd"
    assert figure.data == {"image/png": PNG}
    assert words.metadata == {"fairgrade": "added-by-the-learner"}
    # Not run, and worth no points by itself.
    grades = course.grades("ada")
    assert grades["visible"][0] == 0
    assert grades["explore"] == (None, None, True)
    assert "mine" not in grades


def test_added_cells_are_in_the_feedback_and_run_no_script(with_task, tmp_path):
    course = with_task.copy(tmp_path / "course")
    hand_in_added(course)
    assert course.fairgrade("autograde", "twice", "--jobs=1") == 0
    assert course.fairgrade("feedback", "twice") == 0
    page = (course.folder / "feedback/ada/twice/twice.html").read_text()
    body = page.partition("</head>")[2]
    assert "What I see" in body
    assert PNG in body
    assert "<script>fgmark" not in body


@OF_NBGRADER
def test_nbgraders_own_command_keeps_added_cells_too(with_task, tmp_path):
    course = with_task.copy(tmp_path / "course")
    config = course.folder / "nbgrader_config.py"
    config.write_text(config.read_text() + FAIR)
    hand_in_added(course)
    outcome = nbgrader(course).autograde("twice", "*")
    assert outcome["success"], outcome["log"]
    added = [c for c in course.autograded("ada").cells if "fairgrade" in c.metadata]
    assert len(added) == 3
    assert course.grades("ada")["visible"][0] == 0
