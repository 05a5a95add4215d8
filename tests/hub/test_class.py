"""A class of two on a real JupyterHub, in real browsers, from release to feedback.

Everything happens in the pages that people see, but for autograding, which the teacher
starts in a terminal of the hub. Each stage is a fixture built on the one before:
`people`, `released`, `fetched`, `handed_in`, `graded`, `given_back`.
"""

import re
import shlex
from types import SimpleNamespace

import nbformat
import pytest
from playwright.sync_api import TimeoutError as Late

from ..exercises.conftest import cells_of, hand_in, load_bank
from .conftest import LEARNERS, NAME, Person

pytestmark = pytest.mark.xdist_group("hub")

# The command that the teacher types to grade.
AUTOGRADE = f"fairgrade autograde {NAME}"

WRONG, WRONG_BODY, FAILING = load_bank(NAME).WRONG["the classes forgotten"]
TEXT = "Because no example is on the wrong side any more."
# What Ben tries from his terminal, with what he gets when nothing stands in his way.
MINE = {
    "my own work": f"cat ~/{NAME}/{NAME}.ipynb",
    "the release": f"cat $EXCHANGE/outbound/{NAME}/{NAME}.ipynb",
    "that Ada is here": "pgrep -u ada",
}
NOT_MINE = {
    "Ada's work": f"cat /srv/people/ada/{NAME}/{NAME}.ipynb",
    "the list of what was handed in": "ls $EXCHANGE/inbound",
    "the list of feedback": "ls $EXCHANGE/feedback",
    "the solutions": f"cat /srv/people/tess/course/_build/source/{NAME}/{NAME}.ipynb",
    "the gradebook": "cat /srv/people/tess/course/gradebook.db",
    "the memory of the hub": "ls /srv/everygrad/state",
    "another release": f"echo > $EXCHANGE/outbound/{NAME}/{NAME}.ipynb",
    "the place of the course": "mv $EXCHANGE $EXCHANGE.mine",
    "Ada's keys": "cat /proc/$(pgrep -o -u ada)/environ",
    "the end of Ada's server": "kill -0 $(pgrep -o -u ada)",
}


def answered(wrong):
    """Return the exercise answered rightly, but for {cell: wrong one}, with a text."""
    notebook = hand_in(NAME, wrong)
    for cell in cells_of(notebook, solution=True, grade=True).values():
        cell.source = TEXT
    return notebook


def points(wrong=()):
    """Return the points of all code cells but some."""
    cells = cells_of(hand_in(NAME, {}), grade=True, solution=False)
    return sum(
        cell.metadata.nbgrader.points for one, cell in cells.items() if one not in wrong
    )


@pytest.fixture(scope="module")
def people(host, chromium):
    """Everybody signs in; all but Tim, who helps Tess, get a server of their own."""
    people = {name: Person(name, host, chromium) for name in ("tess", *LEARNERS, "tim")}
    for name, person in people.items():
        person.sign_in("/hub/home" if name == "tim" else "")
    for name in ("tess", *LEARNERS):
        page = people[name].page
        page.wait_for_url(f"**/user/{name}/lab*", timeout=120_000)
        page.get_by_role("menuitem", name="Nbgrader", exact=True).wait_for()
    yield SimpleNamespace(**people)
    for person in people.values():
        person.context.close()


def menu(person):
    """Return what nbgrader's menu offers; leave it open.

    On a busy machine a click on a JupyterLab that was just opened was once without
    effect; why is not known. Then it is clicked again, as by anybody at the screen.
    """
    items = person.page.locator(".lm-Menu-itemLabel:visible, .p-Menu-itemLabel:visible")
    for patience in (15_000, 15_000, 60_000):
        person.page.get_by_role("menuitem", name="Nbgrader", exact=True).click()
        try:
            items.first.wait_for(timeout=patience)
        except Late:
            continue
        return [text for text in items.all_inner_texts() if text]
    pytest.fail(f"the menu of {person.name} does not open")


