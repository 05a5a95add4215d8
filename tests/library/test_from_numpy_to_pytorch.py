"""From NumPy to PyTorch: what is turned, what is shared, what is refused."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from everygrad.activations import ACTIVATIONS, Activation, Softmax, gelu_tanh  # noqa: E402
from everygrad.backprop import (  # noqa: E402
    Linear,
    Network,
    Tanh,
    dense_network,
    squared_error,
)
from everygrad.from_numpy_to_pytorch import (  # noqa: E402
    OurLinear,
    deviations,
    our_blocks,
    run_ours,
    run_torch,
    to_module,
    to_torch,
)
from everygrad.regularisation import BatchNorm, Dropout, set_training  # noqa: E402


def per_row(Z, T):
    return ((Z - T) ** 2).sum(dim=1).mean()


@pytest.fixture
def batch(rng):
    return rng.normal(size=(7, 3)), rng.normal(size=(7, 2))


def test_a_weight_is_turned_and_its_gradient_is_turned_back():
    W, b = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([7.0, 8, 9])
    model = to_torch(Network([Linear(W, b)]))
    assert model[0].weight.tolist() == [[1, 4], [2, 5], [3, 6]]
    X, G = np.array([[1.0, 10.0]]), np.array([[1.0, 0.0, -1.0]])
    outputs, grads = run_torch(model, lambda Z, T: (Z * T).sum(), X, G)
    assert outputs.tolist() == [[48, 60, 72]]
    assert grads["W1"].tolist() == [[1, 0, -1], [10, 0, -10]]
    assert grads["b1"].tolist() == [1, 0, -1]


@pytest.mark.parametrize("name", [*ACTIVATIONS, "the quick GELU"])
def test_every_activation_is_known(name, rng, batch):
    unit = ACTIVATIONS.get(name)
    layer = Softmax() if name == "softmax" else Activation(gelu_tanh, None)
    if unit and name != "softmax":
        layer = Activation(unit.function, unit.slope)
    Z = rng.normal(size=(5, 4))
    theirs = to_module(layer)(torch.tensor(Z)).numpy()
    np.testing.assert_allclose(layer.forward(Z), theirs, rtol=0, atol=1e-12)


def test_outputs_and_gradients_agree(rng, batch):
    net = dense_network(rng, [3, 5, 4, 2], Tanh)
    theirs = run_torch(to_torch(net), per_row, *batch)
    assert max(deviations(run_ours(net, squared_error, *batch), theirs)) < 1e-12


@pytest.mark.parametrize("training", [True, False])
def test_batch_normalisation_comes_with_its_statistics(training, rng, batch):
    gamma, beta = rng.normal(size=(2, 4))
    first, last = dense_network(rng, [3, 4, 2], Tanh).layers[::2]
    net = Network([first, BatchNorm(gamma, beta, momentum=0.3), last])
    net.forward(5 + batch[0])
    set_training(net, training)
    model = to_torch(net)
    theirs = run_torch(model, per_row, *batch)
    assert max(deviations(run_ours(net, squared_error, *batch), theirs)) < 1e-12
    for name, ours in (
        ("running_mean", net.layers[1].mean),
        (
            "running_var",
            net.layers[1].variance,
        ),
    ):
        np.testing.assert_allclose(ours, getattr(model[1], name), rtol=0, atol=1e-12)


def test_dropout_keeps_its_rate_and_its_mode(rng):
    net = Network([Linear(np.eye(3), np.zeros(3)), Dropout(0.3, rng)])
    net.layers[1].training = False
    model = to_torch(net)
    assert model[1].p == 0.3
    assert not model[1].training
    assert model[0].training


def test_the_model_has_numbers_of_its_own_and_the_blocks_have_not(rng):
    net = dense_network(rng, [3, 2])
    model = to_torch(net)
    net.theta[:] = 0
    assert model[0].weight.abs().min() > 0
    our_blocks(model)["W1"][1, 0] = 42
    assert model[0].weight[0, 1] == 42


def test_float32_stays(rng):
    model = to_torch(dense_network(rng, [3, 2], dtype=np.float32))
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_what_is_unknown_is_refused():
    class Twice(Linear):
        def forward(self, X):
            return 2 * super().forward(X)

    for layer in Twice(np.eye(2), np.zeros(2)), Activation(np.sin, np.cos):
        with pytest.raises(ValueError, match="no torch module is known"):
            to_module(layer)


def test_gradients_that_are_not_there_are_missed(rng):
    with pytest.raises(ValueError, match="W1 has no gradient"):
        our_blocks(to_torch(dense_network(rng, [3, 2])), gradients=True)


def test_only_equal_shapes_are_compared():
    column, flat = (np.ones((3, 1)), {"w": np.ones(2)}), (np.ones(3), {"w": np.ones(2)})
    assert deviations(column, column) == (0, 0)
    with pytest.raises(ValueError, match="equal names and shapes"):
        deviations(column, flat)
    with pytest.raises(ValueError, match="equal names and shapes"):
        deviations(flat, (flat[0], {"v": np.ones(2)}))


def test_nan_is_no_agreement():
    ours, theirs = (
        (np.ones(2), {"w": np.ones(1)}),
        (np.ones(2), {"w": np.array([np.nan])}),
    )
    assert not max(deviations(ours, theirs)[::-1]) < 1e-10


def leaves(rng):
    shapes = (5, 4), (4, 2), (2,)
    return [torch.tensor(rng.normal(size=s), requires_grad=True) for s in shapes]


def test_our_layer_on_their_tape_passes_their_check(rng):
    X, W, b = leaves(rng)
    assert torch.autograd.gradcheck(OurLinear.apply, (X, W, b))
    Z = OurLinear.apply(X, W, b)
    assert torch.allclose(Z, X @ W + b, rtol=0, atol=1e-12)


def test_going_back_twice_with_other_gradients_adds_up(rng):
    X, W, b = leaves(rng)
    Z, total = OurLinear.apply(X, W, b), torch.zeros(5, 2, dtype=torch.float64)
    for _ in range(2):
        g = torch.tensor(rng.normal(size=(5, 2)))
        total += g
        Z.backward(g, retain_graph=True)
    np.testing.assert_allclose(W.grad, X.detach().T @ total, rtol=0, atol=1e-12)
    np.testing.assert_allclose(b.grad, total.sum(dim=0), rtol=0, atol=1e-12)


def test_a_change_in_between_is_seen(rng):
    X, W, b = leaves(rng)
    Z = OurLinear.apply(X, W, b)
    with torch.no_grad():
        W *= 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        Z.sum().backward()


def test_a_second_derivative_is_refused(rng):
    X, W, b = leaves(rng)
    loss = F.mse_loss(OurLinear.apply(X, W, b), torch.zeros(5, 2).double())
    (dX,) = torch.autograd.grad(loss, [X], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        (dX**2).sum().backward()
