"""One threshold unit: predict a class, count mistakes, learn from each of them."""

import numpy as np


def add_bias(X):
    """Return X with a column of ones behind it, so that the last weight is the bias.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        One sample per row.

    Returns
    -------
    ndarray of float, shape (n, d + 1)
        The ones are the last column, here and everywhere in the course.

    Notes
    -----
    Built in chapter `book/perceptron.md`.
    """
    return np.column_stack([X, np.ones(len(X))])


def predict(X, w):
    """Return the class of each row of X, by the sign of its score.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        One sample per row, the ones of the bias included.
    w : ndarray of float, shape (d,)
        Weights, the bias last.

    Returns
    -------
    ndarray of int, shape (n,)
        +1 where the score ``X @ w`` is positive, −1 elsewhere: a row exactly on
        the line belongs to class −1.

    Notes
    -----
    Built in chapter `book/perceptron.md`.
    """
    return np.where(X @ w > 0, 1, -1)


def fit_perceptron(X, y, max_epochs=1000):
    """Return weights learned by Rosenblatt's rule, and the mistakes of each epoch.

    Start from zero weights. For each row in turn, if it is on the wrong side or
    on the line, add ``y * x`` to the weights. Stop after an epoch without a mistake.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        One sample per row, the ones of the bias included.
    y : ndarray of int, shape (n,)
        Classes, −1 or +1.
    max_epochs : int
        Passes over the data after which to give up.

    Returns
    -------
    w : ndarray of float, shape (d,)
        Weights after the last step taken.
    mistakes : list of int
        Mistakes in each epoch, in order. If the last is 0, `w` leaves every row
        strictly on its own side. Otherwise learning was given up after
        `max_epochs`, and `w` is merely where it stood.

    Raises
    ------
    ValueError
        If a class is neither −1 nor +1. A class 0 would be counted as a mistake in
        every epoch and correct nothing.

    Notes
    -----
    If a vector of length 1, bias included, gives every row a margin ``y * score``
    of at least γ > 0, the mistakes add up to at most (R/γ)², where R is the length
    of the longest row, the 1 included: [1]_. If the classes cannot be separated, no
    number of epochs is enough.
    Built in chapter `book/perceptron.md`.

    References
    ----------
    .. [1] Novikoff (1962), On convergence proofs on perceptrons.
    """
    if not np.isin(y, [-1, 1]).all():
        raise ValueError(f"need classes -1 and +1, got {np.unique(y)}")
    w, mistakes = np.zeros(X.shape[1]), []
    for _ in range(max_epochs):
        mistakes.append(0)
        for x_i, y_i in zip(X, y, strict=True):
            if y_i * (x_i @ w) <= 0:
                w += y_i * x_i
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, mistakes


def perceptron_loss(w, X, y):
    """Return the mean perceptron loss: each wrong row pays the size of its score.

    Parameters
    ----------
    w : ndarray of float, shape (d,)
        Weights, the bias last.
    X : ndarray of float, shape (n, d)
        One sample per row, the ones of the bias included.
    y : ndarray of int, shape (n,)
        Classes, −1 or +1.

    Returns
    -------
    float
        Mean of ``max(0, −y · score)``, in units of the score. It is 0 at zero
        weights too, which separate nothing.

    Notes
    -----
    Built in chapter `book/perceptron.md`.
    """
    return np.maximum(0, -y * (X @ w)).mean()


def perceptron_gradient(w, X, y):
    """Return the gradient of the mean perceptron loss.

    Parameters
    ----------
    w, X, y
        As for `perceptron_loss`.

    Returns
    -------
    ndarray of float, shape (d,)
        Minus the sum of ``y * x`` over the rows that are wrong or on the line,
        divided by n. Where a row is on the line the loss has a kink, and this is
        one of its subgradients: the one that Rosenblatt's rule takes.

    Notes
    -----
    Built in chapter `book/perceptron.md`.
    """
    wrong = y * (X @ w) <= 0  # (n,)
    return -(y[wrong] @ X[wrong]) / len(y)
