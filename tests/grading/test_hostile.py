"""The bank of hostile and broken submissions, as one batch of `fairgrade autograde`.

Each gets the score that it deserves, and nothing of it is left or changed outside.
"""

import contextlib
import json
import os
import re
from types import SimpleNamespace

import pytest

from fairgrade.report import BROKE_DOWN

from .hostile import BANK, PATIENCE, TOKEN, World, bank_course, run_fairgrade

pytestmark = pytest.mark.xdist_group("fairgrade_hostile")

SCRIPT = re.compile(
    r"<(script|img|svg|b)\b[^>&]*(fgmark|onerror|onload)|<script>fgmark"
)


QUICK = {name: attack for name, attack in BANK.items() if not attack.slow}
SLOW = {name: attack for name, attack in BANK.items() if attack.slow}


@contextlib.contextmanager
def graded(top, attacks, **options):
    """Hand in some attacks and grade them, in a course and a world of their own."""
    temporary = top / "tmp"
    temporary.mkdir(mode=0o1777)
    world = World(bank_course(top / "course", **options), top / "outside")
    environment = os.environ | {"TMPDIR": str(temporary), "FG_SECRET": TOKEN}
    try:
        for attack in attacks.values():
            world.hand_in(attack)
        before = world.files()
        done = run_fairgrade(
            world.course, "autograde", "twice", "--json", "--jobs=2", env=environment
        )
        report = json.loads(done.stdout)
        yield SimpleNamespace(
            world=world,
            code=done.returncode,
            rows={row["student"]: row for row in report["submissions"]},
            printed=done.stdout + done.stderr,
            changed=world.changed(before),
            traces=world.traces(),
            left=os.listdir(temporary),
        )
    finally:
        world.close()


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """The bank, handed in, graded and given back."""
    with graded(tmp_path_factory.mktemp("hostile"), QUICK) as found:
        assert found.code == 1, found.printed
        yield found


def test_bombs_take_nothing_but_their_time(tmp_path):
    with graded(tmp_path, SLOW, seconds=PATIENCE) as found:
        assert {n: row["score"] for n, row in found.rows.items()} == {
            "memory-bomb": 10,
            "disk-bomb": 10,
            "print-a-million": 10,
            "warning-flood": 10,
        }
        assert (found.traces, found.changed, found.left) == ([], [], [])


@pytest.mark.parametrize("name", [ascii(name)[1:-1] for name in QUICK])
def test_each_gets_what_it_deserves(batch, name):
    name = name.encode().decode("unicode_escape")
    attack, row = BANK[name], batch.rows[name]
    assert row["status"] in (attack.status, "crashed" if attack.score == 0 else None)
    assert row["score"] == attack.score
    assert batch.world.told(name) == []
    record = batch.world.record(name)
    assert bool(record) == (row["score"] is not None)
    assert len(record) < 3_000_000


def test_every_submission_has_one_row_and_no_other(batch):
    assert batch.rows.keys() == QUICK.keys()


def test_nothing_is_left_or_changed_outside(batch):
    assert batch.traces == []
    assert batch.changed == []
    assert batch.left == []


def test_the_gradebook_says_the_same(batch):
    with batch.world.course.gradebook() as book:
        scores = {
            one.student.id: (one.score, one.max_score)
            for one in book.assignment_submissions("twice")
        }
    graded = {
        n: row["score"] for n, row in batch.rows.items() if row["score"] is not None
    }
    assert {name: score for name, (score, _) in scores.items()} == graded
    assert {most for _, most in scores.values()} == {12}


def test_loops_and_crashes_are_told_in_plain_words(batch):
    for name, why in {
        "loop": "time-out",
        "loop-in-answer": "time-out",
        "loop-in-c": "time-out",
        "crash": "crashed",
    }.items():
        assert BROKE_DOWN[why] in batch.rows[name]["reason"], name


def test_what_is_wrong_with_a_file_is_told_in_plain_words(batch):
    for name, words in {
        "empty": "empty",
        "no-json": "JSON",
        "not-utf-8": "UTF-8",
        "deep": "nested",
        "too-big": "bigger than 32 MiB",
        "format-3": "nbformat 3",
        "pipe": "not a file",
        "folder": "not a file",
        "link-to-source": "link",
        "wrong-name": "Then rename it",
    }.items():
        assert words in batch.rows[name]["reason"], name


def test_what_was_changed_in_a_notebook_is_noted(batch):
    for name, words in {
        "tag-skip": "skip-execution",
        "more-points": "1000 points",
        "edited-tests": "was edited",
        "no-tests": "is missing",
        "schema-99": "schema 99",
        "reordered": "another order",
        "two-answers": "2 cells with this id",
    }.items():
        assert any(words in note for note in batch.rows[name]["notes"]), name


def test_nothing_that_a_submission_says_commands_a_terminal(batch):
    assert "\x1b" not in batch.printed


def test_pages_of_feedback_run_no_script_and_hide_the_hidden_test(batch):
    course = batch.world.course
    done = run_fairgrade(course, "feedback", "twice", "--student=s[ct][ro][ip]*")
    assert done.returncode == 0, done.stderr
    pages = {p.parent.parent.name: p for p in course.folder.glob("feedback/*/*/*.html")}
    scripts = {name for name in BANK if name.startswith("script-")}
    assert scripts | {"stop-iteration"} <= pages.keys()
    for name, path in pages.items():
        page = path.read_text(encoding="utf-8")
        body = page.partition("</head>")[2]
        assert not SCRIPT.search(body), name
        assert 'href="javascript:fgmark' not in body
        assert TOKEN not in page, name
        assert "\x1b" not in body, name


def test_the_bank_is_as_big_as_it_should_be():
    assert len(BANK) >= 150
    assert {attack.kind for attack in BANK.values()} == {
        "points",
        "theft",
        "harm",
        "broken",
        "loss",
    }
