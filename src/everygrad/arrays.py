"""Arrays: which shapes go together, and the first gradient of the course."""

import numpy as np


def broadcast_shape(*shapes):
    """Return the shape that arrays of these shapes have in common.

    Parameters
    ----------
    *shapes : tuple of int
        One shape per array; ``()`` is a single number.

    Returns
    -------
    tuple of int
        Shapes are aligned at their last axes; along each axis, the one size other
        than 1, or 1 where there is none.

    Raises
    ------
    ValueError
        If two different sizes other than 1 meet along an axis.

    Notes
    -----
    The rule of NumPy and PyTorch [1]_.
    Built in chapter `book/arrays.md`.

    References
    ----------
    .. [1] Harris et al. (2020), "Array programming with NumPy", Nature 585.
    """
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        wanted = set(sizes) - {1}
        if len(wanted) > 1:
            raise ValueError(f"cannot broadcast {shapes}: sizes {sizes} meet")
        result.append(wanted.pop() if wanted else 1)
    return tuple(result)


def matmul_shape(a, b):
    """Return the shape of the matrix product of arrays of two shapes.

    Parameters
    ----------
    a, b : tuple of int
        Shapes of the left and of the right factor, each with at least one axis. The
        last two axes are a matrix; the axes before them are broadcast.

    Returns
    -------
    tuple of int
        (m, n) and (n, p) give (m, p); a factor with one axis only lends it to the
        sum, and leaves no axis behind.

    Raises
    ------
    ValueError
        If a factor is a single number, if the axes that are summed over differ in
        size, or if the axes before the matrices cannot be broadcast.

    Notes
    -----
    Built in chapter `book/arrays.md`.
    """
    if not a or not b:
        raise ValueError(f"@ needs an axis on either side, got {a} @ {b}")
    inner, *columns = b[-2:]
    if a[-1] != inner:
        raise ValueError(f"cannot multiply {a} @ {b}: {a[-1]} meets {inner}")
    return (*broadcast_shape(a[:-2], b[:-2]), *a[-2:-1], *columns)


def contrast(P):
    """Return the mean squared deviation of the numbers of an array from their mean.

    Parameters
    ----------
    P : ndarray of float, any shape
        A picture, or anything else.

    Returns
    -------
    float
        The variance, in squared units of `P`; 0 where all numbers are equal.

    Notes
    -----
    Built in chapter `book/arrays.md`.
    """
    return np.mean((P - P.mean()) ** 2)


def contrast_gradient(P):
    """Return the gradient of the contrast with respect to every number of an array.

    Parameters
    ----------
    P : ndarray of float, any shape
        As for `contrast`.

    Returns
    -------
    ndarray of float, the shape of `P`
        It carries the factor 2/N of a mean of N squares, and adds up to 0.

    Notes
    -----
    Built in chapter `book/arrays.md`.
    """
    return 2 / P.size * (P - P.mean())
