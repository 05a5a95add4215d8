"""Linear regression: a weighted sum, its mean squared error, and the best fit."""

import numpy as np


def predict(X, parameters):
    """Return the prediction of a linear model for each row of X.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        Features, one row per sample.
    parameters : dict of str to ndarray
        ``"w"``, shape (d,): one weight per feature, in units of the target per unit
        of that feature; ``"b"``, shape (): the bias, in units of the target.

    Returns
    -------
    ndarray of float, shape (n,)
        Predictions, in units of the target.

    Notes
    -----
    Built in chapter `book/linear_regression.md`.
    """
    return X @ parameters["w"] + parameters["b"]


def residuals(parameters, X, y):
    """Return prediction minus target for each row of X.

    Parameters
    ----------
    parameters : dict of str to ndarray
        As for `predict`.
    X : ndarray of float, shape (n, d)
        Features, one row per sample.
    y : ndarray of float, shape (n,)
        Targets.

    Returns
    -------
    ndarray of float, shape (n,)
        In units of the target; positive where the prediction is too high.

    Raises
    ------
    ValueError
        If `y` does not hold one number per row of `X`. A `y` of shape (n, 1) would
        otherwise be broadcast to n × n differences without a word.

    Notes
    -----
    Built in chapter `book/linear_regression.md`.
    """
    if y.shape != (len(X),):
        raise ValueError(f"need y of shape ({len(X)},), got {y.shape}")
    return predict(X, parameters) - y


def mse(parameters, X, y):
    """Return the mean squared error of a linear model.

    Parameters
    ----------
    parameters, X, y
        As for `residuals`.

    Returns
    -------
    float
        Mean of the squared residuals, in squared units of the target.

    Notes
    -----
    Built in chapter `book/linear_regression.md`.
    """
    return np.mean(residuals(parameters, X, y) ** 2)


def rmse(parameters, X, y):
    """Return the root of the mean squared error of a linear model.

    Parameters
    ----------
    parameters, X, y
        As for `residuals`.

    Returns
    -------
    float
        Size of a typical residual, in units of the target.

    Notes
    -----
    Built in chapter `book/linear_regression.md`.
    """
    return np.sqrt(mse(parameters, X, y))


def mse_gradients(parameters, X, y):
    """Return the gradient of the mean squared error, one block per parameter.

    Parameters
    ----------
    parameters, X, y
        As for `residuals`.

    Returns
    -------
    dict of str to ndarray
        ``"w"``, shape (d,), and ``"b"``, shape (). Both carry the factor 2/n of a
        mean of n squares.

    Notes
    -----
    Built in chapter `book/linear_regression.md`.
    """
    r = residuals(parameters, X, y)  # (n,)
    return {"w": 2 / len(y) * X.T @ r, "b": 2 / len(y) * r.sum()}


def fit_least_squares(X, y):
    """Return the parameters with the smallest mean squared error.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        Features, one row per sample. No column of ones: it is added, last.
    y : ndarray of float, shape (n,)
        Targets.

    Returns
    -------
    dict of str to ndarray
        ``"w"``, shape (d,), and ``"b"``, shape (). Where several fits are equally
        good, the one with the smallest sum of squared parameters.

    Notes
    -----
    Solved by `numpy.linalg.lstsq`, which works on the design matrix ``A`` itself:
    the condition number of ``A.T @ A`` is the square of that of ``A`` [1]_.
    Built in chapter `book/linear_regression.md`.

    References
    ----------
    .. [1] Golub and Van Loan (2013), *Matrix Computations*, chapter 5.
    """
    A = np.column_stack([X, np.ones(len(X))])  # (n, d + 1): the ones last
    solution, *_ = np.linalg.lstsq(A, y, rcond=None)  # (d + 1,)
    return {"w": solution[:-1], "b": solution[-1]}
