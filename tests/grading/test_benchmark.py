"""The benchmark compares on equal terms, and refuses where scores are not the same."""

import json

import pytest

from fairgrade import benchmark

pytestmark = pytest.mark.xdist_group("fairgrade_benchmark")


def test_both_graders_grade_the_same_and_are_timed(capsys):
    assert benchmark.main(["--submissions=2", "--jobs=1", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["submissions"] == 2
    assert measured["different scores"] == 2
    assert measured["executing"] > 0
    assert all(seconds > 0 for seconds in measured["seconds"].values())
    table = benchmark.table(measured)
    assert "| `nbgrader autograde` |" in table
    assert f"{measured['times']:.1f} times as fast" in table


def test_other_scores_are_refused(monkeypatch, tmp_path, capsys):
    course = tmp_path / "course"
    course.mkdir()
    monkeypatch.setattr(benchmark, "run", lambda *a: (1.0, 1.0))
    monkeypatch.setattr(
        benchmark, "scores_in", lambda course, name: {"ada": len(course.name)}
    )
    with pytest.raises(benchmark.Refusal, match=r"'ada': \(8, 9\)"):
        benchmark.compare(course, "x", [0], 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--jobs=0"], "--jobs=0"),
        (["--jobs=9999"], "this machine has"),
        (["--submissions=1"], "at least 2"),
    ],
)
def test_misuse_is_told(arguments, words, capsys):
    assert benchmark.main(arguments) == 2
    assert words in capsys.readouterr().err
