"""Networks of any width and depth: their layers, their heads, and what they cost."""

from itertools import pairwise

import numpy as np


def relu(z):
    """Return max(0, z), elementwise.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        0 where `z` is negative, `z` elsewhere.

    Notes
    -----
    Built in chapter `book/multilayer_networks.md`.
    """
    return np.maximum(0, z)


def identity(z):
    """Return z as it is: the head of a network for regression.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        `z` itself, not a copy.

    Notes
    -----
    Built in chapter `book/multilayer_networks.md`.
    """
    return z


def softmax(Z):
    """Return the rows of Z as probabilities: exp(z), divided by its row's sum.

    Parameters
    ----------
    Z : ndarray of float, shape (..., k)
        Logits, one row per sample and one column per class.

    Returns
    -------
    ndarray of float, the shape of `Z`
        From 0 to 1; each row sums to 1 up to rounding.

    Notes
    -----
    Subtracting each row's maximum changes nothing on paper, and keeps exp from
    overflowing.
    Built in chapter `book/multilayer_networks.md`.
    """
    powers = np.exp(Z - Z.max(axis=-1, keepdims=True))  # the largest is 1
    return powers / powers.sum(axis=-1, keepdims=True)


def one_hot(labels, k):
    """Return one row per label: a 1 in the column of its class, 0 elsewhere.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        Classes, 0 to k - 1.
    k : int
        Number of classes.

    Returns
    -------
    ndarray of float, shape (n, k)
        Each row sums to 1.

    Raises
    ------
    ValueError
        If a label is not one of 0 .. k - 1. A label -1 would silently count as the
        last class.

    Notes
    -----
    Built in chapter `book/multilayer_networks.md`.
    """
    labels = np.asarray(labels)
    if not np.isin(labels, np.arange(k)).all():
        raise ValueError(f"need classes 0..{k - 1}, got {np.unique(labels)}")
    return np.eye(k)[labels]


def parameter_count(sizes):
    """Return how many weights and biases a network has.

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, units of each hidden layer in order, number of outputs.

    Returns
    -------
    int
        The sum of ``(d_in + 1) * d_out`` over the layers.

    Notes
    -----
    Built in chapter `book/multilayer_networks.md`.
    """
    return sum((d_in + 1) * d_out for d_in, d_out in pairwise(sizes))


def initial_network(rng, sizes, scale=1.0):
    """Return random weights and biases for a network of any width and depth.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the numbers come from.
    sizes : sequence of int
        Number of inputs, units of each hidden layer in order, number of outputs.
    scale : float
        Standard deviation of every number.

    Returns
    -------
    dict of str to ndarray
        ``W1`` (sizes[0], sizes[1]), ``b1`` (sizes[1],), ``W2`` and so on, normal
        with mean 0.

    Raises
    ------
    ValueError
        If there are fewer than two sizes.

    Notes
    -----
    One scale for all layers suits small networks; deep ones need more care.
    Built in chapter `book/multilayer_networks.md`.
    """
    if len(sizes) < 2:
        raise ValueError(f"need the sizes of inputs and outputs at least, got {sizes}")
    network = {}
    for layer, (d_in, d_out) in enumerate(pairwise(sizes), start=1):
        network[f"W{layer}"] = scale * rng.normal(size=(d_in, d_out))
        network[f"b{layer}"] = scale * rng.normal(size=d_out)
    return network


def layer_outputs(parameters, X, activation=np.tanh, head=identity):
    """Return what goes into the first layer, and what comes out of every layer.

    Parameters
    ----------
    parameters : dict of str to ndarray
        ``W1``, ``b1``, ``W2``, ``b2`` and so on, as from `initial_network`.
    X : ndarray of float, shape (n, d)
        One row per sample.
    activation : callable
        What the hidden layers apply to their weighted sums, elementwise.
    head : callable
        What the last layer applies to its own, such as `identity` or `softmax`.

    Returns
    -------
    list of ndarray
        ``[X, A1, …, Y_hat]``: the prediction (n, k) is the last, its features the
        last but one.

    Notes
    -----
    Built in chapter `book/multilayer_networks.md`.
    """
    outputs, last = [X], len(parameters) // 2
    for layer in range(1, last + 1):
        Z = outputs[-1] @ parameters[f"W{layer}"] + parameters[f"b{layer}"]
        outputs.append((head if layer == last else activation)(Z))
    return outputs


