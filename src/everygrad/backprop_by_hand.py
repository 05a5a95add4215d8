"""The 2–5–1 houses network: 21 weights, their 21 derivatives, and plain training."""

import numpy as np

from everygrad.logistic_neuron import sigmoid


def initial_parameters(rng, inputs=2, hidden=5):
    """Return random weights and biases for an inputs–hidden–1 network.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the numbers come from.
    inputs, hidden : int
        Number of inputs d and of hidden units h.

    Returns
    -------
    dict of str to ndarray
        ``W1`` (d, h), ``b1`` (h,), ``W2`` (h, 1) and ``b2`` (1,), standard normal:
        21 numbers as it comes.

    Notes
    -----
    Built in chapter `book/backprop_by_hand.md`.
    """
    return {
        "W1": rng.normal(size=(inputs, hidden)),
        "b1": rng.normal(size=hidden),
        "W2": rng.normal(size=(hidden, 1)),
        "b2": rng.normal(size=1),
    }


def forward(parameters, X):
    """Return the hidden and the output activations of a sigmoid–sigmoid network.

    Parameters
    ----------
    parameters : dict of str to ndarray
        As from `initial_parameters`.
    X : ndarray of float, shape (n, d)
        One row per sample, standardised.

    Returns
    -------
    a1 : ndarray of float, shape (n, h)
        Hidden activations, 0 to 1.
    a2 : ndarray of float, shape (n, 1)
        Predictions, 0 to 1.

    Notes
    -----
    Built in chapter `book/backprop_by_hand.md`.
    """
    a1 = sigmoid(X @ parameters["W1"] + parameters["b1"])  # (n, h)
    a2 = sigmoid(a1 @ parameters["W2"] + parameters["b2"])  # (n, 1)
    return a1, a2


def output_residuals(a2, y):
    """Return prediction minus target, and refuse targets of another shape.

    Parameters
    ----------
    a2, y : ndarray of float, shape (n, 1)
        Predictions and targets, both columns.

    Returns
    -------
    ndarray of float, shape (n, 1)
        ``a2 − y``.

    Raises
    ------
    ValueError
        If the shapes differ: (n, 1) minus (n,) would silently give (n, n).

    Notes
    -----
    Built in chapter `book/backprop_by_hand.md`.
    """
    if a2.shape != y.shape:
        raise ValueError(f"need targets of shape {a2.shape}, got {y.shape}")
    return a2 - y


def loss(parameters, X, y):
    """Return the mean squared error of the network.

    Parameters
    ----------
    parameters : dict of str to ndarray
        As from `initial_parameters`.
    X : ndarray of float, shape (n, d)
        One row per sample.
    y : ndarray of float, shape (n, 1)
        Targets, a column. Only values from 0 to 1 can be reached: see
        `sigmoid_floor`.

    Returns
    -------
    float
        In the square of the unit of `y`.

    Raises
    ------
    ValueError
        If `y` is not a column with one row per row of `X`.

    Notes
    -----
    Built in chapter `book/backprop_by_hand.md`.
    """
    _, a2 = forward(parameters, X)
    return np.mean(output_residuals(a2, y) ** 2)


def gradients(parameters, X, y):
    """Return the gradient of `loss`, one block per parameter.

    Parameters
    ----------
    parameters, X, y
        As for `loss`.

    Returns
    -------
    dict of str to ndarray
        The keys and the shapes of `parameters`.

    Raises
    ------
    ValueError
        If `y` is not a column with one row per row of `X`.

    Notes
    -----
    The chain rule from the loss backwards: [1]_. All 21 derivatives are written out,
    and compared with these blocks, in chapter `book/backprop_by_hand.md`.

    References
    ----------
    .. [1] Rumelhart, Hinton and Williams (1986), "Learning representations by
       back-propagating errors", Nature 323.
    """
    a1, a2 = forward(parameters, X)
    dz2 = 2 / len(X) * output_residuals(a2, y) * a2 * (1 - a2)  # (n, 1)
    dz1 = dz2 @ parameters["W2"].T * a1 * (1 - a1)  # (n, h)
    return {
        "W1": X.T @ dz1,
        "b1": dz1.sum(axis=0),
        "W2": a1.T @ dz2,
        "b2": dz2.sum(axis=0),
    }


def train(loss, gradients, parameters, learning_rate, steps):
    """Return the parameters after plain gradient descent, and the losses on the way.

    Parameters
    ----------
    loss, gradients : callable
        ``loss(parameters)`` returns a float; ``gradients(parameters)`` returns a dict
        with the keys of `parameters`.
    parameters : dict of str to ndarray
        Where to start; not changed.
    learning_rate : float
        Size of a step, as a multiple of the gradient.
    steps : int
        Number of steps.

    Returns
    -------
    parameters : dict of str to ndarray
        After the last step.
    losses : ndarray of float, shape (steps + 1,)
        ``losses[k]`` is the loss after k steps.

    Notes
    -----
    Built in chapter `book/backprop_by_hand.md`.
    """
    losses = [loss(parameters)]
    for _ in range(steps):
        grads = gradients(parameters)
        parameters = {k: parameters[k] - learning_rate * grads[k] for k in grads}
        losses.append(loss(parameters))
    return parameters, np.array(losses)


def sigmoid_floor(y):
    """Return the mean squared error that no sigmoid output can get below.

    Parameters
    ----------
    y : ndarray of float
        Targets, in any shape.

    Returns
    -------
    float
        The mean squared distance of the targets to the interval from 0 to 1. It is 0
        exactly when all targets lie there. On paper no loss equals it when a target
        is 0, 1 or outside, because a sigmoid is never 0 or 1.

    Notes
    -----
    Built in chapter `book/backprop_by_hand.md`.
    """
    return np.mean((y - np.clip(y, 0, 1)) ** 2)
