"""Data are facts: their shapes and a few entries are written down twice."""

from everygrad.data import houses


def test_ten_houses_of_area_bedrooms_and_price():
    X, y = houses()
    assert X.shape == (10, 2)
    assert y.shape == (10,)
    assert X[0].tolist() == [2104, 3]
    assert (y.min(), y.max(), y.sum()) == (198999, 539900, 3138999)
