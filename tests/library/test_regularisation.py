"""Penalties by hand, layers against torch, restoring, modes, refusals."""

import numpy as np
import pytest

from everygrad import backprop as bp
from everygrad import regularisation as reg
from everygrad.gradient_check import gradient_errors


def test_split_draws_every_row_at_most_once(rng):
    piles = reg.split(20, (9, 5, 4), rng)
    assert [len(pile) for pile in piles] == [9, 5, 4]
    assert len(np.unique(np.concatenate(piles))) == 18
    assert len(reg.split(6, [6], rng)[0]) == 6
    with pytest.raises(ValueError, match=r"need 21 rows for piles \[20, 1\], got 20"):
        reg.split(20, [20, 1], rng)


def test_penalties_by_hand_leave_biases_alone():
    p = {"W1": np.array([[1.0, -2.0]]), "b1": np.array([9.0]), "gamma2": np.ones(3)}
    value, gradients = reg.l2_penalty(p, 0.5)
    assert value == 2.5
    assert list(gradients) == ["W1"]
    assert gradients["W1"].tolist() == [[1, -2]]
    value, gradients = reg.l1_penalty(p, 0.5)
    assert value == 1.5
    assert gradients["W1"].tolist() == [[0.5, -0.5]]
    assert reg.l2_penalty({"w": np.array([3.0]), "b": np.array(7.0)}, 1.0)[0] == 9


def test_soft_threshold_by_hand():
    a = np.array([-2.0, -0.5, 0.0, 0.3, 1.5])
    assert reg.soft_threshold(a, 0.5).tolist() == [-1.5, 0, 0, 0, 1]


def test_ridge_and_lasso_have_no_slope_left(rng):
    X, y = rng.normal(2, 1, size=(30, 4)), rng.normal(3, 1, size=30)
    for fit, penalty in [
        (reg.fit_ridge, reg.l2_penalty),
        (reg.fit_lasso, reg.l1_penalty),
    ]:
        p = fit(X, y, 0.05)
        r = X @ p["w"] + p["b"] - y
        assert r.mean() == pytest.approx(0, abs=1e-12)  # the bias is free
        slope = 2 / 30 * X.T @ r + penalty(p, 0.05)[1]["w"]
        np.testing.assert_allclose(slope[p["w"] != 0], 0, atol=1e-8)


@pytest.mark.parametrize("kind", ["Ridge", "Lasso"])
def test_ridge_and_lasso_agree_with_sklearn(kind, rng):
    models = pytest.importorskip("sklearn.linear_model")
    X, y = rng.normal(2, 1, size=(30, 4)), rng.normal(3, 1, size=30)
    if kind == "Ridge":
        ours, theirs = reg.fit_ridge(X, y, 0.1), models.Ridge(alpha=3.0)
    else:
        ours, theirs = reg.fit_lasso(X, y, 0.3), models.Lasso(alpha=0.15, tol=1e-10)
    theirs.fit(X, y)
    np.testing.assert_allclose(ours["w"], theirs.coef_, atol=1e-8)
    np.testing.assert_allclose(ours["b"], theirs.intercept_, atol=1e-8)


def test_dropout_keeps_the_mean_and_goes_back_as_it_went_forward(rng):
    layer, X = reg.Dropout(0.25, rng), np.ones((200, 300))
    out = layer.forward(X)
    np.testing.assert_allclose(np.unique(out), [0, 4 / 3])
    assert out.mean() == pytest.approx(1, abs=0.01)
    assert np.array_equal(layer.backward(X), out)
    layer.training = False
    assert np.array_equal(layer.forward(X), X)
    assert np.array_equal(layer.backward(2 * X), 2 * X)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_that_is_no_probability_below_1_is_refused(rate, rng):
    with pytest.raises(ValueError, match="need a rate from 0 to below 1"):
        reg.Dropout(rate, rng)


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_passes_the_check_by_every_block(training):
    rng = np.random.default_rng(3)
    p = {k: rng.normal(size=4) for k in ("gamma", "beta")}
    p["X"], d = rng.normal(size=(2, 7, 4))

    def run(p):
        layer = reg.BatchNorm(p["gamma"], p["beta"])
        layer.training = training
        return np.sum(d * layer.forward(p["X"])), {
            "X": layer.backward(d),
            **layer.gradients,
        }

    errors = gradient_errors(lambda p: run(p)[0], lambda p: run(p)[1], p)
    assert max(errors.values()) < 1e-6


