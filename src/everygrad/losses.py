"""Loss functions: what a batch of answers costs, and which way the cost falls.

Each loss returns a pair: a number, and its gradient with respect to the first argument.
The mean runs over the samples; several outputs of one sample are added up.
"""

import numpy as np

from everygrad.backprop_by_hand import output_residuals
from everygrad.logistic_neuron import check_targets, sigmoid


def absolute_error(predictions, targets):
    """Return the mean absolute error, and its gradient.

    Parameters
    ----------
    predictions, targets : ndarray of float, shape (n,) or (n, k)
        One row per sample.

    Returns
    -------
    loss : float
        Mean over the samples of the absolute residuals, added up over the outputs;
        in units of the target.
    grad : ndarray of float, the shape of `predictions`
        The sign of each residual, divided by n. Where a residual is 0 the loss has a
        kink, and 0 is the subgradient taken.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    The negative log-likelihood of Laplace noise, but for scale and constant. For a
    single number the minimisers are the medians.
    Built in chapter `book/losses.md`.
    """
    r = output_residuals(predictions, targets)
    return np.sum(np.abs(r)) / len(r), np.sign(r) / len(r)


def huber(predictions, targets, delta=1.0):
    """Return the mean Huber loss, and its gradient.

    Parameters
    ----------
    predictions, targets : ndarray of float, shape (n,) or (n, k)
        One row per sample.
    delta : float
        Where the parabola turns into a straight line, in units of the target.

    Returns
    -------
    loss : float
        Mean over the samples of r² where ``|r| ≤ delta`` and ``2 delta |r| − delta²``
        elsewhere, added up over the outputs; in squared units of the target.
    grad : ndarray of float, the shape of `predictions`
        2/n times the residual, cut off at ±`delta`.

    Raises
    ------
    ValueError
        If the shapes differ, or `delta` is not above 0.

    Notes
    -----
    The squared error for a large `delta`: no factor ½, in which it differs from
    PyTorch. Proposed in [1]_. Built in chapter `book/losses.md`.

    References
    ----------
    .. [1] Huber (1964), "Robust estimation of a location parameter", Annals of
       Mathematical Statistics 35.
    """
    if delta <= 0:
        raise ValueError(f"need delta > 0, got {delta}")
    r = output_residuals(predictions, targets)
    cut = np.clip(r, -delta, delta)
    return np.sum(cut * (2 * r - cut)) / len(r), 2 / len(r) * cut


def log_sum_exp(Z):
    """Return the logarithm of the sum of exp(z) over the last axis.

    Parameters
    ----------
    Z : ndarray of float, shape (..., k)
        Logits.

    Returns
    -------
    ndarray of float, shape (...)
        From the largest of the k numbers to ln k above it. Its gradient is the
        softmax.

    Notes
    -----
    The largest is taken out before exp, which could overflow, and put back after the
    logarithm. Built in chapter `book/losses.md`.
    """
    top = Z.max(axis=-1, keepdims=True)  # (..., 1)
    return top[..., 0] + np.log(np.exp(Z - top).sum(axis=-1))


def multilabel_cross_entropy(logits, Y, positive_weight=1.0):
    """Return the mean cross-entropy of several yes-or-no answers, and its gradient.

    Parameters
    ----------
    logits : ndarray of float, shape (n, k) or (n,)
        Log-odds of yes, one column per question.
    Y : ndarray, the shape of `logits`
        Answers: 1 for yes, 0 for no, or probabilities between them.
    positive_weight : float or ndarray of float, shape (k,)
        How many times a yes counts; above 1 where yes is rare.

    Returns
    -------
    loss : float
        Mean over the samples of the negative log-likelihood, added up over the
        questions; in nats per sample. Knowing nothing costs k ln 2, unweighted.
    grad : ndarray of float, the shape of `logits`
        Probability minus answer, divided by n, where all weights are 1.

    Raises
    ------
    ValueError
        If the shapes differ, or an answer is below 0 or above 1.

    Notes
    -----
    A weight w adds ln w to the best log-odds, so the sigmoid is no longer the
    probability of yes. Built in chapter `book/losses.md`.
    """
    check_targets(logits, Y)
    yes, no, p = positive_weight * Y, 1 - Y, sigmoid(logits)
    cost = yes * np.logaddexp(0, -logits) + no * np.logaddexp(0, logits)
    return np.sum(cost) / len(Y), (no * p - yes * (1 - p)) / len(Y)


def hinge(scores, y):
    """Return the mean hinge loss, and its gradient.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
        Positive for class +1.
    y : ndarray of int, shape (n,)
        Classes, −1 or +1.

    Returns
    -------
    loss : float
        Mean of ``max(0, 1 − y · score)``, in units of the score. Never below the
        share of wrong signs.
    grad : ndarray of float, shape (n,)
        ``−y / n`` where ``y · score`` is below 1, else 0.

    Raises
    ------
    ValueError
        If the shapes differ, or a class is neither −1 nor +1.

    Notes
    -----
    No likelihood belongs to it. The loss of support vector machines [1]_.
    Built in chapter `book/losses.md`.

    References
    ----------
    .. [1] Cortes and Vapnik (1995), "Support-vector networks", Machine Learning 20.
    """
    if y.shape != scores.shape or not np.isin(y, [-1, 1]).all():
        raise ValueError(f"need one class, -1 or +1, per score, got {y!r}")
    short = 1 - y * scores  # (n,): how far the margin is below 1
    return np.maximum(0, short).mean(), np.where(short > 0, -y, 0) / len(y)
