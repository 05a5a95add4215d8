"""Data are facts: their shapes and a few entries are written down twice."""

import numpy as np

from everygrad.data import eight_points, houses, letters, two_blobs


def test_ten_houses_of_area_bedrooms_and_price():
    X, y = houses()
    assert X.shape == (10, 2)
    assert y.shape == (10,)
    assert X[0].tolist() == [2104, 3]
    assert (y.min(), y.max(), y.sum()) == (198999, 539900, 3138999)


def test_two_blobs_keep_their_promise(rng):
    X, y = two_blobs(50, rng, margin=0.3)
    assert X.shape == (50, 3)
    assert y[:4].tolist() == [1, -1, 1, -1]
    np.testing.assert_array_equal(X[:, -1], 1)
    assert np.min(y * (X @ [1, 1, -1]) / np.sqrt(3)) >= 0.3


def test_three_letters_of_thirty_pixels():
    X, labels = letters()
    assert X.shape == (3, 30)
    assert X.dtype == float
    assert labels.tolist() == [0, 1, 2]
    assert np.unique(X).tolist() == [0, 1]
    assert X.sum(axis=1).tolist() == [14, 16, 11]  # ink
    assert np.flatnonzero(X[0]).tolist()[:4] == [2, 3, 7, 10]  # the top of the A
    assert X[2].reshape(5, 6)[:, 1].tolist() == [1, 1, 1, 1, 1]  # the back of the C


def test_letters_differ_in_five_pixels_or_more():
    X, _ = letters()
    apart = np.abs(X[:, None] - X).sum(axis=2)  # (3, 3)
    assert apart.tolist() == [[0, 14, 17], [14, 0, 5], [17, 5, 0]]


def test_eight_points_hold_two_crossings():
    X, y = eight_points()
    assert X.shape == (8, 2)
    assert X.sum(axis=0).tolist() == [24, 11]
    assert y.tolist() == [0, 1, 0, 1, 0, 1, 1, 0]
    first, second = X[[6, 1]] - X[1], X[[0, 4]] - X[1]  # along x2 = 1, and across it
    assert np.all(first[:, 1] == 0)
    assert 0 < second.mean(axis=0)[0] < first[0, 0]
    np.testing.assert_allclose(0.8 * X[5] + 0.2 * X[3], 0.6 * X[7] + 0.4 * X[2])
