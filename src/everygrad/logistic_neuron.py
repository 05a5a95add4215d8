"""One sigmoid neuron: what it says, what that costs, and which way is down."""

import numpy as np

from everygrad.linear_regression import predict


def sigmoid(z):
    """Return 1 / (1 + exp(−z)), elementwise, without overflow.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        Values from 0 to 1. Far from zero they round to exactly 0 or 1.

    Notes
    -----
    Written with tanh, which saturates where exp would overflow. The absolute error is
    about 1e-16 everywhere; far below zero the relative error is not small, so take
    losses from the logits: `binary_cross_entropy`.
    Built in chapter `book/logistic_neuron.md`.
    """
    return 0.5 * (1 + np.tanh(0.5 * z))


def sigmoid_slope(z):
    """Return the derivative of the sigmoid, elementwise.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations, not activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        ``a (1 − a)`` with ``a = sigmoid(z)``: a quarter at 0, and nowhere more.

    Notes
    -----
    Built in chapter `book/logistic_neuron.md`.
    """
    a = sigmoid(z)
    return a * (1 - a)


def probability(X, parameters):
    """Return the probability of class 1 for each row of X.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        Features, one row per sample.
    parameters : dict of str to ndarray
        ``"w"``, shape (d,), and ``"b"``, shape (), as in linear regression.

    Returns
    -------
    ndarray of float, shape (n,)
        From 0 to 1: the sigmoid of the weighted sum.

    Notes
    -----
    Built in chapter `book/logistic_neuron.md`.
    """
    return sigmoid(predict(X, parameters))


def classify(X, parameters):
    """Return the more probable class, 0 or 1, for each row of X.

    Parameters
    ----------
    X, parameters
        As for `probability`.

    Returns
    -------
    ndarray of int, shape (n,)
        1 where the probability of class 1 is above one half, else 0: a row exactly on
        the line belongs to class 0.

    Notes
    -----
    Built in chapter `book/logistic_neuron.md`.
    """
    return (predict(X, parameters) > 0).astype(int)


def accuracy(classes, y):
    """Return the share of the samples that got the right class.

    Parameters
    ----------
    classes, y : ndarray of int, shape (n,)
        Predicted and true classes. Not probabilities: those are hardly ever equal
        to a class.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the shapes differ: a column (n, 1) beside (n,) would silently be compared
        in n × n pairs.

    Notes
    -----
    Built in chapter `book/logistic_neuron.md`.
    """
    if classes.shape != y.shape:
        raise ValueError(f"need classes of shape {y.shape}, got {classes.shape}")
    return np.mean(classes == y)


def check_targets(logits, y):
    """Refuse targets that do not fit the logits or are no probabilities.

    Parameters
    ----------
    logits : ndarray of float, any shape
        Pre-activations.
    y : ndarray, the shape of `logits`
        Targets from 0 to 1.

    Raises
    ------
    ValueError
        If the shapes differ, or a target is below 0 or above 1: the cross-entropy of
        such a target has no lower bound.

    Notes
    -----
    Built in chapter `book/logistic_neuron.md`.
    """
    if y.shape != logits.shape or not np.all((y >= 0) & (y <= 1)):
        raise ValueError(f"need targets in 0..1, shape {logits.shape}, got {y!r}")


def binary_cross_entropy(logits, y):
    """Return the mean cross-entropy of sigmoid(logits).

    Parameters
    ----------
    logits : ndarray of float, any shape
        Pre-activations z, the log-odds of class 1. Not probabilities.
    y : ndarray, the shape of `logits`
        Targets: classes 0 and 1, or probabilities between them.

    Returns
    -------
    float
        Mean negative log-likelihood, in nats per target.

    Raises
    ------
    ValueError
        As `check_targets`.

    Notes
    -----
    ``−ln sigmoid(z) = ln(1 + exp(−z)) = logaddexp(0, −z)``: no logarithm of a
    rounded probability, hence neither overflow nor infinity, and small losses keep
    their digits.
    Built in chapter `book/logistic_neuron.md`.
    """
    check_targets(logits, y)
    return np.mean(y * np.logaddexp(0, -logits) + (1 - y) * np.logaddexp(0, logits))


def binary_cross_entropy_gradient(logits, y):
    """Return the gradient of `binary_cross_entropy` with respect to the logits.

    Parameters
    ----------
    logits, y
        As for `binary_cross_entropy`.

    Returns
    -------
    ndarray of float, the shape of `logits`
        Probability minus target, divided by the number of targets.

    Raises
    ------
    ValueError
        As `check_targets`.

    Notes
    -----
    Built in chapter `book/logistic_neuron.md`.
    """
    check_targets(logits, y)
    return (sigmoid(logits) - y) / y.size


def logistic_loss(parameters, X, y):
    """Return the mean cross-entropy of a sigmoid neuron.

    Parameters
    ----------
    parameters : dict of str to ndarray
        As for `probability`.
    X : ndarray of float, shape (n, d)
        Features, one row per sample.
    y : ndarray, shape (n,)
        Targets from 0 to 1.

    Returns
    -------
    float
        In nats per sample. Knowing nothing costs ln 2. Convex in the parameters.

    Raises
    ------
    ValueError
        As `check_targets`.

    Notes
    -----
    The loss of logistic regression [1]_. Built in chapter `book/logistic_neuron.md`.

    References
    ----------
    .. [1] Cox (1958), "The regression analysis of binary sequences", Journal of the
       Royal Statistical Society B 20.
    """
    return binary_cross_entropy(predict(X, parameters), y)


def logistic_gradients(parameters, X, y):
    """Return the gradient of `logistic_loss`, one block per parameter.

    Parameters
    ----------
    parameters, X, y
        As for `logistic_loss`.

    Returns
    -------
    dict of str to ndarray
        ``"w"``, shape (d,), and ``"b"``, shape ().

    Raises
    ------
    ValueError
        As `check_targets`.

    Notes
    -----
    Built in chapter `book/logistic_neuron.md`.
    """
    dz = binary_cross_entropy_gradient(predict(X, parameters), y)  # (n,)
    return {"w": X.T @ dz, "b": dz.sum()}


def logistic_hessian(parameters, X):
    """Return the Hessian of `logistic_loss`; the targets do not matter.

    Parameters
    ----------
    parameters, X
        As for `logistic_loss`.

    Returns
    -------
    ndarray of float, shape (d + 1, d + 1)
        Symmetric, no eigenvalue below 0. The bias is the last row and column.

    Notes
    -----
    Built in chapter `book/logistic_neuron.md`.
    """
    A = np.column_stack([X, np.ones(len(X))])  # (n, d + 1): the ones last
    s = sigmoid_slope(predict(X, parameters))  # (n,)
    return A.T @ (s[:, None] * A) / len(X)
