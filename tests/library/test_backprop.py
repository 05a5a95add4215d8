"""Layers by hand and against torch, views that stay views, dtypes kept, refusals."""

import numpy as np
import pytest

from everygrad import backprop as bp


@pytest.fixture
def layer(rng):
    return bp.Linear(rng.normal(size=(4, 3)), rng.normal(size=3))


def test_a_linear_layer_by_hand():
    layer = bp.Linear(np.array([[1.0, -1.0], [2.0, 0.5]]), np.array([0.5, 0.0]))
    X, d = np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[1.0, 0.0], [2.0, -1.0]])
    assert layer.forward(X).tolist() == [[5.5, 0.0], [-1.5, -0.5]]
    assert layer.backward(d).tolist() == [[1.0, 2.0], [3.0, 3.5]]
    assert layer.gradients["W"].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert layer.gradients["b"].tolist() == [3.0, -1.0]


def test_slopes_of_the_activations_by_hand():
    Z, d = np.array([[-2.0, 0.0, 3.0]]), np.array([[2.0, 4.0, 8.0]])
    relu, tanh, sigmoid = bp.ReLU(), bp.Tanh(), bp.Sigmoid()
    assert relu.forward(Z).tolist() == [[0, 0, 3]]
    assert relu.backward(d).tolist() == [[0, 0, 8]]
    np.testing.assert_allclose(tanh.forward(Z), np.tanh(Z))
    np.testing.assert_allclose(tanh.backward(d), d / np.cosh(Z) ** 2)
    assert sigmoid.forward(Z)[0, 1] == 0.5
    assert sigmoid.backward(d)[0, 1] == 1.0


def test_gradients_of_a_layer_are_written_not_added(layer, rng):
    X, d = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    layer.forward(X)
    before = layer.gradients["W"]
    for _ in range(2):
        layer.backward(d)
    assert layer.gradients["W"] is before
    np.testing.assert_allclose(before, X.T @ d)


def test_rows_do_not_hear_of_one_another(rng):
    net = bp.dense_network(rng, [4, 5, 3], bp.Tanh)
    X, Y = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
    total = np.zeros_like(net.gradient)
    for i in range(6):
        bp.backpropagate(net, bp.squared_error, X[[i]], Y[[i]])
        total += net.gradient
    bp.backpropagate(net, bp.squared_error, X, Y)
    np.testing.assert_allclose(net.gradient, total / 6)


@pytest.mark.parametrize("activation", [bp.Sigmoid, bp.Tanh, bp.ReLU])
def test_every_block_passes_the_check_and_the_parameters_stay(activation):
    rng = np.random.default_rng(8)
    net = bp.dense_network(rng, [4, 6, 5, 3], activation)
    X, start = rng.normal(size=(7, 4)), net.theta.copy()
    for loss, target in [
        (bp.squared_error, rng.normal(size=(7, 3))),
        (bp.softmax_cross_entropy, rng.integers(0, 3, size=7)),
    ]:
        errors = bp.check_network(net, loss, X, target)
        assert list(errors) == ["W1", "b1", "W2", "b2", "W3", "b3"]
        assert max(errors.values()) < 1e-5
    assert np.array_equal(net.theta, start)


def test_the_check_catches_a_mask_that_is_always_true(rng):
    class Wrong(bp.ReLU):
        def forward(self, Z):
            A = np.maximum(Z, 0)
            self.positive = A >= 0
            return A

    net = bp.dense_network(rng, [4, 6, 3], Wrong)
    X, Y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
    errors = bp.check_network(net, bp.squared_error, X, Y)
    assert min(errors["W1"], errors["b1"]) > 0.05
    assert max(errors["W2"], errors["b2"]) < 1e-5


@pytest.mark.parametrize("name", ["Sigmoid", "Tanh", "ReLU"])
@pytest.mark.parametrize("loss", ["squared_error", "softmax_cross_entropy"])
def test_gradients_agree_with_torch(name, loss, rng):
    torch = pytest.importorskip("torch")
    net = bp.dense_network(rng, [4, 6, 5, 3], getattr(bp, name))
    net.theta += 0.1 * rng.normal(size=net.theta.size)  # biases too
    X, labels = rng.normal(size=(7, 4)), rng.integers(0, 3, size=7)
    Y = rng.normal(size=(7, 3))
    leaves = {k: torch.tensor(p, requires_grad=True) for k, p in net.parameters.items()}
    out = torch.tensor(X)
    for i in (1, 2, 3):
        out = out @ leaves[f"W{i}"] + leaves[f"b{i}"]
        out = getattr(torch, name.lower())(out) if i < 3 else out
    if loss == "squared_error":
        target, value = Y, 3 * torch.nn.functional.mse_loss(out, torch.tensor(Y))
    else:
        target = labels
        value = torch.nn.functional.cross_entropy(out, torch.tensor(labels))
    value.backward()
    ours = bp.backpropagate(net, getattr(bp, loss), X, target)
    assert ours == pytest.approx(value.item(), abs=1e-12)
    for key, g in net.gradients.items():
        np.testing.assert_allclose(g, leaves[key].grad, rtol=0, atol=1e-12)


