"""Costs by hand, what minimises them, extreme logits, the gradients, the refusals."""

from functools import partial

import numpy as np
import pytest

from everygrad.gradient_check import gradient_errors
from everygrad.logistic_neuron import binary_cross_entropy
from everygrad.losses import (
    absolute_error,
    hinge,
    huber,
    log_sum_exp,
    multilabel_cross_entropy,
)
from everygrad.multilayer_networks import softmax

LOUD = {"over": "raise", "divide": "raise", "invalid": "raise"}


def on_zero(pair, residuals):
    """Return a loss of these residuals, and its gradient times n."""
    r = np.array(residuals)
    value, grad = pair(r, np.zeros_like(r))
    return value, (len(r) * grad).tolist()


def test_costs_of_four_residuals_by_hand():
    r = [0.5, -1.0, 3.0, 0.0]
    assert on_zero(absolute_error, r) == (4.5 / 4, [1, -1, 1, 0])
    # With delta = 1 they cost 0.25, 1, 2 · 3 − 1 = 5 and 0.
    assert on_zero(huber, r) == (6.25 / 4, [1, -2, 2, 0])
    # With delta = 2: 0.25, 1, 4 · 3 − 4 = 8 and 0.
    assert on_zero(partial(huber, delta=2.0), r) == (9.25 / 4, [1, -2, 4, 0])


def test_several_outputs_of_one_sample_are_added_up():
    P, T = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]), np.zeros((2, 3))
    assert absolute_error(P, T)[0] == 7.5 / 2
    assert huber(P, T, delta=9.0)[0] == 15.25 / 2
    assert multilabel_cross_entropy(T, T)[0] == pytest.approx(3 * np.log(2))


@pytest.mark.parametrize(
    ("pair", "best"),
    [(absolute_error, 2.0), (partial(huber, delta=0.5), 2.25)],
    ids=["median", "between median and mean"],
)
def test_one_number_for_all(pair, best):
    y = np.array([1.0, 2.0, 2.0, 30.0, 3.0])
    if best == 2.25:
        y = np.array([1.0, 2.0, 2.5, 30.0])  # clipped: 0.5, 0.25, −0.25, −0.5
    costs = [pair(np.full(len(y), c), y)[0] for c in (best - 0.1, best, best + 0.1)]
    assert costs[1] == min(costs)
    assert costs[0] > costs[1] < costs[2]


def test_huber_lies_between_the_square_and_the_size(rng):
    r, zero = rng.normal(size=20), np.zeros(20)
    assert huber(r, zero, 100.0)[0] == pytest.approx(np.mean(r**2))
    small = 1e-6
    assert huber(r, zero, small)[0] / (2 * small) == pytest.approx(
        absolute_error(r, zero)[0], rel=1e-5
    )


def test_log_sum_exp_is_a_soft_maximum(rng):
    Z = rng.normal(size=(4, 5))
    value = log_sum_exp(Z)
    np.testing.assert_allclose(value, np.log(np.exp(Z).sum(axis=1)), rtol=1e-14)
    assert np.all(value >= Z.max(axis=1))
    assert np.all(value <= Z.max(axis=1) + np.log(5))
    np.testing.assert_allclose(log_sum_exp(Z + 1000), value + 1000, rtol=1e-14)


def test_softmax_is_the_gradient_of_log_sum_exp(rng):
    errors = gradient_errors(
        lambda p: log_sum_exp(p["z"]),
        lambda p: {"z": softmax(p["z"])},
        {"z": rng.normal(size=5)},
    )
    assert errors["z"] < 1e-6


def test_extreme_logits_give_exact_limits_and_no_warning():
    with np.errstate(**LOUD):
        Z = np.array([[1e4, -1e4], [-1e4, -1e4]])
        assert log_sum_exp(Z).tolist() == [1e4, -1e4 + np.log(2)]
        sides = np.array([1e4, -1e4, 1e4, -1e4]), np.array([1.0, 0.0, 0.0, 1.0])
        value, grad = multilabel_cross_entropy(*sides)
    assert value == 20_000 / 4
    assert (4 * grad).tolist() == [0, 0, 1, -1]


def test_one_question_is_the_binary_cross_entropy(rng):
    z, y = rng.normal(size=9), rng.integers(2, size=9)
    value, _ = multilabel_cross_entropy(z, y)
    assert value == pytest.approx(binary_cross_entropy(z, y), rel=1e-14)


