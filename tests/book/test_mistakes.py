"""The page of mistakes: fifteen sections of one shape, and tests that do their work.

The page asserts that each of its tests catches the wrong code and passes the right.
Here the triples are run again, without the page's helpers.
"""

import re

import matplotlib
import pytest

from tools.book import ROOT, chapters

from .conftest import code_cells, python, text

PAGE = ROOT / "book" / "mistakes.md"
PARTS = [
    "**Wrong.**",
    "**The test that catches it.**",
    "**Right.**",
    "**Tempting, because**",
]
# In the order of the page; every test fails by an assertion but the one on overflow.
ANCHORS = [
    "borrowed-gradient",
    "w-for-x",
    "sign-of-cos",
    "overwritten-gradient",
    "relu-mask",
    "dropout-backward",
    "sum-and-mean",
    "unreachable-targets",
    "scaled-before-split",
    "bias-column",
    "sigmoid-overflow",
    "careless-check",
    "accuracy-from-loss",
    "if-else",
    "pickle",
]
ALARMS = {"sigmoid-overflow": FloatingPointError}


def sections():
    """Return {anchor: (number, text)} of the numbered sections."""
    heading = r"^\(mistake-([\w-]+)\)=\n### (\d+)\. .+\n"
    pieces = re.split(heading, text(PAGE), flags=re.M)[1:]
    numbered = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return {anchor: (int(number), body) for anchor, number, body in numbered}


@pytest.fixture(scope="module")
def played():
    """Run the cells of the page in one namespace, as a kernel would."""
    matplotlib.use("agg")
    namespace = {"__name__": "mistakes"}
    with matplotlib.rc_context():
        for cell in code_cells(PAGE):
            exec(compile(python(cell), str(PAGE), "exec"), namespace)
        matplotlib.pyplot.close("all")
    return namespace


@pytest.fixture(scope="module")
def noted(played):
    """Return {anchor: (test, wrong, right, symptom, chapter)}."""
    return {anchor: row for anchor, *row in played["noted"]}


def test_there_are_fifteen_in_order():
    found = sections()
    assert list(found) == ANCHORS
    assert [number for number, _ in found.values()] == list(range(1, 16))


@pytest.mark.parametrize("anchor", ANCHORS)
def test_a_section_has_its_four_parts_in_order_and_names_a_chapter(anchor):
    _, body = sections()[anchor]
    places = [body.index(part) for part in PARTS]
    assert places == sorted(places)
    assert all(body.count(part) == 1 for part in PARTS)
    assert "{ref}`ch-" in body
    assert f'note("{anchor}", ' in body


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_wrong_code_fails_its_test_for_the_right_reason(noted, anchor):
    test, wrong, *_ = noted[anchor]
    with pytest.raises((AssertionError, FloatingPointError)) as failure:
        test(wrong)
    assert failure.type is ALARMS.get(anchor, AssertionError)
    assert len(str(failure.value)) > 20, "a failing test says what is wrong"


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_right_code_passes_the_same_test(noted, anchor):
    test, _, right, *_ = noted[anchor]
    test(right)


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_test_needs_the_code(noted, anchor):
    """What does nothing must not pass: a test that ignores its argument would."""
    test, *_ = noted[anchor]
    if anchor != "pickle":  # loading nothing runs nothing
        with pytest.raises(Exception):  # noqa: B017, PT011
            test(lambda *_, **__: None)


def test_only_the_named_errors_count_as_caught(played):
    def broken(_):
        raise TypeError("no test at all")

    with pytest.raises(TypeError):
        played["catches"](broken, None)


def test_the_table_is_made_from_what_ran(played, noted):
    lines = str(played["Markdown"]("\n".join(map(" | ".join, played["lines"]))))
    stems = {path.stem for path in chapters()} | {"training_in_practice"}
    for number, (anchor, row) in enumerate(noted.items(), start=1):
        test, wrong, _, symptom, chapter = row
        (line,) = [x for x in lines.splitlines() if f"(#mistake-{anchor})" in x]
        assert line.startswith(f"[{number}]")
        assert chapter in stems
        assert f"({chapter}.md)" in line
        assert all(part in line for part in (wrong.__doc__, symptom, test.__doc__))
