"""Regularisation: fit less closely what was seen, to do better on what was not.

Rows go into piles with `split`. Penalties charge for weights; `Dropout`, `Standardise`
and `BatchNorm` are layers for `everygrad.backprop.Network` that behave differently in
training and afterwards: `set_training`. `EarlyStopping` keeps the best parameters.

Comments such as ``# eq-regularisation-shift`` name the equation of the chapter.
"""

import math

import numpy as np

from everygrad.backprop import Layer


def split(n, sizes, rng):
    """Return piles of row numbers, drawn by chance, no row in two of them.

    Parameters
    ----------
    n : int
        Number of rows there are.
    sizes : sequence of int
        Rows in each pile, for example of training, validation and test.
    rng : numpy.random.Generator
        Where the order comes from.

    Returns
    -------
    list of ndarray of int
        One array per pile, in the order of `sizes`.

    Raises
    ------
    ValueError
        If the piles need more rows than there are.

    Notes
    -----
    Built in chapter `book/regularisation.md`.
    """
    if sum(sizes) > n:
        raise ValueError(f"need {sum(sizes)} rows for piles {sizes}, got {n}")
    return np.split(rng.permutation(n), np.cumsum(sizes))[:-1]


def l2_penalty(parameters, strength):
    """Return a charge for the squares of all weights, and its gradient.

    Parameters
    ----------
    parameters : dict of str to ndarray
        Weights are the blocks whose names begin with ``w`` or ``W``. Others, such as
        biases, are free.
    strength : float
        What a weight of size 1 costs, in units of the loss.

    Returns
    -------
    penalty : float
        `strength` times the sum of all squared weights.
    gradients : dict of str to ndarray
        One block per block of weights; none for the others.

    Notes
    -----
    There is no factor one half: the gradient carries a 2, and ``weight_decay`` of
    PyTorch's plain gradient descent is twice `strength`.
    Built in chapter `book/regularisation.md`.
    """
    weights = {k: p for k, p in parameters.items() if k[0] in "wW"}
    penalty = strength * sum(np.vdot(p, p) for p in weights.values())
    return penalty, {k: 2 * strength * p for k, p in weights.items()}


def l1_penalty(parameters, strength):
    """Return a charge for the sizes of all weights, and a subgradient.

    Parameters
    ----------
    parameters, strength
        As for `l2_penalty`.

    Returns
    -------
    penalty : float
        `strength` times the sum of the absolute values of all weights.
    gradients : dict of str to ndarray
        As from `l2_penalty`; 0 where a weight is 0, at the kink.

    Notes
    -----
    Following this subgradient hardly ever makes a weight exactly 0: see
    `soft_threshold`.
    Built in chapter `book/regularisation.md`.
    """
    weights = {k: p for k, p in parameters.items() if k[0] in "wW"}
    penalty = strength * sum(np.abs(p).sum() for p in weights.values())
    return penalty, {k: strength * np.sign(p) for k, p in weights.items()}


def soft_threshold(a, t):
    """Return a moved towards 0 by t, and 0 where that would pass it.

    Parameters
    ----------
    a : ndarray of float, any shape
        Numbers.
    t : float, or ndarray that broadcasts with `a`
        Distance, not negative.

    Returns
    -------
    ndarray of float
        The w that makes ``(w - a)**2 / 2 + t * abs(w)`` smallest, entry by entry.

    Notes
    -----
    Built in chapter `book/regularisation.md`.
    """
    return np.sign(a) * np.maximum(np.abs(a) - t, 0)


def fit_ridge(X, y, strength):
    """Return the linear model with the least mean squared error plus L2 penalty.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        Features on one scale, since all weights pay the same price.
    y : ndarray of float, shape (n,)
        Targets.
    strength : float
        As for `l2_penalty`, 0 or more. The bias is free.

    Returns
    -------
    dict of str to ndarray
        ``"w"``, shape (d,), and ``"b"``, shape ().

    Notes
    -----
    scikit-learn's ``Ridge`` calls ``n * strength`` its ``alpha``. Due to [1]_.
    Built in chapter `book/regularisation.md`.

    References
    ----------
    .. [1] Hoerl and Kennard (1970), "Ridge regression: biased estimation for
       nonorthogonal problems", Technometrics 12.
    """
    n, d = X.shape
    shift, level = X.mean(axis=0), y.mean()
    rows = np.vstack([X - shift, math.sqrt(n * strength) * np.eye(d)])
    targets = np.concatenate([y - level, np.zeros(d)])  # eq-regularisation-rows
    w, *_ = np.linalg.lstsq(rows, targets, rcond=None)
    return {"w": w, "b": level - shift @ w}


