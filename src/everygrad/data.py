"""The small data sets of the course, typed out: nothing is downloaded."""

import numpy as np


def houses():
    """Return ten houses and what they sold for.

    Returns
    -------
    X : ndarray of float, shape (10, 2)
        Living area in square feet, and number of bedrooms.
    y : ndarray of float, shape (10,)
        Price in dollars.

    Notes
    -----
    Often mislabelled "price per square metre": the area is in square feet and the
    price is the whole price.
    Built in chapter `book/linear_regression.md`.
    """
    table = np.array(
        [
            [2104, 3, 399900],
            [1600, 3, 329900],
            [2400, 3, 369000],
            [1416, 2, 232000],
            [3000, 4, 539900],
            [1985, 4, 299900],
            [1534, 3, 314900],
            [1427, 3, 198999],
            [1380, 3, 212000],
            [1494, 3, 242500],
        ],
        dtype=float,
    )  # (10, 3)
    return table[:, :2], table[:, 2]