def test_parameters_gradients_and_layers_share_two_vectors(rng):
    net = bp.dense_network(rng, [4, 5, 3])
    assert net.theta.shape == net.gradient.shape == (4 * 5 + 5 + 5 * 3 + 3,)
    net.theta[:] = np.arange(net.theta.size)
    assert net.parameters["b2"].tolist() == [40, 41, 42]
    assert net.layers[2].parameters["b"].tolist() == [40, 41, 42]
    net.forward(rng.normal(size=(2, 4)))
    net.backward(np.ones((2, 3)))
    assert net.gradient[-3:].tolist() == [2, 2, 2]
    assert net.layers[2].gradients["b"] is net.gradients["b2"]
    net.theta -= 1.0 * net.gradient
    assert net.layers[2].parameters["b"].tolist() == [38, 39, 40]


def test_a_network_may_begin_with_an_activation(rng):
    linear = bp.Linear(rng.normal(size=(4, 3)), rng.normal(size=3))
    net = bp.Network([bp.Tanh(), linear])
    X, Y = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    assert max(bp.check_network(net, bp.squared_error, X, Y).values()) < 1e-6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", [bp.Sigmoid, bp.Tanh, bp.ReLU])
def test_nothing_is_promoted(activation, dtype, rng):
    net = bp.dense_network(rng, [4, 6, 3], activation, dtype)
    X, Y = (rng.normal(size=(5, k)).astype(dtype) for k in (4, 3))
    for loss, target in [
        (bp.squared_error, Y),
        (bp.softmax_cross_entropy, [0, 1, 2, 0, 1]),
    ]:
        value, d = loss(net.forward(X), np.asarray(target))
        net.backward(d)
        net.theta -= 0.1 * net.gradient
        seen = {np.asarray(a).dtype for a in (value, d, net.theta, net.gradient)}
        assert seen == {np.dtype(dtype)}
        assert net.layers[1].backward(d @ net.parameters["W2"].T).dtype == dtype


def test_losses_by_hand():
    P, Y = np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[0.0, 0.0], [0.0, 1.0]])
    loss, d = bp.squared_error(P, Y)  # (1 + 4 + 0 + 4) / 2
    assert loss == 4.5
    assert d.tolist() == [[1, 2], [0, -2]]
    loss, d = bp.softmax_cross_entropy(np.zeros((4, 10)), np.array([0, 3, 5, 9]))
    assert loss == pytest.approx(np.log(10))  # knowing nothing, in nats
    assert d[0, 0] == pytest.approx(-0.9 / 4)
    assert d[0, 1] == pytest.approx(0.1 / 4)


def test_softmax_cross_entropy_leaves_its_inputs_and_does_not_overflow():
    Z, labels = np.array([[1e4, 0.0, -1e4]]), np.array([1])
    loss, d = bp.softmax_cross_entropy(Z, labels)
    assert loss == 1e4
    assert d.tolist() == [[1, -1, 0]]
    assert Z.tolist() == [[1e4, 0, -1e4]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3], r"labels in 0\.\.2, got \[0 3\]"),
        ([-1, 0], r"labels in 0\.\.2, got \[-1  0\]"),
        ([0], r"need 2 whole numbers as labels, got \(1,\) of int64"),
        ([0.0, 1.0], r"got \(2,\) of float64"),
        ([[0, 1, 0], [1, 0, 0]], r"got \(2, 3\) of int64"),
    ],
)
def test_bad_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        bp.softmax_cross_entropy(np.zeros((2, 3)), np.array(labels))


def test_bad_targets_are_refused():
    with pytest.raises(ValueError, match=r"need targets \(5, 1\), got \(5,\)"):
        bp.squared_error(np.zeros((5, 1)), np.zeros(5))
    with pytest.raises(ValueError, match="need targets of float32, got float64"):
        bp.squared_error(np.zeros((5, 1), np.float32), np.zeros((5, 1)))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 5)), r"got \(2, 5\), \(4, 3\) and \(3,\)"),
        (np.zeros(4), r"got \(4,\), \(4, 3\) and \(3,\)"),
        (np.zeros((2, 4), np.float32), "got float32, float64 and float64"),
        (np.zeros((2, 4), int), "got int64, float64 and float64"),
    ],
)
def test_bad_inputs_are_refused(layer, X, message):
    with pytest.raises(ValueError, match=message):
        layer.forward(X)


def test_a_gradient_that_does_not_fit_is_refused(layer, rng):
    layer.forward(rng.normal(size=(5, 4)))
    for shape in [(5,), (5, 1), (4, 3)]:
        with pytest.raises(ValueError, match="mismatch"):
            layer.backward(np.ones(shape))
    with pytest.raises(TypeError, match="casting rule 'no'"):
        layer.backward(np.ones((5, 3), np.float32))


def test_networks_that_cannot_work_are_refused(layer, rng):
    relu = bp.ReLU()
    with pytest.raises(ValueError, match="a layer stands here twice"):
        bp.Network([relu, layer, relu])
    single = bp.Linear(np.ones((3, 2), np.float32), np.ones(2, np.float32))
    with pytest.raises(ValueError, match=r"one dtype, got \['float32', 'float64'\]"):
        bp.Network([layer, single])
    with pytest.raises(ValueError, match=r"one dtype, got \[\]"):
        bp.Network([relu])
    small = bp.dense_network(rng, [3, 2], dtype=np.float32)
    with pytest.raises(ValueError, match="need float64 parameters, got float32"):
        bp.check_network(small, bp.squared_error, None, None)


def test_views_need_as_many_numbers_as_the_shapes_hold():
    with pytest.raises(ValueError, match=r"need 7 numbers for .*, got 6"):
        bp.views(np.zeros(6), {"W1": (2, 3), "b1": (1,)})
