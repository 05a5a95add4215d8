"""Where training starts: random weights of the right size, and how to measure it.

A rule for weights takes a generator and the two sizes of a layer, and returns an array
(d_in, d_out). `initialise` writes what it returns into a network. `layer_variances`
measures what the network then does to signals and gradients, and `predicted_variances`
says beforehand what it will do.
"""

import numpy as np


def normal_weights(rng, d_in, d_out, scale, dtype=float):
    """Return normal weights of a given standard deviation.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the numbers come from.
    d_in, d_out : int
        Number of inputs and of outputs of the layer.
    scale : float
        Standard deviation; the mean is 0.
    dtype : numpy floating dtype
        Of the result.

    Returns
    -------
    ndarray, shape (d_in, d_out)

    Notes
    -----
    Built in chapter `book/initialisation.md`.
    """
    return (scale * rng.normal(size=(d_in, d_out))).astype(dtype)


def uniform_weights(rng, d_in, d_out, scale, dtype=float):
    """Return uniform weights of a given standard deviation.

    Parameters
    ----------
    rng, d_in, d_out, scale, dtype
        As for `normal_weights`.

    Returns
    -------
    ndarray, shape (d_in, d_out)
        From ``−scale √3`` to ``scale √3``.

    Notes
    -----
    Built in chapter `book/initialisation.md`.
    """
    bound = np.sqrt(3) * scale
    return rng.uniform(-bound, bound, size=(d_in, d_out)).astype(dtype)


def glorot_normal(rng, d_in, d_out, gain=1.0, dtype=float):
    """Return normal weights with the variance 2 / (d_in + d_out).

    Parameters
    ----------
    rng, d_in, d_out, dtype
        As for `normal_weights`.
    gain : float
        Factor on all weights, for activations that shrink their inputs.

    Returns
    -------
    ndarray, shape (d_in, d_out)

    Notes
    -----
    A compromise between the variance that keeps signals, 1/d_in, and the one that
    keeps gradients, 1/d_out: [1]_. Built in chapter `book/initialisation.md`.

    References
    ----------
    .. [1] Glorot and Bengio (2010), "Understanding the difficulty of training deep
       feedforward neural networks".
    """
    scale = gain * np.sqrt(2 / (d_in + d_out))
    return normal_weights(rng, d_in, d_out, scale, dtype)


def glorot_uniform(rng, d_in, d_out, gain=1.0, dtype=float):
    """Return uniform weights with the variance 2 / (d_in + d_out).

    Parameters
    ----------
    rng, d_in, d_out, gain, dtype
        As for `glorot_normal`.

    Returns
    -------
    ndarray, shape (d_in, d_out)
        Between ``±gain √(6 / (d_in + d_out))``.

    Notes
    -----
    Source: [1]_. Built in chapter `book/initialisation.md`.

    References
    ----------
    .. [1] Glorot and Bengio (2010), "Understanding the difficulty of training deep
       feedforward neural networks".
    """
    scale = gain * np.sqrt(2 / (d_in + d_out))
    return uniform_weights(rng, d_in, d_out, scale, dtype)


def he_normal(rng, d_in, d_out, dtype=float):
    """Return normal weights with the variance 2 / d_in, made for ReLU.

    Parameters
    ----------
    rng, d_in, d_out, dtype
        As for `normal_weights`.

    Returns
    -------
    ndarray, shape (d_in, d_out)

    Notes
    -----
    The 2 makes up for the half that ReLU cuts off: [1]_.
    Built in chapter `book/initialisation.md`.

    References
    ----------
    .. [1] He, Zhang, Ren and Sun (2015), "Delving deep into rectifiers: surpassing
       human-level performance on ImageNet classification".
    """
    return normal_weights(rng, d_in, d_out, np.sqrt(2 / d_in), dtype)