def test_a_weight_adds_its_logarithm_to_the_best_log_odds():
    y, w = np.array([1.0, 0.0, 0.0, 0.0, 0.0]), 7.0
    z = np.full(5, np.log(0.2 / 0.8) + np.log(w))
    _, grad = multilabel_cross_entropy(z, y, w)
    assert grad.sum() == pytest.approx(0, abs=1e-15)


def test_the_hinge_by_hand_and_above_the_count_of_mistakes(rng):
    scores, y = np.array([2.0, 0.5, -1.0, -3.0]), np.array([1, 1, 1, -1])
    value, grad = hinge(scores, y)  # margins 2, 0.5, −1 and 3
    assert value == 2.5 / 4
    assert (4 * grad).tolist() == [0, -1, -1, 0]
    s, t = rng.normal(size=50), rng.choice([-1, 1], size=50)
    assert hinge(s, t)[0] >= np.mean(s * t <= 0)


def cases(rng):
    """Return {name: (pair, point, target, PyTorch's version)}, several outputs."""
    torch = pytest.importorskip("torch")
    F, n, k = torch.nn.functional, 6, 3
    Z, T = rng.normal(size=(2, n, k))
    Y, w = (rng.normal(size=(n, k)) > 0) * 1.0, np.array([1.0, 5.0, 0.3])
    y = np.where(rng.normal(size=n) > 0, 1, -1)
    T_, Y_, w_, y_ = (torch.tensor(a) for a in (T, Y, w, y))
    bce = F.binary_cross_entropy_with_logits
    return {
        "absolute": (absolute_error, Z, T, lambda z: k * F.l1_loss(z, T_)),
        "huber": (
            partial(huber, delta=0.6),
            *(Z, T, lambda z: 2 * k * F.huber_loss(z, T_, delta=0.6)),
        ),
        "yeses": (multilabel_cross_entropy, Z, Y, lambda z: k * bce(z, Y_)),
        "weighted": (
            partial(multilabel_cross_entropy, positive_weight=w),
            *(Z, Y, lambda z: k * bce(z, Y_, pos_weight=w_)),
        ),
        "hinge": (
            *(hinge, Z[:, 0], y),
            lambda z: F.hinge_embedding_loss(y_ * z, -torch.ones(n)),
        ),
    }


@pytest.mark.parametrize("name", ["absolute", "huber", "yeses", "weighted", "hinge"])
def test_value_and_gradient_agree_with_differences_and_with_torch(rng, name):
    torch = pytest.importorskip("torch")
    pair, point, target, theirs = cases(rng)[name]
    errors = gradient_errors(
        lambda p: pair(p["z"], target)[0],
        lambda p: {"z": pair(p["z"], target)[1]},
        {"z": point},
    )
    assert errors["z"] < 1e-6
    leaf = torch.tensor(point, requires_grad=True)
    value = theirs(leaf)
    value.backward()
    ours, grad = pair(point, target)
    assert ours == pytest.approx(value.item(), rel=0, abs=1e-10)
    np.testing.assert_allclose(grad, leaf.grad.numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("pair", [absolute_error, huber, multilabel_cross_entropy])
def test_a_column_beside_a_row_is_refused(pair):
    with pytest.raises(ValueError, match="need targets"):
        pair(np.zeros((3, 1)), np.zeros(3))


@pytest.mark.parametrize("delta", [0, -1.0])
def test_a_bend_must_be_above_zero(delta):
    with pytest.raises(ValueError, match="need delta > 0"):
        huber(np.zeros(2), np.zeros(2), delta)


@pytest.mark.parametrize(
    "y", [np.array([0, 1, 1]), np.array([[1], [1], [-1]])], ids=["0 and 1", "column"]
)
def test_the_hinge_wants_one_class_per_score(y):
    with pytest.raises(ValueError, match=r"need one class, -1 or \+1, per score"):
        hinge(np.zeros(3), y)


def test_answers_that_are_no_probabilities_are_refused():
    with pytest.raises(ValueError, match=r"need targets in 0\.\.1"):
        multilabel_cross_entropy(np.zeros((2, 2)), np.array([[0, 2], [1, 1]]))
