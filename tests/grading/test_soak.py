"""A class of a hundred, one in ten hostile; see `soak` for a bigger one."""

import pytest

from .soak import soak

pytestmark = pytest.mark.xdist_group("fairgrade_soak")


def test_everyone_is_graded_and_nobody_wrongly(tmp_path):
    found = soak(100, tmp_path)
    assert found["wrong"] == {}
    assert found["rows"] == 100
    assert found["hostile"] == 10
    assert found["traces"] == found["changed"] == found["left"] == []