def initialise(network, rng, weights):
    """Write fresh weights into a network, and 0 into its biases.

    Parameters
    ----------
    network : everygrad.backprop.Network
        Changed in place. Its dtype stays.
    rng : numpy.random.Generator
        Where the numbers come from.
    weights : callable
        ``weights(rng, d_in, d_out)`` returns the weights of a layer, as `he_normal`
        does.

    Returns
    -------
    everygrad.backprop.Network
        The same network.

    Notes
    -----
    Parameters with two axes count as weights, all others as biases.
    Built in chapter `book/initialisation.md`.
    """
    for block in network.parameters.values():
        block[:] = weights(rng, *block.shape) if block.ndim == 2 else 0
    return network


def layer_variances(network, X, d):
    """Return the mean square of every layer's sums, and of the gradients by them.

    Parameters
    ----------
    network : everygrad.backprop.Network
        With L layers that have parameters, the last of them at the end.
    X : ndarray of float, shape (n, d_in)
        Inputs.
    d : ndarray of float, shape (n, d_out)
        Gradient with respect to the outputs, such as random numbers of size 1.

    Returns
    -------
    forward, backward : ndarray of float, shape (L,)
        In the order of the layers. Sums and gradients have mean 0 over the draws of
        the weights, so the mean square estimates their variance. ``backward[-1]`` is
        the mean square of `d`.

    Notes
    -----
    Squares are taken in float64, so that they do not underflow before the numbers do.
    Built in chapter `book/initialisation.md`.
    """
    forward, backward = [], []
    for layer in network.layers:
        X = layer.forward(X)
        if layer.parameters:
            forward.append(np.mean(np.square(X, dtype=float)))
    for layer in reversed(network.layers):
        if layer.parameters:
            backward.append(np.mean(np.square(d, dtype=float)))
        d = layer.backward(d)
    return np.array(forward), np.array(backward[::-1])


def normal_mean(function, variance):
    """Return the mean of a function of a normal number with mean 0.

    Parameters
    ----------
    function : callable
        Of an array, elementwise.
    variance : float
        Of the normal number.

    Returns
    -------
    float
        By a sum over 8,000 places up to 12 standard deviations out. No place is 0,
        so a jump there costs nothing.

    Notes
    -----
    Built in chapter `book/initialisation.md`.
    """
    g = np.linspace(-12, 12, 8000)
    density = np.exp(-(g**2) / 2)
    return density @ function(np.sqrt(variance) * g) / density.sum()


def predicted_variances(sizes, scales, function, slope, size=1.0):
    """Return what `layer_variances` should find, without drawing a weight.

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, of units in each hidden layer, and of outputs.
    scales : sequence of float
        Standard deviation of the weights of each of the L layers; biases are 0.
    function, slope : callable
        The activation between the layers, and its derivative.
    size : float
        Mean square of the inputs. That of the gradient by the outputs is 1.

    Returns
    -------
    forward, backward : ndarray of float, shape (L,)
        As from `layer_variances`, on average over the weights.

    Raises
    ------
    ValueError
        If there is not one scale for each pair of neighbouring sizes.

    Notes
    -----
    Sums are taken to be normal, and slopes to be independent of weights and
    gradients: good for wide layers that are not many. Source: [1]_.
    Built in chapter `book/initialisation.md`.

    References
    ----------
    .. [1] Poole et al. (2016), "Exponential expressivity in deep neural networks
       through transient chaos".
    """
    if len(scales) != len(sizes) - 1:
        raise ValueError(f"need {len(sizes) - 1} scales, got {len(scales)}")
    forward, backward = [sizes[0] * scales[0] ** 2 * size], [1.0]
    for d_in, scale in zip(sizes[1:-1], scales[1:], strict=True):
        square = normal_mean(lambda z: function(z) ** 2, forward[-1])
        forward.append(d_in * scale**2 * square)
    pairs = zip(sizes[2:], scales[1:], forward[:-1], strict=True)
    for d_out, scale, variance in reversed(list(pairs)):
        square = normal_mean(lambda z: slope(z) ** 2, variance)
        backward.append(d_out * scale**2 * square * backward[-1])
    return np.array(forward), np.array(backward[::-1])
