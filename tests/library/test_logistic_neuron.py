"""By hand, far out, what is convex, what agrees with torch, what is refused."""

import numpy as np
import pytest

from everygrad.data import eight_points
from everygrad.gradient_check import gradient_errors
from everygrad.gradient_descent import gradient_descent
from everygrad.logistic_neuron import (
    accuracy,
    binary_cross_entropy,
    binary_cross_entropy_gradient,
    classify,
    logistic_gradients,
    logistic_hessian,
    logistic_loss,
    probability,
    sigmoid,
    sigmoid_slope,
)


@pytest.fixture
def problem(rng):
    """Seven samples of three features, targets of every kind, and a neuron."""
    parameters = {"w": rng.normal(size=3), "b": np.array(0.4)}
    return parameters, rng.normal(size=(7, 3)), np.array([0, 1, 1, 0, 0.3, 1, 0.9])


def test_sigmoid_by_hand_and_far_out():
    z = np.array([0.0, np.log(3), -np.log(3), 1000.0, -1000.0])
    np.testing.assert_allclose(sigmoid(z), [0.5, 0.75, 0.25, 1, 0], atol=1e-15)
    slope = [0.25, 3 / 16, 3 / 16, 0, 0]
    np.testing.assert_allclose(sigmoid_slope(z), slope, atol=1e-15)


def test_the_slope_is_the_measured_one(rng):
    z = rng.normal(size=5)
    measured = (sigmoid(z + 1e-6) - sigmoid(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(sigmoid_slope(z), measured, rtol=1e-8)


def test_the_published_neuron():
    w1, w2, b = np.random.RandomState(42).normal(size=3)
    neuron = {"w": np.array([w1, w2]), "b": np.array(b)}
    said = probability(np.array([[1.66, 1.56], [3, 1.5]]), neuron)
    np.testing.assert_allclose(said[0], 0.7784302101100966, rtol=1e-15)
    assert round(said[1], 4) == 0.8733


def test_the_loss_by_hand():
    # probabilities 3/4 and 1/4, classes 1 and 1: −ln 3/4 and −ln 1/4
    logits, y = np.array([np.log(3), -np.log(3)]), np.array([1, 1])
    expected = (np.log(4 / 3) + np.log(4)) / 2
    assert binary_cross_entropy(logits, y) == pytest.approx(expected)
    got = binary_cross_entropy_gradient(logits, y)
    np.testing.assert_allclose(got, [-1 / 8, -3 / 8])


def test_far_out_the_loss_is_exact():
    logits, y = np.array([800.0, -800.0]), np.array([0, 1])
    assert binary_cross_entropy(logits, y) == 800
    assert binary_cross_entropy(logits, 1 - y) == 0
    tiny = binary_cross_entropy(np.array([40.0]), np.array([1]))
    assert tiny == pytest.approx(np.exp(-40), rel=1e-12)


def test_knowing_nothing_costs_ln_2(problem):
    parameters, X, y = problem
    nothing = {name: 0 * block for name, block in parameters.items()}
    assert logistic_loss(nothing, X, y) == pytest.approx(np.log(2))


def test_swapping_the_classes_changes_the_sign_and_nothing_else(problem):
    parameters, X, y = problem
    swapped = {name: -block for name, block in parameters.items()}
    loss = logistic_loss(parameters, X, y)
    assert logistic_loss(swapped, X, 1 - y) == pytest.approx(loss)
    np.testing.assert_allclose(
        logistic_gradients(swapped, X, 1 - y)["w"],
        -logistic_gradients(parameters, X, y)["w"],
    )


def test_gradients_agree_with_differences_and_with_torch(problem):
    torch = pytest.importorskip("torch")
    parameters, X, y = problem
    errors = gradient_errors(
        lambda p: logistic_loss(p, X, y),
        lambda p: logistic_gradients(p, X, y),
        parameters,
    )
    assert max(errors.values()) < 1e-6
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in parameters.items()}
    logits = torch.tensor(X) @ leaves["w"] + leaves["b"]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(y))
    loss.backward()
    assert logistic_loss(parameters, X, y) == pytest.approx(loss.item(), rel=1e-12)
    for name, gradient in logistic_gradients(parameters, X, y).items():
        assert gradient.shape == parameters[name].shape
        np.testing.assert_allclose(gradient, leaves[name].grad, rtol=0, atol=1e-12)


def test_the_hessian_is_torch_s_and_nowhere_negative(problem):
    torch = pytest.importorskip("torch")
    parameters, X, y = problem
    A = torch.tensor(np.column_stack([X, np.ones(len(X))]))

    def loss(theta):
        return torch.nn.functional.binary_cross_entropy_with_logits(
            A @ theta, torch.tensor(y)
        )

    theta = torch.tensor(np.append(parameters["w"], parameters["b"]))
    ours = logistic_hessian(parameters, X)
    theirs = torch.autograd.functional.hessian(loss, theta)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert np.linalg.eigvalsh(ours).min() > 0


def test_at_the_optimum_the_mean_probability_is_the_share_of_ones():
    X, y = eight_points()
    best, losses = gradient_descent(
        lambda p: logistic_loss(p, X, y),
        lambda p: logistic_gradients(p, X, y),
        {"w": np.zeros(2), "b": np.array(0.0)},
        learning_rate=0.3,
        steps=3000,
    )
    assert np.mean(probability(X, best)) == pytest.approx(0.5)
    assert losses[-1] == pytest.approx(0.660368, abs=1e-6)
    assert accuracy(classify(X, best), y) == 0.5


def test_a_row_on_the_line_is_of_class_zero():
    X = np.array([[1.0], [2.0], [3.0]])
    neuron = {"w": np.array([1.0]), "b": np.array(-2.0)}
    assert classify(X, neuron).tolist() == [0, 0, 1]
    assert accuracy(classify(X, neuron), np.array([0, 1, 1])) == pytest.approx(2 / 3)


def test_a_column_of_classes_is_refused():
    with pytest.raises(ValueError, match=r"need classes of shape \(3,\), got \(3, 1\)"):
        accuracy(np.zeros((3, 1), dtype=int), np.zeros(3, dtype=int))


@pytest.mark.parametrize("y", [[-1, 1], [0, 2], [0, np.nan], [0], [[0], [1]]], ids=str)
@pytest.mark.parametrize(
    "function", [binary_cross_entropy, binary_cross_entropy_gradient]
)
def test_targets_that_are_no_probabilities_are_refused(y, function):
    with pytest.raises(ValueError, match=r"need targets in 0..1, shape \(2,\)"):
        function(np.zeros(2), np.array(y))