def test_batch_norm_agrees_with_torch(rng):
    torch = pytest.importorskip("torch")
    ours = reg.BatchNorm(rng.normal(size=4), rng.normal(size=4), momentum=0.3)
    theirs = torch.nn.BatchNorm1d(4, momentum=0.3, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(ours.parameters["gamma"]))
        theirs.bias.copy_(torch.tensor(ours.parameters["beta"]))
    for n, training in [(2, True), (9, True), (1, False), (6, False)]:
        ours.training = training
        theirs.train(training)
        X, d = rng.normal(3, 2, size=(2, n, 4))
        leaf = torch.tensor(X, requires_grad=True)
        theirs.zero_grad()
        out = theirs(leaf)
        out.backward(torch.tensor(d))
        pairs = [(ours.forward(X), out.detach()), (ours.backward(d), leaf.grad)]
        pairs += [(ours.gradients["gamma"], theirs.weight.grad)]
        pairs += [(ours.gradients["beta"], theirs.bias.grad)]
        pairs += [(ours.mean, theirs.running_mean), (ours.variance, theirs.running_var)]
        for a, b in pairs:
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


def test_batch_norm_standardises_and_refuses_what_it_cannot(rng):
    layer = reg.BatchNorm(np.ones(3), np.zeros(3))
    out = layer.forward(rng.normal(5, 3, size=(50, 3)))
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(out.std(axis=0), 1, atol=1e-5)
    before = layer.mean.copy()
    for shape in [(1, 3), (5, 1), (5,)]:
        with pytest.raises(ValueError, match=r"need \(n, 3\), n > 1 in training"):
            layer.forward(np.ones(shape))
    assert np.array_equal(layer.mean, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_of_such_layers_trains_switches_and_keeps_its_dtype(dtype, rng):
    def linear(p, q):
        return bp.Linear(rng.normal(size=(p, q)).astype(dtype), np.zeros(q, dtype))

    norm = reg.BatchNorm(np.ones(5, dtype), np.zeros(5, dtype))
    drop = reg.Dropout(0.5, rng)
    net = bp.Network([linear(4, 5), norm, bp.ReLU(), drop, linear(5, 2)])
    X, Y = (rng.normal(size=(8, k)).astype(dtype) for k in (4, 2))
    bp.backpropagate(net, bp.squared_error, X, Y)
    assert net.forward(X).dtype == net.gradient.dtype == norm.mean.dtype == dtype
    assert list(net.parameters)[2:4] == ["gamma2", "beta2"]
    reg.set_training(net, False)
    np.testing.assert_allclose(net.forward(X)[:1], net.forward(X[:1]), rtol=1e-4)
    assert net.forward(X).dtype == dtype


def test_early_stopping_rides_over_a_bump_and_restores():
    theta, mean = np.zeros(2), np.zeros(1)
    stopper = reg.EarlyStopping(2, theta, mean)
    seen = []
    for k, value in enumerate([3.0, 2.0, 2.5, 1.0, float("nan"), 1.0]):
        theta[:], mean[:] = k, -k
        seen.append(stopper.stop(value))
    assert seen == [False] * 5 + [True]
    views = theta
    stopper.restore()
    assert views is theta
    assert theta.tolist() == [3, 3]
    assert mean.tolist() == [-3]
    assert stopper.best == 1
