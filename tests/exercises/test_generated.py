"""exercises/ is what solutions/ generates, byte for byte; misuse is answered."""

import pytest

from tools import exercises
from tools.exercises import (
    EXERCISES,
    ExerciseError,
    exercise_names,
    full_metadata,
    generate,
)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return generate(exercise_names(), tmp_path_factory.mktemp("course"))


@pytest.mark.parametrize("name", exercise_names())
def test_the_exercise_is_generated_from_its_solution(name, release):
    new = {path.name: path.read_bytes() for path in (release / name).iterdir()}
    old = {path.name: path.read_bytes() for path in (EXERCISES / name).iterdir()}
    assert new == old, "run `make exercises` and commit what it writes"


def test_there_is_no_exercise_without_a_solution():
    assert sorted(path.name for path in EXERCISES.iterdir()) == exercise_names()


def test_an_unknown_name_is_answered_with_the_known_ones(capsys):
    assert exercises.main(["percepton"]) == 2
    said = capsys.readouterr().err
    assert "no exercise 'percepton'" in said
    assert all(name in said for name in exercise_names())


def test_the_short_form_is_written_out():
    full = full_metadata({"test": "a_test", "points": 2}, "here")
    assert full == {
        "grade": True,
        "grade_id": "a_test",
        "locked": True,
        "points": 2,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }


@pytest.mark.parametrize(
    "short",
    [
        {"tset": "x"},
        {"test": "x"},
        {"solution": "x", "points": 1},
        {"test": "x", "manual": "y"},
    ],
    ids=["misspelt", "no points", "points for an answer", "two kinds"],
)
def test_a_wrong_short_form_is_refused_with_its_place(short):
    with pytest.raises(ExerciseError, match=r"solutions/x\.md, cell 3: need"):
        full_metadata(short, "solutions/x.md, cell 3")