def collapse(parameters):
    """Return the one layer that a stack of linear layers amounts to.

    Parameters
    ----------
    parameters : dict of str to ndarray
        As for `layer_outputs`; the activation is taken to be `identity`.

    Returns
    -------
    dict of str to ndarray
        ``W1`` (d, k) and ``b1`` (k,). The rank of ``W1`` is at most the width of the
        narrowest layer.

    Notes
    -----
    Built in chapter `book/multilayer_networks.md`.
    """
    W, b = parameters["W1"], parameters["b1"]
    for layer in range(2, len(parameters) // 2 + 1):
        W_next = parameters[f"W{layer}"]
        W, b = W @ W_next, b @ W_next + parameters[f"b{layer}"]
    return {"W1": W, "b1": b}


def network_mse(parameters, X, Y, activation=np.tanh, head=identity):
    """Return the mean over the samples of the squared error of a network.

    Parameters
    ----------
    parameters, X, activation, head
        As for `layer_outputs`.
    Y : ndarray of float, shape (n, k)
        Targets, a column for each output.

    Returns
    -------
    float
        Squares are summed over the outputs and averaged over the samples.

    Raises
    ------
    ValueError
        If the targets do not have the shape of the predictions: (n, 1) minus (n,)
        would silently give (n, n).

    Notes
    -----
    Built in chapter `book/multilayer_networks.md`.
    """
    Y_hat = layer_outputs(parameters, X, activation, head)[-1]
    if Y_hat.shape != Y.shape:
        raise ValueError(f"need targets of shape {Y_hat.shape}, got {Y.shape}")
    return np.sum((Y_hat - Y) ** 2) / len(X)


def head_gradients(parameters, X, Y, activation=np.tanh):
    """Return the gradient of `network_mse` with respect to the last layer alone.

    Parameters
    ----------
    parameters, X, Y, activation
        As for `network_mse`; the head is `identity`.

    Returns
    -------
    dict of str to ndarray
        Two blocks, such as ``W2`` and ``b2``, in the shapes of the parameters.

    Notes
    -----
    With the other layers held fixed, this is linear regression on their output.
    Built in chapter `book/multilayer_networks.md`.
    """
    *_, A, Y_hat = layer_outputs(parameters, X, activation)
    R, last = 2 / len(X) * (Y_hat - Y), len(parameters) // 2  # R (n, k)
    return {f"W{last}": A.T @ R, f"b{last}": R.sum(axis=0)}


def measured_gradients(loss, parameters, nudge=1e-6):
    """Return the slope of a loss along every parameter, found by nudging each.

    Parameters
    ----------
    loss : callable
        ``loss(parameters)`` returns a float.
    parameters : dict of str to ndarray of float
        Where to measure; not changed.
    nudge : float
        By how much each number is raised.

    Returns
    -------
    dict of str to ndarray
        The keys and shapes of `parameters`. The error is of the order of `nudge`.

    Notes
    -----
    Forward differences: p parameters take p + 1 losses.
    Built in chapter `book/multilayer_networks.md`.
    """
    here = loss(parameters)
    slopes = {name: np.zeros(block.shape) for name, block in parameters.items()}
    for name, block in parameters.items():
        for place in np.ndindex(block.shape):
            nudged = block.copy()
            nudged[place] += nudge
            slopes[name][place] = (loss({**parameters, name: nudged}) - here) / nudge
    return slopes
