"""Gradient descent: full and mini-batch steps, and the scaling that shortens them."""

import numpy as np


def step(parameters, gradients, learning_rate):
    """Return the parameters one step down the gradient; the old ones stay.

    Parameters
    ----------
    parameters : dict of str to ndarray
        Where to start.
    gradients : dict of str to ndarray
        The gradient there: the same keys and shapes.
    learning_rate : float
        Size of the step, as a multiple of the gradient.

    Returns
    -------
    dict of str to ndarray
        The keys and shapes of `parameters`.

    Notes
    -----
    Built in chapter `book/gradient_descent.md`.
    """
    return {k: p - learning_rate * gradients[k] for k, p in parameters.items()}


def gradient_descent(loss, gradients, parameters, learning_rate, steps, tolerance=0.0):
    """Return the parameters after at most `steps` steps, and the losses on the way.

    Parameters
    ----------
    loss, gradients : callable
        ``loss(parameters)`` returns a float; ``gradients(parameters)`` returns a dict
        with the keys of `parameters`.
    parameters : dict of str to ndarray
        Where to start; not changed.
    learning_rate : float
        Size of a step, as a multiple of the gradient. On a quadratic the steps
        converge below 2/λ, λ being the largest eigenvalue of its Hessian.
    steps : int
        Greatest number of steps.
    tolerance : float
        Stop when a step changes the loss by less than this, in units of the loss.
        With 0 all steps are taken.

    Returns
    -------
    parameters : dict of str to ndarray
        After the last step.
    losses : ndarray of float, shape (steps taken + 1,)
        ``losses[k]`` is the loss after k steps.

    Notes
    -----
    A small change of the loss is no proof of a small loss: tiny steps change little.
    Built in chapter `book/gradient_descent.md`.
    """
    losses = [loss(parameters)]
    for _ in range(steps):
        parameters = step(parameters, gradients(parameters), learning_rate)
        losses.append(loss(parameters))
        if abs(losses[-1] - losses[-2]) < tolerance:
            break
    return parameters, np.array(losses)


def minibatches(n, batch_size, rng):
    """Yield the row numbers of each mini-batch of one epoch, in random order.

    Parameters
    ----------
    n : int
        Number of samples.
    batch_size : int
        Rows per batch; the last batch holds what is left.
    rng : numpy.random.Generator
        Where the order comes from.

    Yields
    ------
    ndarray of int, shape (batch_size,) or less
        Every number from 0 to n − 1 occurs in exactly one of them.

    Notes
    -----
    Built in chapter `book/gradient_descent.md`.
    """
    order = rng.permutation(n)  # (n,)
    for first in range(0, n, batch_size):
        yield order[first : first + batch_size]


def minibatch_descent(
    gradients, parameters, X, y, learning_rate, batch_size, epochs, rng
):
    """Return the parameters after every mini-batch step.

    Parameters
    ----------
    gradients : callable
        ``gradients(parameters, X, y)`` returns the gradient of a mean over the given
        rows, a dict with the keys of `parameters`.
    parameters : dict of str to ndarray
        Where to start; not changed.
    X : ndarray of float, shape (n, d)
        One row per sample.
    y : ndarray of float, shape (n,) or (n, k)
        Targets.
    learning_rate : float
        Size of a step, as a multiple of the gradient.
    batch_size, epochs : int
        Rows per step, and passes over all rows.
    rng : numpy.random.Generator
        Where the order of the rows comes from.

    Returns
    -------
    list of dict of str to ndarray
        The start, then the parameters after each step.

    Notes
    -----
    A batch size of n is plain gradient descent; one of 1 is called stochastic [1]_.
    Built in chapter `book/gradient_descent.md`.

    References
    ----------
    .. [1] Robbins and Monro (1951), "A stochastic approximation method", Annals of
       Mathematical Statistics 22.
    """
    path = [parameters]
    for _ in range(epochs):
        for rows in minibatches(len(X), batch_size, rng):
            path.append(
                step(path[-1], gradients(path[-1], X[rows], y[rows]), learning_rate)
            )
    return path


def fit_standard(X):
    """Return the mean and the standard deviation of every feature.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        The training set, and nothing else.

    Returns
    -------
    mean, deviation : ndarray of float, shape (d,)
        In units of the feature. The deviation divides by n.

    Notes
    -----
    Use both with `rescale`. Built in chapter `book/gradient_descent.md`.
    """
    return X.mean(axis=0), X.std(axis=0)


def fit_min_max(X):
    """Return the least value and the span of every feature.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        The training set, and nothing else.

    Returns
    -------
    least, span : ndarray of float, shape (d,)
        In units of the feature; the span is the greatest minus the least value.

    Notes
    -----
    Use both with `rescale`. Built in chapter `book/gradient_descent.md`.
    """
    return X.min(axis=0), X.max(axis=0) - X.min(axis=0)


def rescale(X, shift, width):
    """Return every feature of X minus its shift, divided by its width.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        Training or test set.
    shift, width : ndarray of float, shape (d,)
        From `fit_standard` or `fit_min_max`, fitted on the training set.

    Returns
    -------
    ndarray of float, shape (n, d)
        Without a unit.

    Raises
    ------
    ValueError
        If a width is 0: a feature that never varies cannot be scaled.

    Notes
    -----
    Built in chapter `book/gradient_descent.md`.
    """
    if not np.all(width):
        raise ValueError(f"constant feature: column {np.argmin(width)} has width 0")
    return (X - shift) / width