def fit_lasso(X, y, strength, steps=5000):
    """Return the linear model with the least mean squared error plus L1 penalty.

    Parameters
    ----------
    X, y
        As for `fit_ridge`; not all columns may be constant.
    strength : float
        As for `l1_penalty`. The bias is free.
    steps : int
        Number of proximal steps. They converge as gradient descent does.

    Returns
    -------
    dict of str to ndarray
        ``"w"``, shape (d,), with exact zeros, and ``"b"``, shape ().

    Notes
    -----
    scikit-learn's ``Lasso`` calls ``strength / 2`` its ``alpha``. Due to [1]_.
    Built in chapter `book/regularisation.md`.

    References
    ----------
    .. [1] Tibshirani (1996), "Regression shrinkage and selection via the lasso",
       Journal of the Royal Statistical Society B 58.
    """
    shift, level, w = X.mean(axis=0), y.mean(), np.zeros(X.shape[1])
    H = 2 / len(X) * (X - shift).T @ (X - shift)
    pull = 2 / len(X) * (X - shift).T @ (y - level)
    rate = 1 / np.linalg.eigvalsh(H)[-1]
    for _ in range(steps):
        w = soft_threshold(w - rate * (H @ w - pull), rate * strength)
    return {"w": w, "b": level - shift @ w}


def set_training(network, training):
    """Tell all layers of a network whether they are in training.

    Parameters
    ----------
    network : everygrad.backprop.Network
        Its layers get an attribute ``training``, whether they look at it or not.
    training : bool
        True before a step, False before predictions are used.

    Notes
    -----
    Built in chapter `book/regularisation.md`.
    """
    for layer in network.layers:
        layer.training = training


def dropout_factors(X, rate, rng):
    """Return a random factor for every entry of X: 0, or what makes the mean 1.

    Parameters
    ----------
    X : ndarray of float, any shape
        Only its shape and its dtype matter.
    rate : float
        Probability of a 0.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    ndarray, the shape and dtype of `X`
        0, or ``1 / (1 - rate)``.

    Notes
    -----
    Built in chapter `book/regularisation.md`.
    """
    return (rng.random(X.shape) >= rate) * X.dtype.type(1 / (1 - rate))


class Dropout(Layer):
    """A layer that in training puts out 0 for entries chosen by chance.

    Parameters
    ----------
    rate : float
        Probability that an entry is dropped, from 0 up to, not including, 1.
    rng : numpy.random.Generator
        Where chance comes from.

    Attributes
    ----------
    training : bool
        True at first. With False, inputs go through as they are.

    Raises
    ------
    ValueError
        If the rate is no probability below 1.

    Notes
    -----
    Entries that stay are divided by ``1 - rate``, so that the mean over all choices
    is the input: "inverted" dropout. It remembers these factors. Due to [1]_.
    Built in chapter `book/regularisation.md`.

    References
    ----------
    .. [1] Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014),
       "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15.
    """

    def __init__(self, rate, rng):
        if not 0 <= rate < 1:
            raise ValueError(f"need a rate from 0 to below 1, got {rate}")
        super().__init__()
        self.rate, self.rng, self.training = rate, rng, True

    def forward(self, X):
        """Return X, any shape, with entries dropped if in training."""
        self.factor = dropout_factors(X, self.rate, self.rng) if self.training else 1
        return X * self.factor  # eq-regularisation-dropout

    def backward(self, d):
        """Return the gradient with respect to X; `d` is that by the outputs."""
        return d * self.factor  # eq-regularisation-dropout-back


def batch_statistics(layer, X):
    """Return the mean and the variance that a layer standardises X with.

    Parameters
    ----------
    layer : Standardise
        In training, its running statistics are moved, in place.
    X : ndarray of float, shape (n, d)
        One row per sample.

    Returns
    -------
    mean, variance : ndarray of float, shape (d,)
        In training those of the batch, the variance divided by n. Afterwards the
        running ones.

    Raises
    ------
    ValueError
        If X does not have d columns, or, in training, fewer than two rows.

    Notes
    -----
    Running statistics keep ``1 - momentum`` of what they were. The variance that they
    take in is divided by n − 1, as in PyTorch.
    Built in chapter `book/regularisation.md`.
    """
    n, (d,) = len(X), layer.mean.shape
    if X.shape != (n, d) or (layer.training and n < 2):
        raise ValueError(f"need (n, {d}), n > 1 in training, got {X.shape}")
    if not layer.training:
        return layer.mean, layer.variance
    mean, variance = X.mean(axis=0), X.var(axis=0)  # eq-regularisation-batch
    unbiased = n / (n - 1) * variance
    layer.mean += layer.momentum * (mean - layer.mean)  # eq-regularisation-running
    layer.variance += layer.momentum * (unbiased - layer.variance)
    return mean, variance


