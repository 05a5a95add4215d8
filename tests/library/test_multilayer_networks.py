"""A fold by hand, one layer out of many, the head's gradient, and what is refused."""

import numpy as np
import pytest

from everygrad.gradient_check import gradient_errors
from everygrad.multilayer_networks import (
    collapse,
    head_gradients,
    identity,
    initial_network,
    layer_outputs,
    measured_gradients,
    network_mse,
    one_hot,
    parameter_count,
    relu,
    softmax,
)

SIZES = [3, 5, 4, 2]


@pytest.fixture
def problem(rng):
    """A 3–5–4–2 network, seven samples and their targets."""
    return initial_network(rng, SIZES), rng.normal(size=(7, 3)), rng.normal(size=(7, 2))


def test_two_units_fold_xor_by_hand():
    fold = {
        "W1": np.array([[1.0, -1.0], [-1.0, 1.0]]),
        "b1": np.zeros(2),
        "W2": np.ones((2, 1)),
        "b2": np.zeros(1),
    }
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
    _, hidden, answer = layer_outputs(fold, corners, relu)
    assert hidden.tolist() == [[0, 0], [0, 1], [1, 0], [0, 0]]
    assert answer.tolist() == [[0], [1], [1], [0]]


def test_the_bend_is_in_the_hidden_layers_and_the_head_is_last(problem):
    network, X, _ = problem
    X, A1, A2, Y_hat = layer_outputs(network, X, relu, softmax)
    np.testing.assert_allclose(A1, relu(X @ network["W1"] + network["b1"]))
    np.testing.assert_allclose(A2, relu(A1 @ network["W2"] + network["b2"]))
    np.testing.assert_allclose(Y_hat, softmax(A2 @ network["W3"] + network["b3"]))


@pytest.mark.parametrize("sizes", [[1, 1], [2, 5, 1], SIZES, [64, 80, 40, 20, 10]])
def test_the_count_is_the_count(rng, sizes):
    network = initial_network(rng, sizes)
    assert sum(block.size for block in network.values()) == parameter_count(sizes)
    assert len(network) == 2 * (len(sizes) - 1)


def test_the_count_by_hand():
    assert parameter_count([2, 5, 1]) == 21
    assert parameter_count([64, 80, 40, 20, 10]) == 9470


def test_the_scale_is_that_of_every_number():
    small = initial_network(np.random.default_rng(1), SIZES, scale=0.1)
    plain = initial_network(np.random.default_rng(1), SIZES)
    for name, block in plain.items():
        np.testing.assert_allclose(small[name], 0.1 * block)


def test_a_linear_stack_is_one_layer_and_a_bent_one_is_not(problem):
    network, X, _ = problem
    one = layer_outputs(collapse(network), X)[-1]
    stack = layer_outputs(network, X, activation=identity)[-1]
    np.testing.assert_allclose(one, stack, rtol=0, atol=1e-12)
    assert not np.allclose(one, layer_outputs(network, X)[-1])


def test_a_bottleneck_limits_the_rank(rng):
    network = initial_network(rng, [6, 5, 2, 7])
    assert np.linalg.matrix_rank(collapse(network)["W1"]) == 2


def test_softmax_by_hand_shifted_and_far_out():
    np.testing.assert_allclose(
        softmax(np.log([[1.0, 2.0, 5.0]])), [[1 / 8, 2 / 8, 5 / 8]]
    )
    Z = np.array([[0.3, -1.2, 0.5], [2.0, 0.1, -0.4]])
    np.testing.assert_allclose(softmax(Z + np.array([[700], [-700]])), softmax(Z))
    assert softmax(np.array([[1e4, 0.0, -1e4]])).tolist() == [[1, 0, 0]]
    np.testing.assert_allclose(softmax(Z).sum(axis=1), [1, 1])


def test_one_hot_and_back():
    assert one_hot([1, 0, 2, 1], 3).tolist() == [
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
    ]


def test_the_mean_is_over_samples_and_the_sum_over_outputs():
    network = {"W1": np.zeros((1, 2)), "b1": np.array([1.0, 2.0])}
    assert network_mse(network, np.zeros((4, 1)), np.zeros((4, 2))) == 5


def test_the_head_is_linear_regression_on_its_features(problem):
    network, X, Y = problem
    errors = gradient_errors(
        lambda p: network_mse(network | p, X, Y),
        lambda p: head_gradients(network | p, X, Y),
        {name: network[name] for name in ("W3", "b3")},
    )
    assert max(errors.values()) < 1e-6
    A = layer_outputs(network, X)[-2]
    best = np.linalg.lstsq(np.column_stack([A, np.ones(7)]), Y, rcond=None)[0]
    solved = head_gradients(network | {"W3": best[:-1], "b3": best[-1]}, X, Y)
    np.testing.assert_allclose(solved["W3"], 0, atol=1e-12)


def test_the_gradients_agree_with_torch(problem):
    torch = pytest.importorskip("torch")
    network, X, Y = problem
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in network.items()}
    Y_hat = layer_outputs(leaves, torch.tensor(X), torch.tanh)[-1]
    ((Y_hat - torch.tensor(Y)) ** 2).sum(dim=1).mean().backward()
    for name, block in head_gradients(network, X, Y).items():
        np.testing.assert_allclose(block, leaves[name].grad, rtol=0, atol=1e-12)
    slow = measured_gradients(lambda p: network_mse(p, X, Y), network)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(slow[name], leaf.grad, rtol=0, atol=1e-4)


def test_measuring_costs_one_loss_more_than_there_are_numbers(problem):
    network, X, Y = problem
    before, calls = {k: v.copy() for k, v in network.items()}, []
    measured_gradients(lambda p: calls.append(1) or network_mse(p, X, Y), network)
    assert len(calls) == parameter_count(SIZES) + 1
    for name, block in before.items():
        np.testing.assert_array_equal(network[name], block)


@pytest.mark.parametrize(
    "labels", [[0, 3], [-1, 0], [0.5]], ids=["big", "minus", "half"]
)
def test_labels_that_are_no_classes_are_refused(labels):
    with pytest.raises(ValueError, match=r"need classes 0\.\.2"):
        one_hot(labels, 3)


def test_targets_of_another_shape_are_refused(problem):
    network, X, Y = problem
    with pytest.raises(ValueError, match=r"need targets of shape \(7, 2\), got \(7,\)"):
        network_mse(network, X, Y[:, 0])


def test_a_network_without_outputs_is_refused(rng):
    with pytest.raises(ValueError, match="need the sizes"):
        initial_network(rng, [3])