def test_learners_get_the_list_of_assignments_and_nothing_for_teachers(people):
    assert menu(people.ada) == ["Assignment List"]
    people.ada.page.keyboard.press("Escape")
    assert (
        people.ada.context.request.get(
            f"{people.ada.host.address}/user/ada/formgrader"
        ).status
        == 404
    )


def test_the_teacher_gets_formgrader(people):
    assert "Formgrader" in menu(people.tess)
    people.tess.page.keyboard.press("Escape")


def manage(person, action):
    """Click a picture in formgrader's list of assignments; return what it answers."""
    page = person.page
    if not page.url.endswith("/formgrader"):
        person.visit("formgrader")
    page.locator("tr", has_text=NAME).locator(f".{action} a").click()
    answer = page.locator("#success-modal, #error-modal")
    answer.wait_for()
    said = answer.inner_text()
    assert page.locator("#success-modal").count(), said
    answer.get_by_role("button").last.click()
    answer.wait_for(state="detached")
    return said


@pytest.fixture(scope="module")
def released(people):
    manage(people.tess, "assign")
    return manage(people.tess, "release")


def test_the_teacher_releases(released):
    assert f"Released as: everygrad {NAME}" in released


def open_list(person):
    """Open the list of assignments."""
    menu(person)
    person.page.get_by_text("Assignment List", exact=True).click()


def press(page, section, button, after):
    """Press a button in the list of assignments, and wait for what must follow."""
    page.locator(f"#{section}_assignments_list").get_by_role(
        "button", name=button
    ).click()
    page.locator(after).first.wait_for()


@pytest.fixture(scope="module")
def fetched(people, released):
    for learner in (people.ada, people.ben):
        open_list(learner)
        press(
            learner.page,
            "released",
            "Fetch",
            "#fetched_assignments_list button:text('Submit')",
        )


def test_learners_fetch_the_release(host, people, fetched):
    release = host.exchange / "everygrad" / "outbound" / NAME / f"{NAME}.ipynb"
    for learner in (people.ada, people.ben):
        assert (learner.home / NAME / f"{NAME}.ipynb").read_bytes() == (
            release.read_bytes()
        )


def solve(person, notebook):
    """Type the answers into JupyterLab, save, and press Validate."""
    page, path = person.page, person.home / NAME / f"{NAME}.ipynb"
    before = nbformat.read(path, as_version=4).cells
    listed = page.locator("#fetched_assignments_list")
    listed.locator("a.assignment-notebooks-link").click()
    listed.locator(".assignment-notebooks a").click()
    cells = page.locator(".jp-Notebook .jp-Cell")
    for number, (old, new) in enumerate(zip(before, notebook.cells, strict=True)):
        if new.source != old.source:
            cell = cells.nth(number)
            cell.scroll_into_view_if_needed()
            if new.cell_type == "markdown":
                cell.dblclick()
            cell.locator(".cm-content").click()
            page.keyboard.press("Control+A")
            page.keyboard.insert_text(new.source)
    page.keyboard.press("Control+S")
    page.locator(".jp-mod-dirty").wait_for(state="detached")
    page.get_by_role("button", name="Validate").click()


def verdict(page):
    """Wait for what Validate says, and return it."""
    dialog = page.locator(".jp-Dialog", has_text="Validation Results")
    dialog.wait_for()
    said = dialog.inner_text()
    dialog.get_by_role("button", name="Ok").click()
    return said


@pytest.fixture(scope="module")
def handed_in(people, fetched):
    """Ada is right, Ben is not, and hands in all the same."""
    solve(people.ada, answered({}))
    solve(people.ben, answered({WRONG: WRONG_BODY}))
    said = {}
    for learner in (people.ada, people.ben):
        said[learner.name] = verdict(learner.page)
        learner.page.get_by_role("tab", name="Assignments").click()
        press(learner.page, "fetched", "Submit", "#submitted_assignments_list .row")
    return said