def take_out(d, X_hat):
    """Return d without its mean and without its part along X_hat, column by column.

    Parameters
    ----------
    d : ndarray of float, shape (n, d)
        Gradient with respect to standardised columns, divided by their deviations.
    X_hat : ndarray of float, shape (n, d)
        The standardised columns.

    Returns
    -------
    ndarray of float, shape (n, d)
        Gradient with respect to the columns before that. Each sums to 0.

    Notes
    -----
    Built in chapter `book/regularisation.md`.
    """
    along = (d * X_hat).mean(axis=0)
    return d - d.mean(axis=0) - X_hat * along  # eq-regularisation-dx


class Standardise(Layer):
    """A layer that standardises every column, in training with the batch's own numbers.

    Parameters
    ----------
    mean, variance : ndarray of float, shape (d,)
        Running statistics, used when not in training. Not copied; moved in place.
    momentum : float
        The part of the running statistics that each batch in training replaces.
    epsilon : float
        Added to the variance, in squared units of the inputs.
    **parameters : ndarray of float
        For a layer that is built on this one.

    Attributes
    ----------
    training : bool
        True at first. See `set_training`.

    Raises
    ------
    ValueError
        By `forward`: as for `batch_statistics`.

    Notes
    -----
    It remembers its outputs. `backward` belongs to the last `forward` and to the
    state of ``training`` at that time.
    Built in chapter `book/regularisation.md`.
    """

    def __init__(self, mean, variance, momentum=0.1, epsilon=1e-5, **parameters):
        super().__init__(**parameters)
        self.mean, self.variance, self.training = mean, variance, True
        self.momentum, self.epsilon = momentum, epsilon

    def forward(self, X):
        """Return X (n, d) minus the mean, divided by the root of the variance."""
        mean, variance = batch_statistics(self, X)
        self.s = np.sqrt(variance + self.epsilon)  # eq-regularisation-scale
        self.X_hat = (X - mean) / self.s  # eq-regularisation-standardise
        return self.X_hat

    def backward(self, d):
        """Return the gradient with respect to X; `d` is that by the outputs."""
        d = d / self.s  # eq-regularisation-eval
        return take_out(d, self.X_hat) if self.training else d


class BatchNorm(Standardise):
    """Batch normalisation: standardise every column, then scale and shift it.

    Parameters
    ----------
    gamma, beta : ndarray of float, shape (d,)
        Scale and shift of every column, both learned. Ones and zeros are usual.
    **settings
        ``momentum`` and ``epsilon``, as for `Standardise`.

    Notes
    -----
    Values, gradients and running statistics are those of ``torch.nn.BatchNorm1d``.
    Due to [1]_. Built in chapter `book/regularisation.md`.

    References
    ----------
    .. [1] Ioffe and Szegedy (2015), "Batch normalization: accelerating deep network
       training by reducing internal covariate shift", ICML.
    """

    def __init__(self, gamma, beta, **settings):
        mean, variance = np.zeros_like(gamma), np.ones_like(gamma)
        super().__init__(mean, variance, gamma=gamma, beta=beta, **settings)

    def forward(self, X):
        """Return the outputs (n, d) for X (n, d)."""
        scale, shift = self.parameters["gamma"], self.parameters["beta"]
        return super().forward(X) * scale + shift  # eq-regularisation-shift

    def backward(self, d):
        """Write the gradients of gamma and beta, and return that of X."""
        np.sum(d * self.X_hat, axis=0, out=self.gradients["gamma"])
        np.sum(d, axis=0, out=self.gradients["beta"])  # eq-regularisation-dgamma
        return super().backward(d * self.parameters["gamma"])  # eq-regularisation-dhat


class EarlyStopping:
    """Keep the arrays that did best, and say when waiting is over.

    Parameters
    ----------
    patience : int
        How many looks in a row without a new best are too many, 1 or more.
    *arrays : ndarray
        What to keep, such as ``network.theta`` and the running statistics of its
        layers. Used as they are: training must change them in place.

    Attributes
    ----------
    best : float
        The lowest value so far.
    kept : list of ndarray
        Copies of the arrays as they were then.

    Notes
    -----
    Built in chapter `book/regularisation.md`.
    """

    def __init__(self, patience, *arrays):
        self.patience, self.arrays = patience, arrays
        self.best, self.waited, self.kept = math.inf, 0, [a.copy() for a in arrays]

    def stop(self, value):
        """Return whether to stop, after a look that gave this value.

        A value that is not a number counts as no new best.
        """
        self.waited += 1
        if value < self.best:
            self.best, self.waited = value, 0
            self.kept = [array.copy() for array in self.arrays]
        return self.waited >= self.patience

    def restore(self):
        """Put the arrays back to what they were at the best value, in place."""
        for array, kept in zip(self.arrays, self.kept, strict=True):
            array[:] = kept
