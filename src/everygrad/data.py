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
    area = [2104, 1600, 2400, 1416, 3000, 1985, 1534, 1427, 1380, 1494]
    bedrooms = [3, 3, 3, 2, 4, 4, 3, 3, 3, 3]
    price = [399900, 329900, 369000, 232000, 539900]
    price += [299900, 314900, 198999, 212000, 242500]
    X = np.column_stack([area, bedrooms]).astype(float)  # (10, 2)
    return X, np.array(price, dtype=float)


def letters():
    """Return the letters A, B and C as pictures of 5 rows and 6 columns.

    Returns
    -------
    X : ndarray of float, shape (3, 30)
        One letter per row, its picture row by row: 1 where there is ink, else 0.
        ``X[i].reshape(5, 6)`` is the picture.
    labels : ndarray of int, shape (3,)
        0, 1 and 2.

    Notes
    -----
    The letters differ from one another in 5 pixels or more.
    Built in chapter `book/backprop.md`.
    """
    A = "..##.. .#..#. ###### #....# #....#"
    B = ".####. .#..#. .####. .#..#. .####."
    C = ".####. .#.... .#.... .#.... .####."
    ink = [[pixel == "#" for pixel in x.replace(" ", "")] for x in (A, B, C)]
    return np.array(ink, dtype=float), np.arange(3)


def two_blobs(n, rng, margin=0.1):
    """Return points of two classes in the plane, on either side of a known line.

    Parameters
    ----------
    n : int
        Number of points; the classes alternate, +1 first.
    rng : numpy.random.Generator
        Where the points come from.
    margin : float
        Least margin of the unit vector (1, 1, −1)/√3, whose line is x₁ + x₂ = 1:
        ``y * (X @ w)`` is at least `margin` in every row.

    Returns
    -------
    X : ndarray of float, shape (n, 3)
        Two coordinates, then 1 for the bias.
    y : ndarray of int, shape (n,)
        Classes, −1 or +1.

    Notes
    -----
    Built in chapter `book/perceptron.md`.
    """
    y = np.where(np.arange(n) % 2 == 0, 1, -1)  # (n,)
    depth = np.sqrt(3) * margin + np.abs(rng.normal(0.6, 0.4, size=n))
    middle = (1 + y * depth) / 2  # x1 + x2 = 1 + y * depth
    along = rng.normal(0, 0.5, size=n)
    return np.column_stack([middle + along, middle - along, np.ones(n)]), y


def eight_points():
    """Return eight points of two classes that no straight line separates.

    Returns
    -------
    X : ndarray of float, shape (8, 2)
        Two coordinates, without a unit.
    y : ndarray of int, shape (8,)
        Classes, 0 or 1, four points each.

    Notes
    -----
    They hold two crossings of a pair of class 0 with a pair of class 1, so every
    line leaves at least two of the eight on the wrong side.
    Built in chapter `book/logistic_neuron.md`.
    """
    x1 = [3, 2, 4, 3, 3.5, 2, 5.5, 1]
    x2 = [1.5, 1, 1.5, 4, 0.5, 0.5, 1, 1]
    return np.column_stack([x1, x2]), np.array([0, 1, 0, 1, 0, 1, 1, 0])
