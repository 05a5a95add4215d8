"""By hand, an invariant, the gradient, the refusal, and the floor."""

import numpy as np
import pytest

from everygrad import backprop_by_hand as net
from everygrad.gradient_check import gradient_errors


@pytest.fixture
def problem():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(7, 3)), rng.uniform(0.1, 0.9, size=(7, 1))
    return net.initial_parameters(rng, inputs=3, hidden=4), X, y


def test_the_houses_network_has_21_weights():
    parameters = net.initial_parameters(np.random.default_rng(0))
    shapes = {name: block.shape for name, block in parameters.items()}
    assert shapes == {"W1": (2, 5), "b1": (5,), "W2": (5, 1), "b2": (1,)}
    assert sum(block.size for block in parameters.values()) == 21


def test_one_house_one_hidden_unit_by_hand():
    # All pre-activations are 0, so both activations are 1/2 and both slopes 1/4.
    parameters = {
        "W1": np.array([[0.5], [-1.0]]),
        "b1": np.array([0.0]),
        "W2": np.array([[2.0]]),
        "b2": np.array([-1.0]),
    }
    X, y = np.array([[2.0, 1.0]]), np.array([[1.5]])
    assert net.loss(parameters, X, y) == pytest.approx(1.0)
    grads = net.gradients(parameters, X, y)  # dz2 = 2 (−1) / 4, dz1 = dz2 · 2 / 4
    np.testing.assert_allclose(grads["b2"], [-0.5])
    np.testing.assert_allclose(grads["W2"], [[-0.25]])
    np.testing.assert_allclose(grads["b1"], [-0.25])
    np.testing.assert_allclose(grads["W1"], [[-0.5], [-0.25]])


def test_renaming_hidden_units_changes_nothing(problem):
    parameters, X, y = problem
    order = [2, 0, 3, 1]
    renamed = {
        "W1": parameters["W1"][:, order],
        "b1": parameters["b1"][order],
        "W2": parameters["W2"][order],
        "b2": parameters["b2"],
    }
    assert net.loss(renamed, X, y) == pytest.approx(net.loss(parameters, X, y))
    grads, renamed_grads = net.gradients(parameters, X, y), net.gradients(renamed, X, y)
    np.testing.assert_allclose(renamed_grads["W1"], grads["W1"][:, order])


def test_gradients_agree_with_differences(problem):
    parameters, X, y = problem
    errors = gradient_errors(
        lambda p: net.loss(p, X, y), lambda p: net.gradients(p, X, y), parameters
    )
    assert max(errors.values()) < 1e-5


def test_gradients_agree_with_torch(problem):
    torch = pytest.importorskip("torch")
    parameters, X, y = problem
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in parameters.items()}
    hidden = torch.sigmoid(torch.tensor(X) @ leaves["W1"] + leaves["b1"])
    output = torch.sigmoid(hidden @ leaves["W2"] + leaves["b2"])
    torch.nn.functional.mse_loss(output, torch.tensor(y)).backward()
    for name, grad in net.gradients(parameters, X, y).items():
        np.testing.assert_allclose(grad, leaves[name].grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("function", [net.loss, net.gradients])
def test_flat_targets_are_refused(problem, function):
    parameters, X, y = problem
    with pytest.raises(ValueError, match=r"need targets of shape \(7, 1\), got \(7,\)"):
        function(parameters, X, y.ravel())


def test_training_a_parabola_halves_the_distance_each_step():
    start = {"w": np.array([8.0])}
    end, losses = net.train(
        lambda p: float(p["w"][0] ** 2), lambda p: {"w": 2 * p["w"]}, start, 0.25, 3
    )
    assert losses.tolist() == [64, 16, 4, 1]
    assert end["w"].tolist() == [1]
    assert start["w"].tolist() == [8]  # not changed


def test_floor_is_the_squared_distance_to_what_can_be_reached():
    assert net.sigmoid_floor(np.array([-1.0, 0.5, 3.0])) == pytest.approx(5 / 3)
    assert net.sigmoid_floor(np.array([[0.0], [0.3], [1.0]])) == 0


def test_training_never_gets_below_the_floor(problem):
    parameters, X, y = problem
    targets = 4 * y - 1.5
    _, losses = net.train(
        lambda p: net.loss(p, X, targets),
        lambda p: net.gradients(p, X, targets),
        parameters,
        0.3,
        500,
    )
    assert losses[-1] < losses[0]
    assert losses.min() > net.sigmoid_floor(targets) > 0
