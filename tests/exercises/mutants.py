"""Small mistakes in a reference solution are caught, but for those the bank accepts.

Thousands of mutants take their time: `make mutants` runs this, `make test` does not.
"""

import pytest

from fairgrade.check import Report, check_mutants
from tools.exercises import exercise_names

EACH = [pytest.param(x, marks=pytest.mark.xdist_group(x)) for x in exercise_names()]


@pytest.mark.parametrize("name", EACH)
def test_small_mistakes_in_the_reference_are_caught(name, fair):
    exercise, report = fair(name), Report(name)
    check_mutants(exercise.grade, exercise.assignment, exercise.bank, 1, report)
    assert report.mutants > 100
    assert not report.survivors, "\n".join(report.lines())
    assert report.fooled == []
    assert report.stale == []