def test_what_was_typed_is_what_was_saved(people, handed_in):
    for learner, wrong in ((people.ada, {}), (people.ben, {WRONG: WRONG_BODY})):
        saved = nbformat.read(learner.home / NAME / f"{NAME}.ipynb", as_version=4)
        assert [cell.source for cell in saved.cells] == [
            cell.source for cell in answered(wrong).cells
        ]


def test_validate_tells_right_from_wrong(handed_in):
    assert "Success! Your notebook passes all the tests." in handed_in["ada"]
    assert "The following cell failed" in handed_in["ben"]


@pytest.fixture(scope="module")
def graded(people, handed_in):
    tess = people.tess
    collected = manage(tess, "collect")
    status, printed = tess.types(f"cd ~/course && {AUTOGRADE}")
    assert status == 0, printed
    tess.visit(f"formgrader/manage_submissions/{NAME}")
    rows = {}
    for name in LEARNERS:
        row = tess.page.locator(
            "tr", has=tess.page.locator(".student-id", has_text=name)
        )
        row.wait_for()
        rows[name] = row.inner_text()
    return SimpleNamespace(collected=collected, rows=rows)


def test_both_are_collected(graded):
    for name in LEARNERS:
        assert f"Collecting submission: {name} {NAME}" in graded.collected


def test_each_belongs_to_the_account_that_handed_it_in(host, graded):
    assert ("cheating attempt" in graded.collected) == (host.accounts == "one")


def test_formgrader_shows_the_scores(graded):
    for name, wrong in (("ada", ()), ("ben", FAILING)):
        assert re.search(rf"\b{points(wrong)} / {points() + 3}\b", graded.rows[name]), (
            graded.rows[name]
        )


@pytest.fixture(scope="module")
def given_back(people, graded):
    manage(people.tess, "generate-feedback")
    manage(people.tess, "release-feedback")
    pages = {}
    for learner in (people.ada, people.ben):
        press(learner.page, "submitted", "Fetch Feedback", ":text('(view feedback)')")
        (page,) = learner.home.glob(f"{NAME}/feedback/*/{NAME}.html")
        learner.visit(f"files/{page.relative_to(learner.home)}")
        pages[learner.name] = learner.page.locator("body").inner_text()
    return pages


def test_learners_read_their_own_feedback(given_back):
    for name, wrong in (("ada", ()), ("ben", FAILING)):
        assert f"(Score: {points(wrong)}.0 / {points() + 3}.0)" in given_back[name]


def test_nobody_opens_the_server_of_another(people, given_back):
    for owner in ("ben", "tess"):
        assert people.ada.visit("lab", owner) == 403
        assert people.ada.visit(f"files/{NAME}/{NAME}.ipynb", owner) == 403
    assert people.ada.visit("formgrader", "tess") == 403
    assert people.tess.visit("lab", "ada") == 403
    assert people.ada.visit("lab") == people.tess.visit("formgrader") == 200


def test_a_second_teacher_works_on_the_server_with_the_course_folder(people, graded):
    assert people.tim.visit("formgrader", "tess") == 200
    people.tim.page.locator("tr", has_text=NAME).first.wait_for()


def test_accounts_keep_files_and_programs_apart(host, people, given_back):
    """Where one account plays everybody nothing could: see `Host`."""
    tries = people.ben.home / "tries.sh"
    tries.write_text(
        "EXCHANGE=$EVERYGRAD_EXCHANGE/everygrad\n"
        + "".join(
            f"if ({command}) > /dev/null 2>&1; then echo {shlex.quote(name)}; fi\n"
            for name, command in (MINE | NOT_MINE).items()
        )
    )
    _, printed = people.ben.types("bash ~/tries.sh")
    got = set(printed.splitlines())
    if host.accounts == "one":
        assert {"my own work", "the release"} <= got
    else:
        assert got == set(MINE)
