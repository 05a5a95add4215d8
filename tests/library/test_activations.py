"""By hand, far out, the slopes against torch, the layers in a network, dead and not."""

import warnings
from functools import partial

import numpy as np
import pytest

from everygrad import activations as act
from everygrad.activations import ACTIVATIONS
from everygrad.backprop import (
    Linear,
    Network,
    backpropagate,
    check_network,
    dense_network,
    squared_error,
)
from everygrad.gradient_check import gradient_errors
from everygrad.multilayer_networks import softmax

ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]
FAR = np.linspace(-1e4, 1e4, 2001)


def test_values_by_hand():
    z = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_allclose(act.leaky_relu(z), [-0.02, 0, 3])
    np.testing.assert_allclose(act.leaky_relu(z, leak=0.5), [-1, 0, 3])
    np.testing.assert_allclose(act.elu(z), [np.exp(-2) - 1, 0, 3])
    np.testing.assert_allclose(act.elu(z, alpha=2.0), [2 * np.exp(-2) - 2, 0, 3])
    # 95.45 % of normal numbers lie within two standard deviations
    np.testing.assert_allclose(act.gelu(z)[0], -2 * (1 - 0.9544997361) / 2, rtol=1e-8)


def test_slopes_at_zero_are_the_chosen_subgradients():
    at_zero = {name: ACTIVATIONS[name].slope(np.zeros(1))[0] for name in ELEMENTWISE}
    assert at_zero == {
        "linear": 1,
        "sigmoid": 0.25,
        "tanh": 1,
        "ReLU": 0,
        "leaky ReLU": 0.01,
        "ELU": 1,
        "GELU": 0.5,
    }


def test_gelu_gates_add_up():
    # Φ(z) + Φ(−z) = 1, so gelu(z) − gelu(−z) = z
    z = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(act.gelu(z) - act.gelu(-z), z, atol=1e-14)


def test_the_approximation_of_gelu_is_close_but_another_function():
    z = np.linspace(-8, 8, 1601)
    assert 1e-4 < abs(act.gelu_tanh(z) - act.gelu(z)).max() < 5e-4


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_nothing_overflows(name):
    unit = ACTIVATIONS[name]
    with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise"):
        warnings.simplefilter("error")
        values, slopes = unit.function(FAR), unit.slope(FAR)
    assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(slopes))
    assert unit.low <= values.min() <= values.max() <= unit.high


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_row_of_the_table_agrees_with_differences_and_torch(name):
    torch = pytest.importorskip("torch")
    unit = ACTIVATIONS[name]
    theirs = {
        "linear": torch.nn.Identity(),
        "leaky ReLU": torch.nn.functional.leaky_relu,
        "ELU": torch.nn.functional.elu,
        "GELU": torch.nn.functional.gelu,
        "softmax": partial(torch.softmax, dim=-1),
    }
    z, v = np.array([-2.1, -0.3, 0.4, 1.2]), np.array([0.3, -0.7, 1.1, 0.5])
    slopes = unit.slope(z)
    jacobian = slopes if slopes.ndim == 2 else np.diag(slopes)
    errors = gradient_errors(
        lambda p: v @ unit.function(p["z"]), lambda p: {"z": v @ jacobian}, {"z": z}
    )
    assert errors["z"] < 1e-6
    f = theirs.get(name) or getattr(torch, name.lower())
    expected = torch.autograd.functional.jacobian(f, torch.tensor(z))
    np.testing.assert_allclose(jacobian, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_single_precision_stays_single(name):
    unit, z = ACTIVATIONS[name], np.linspace(-2, 2, 5, dtype=np.float32)
    assert unit.function(z).dtype == unit.slope(z).dtype == np.float32


def test_no_bound_of_the_table_is_crossed_and_the_lowest_gelu_is_its_bound():
    lowest = np.linspace(-0.752, -0.751, 10_001)
    assert 0 <= act.gelu(lowest).min() - ACTIVATIONS["GELU"].low < 1e-9


def test_an_activation_may_come_first():
    first = act.Activation(np.tanh, act.tanh_slope)
    net = Network([first, Linear(np.array([[2.0]]), np.zeros(1))])
    backpropagate(net, squared_error, np.array([[0.5]]), np.zeros((1, 1)))
    expected = 2 * 2 * np.tanh(0.5) ** 2  # 2 (2 a − 0) a
    np.testing.assert_allclose(net.gradients["W1"], [[expected]])


def test_softmax_backward_is_the_jacobian_without_forming_it():
    rng = np.random.default_rng(0)
    Z, d = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    J = act.softmax_jacobian(Z)
    assert J.shape == (5, 3, 3)
    back = act.softmax_backward(d, softmax(Z))
    np.testing.assert_allclose(back, np.einsum("ni,nij->nj", d, J), atol=1e-15)
    np.testing.assert_allclose(back.sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_network_with_these_layers_passes_the_gradient_check(name):
    rng, unit = np.random.default_rng(4), ACTIVATIONS[name]
    hidden = partial(act.Activation, unit.function, unit.slope)
    net = dense_network(rng, [3, 4, 2], activation=hidden)
    net = Network([*net.layers, act.Softmax()])
    X, Y = rng.normal(size=(5, 3)), softmax(2 * rng.normal(size=(5, 2)))
    assert max(check_network(net, squared_error, X, Y).values()) < 1e-5


def test_a_mask_from_the_output_is_caught():
    rng = np.random.default_rng(4)
    bug = partial(act.Activation, np.abs, lambda z: np.abs(z) >= 0)
    net = dense_network(rng, [3, 4, 2], activation=bug)
    X, Y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    errors = check_network(net, squared_error, X, Y)
    assert errors["W1"] > 0.05
    assert errors["W2"] < 1e-6


def test_saturated_and_dead_are_counted_by_hand():
    slopes = np.array([[0.0, 0.02, 0.25], [0.0, 0.2, 0.0]])
    assert act.saturated_share(slopes, steepest=0.25) == pytest.approx(4 / 6)
    assert act.dead_share(slopes) == pytest.approx(1 / 3)
