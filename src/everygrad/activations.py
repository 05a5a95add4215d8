"""Activations: their values, their slopes, and one table that says when to use which.

`ACTIVATIONS` holds the table, one `Unit` per row. `Activation` and `Softmax` are layers
for `everygrad.backprop.Network`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import erf

from everygrad.backprop import Layer
from everygrad.logistic_neuron import sigmoid, sigmoid_slope
from everygrad.multilayer_networks import identity, relu, softmax


def identity_slope(z):
    """Return the derivative of the identity: ones.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        1 everywhere.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """
    return np.ones_like(z)


def tanh_slope(z):
    """Return the derivative of tanh, elementwise.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations, not activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        ``1 − tanh(z)²``: 1 at 0, and nowhere more. Rounds to 0 beyond about ±19.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """
    return 1 - np.tanh(z) ** 2


def relu_slope(z):
    """Return the derivative of relu, and 0 at the kink.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        1 where `z` is positive, else 0.

    Notes
    -----
    At exactly 0 every number from 0 to 1 is a subgradient; 0 is what PyTorch takes.
    Built in chapter `book/activations.md`.
    """
    return np.where(z > 0, np.ones_like(z), 0)


def leaky_relu(z, leak=0.01):
    """Return z where it is positive, and a small part of it elsewhere.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.
    leak : float
        The slope on the left, as a rule between 0 and 1.

    Returns
    -------
    ndarray of float, the shape of `z`

    Notes
    -----
    Source: [1]_. Built in chapter `book/activations.md`.

    References
    ----------
    .. [1] Maas, Hannun and Ng (2013), "Rectifier nonlinearities improve neural network
       acoustic models".
    """
    return np.where(z > 0, z, leak * z)


def leaky_relu_slope(z, leak=0.01):
    """Return the derivative of leaky_relu, and `leak` at the kink.

    Parameters
    ----------
    z, leak
        As for `leaky_relu`.

    Returns
    -------
    ndarray of float, the shape of `z`
        1 where `z` is positive, else `leak`: never 0 unless `leak` is.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """
    return np.where(z > 0, np.ones_like(z), leak)


def elu(z, alpha=1.0):
    """Return z where it is positive, and alpha (exp(z) − 1) elsewhere.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.
    alpha : float
        How far below 0 it goes. There is a kink at 0 unless `alpha` is 1.

    Returns
    -------
    ndarray of float, the shape of `z`
        From ``−alpha``, which is reached by rounding, upwards.

    Notes
    -----
    `np.where` computes both branches for every entry, hence the minimum: the branch
    that is not taken must not overflow. Source: [1]_.
    Built in chapter `book/activations.md`.

    References
    ----------
    .. [1] Clevert, Unterthiner and Hochreiter (2016), "Fast and accurate deep network
       learning by exponential linear units (ELUs)".
    """
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_slope(z, alpha=1.0):
    """Return the derivative of elu, and `alpha` at 0.

    Parameters
    ----------
    z, alpha
        As for `elu`.

    Returns
    -------
    ndarray of float, the shape of `z`
        1 where `z` is positive, ``alpha exp(z)`` elsewhere.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """
    return np.where(z > 0, np.ones_like(z), alpha * np.exp(np.minimum(z, 0)))


def normal_cdf(z):
    """Return the probability that a standard normal number is below z.

    Parameters
    ----------
    z : ndarray of float, any shape

    Returns
    -------
    ndarray of float, the shape of `z`
        From 0 to 1. The absolute error is about 1e-16 everywhere; far below zero the
        relative error is not small.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """
    return 0.5 * (1 + erf(z / math.sqrt(2)))


def gelu(z):
    """Return z times the probability that a standard normal number is below z.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        The lowest is −0.16997, at z = −0.75179.

    Notes
    -----
    Source: [1]_. Built in chapter `book/activations.md`.

    References
    ----------
    .. [1] Hendrycks and Gimpel (2016), "Gaussian error linear units (GELUs)".
    """
    return z * normal_cdf(z)


def gelu_slope(z):
    """Return the derivative of gelu, elementwise.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        From −0.129 to 1.129: it is negative on the left, and above 1 on the right.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """
    return normal_cdf(z) + z * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def gelu_tanh(z):
    """Return the approximation of gelu that needs tanh in place of erf.

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations.

    Returns
    -------
    ndarray of float, the shape of `z`
        Within 0.0005 of `gelu`.

    Notes
    -----
    Source: [1]_. Built in chapter `book/activations.md`.

    References
    ----------
    .. [1] Hendrycks and Gimpel (2016), "Gaussian error linear units (GELUs)".
    """
    u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    return 0.5 * z * (1 + np.tanh(u))


def softmax_jacobian(Z):
    """Return how every probability of a row changes with every logit of that row.

    Parameters
    ----------
    Z : ndarray of float, shape (..., k)
        Logits.

    Returns
    -------
    ndarray of float, shape (..., k, k)
        Entry (i, j) is ``p_i (δ_ij − p_j)``. Symmetric; rows and columns sum to 0.

    Notes
    -----
    For teaching and for checks: a network needs only `softmax_backward`.
    Built in chapter `book/activations.md`.
    """
    P = softmax(Z)
    return P[..., :, None] * (np.eye(Z.shape[-1]) - P[..., None, :])


def softmax_backward(d, P):
    """Return the gradient with respect to the logits of a softmax.

    Parameters
    ----------
    d : ndarray of float, shape (..., k)
        Gradient of the loss with respect to the probabilities.
    P : ndarray of float, shape (..., k)
        The probabilities, as from `everygrad.multilayer_networks.softmax`.

    Returns
    -------
    ndarray of float, the shape of `P`
        `d` times the Jacobian, without forming it. Each row sums to 0.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """
    return P * (d - np.sum(d * P, axis=-1, keepdims=True))


class Activation(Layer):
    """A layer that applies one function to every entry. It has no parameters.

    Parameters
    ----------
    function, slope : callable
        A function of an array, elementwise, and its derivative.

    Attributes
    ----------
    Z : ndarray
        What `forward` saw last, not a copy.

    Notes
    -----
    For `everygrad.backprop.Network`. Built in chapter `book/activations.md`.
    """

    def __init__(self, function, slope):
        super().__init__()
        self.function, self.slope = function, slope

    def forward(self, Z):
        """Return function(Z), any shape."""
        self.Z = Z
        return self.function(Z)

    def backward(self, d):
        """Return the gradient with respect to Z, given that of the output."""
        return d * self.slope(self.Z)


class Softmax(Layer):
    """A layer that turns every row into probabilities. It has no parameters.

    Notes
    -----
    For `everygrad.backprop.Network`. Before a cross-entropy leave it out, and take the
    loss from the logits: `everygrad.backprop.softmax_cross_entropy`.
    Built in chapter `book/activations.md`.
    """

    def forward(self, Z):
        """Return softmax(Z), shape (n, k)."""
        self.P = softmax(Z)
        return self.P

    def backward(self, d):
        """Return the gradient with respect to Z, given that of the output."""
        return softmax_backward(d, self.P)


def saturated_share(slopes, steepest):
    """Return the share of the entries whose slope is below a tenth of the steepest.

    Parameters
    ----------
    slopes : ndarray of float, any shape
        Slopes of an activation at some pre-activations.
    steepest : float
        The largest slope that this activation has: 1/4 for the sigmoid, 1 for tanh.

    Returns
    -------
    float
        0 to 1.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """
    return np.mean(slopes < 0.1 * steepest)


def dead_share(slopes):
    """Return the share of the units whose slope is 0 for every sample.

    Parameters
    ----------
    slopes : ndarray of float, shape (n, units)
        Slopes of an activation, one row per sample.

    Returns
    -------
    float
        0 to 1. No gradient reaches the weights into such a unit.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """
    return np.mean(np.all(slopes == 0, axis=0))


class Unit(NamedTuple):
    """One row of the table of activations.

    Attributes
    ----------
    function, slope : callable
        The activation and its derivative, of an array. The derivative of softmax is a
        matrix for each row, that of the others is elementwise.
    low, high : float
        Greatest lower and least upper bound of the values, to nine digits.
    formula, slope_formula, when : str
        For people: LaTeX without dollar signs, and words.

    Notes
    -----
    Built in chapter `book/activations.md`.
    """

    function: Callable
    slope: Callable
    low: float
    high: float
    formula: str
    slope_formula: str
    when: str


ACTIVATIONS = {
    "linear": Unit(
        identity, identity_slope, -np.inf, np.inf, r"z", r"1", "output: any number"
    ),
    "sigmoid": Unit(
        sigmoid,
        sigmoid_slope,
        0.0,
        1.0,
        r"a = \frac{1}{1 + e^{-z}}",
        r"a(1 - a)",
        "output: a probability; gates",
    ),
    "tanh": Unit(
        np.tanh,
        tanh_slope,
        -1.0,
        1.0,
        r"a = \frac{e^z - e^{-z}}{e^z + e^{-z}}",
        r"1 - a^2",
        "hidden: small or recurrent networks",
    ),
    "ReLU": Unit(
        relu,
        relu_slope,
        0.0,
        np.inf,
        r"\max(0, z)",
        r"\begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}",
        "hidden: the first to try",
    ),
    "leaky ReLU": Unit(
        leaky_relu,
        leaky_relu_slope,
        -np.inf,
        np.inf,
        r"\max(0.01\,z, z)",
        r"\begin{cases} 1 & z > 0 \\ 0.01 & z \le 0 \end{cases}",
        "hidden: where ReLU units die",
    ),
    "ELU": Unit(
        elu,
        elu_slope,
        -1.0,
        np.inf,
        r"\begin{cases} z & z > 0 \\ e^z - 1 & z \le 0 \end{cases}",
        r"\begin{cases} 1 & z > 0 \\ e^z & z \le 0 \end{cases}",
        "hidden: outputs that average near 0",
    ),
    "GELU": Unit(
        gelu,
        gelu_slope,
        -0.1699712075,  # rounded down
        np.inf,
        r"z\,\Phi(z)",
        r"\Phi(z) + z\,\varphi(z)",
        "hidden: transformers",
    ),
    "softmax": Unit(
        softmax,
        softmax_jacobian,
        0.0,
        1.0,
        r"p_i = \frac{e^{z_i}}{\sum_m e^{z_m}}",
        r"p_i(\delta_{ij} - p_j)",
        "output: one of $k$ classes",
    ),
}
