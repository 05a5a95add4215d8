"""Data are facts: their shapes and a few entries are written down twice."""

import numpy as np


def test_eight_points_hold_two_crossings():
    X, y = eight_points()
    assert X.shape == (8, 2)
    assert X.sum(axis=0).tolist() == [24, 11]
    assert y.tolist() == [0, 1, 0, 1, 0, 1, 1, 0]
    first, second = X[[6, 1]] - X[1], X[[0, 4]] - X[1]  # along x2 = 1, and across it
    assert np.all(first[:, 1] == 0)
    assert 0 < second.mean(axis=0)[0] < first[0, 0]
    np.testing.assert_allclose(0.8 * X[5] + 0.2 * X[3], 0.6 * X[7] + 0.4 * X[2])
