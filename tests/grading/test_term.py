"""A term as book/teaching.md tells it: its commands, with a class of six.

Each step below runs the page's own blocks, by their names. The stages are fixtures,
each built on the one before: `released`, `handed_in`, `graded`, `marked`, `given_back`;
and `by_mail` for a class without a shared machine.

One account plays everybody here, while nbgrader knows learners by their accounts. So
each learner's own nbgrader_config.py also names the learner, which nbgrader prefers to
the account. Homes, working folders and caches are everyone's own, as in life.
"""

import csv
import html
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbgrader.api import Gradebook

from tools.exercises import (
    ROOT,
    exercise_names,
    teacher_notebook,
    write_teacher_notebooks,
)

from ..exercises.conftest import cells_of, hand_in, load_bank

pytestmark = pytest.mark.xdist_group("term")

NAME = next(iter(exercise_names()), None)
BLOCK = re.compile(
    r"^```\{code-block\} (?P<language>\w+)\n"
    r":name: (?P<name>\S+)\n:caption: (?P<caption>[^\n]+)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)
PAGE = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
BLOCKS = {match["name"]: match for match in BLOCK.finditer(PAGE)}
USED = set()
HANDED_IN = ["ada", "ben", "cyd", "dot"]


def body(name):
    """Return the text of one block of the page, and note that it was used."""
    USED.add(name)
    return BLOCKS[name]["body"]


class Person:
    """Somebody at a terminal of their own."""

    def __init__(self, role, name, folder, home, exchange):
        self.role, self.name, self.folder, self.home = role, name, folder, home
        for place in (folder, home):
            place.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "EXCHANGE": str(exchange),
            "EXERCISE": NAME,
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(exchange.parent / "lib"),
            "USER": name,
        }

    def command(self, block):
        """Return one block of the page as a command for bash."""
        language, caption = BLOCKS[block]["language"], BLOCKS[block]["caption"]
        assert language == "bash"
        assert caption.startswith((self.role, "Everyone")), f"{block} is not for me"
        return ["bash", "-eu", "-o", "pipefail", "-c", body("term-names") + body(block)]

    def does(self, block, **names):
        """Run one block of the page; return all that it prints."""
        run = subprocess.run(
            self.command(block),
            cwd=self.folder,
            env=self.environment | names,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert run.returncode == 0, f"{self.name}, {block}:\n{run.stdout}"
        return run.stdout

    def configure(self, lines=""):
        self.does("term-configure")
        with (self.home / ".jupyter" / "nbgrader_config.py").open("a") as file:
            file.write(lines)

    @property
    def notebook(self):
        return self.folder / NAME / f"{NAME}.ipynb"


def all_do(block, people):
    """Let some people run one block, two at a time; return what each of them saw."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda person: person.does(block), people))


def course_folder(folder):
    """Mirror what the course ships, and what `make exercises` adds."""
    shutil.copytree(ROOT / "exercises" / NAME, folder / "exercises" / NAME)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    write_teacher_notebooks([NAME], folder / "_build" / "source")
    (folder / "students.csv").write_text(body("term-class"))


def answer(wrong=None):
    """Return the exercise answered rightly, but for {cell: wrong one}, with a text."""
    notebook = hand_in(NAME, wrong or {})
    for cell in cells_of(notebook, solution=True, grade=True).values():
        cell.source = "Because no example is on the wrong side any more."
    return notebook


def class_folders(course):
    """Return {learner: collected notebook}."""
    return {
        path.parent.parent.name: path
        for path in course.glob(f"submitted/*/{NAME}/{NAME}.ipynb")
    }


def gradebook(course):
    return Gradebook(f"sqlite:///{course}/gradebook.db", "everygrad")


def scores(course):
    """Return {learner: {cell: score}} of the cells that nbgrader grades by itself."""
    with gradebook(course) as book:
        return {
            learner: {
                grade.name: grade.score
                for grade in book.find_submission(NAME, learner).notebooks[0].grades
                if grade.cell.cell_type == "code"
            }
            for learner in HANDED_IN
        }


def in_browser(page):
    """Return the text of a web page as its reader sees it."""
    text = page.read_text(encoding="utf-8").partition("</head>")[2]
    return html.unescape(re.sub(r"<[^>]*>", "", text))


@pytest.fixture(scope="module")
def term(tmp_path_factory):
    """The people, and what they know before the term starts."""
    place = tmp_path_factory.mktemp("term")
    exchange = place / "exchange"
    teacher = Person("Teacher", "tess", place / "course", place / "tess", exchange)
    course_folder(teacher.folder)
    # jsonschema compiles a grammar for a check that nbgrader never asks for: half the
    # time of each command. It does without where this import fails.
    (place / "lib").mkdir()
    (place / "lib" / "rfc3987_syntax.py").write_text("raise ImportError")
    ids = [row["id"] for row in csv.DictReader(body("term-class").splitlines())]
    learners = {
        name: Person("Learner", name, place / name / "work", place / name, exchange)
        for name in ids
    }
    cells = cells_of(teacher_notebook(NAME), grade=True, solution=False)
    wrong, failing = next(
        ((cell, code), failing)
        for cell, code, failing in load_bank(NAME).WRONG.values()
        if any(HIDDEN.search(cells[failed].source) for failed in failing)
    )
    full = {cell: test.metadata["nbgrader"]["points"] for cell, test in cells.items()}
    return SimpleNamespace(
        place=place,
        exchange=exchange,
        teacher=teacher,
        learners=learners,
        course=teacher.folder,
        wrong=wrong,
        full=full,
        partial={cell: full[cell] * (cell not in failing) for cell in full},
        nothing=dict.fromkeys(full, 0),
        failing=failing,
    )


@pytest.fixture(scope="module")
def released(term):
    teacher = term.teacher
    shipped = (term.course / "exercises" / NAME / f"{NAME}.ipynb").read_bytes()
    teacher.does("term-exchange")
    teacher.configure()
    for block in ("term-import", "term-add", "term-generate", "term-due"):
        teacher.does(block)
    listed = teacher.does("term-release")
    for name, learner in term.learners.items():
        learner.configure(f'c.CourseDirectory.student_id = "{name}"\n')
    seen = term.learners["ada"].does("term-list")
    all_do("term-fetch", term.learners.values())
    return SimpleNamespace(shipped=shipped, listed=listed, seen=seen)


def test_the_exchange_is_open_to_all(term, released):
    assert term.exchange.stat().st_mode & 0o777 == 0o777


def test_teacher_and_learners_see_the_exercise(released):
    assert f"everygrad {NAME}" in released.listed
    assert f"everygrad {NAME}" in released.seen


def test_generating_again_gives_what_the_course_ships(term, released):
    generated = term.course / "exercises" / NAME / f"{NAME}.ipynb"
    assert generated.read_bytes() == released.shipped


def test_learners_fetch_the_release(term, released):
    for learner in term.learners.values():
        assert learner.notebook.read_bytes() == released.shipped


@pytest.fixture(scope="module")
def handed_in(term, released):
    """Ben improves his answer, Cyd is late, Dot hands in what she got, Eve nothing."""
    ada, ben, cyd, dot = (term.learners[name] for name in HANDED_IN)
    nbformat.write(answer(), ada.notebook)
    for learner in (ben, cyd):
        nbformat.write(answer(dict([term.wrong])), learner.notebook)
    said = dict(zip("ad", all_do("term-validate", [ada, dot]), strict=True))
    all_do("term-submit", [ada, ben, dot])
    first = term.teacher.does("term-collect")
    collected_first = set(class_folders(term.course))
    nbformat.write(answer(), ben.notebook)
    ben.does("term-submit")
    due = datetime.now(UTC).replace(tzinfo=None)
    term.teacher.does("term-due", DUE=f"{due} UTC")
    cyd.does("term-submit")
    second = term.teacher.does("term-collect")
    return SimpleNamespace(
        said=said, due=due, first=first, second=second, collected_first=collected_first
    )


def test_validate_tells_right_from_unanswered(handed_in):
    assert "Success! Your notebook passes all the tests." in handed_in.said["a"]
    assert "VALIDATION FAILED ON" in handed_in.said["d"]


def test_who_handed_in_is_collected(term, handed_in):
    assert handed_in.collected_first == {"ada", "ben", "dot"}
    assert sorted(class_folders(term.course)) == HANDED_IN


def test_the_newest_submission_is_collected(term, handed_in):
    collected = class_folders(term.course)
    for name in HANDED_IN:
        assert collected[name].read_bytes() == term.learners[name].notebook.read_bytes()
    assert "Updating submission: ben" in handed_in.second
    assert "No newer submission to collect: ada" in handed_in.second


def test_collecting_warns_when_the_account_is_another(handed_in):
    assert "claims to be submitted by ada but is owned by" in handed_in.first


@pytest.fixture(scope="module")
def graded(term, handed_in):
    examined = term.teacher.does("term-doctor")
    said = term.teacher.does("term-autograde")
    return SimpleNamespace(scores=scores(term.course), examined=examined, said=said)


def test_every_cell_has_its_score(term, graded):
    assert graded.scores == {
        "ada": term.full,
        "ben": term.full,
        "cyd": term.partial,
        "dot": term.nothing,
    }


def test_the_walls_stand_and_each_learner_has_a_line(graded):
    assert "missing" not in graded.examined
    assert graded.examined.count(" stands ") > 8
    for name in HANDED_IN:
        assert re.search(rf"^ *{name}\b.*\d", graded.said, re.MULTILINE), graded.said


def test_only_late_work_is_recorded_as_late(term, handed_in, graded):
    with gradebook(term.course) as book:
        late = {
            name: book.find_submission(NAME, name).total_seconds_late
            for name in HANDED_IN
        }
    stamp = term.course / "submitted" / "cyd" / NAME / "timestamp.txt"
    sent = datetime.strptime(stamp.read_text(), "%Y-%m-%d %H:%M:%S.%f UTC")
    assert late.pop("cyd") == (sent - handed_in.due).total_seconds() > 0
    assert set(late.values()) == {0}


class Formgrader:
    """JupyterLab as the page starts it, and what a browser asks of it."""

    def __init__(self, teacher):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        settings = teacher.home / ".jupyter" / "jupyter_server_config.py"
        settings.write_text(
            "c = get_config()\n"
            f"c.ServerApp.port = {port}\n"
            "c.ServerApp.ip = '127.0.0.1'\n"
            "c.ServerApp.open_browser = False\n"
            "c.ServerApp.allow_root = True\n"
            "c.IdentityProvider.token = 'tess'\n"
        )
        self.log = (teacher.home / "jupyter.log").open("w+")
        self.process = subprocess.Popen(
            teacher.command("term-mark"),
            cwd=teacher.folder,
            env=teacher.environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def __enter__(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.ask("api/status")
            except OSError:
                time.sleep(0.2)
            else:
                return self
        self.__exit__()
        raise AssertionError(Path(self.log.name).read_text())

    def __exit__(self, *error):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)
        self.log.close()

    def ask(self, address, **data):
        """Return the answer to GET, or to PUT with some data, as text."""
        request = urllib.request.Request(
            self.url + address,
            data=json.dumps(data).encode() if data else None,
            headers={"Authorization": "token tess"},
            method="PUT" if data else "GET",
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read().decode()


@pytest.fixture(scope="module")
def marked(term, graded):
    """Tess marks Ada's text, lets late work count nothing, and grades again."""
    with gradebook(term.course) as book:
        (notebook,) = book.find_submission(NAME, "ada").notebooks
        (text,) = (one for one in notebook.grades if one.cell.cell_type == "markdown")
        (comment,) = (one for one in notebook.comments if one.name == text.name)
        grade, comment, most = text.id, comment.id, text.max_score
        page = f"formgrader/submissions/{notebook.id}/"
    with Formgrader(term.teacher) as formgrader:
        shown = html.unescape(formgrader.ask(page))
        formgrader.ask(f"formgrader/api/grade/{grade}", manual_score=most / 2)
        formgrader.ask(
            f"formgrader/api/comment/{comment}", manual_comment="And if it never is?"
        )
    with (term.course / "nbgrader_config.py").open("a") as file:
        file.write(body("term-late"))
    term.teacher.does("term-regrade")
    return SimpleNamespace(shown=shown, grade=grade, marks=most / 2)


def test_formgrader_shows_the_text_to_mark(marked):
    assert "Because no example is on the wrong side any more." in marked.shown


def test_a_mark_survives_grading_again(term, graded, marked):
    with gradebook(term.course) as book:
        grade = book.find_grade_by_id(marked.grade)
        assert (grade.score, grade.needs_manual_grade) == (marked.marks, True)
    assert scores(term.course) == graded.scores


@pytest.fixture(scope="module")
def given_back(term, marked):
    term.teacher.does("term-feedback")
    term.teacher.does("term-release-feedback")
    learners = term.learners
    # Eve, who handed in nothing, says that she is Ada.
    learners["eve"].configure('c.CourseDirectory.student_id = "ada"\n')
    all_do("term-fetch-feedback", learners.values())
    term.teacher.does("term-export")
    with (term.course / "grades.csv").open() as file:
        table = {row["student_id"]: row for row in csv.DictReader(file)}
    pages = {
        name: sorted(learner.folder.rglob("*.html"))
        for name, learner in learners.items()
    }
    return SimpleNamespace(table=table, pages=pages)


def test_learners_get_their_own_feedback_and_no_other(term, given_back):
    for name in HANDED_IN:
        (page,) = given_back.pages[name]
        written = term.course / "feedback" / name / NAME / f"{NAME}.html"
        assert page.read_bytes() == written.read_bytes()
    assert given_back.pages["eve"] == []
    assert (term.exchange / "everygrad" / "feedback").stat().st_mode & 0o077 == 0o011


def test_feedback_holds_scores_and_comments(term, marked, given_back):
    text = in_browser(*given_back.pages["ada"])
    most = sum(term.full.values())
    assert f"(Score: {most + marked.marks} / {most + 2 * marked.marks})" in text
    assert "And if it never is?" in text


def test_feedback_says_why_a_test_failed(term, given_back):
    text = in_browser(*given_back.pages["cyd"])
    path = term.course / "autograded" / "cyd" / NAME / f"{NAME}.ipynb"
    tests = cells_of(nbformat.read(path, as_version=4), grade=True, solution=False)
    for failed in term.failing:
        (error,) = (one for one in tests[failed].outputs if one.output_type == "error")
        assert f"{error.ename}: {error.evalue}" in text


def test_feedback_quotes_no_hidden_test(term, given_back):
    # The release with the solutions, which learners may well find by themselves.
    shown = "\n".join(cell.source for cell in hand_in(NAME, {}).cells)
    hidden = {
        line.strip()
        for cell in teacher_notebook(NAME).cells
        for region in HIDDEN.findall(cell.source)
        for line in region.splitlines()
    }
    secret = {line for line in hidden if len(line) > 8 and line not in shown}
    assert secret
    for name in HANDED_IN:
        text = in_browser(*given_back.pages[name])
        assert not [line for line in secret if line in text]


def test_the_table_has_every_learner(term, marked, given_back):
    auto, part = sum(term.full.values()), sum(term.partial.values())
    expected = {
        "ada": (auto + marked.marks, 0, auto + marked.marks),
        "ben": (auto, 0, auto),
        "cyd": (part, part, 0),  # late
        "dot": (0, 0, 0),
        "eve": (0, 0, 0),
        "fay": (0, 0, 0),
    }
    columns = ("raw_score", "late_submission_penalty", "score")
    assert {
        name: tuple(float(row[column] or 0) for column in columns)
        for name, row in given_back.table.items()
    } == expected
    sent = {name for name, row in given_back.table.items() if row["timestamp"]}
    assert sorted(sent) == HANDED_IN


@pytest.fixture(scope="module")
def by_mail(term, given_back):
    """The same answers in a second course folder, sent as files; Ben's as a zip."""
    teacher = Person(
        "Teacher", "tim", term.place / "mail", term.place / "tess", term.exchange
    )
    course_folder(teacher.folder)
    for block in ("term-import", "term-generate", "term-inbox"):
        teacher.does(block)
    inbox = teacher.folder / "downloaded" / NAME / "archive"
    for name in HANDED_IN:
        learner = term.learners[name]
        learner.does("term-zip" if name == "ben" else "term-rename")
        (sent,) = learner.folder.glob(f"{name}--{NAME}.*")
        shutil.copy(sent, inbox)
    (inbox / "my homework.ipynb").write_bytes(
        term.learners["ada"].notebook.read_bytes()
    )
    report = teacher.does("term-zip-collect")
    teacher.does("term-regrade")
    teacher.does("term-feedback")
    return SimpleNamespace(course=teacher.folder, inbox=inbox, report=report)


def test_notebooks_and_zip_files_are_collected(term, by_mail):
    assert {path.suffix for path in by_mail.inbox.iterdir()} == {".ipynb", ".zip"}
    collected = class_folders(by_mail.course)
    assert sorted(collected) == HANDED_IN
    for name in HANDED_IN:
        assert collected[name].read_bytes() == term.learners[name].notebook.read_bytes()


def test_a_file_with_another_name_is_reported(by_mail):
    assert re.search("Skipped submission .*my homework.ipynb", by_mail.report)


def test_scores_by_mail_are_the_same(graded, by_mail):
    assert scores(by_mail.course) == graded.scores


def test_feedback_by_mail_is_one_file_each(by_mail):
    pages = by_mail.course.glob("feedback/**/*.html")
    expected = [f"{name}/{NAME}/{NAME}.html" for name in HANDED_IN]
    assert sorted(str(p.relative_to(by_mail.course / "feedback")) for p in pages) == (
        expected
    )


def test_every_command_of_the_page_was_run(by_mail):
    assert PAGE.count("{code-block}") == len(BLOCKS)
    assert set(BLOCKS) == USED
