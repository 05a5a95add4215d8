"""By hand, what is kept, what depth does, what agrees with torch, what is refused."""

from functools import partial

import numpy as np
import pytest

from everygrad.activations import relu_slope, tanh_slope
from everygrad.backprop import ReLU, Tanh, backpropagate, dense_network, squared_error
from everygrad.initialisation import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    initialise,
    layer_variances,
    normal_mean,
    normal_weights,
    predicted_variances,
    uniform_weights,
)
from everygrad.multilayer_networks import relu

RULES = {
    "normal": (partial(normal_weights, scale=0.3), 0.09),
    "uniform": (partial(uniform_weights, scale=0.3), 0.09),
    "Glorot, normal": (glorot_normal, 2 / 800),
    "Glorot, uniform": (glorot_uniform, 2 / 800),
    "Glorot with a gain": (partial(glorot_normal, gain=3), 18 / 800),
    "Glorot, uniform, with a gain": (partial(glorot_uniform, gain=3), 18 / 800),
    "He": (he_normal, 2 / 300),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_has_its_variance_its_shape_and_its_dtype(name, rng):
    rule, variance = RULES[name]
    W = rule(rng, 300, 500)
    assert W.shape == (300, 500)
    assert W.dtype == float
    assert W.var() == pytest.approx(variance, rel=0.02)
    assert abs(W.mean()) < 4 * np.sqrt(variance / W.size)
    assert rule(rng, 3, 2, dtype=np.float32).dtype == np.float32


def test_uniform_weights_reach_their_bound_and_not_beyond(rng):
    W, bound = glorot_uniform(rng, 300, 500), np.sqrt(6 / 800)
    assert 0.999 * bound < abs(W).max() <= bound


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (glorot_uniform, "xavier_uniform_"),
        (glorot_normal, "xavier_normal_"),
        (he_normal, "kaiming_normal_"),
    ],
)
def test_torch_draws_from_the_same_distribution(ours, theirs, rng):
    torch = pytest.importorskip("torch")
    stats = pytest.importorskip("scipy.stats")
    torch.manual_seed(0)
    draw = getattr(torch.nn.init, theirs)
    how = {"nonlinearity": "relu"} if "kaiming" in theirs else {}
    W = draw(torch.empty(70, 90, dtype=torch.float64), **how).numpy().T  # (90, 70)
    test = stats.ks_2samp(ours(rng, 90, 70).ravel(), W.ravel())
    assert test.pvalue > 0.01


def test_initialise_writes_into_the_network_and_keeps_its_dtype(rng):
    net = dense_network(rng, [4, 3, 2], dtype=np.float32)
    net.theta[:] = 7
    assert initialise(net, rng, partial(normal_weights, scale=0.1)) is net
    assert net.theta.dtype == np.float32
    assert np.all(net.theta < 1)
    assert not net.parameters["b1"].any()
    assert not net.parameters["b2"].any()
    assert net.parameters["W1"].std() > 0


def test_variances_by_hand(rng):
    net = dense_network(rng, [2, 2, 1], ReLU)
    net.parameters["W1"][:] = [[1, 0], [0, 2]]
    net.parameters["W2"][:] = [[3], [4]]
    # sums (1, −2) and 3; gradients 0.5 · (3, 4), the second one stopped by ReLU
    there, back = layer_variances(net, np.array([[1.0, -1.0]]), np.array([[0.5]]))
    np.testing.assert_allclose(there, [2.5, 9])
    np.testing.assert_allclose(back, [1.125, 0.25])


def test_the_gradients_that_are_measured_are_those_of_torch(rng):
    torch = pytest.importorskip("torch")
    net = initialise(dense_network(rng, [5, 4, 4, 3], Tanh), rng, glorot_normal)
    X, d = rng.normal(size=(6, 5)), rng.normal(size=(6, 3))
    _, back = layer_variances(net, X, d)
    A, sums = torch.tensor(X, requires_grad=True), []
    for k in (1, 2, 3):
        A = torch.tanh(A) if k > 1 else A
        A = A @ torch.tensor(net.parameters[f"W{k}"])
        A.retain_grad()
        sums.append(A)
    A.backward(torch.tensor(d))
    theirs = [z.grad.square().mean().item() for z in sums]
    np.testing.assert_allclose(back, theirs, rtol=1e-12)


def test_squares_do_not_underflow_before_the_numbers_do(rng):
    net = dense_network(rng, [3, 3], dtype=np.float32)
    net.theta[:] = 1e-25
    there, _ = layer_variances(net, *np.ones((2, 2, 3), np.float32))
    assert there[0] == pytest.approx(16e-50, rel=1e-5)  # three weights and a bias


def test_normal_mean_by_hand():
    assert normal_mean(lambda z: z**2, 3.0) == pytest.approx(3)
    assert normal_mean(lambda z: z**4, 2.0) == pytest.approx(12)
    assert normal_mean(lambda z: relu(z) ** 2, 5.0) == pytest.approx(2.5)
    assert normal_mean(relu_slope, 5.0) == pytest.approx(0.5, abs=1e-12)
    assert normal_mean(np.cos, 1.0) == pytest.approx(np.exp(-0.5))
    assert normal_mean(np.cos, 0.0) == pytest.approx(1)


def test_he_s_rule_keeps_both_directions_on_average():
    sizes = [30] * 40
    there, back = predicted_variances(sizes, [np.sqrt(2 / 30)] * 39, relu, relu_slope)
    np.testing.assert_allclose(there, 2)
    np.testing.assert_allclose(back, 1)


def test_the_prediction_by_hand():
    # identity: d s² each layer, there 2 · 0.25 · 3 = 1.5, then 4 · 1; back 5 · 1
    there, back = predicted_variances(
        [2, 4, 5], [0.5, 1.0], lambda z: z, np.ones_like, size=3.0
    )
    np.testing.assert_allclose(there, [1.5, 6])
    np.testing.assert_allclose(back, [5, 1])


def test_the_prediction_is_what_networks_do(rng):
    sizes, scales = [300, 200, 250, 100], [0.1, 0.08, 0.05]
    found = []
    for _ in range(20):
        net = dense_network(rng, sizes, Tanh)
        for k, scale in enumerate(scales, start=1):
            W = net.parameters[f"W{k}"]
            W[:] = normal_weights(rng, *W.shape, scale)
        X, d = rng.normal(size=(5, 300)), rng.normal(size=(5, 100))
        found.append(layer_variances(net, X, d))
    expected = predicted_variances(sizes, scales, np.tanh, tanh_slope)
    np.testing.assert_allclose(np.mean(found, axis=0), expected, rtol=0.05)


def test_twins_stay_twins_and_zeros_stay_zeros(rng):
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    for value in 0.3, 0.0:
        net = dense_network(rng, [3, 4, 2], Tanh)
        initialise(net, rng, lambda rng, *size, v=value: np.full(size, v))
        for _ in range(20):
            backpropagate(net, squared_error, X, Y)
            net.theta -= 0.1 * net.gradient
        W1 = net.parameters["W1"]
        assert np.ptp(W1, axis=1).max() < 1e-12
        assert W1.any() == bool(value)


def test_a_scale_for_every_layer_is_needed():
    with pytest.raises(ValueError, match="need 2 scales, got 3"):
        predicted_variances([2, 3, 4], [1.0, 1.0, 1.0], relu, relu_slope)
