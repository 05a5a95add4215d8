"""By hand, against torch on random expressions, refusals, size and speed."""

import ast
import inspect
import operator
import time
from itertools import combinations, pairwise, product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from everygrad import autodiff, backprop, dual_numbers, scalar_autodiff
from everygrad.autodiff import (
    Tensor,
    backward,
    flat_leaves,
    gradients,
    relu,
    softmax_cross_entropy,
)
from everygrad.dual_numbers import Dual, jacobian_forward
from everygrad.logistic_neuron import sigmoid
from everygrad.scalar_autodiff import Value, jacobian_reverse, sweep, tape

torch = pytest.importorskip("torch")

# Random expressions. One program, a list of (operator, operand, operand, variant),
# runs on our engine and on torch: every operator, operands used again, broadcasting.

SHAPES = [(), (1,), (3,), (2, 3), (2, 1), (1, 3), (3, 2), (4, 2, 3), (4, 1, 1)]
LABELS = [0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1]

OURS = SimpleNamespace(
    exp=np.exp,
    log=np.log,
    sin=np.sin,
    cos=np.cos,
    tanh=np.tanh,
    sqrt=np.sqrt,
    maximum=np.maximum,
    constant=lambda x: x,
    relu=relu,
    transpose=lambda x: x.T,
    entropy=lambda x: softmax_cross_entropy(x, np.array(LABELS[: x.shape[0]])),
)
THEIRS = SimpleNamespace(
    exp=torch.exp,
    log=torch.log,
    sin=torch.sin,
    cos=torch.cos,
    tanh=torch.tanh,
    sqrt=torch.sqrt,
    maximum=torch.maximum,
    constant=torch.tensor,
    relu=torch.relu,
    transpose=lambda x: x.permute(tuple(reversed(range(x.ndim)))),
    entropy=lambda x: torch.nn.functional.cross_entropy(
        x, torch.tensor(LABELS[: x.shape[0]])
    ),
)

UNARY = {
    "exp": lambda lib, x: lib.exp(x),
    "log": lambda lib, x: lib.log(x * x + 1.5),
    "sin": lambda lib, x: lib.sin(x),
    "cos": lambda lib, x: lib.cos(x),
    "tanh": lambda lib, x: lib.tanh(x),
    "sqrt": lambda lib, x: lib.sqrt(x * x + 0.5),
    "relu": lambda lib, x: lib.relu(x),
    "square": lambda lib, x: x**2,
    "cube": lambda lib, x: x**3,
    "power": lambda lib, x: (x**2 + 0.5) ** -1.5,
    "negative": lambda lib, x: -x,
    "from the left": lambda lib, x: 1.5 - x + 2.0 / (x * x + 1.0),
    "transpose": lambda lib, x: lib.transpose(x),
    "flat": lambda lib, x: x.reshape(-1),
    "column": lambda lib, x: x.reshape((-1, 1)),
}
BINARY = {
    "add": lambda lib, a, b: a + b,
    "subtract": lambda lib, a, b: a - b,
    "multiply": lambda lib, a, b: a * b,
    "divide": lambda lib, a, b: a / (b * b + 0.7),
    "maximum": lambda lib, a, b: lib.maximum(a, b),
}
OTHER = ["sum", "mean", "take", "matmul", "entropy", "constant"]


def reduced(x, name, variant):
    """Return a sum or a mean along all axes, the first, the last, or two of them."""
    if not len(x.shape):
        return x
    choices = [None, 0, -1, *([(0, 1)] if len(x.shape) > 1 else [])]
    axis, keepdims = choices[variant % len(choices)], variant % 2 == 1
    if axis is None:
        return getattr(x, name)()
    return getattr(x, name)(axis=axis, keepdims=keepdims)


def taken(x, variant):
    """Return some entries: a row, a slice, rows of a list with repeats."""
    if not len(x.shape):
        return x
    index = [0, slice(None, None, 2), np.array([0, -1, 0]), (..., 0)][variant % 4]
    return x[index]


def multiplied(lib, a, b):
    """Return a matrix product that fits the shapes, if there is one."""
    if len(a.shape) == 0 or len(b.shape) == 0:
        return a * b
    if a.shape[-1] == b.shape[-2 if len(b.shape) > 1 else 0]:
        try:
            np.matmul(np.zeros(a.shape), np.zeros(b.shape))
        except ValueError:
            return a
        return a @ b
    if len(a.shape) == 2:
        return a @ lib.transpose(a)
    return (
        a @ np.ones(a.shape[-1])
        if lib is OURS
        else a @ torch.ones(a.shape[-1:]).to(a.dtype)
    )


def apply(lib, step, a, b):
    """Return what one step of a program makes of its operands."""
    name, _, _, variant = step
    if name in UNARY:
        return UNARY[name](lib, a)
    if name in BINARY:
        try:
            np.broadcast_shapes(tuple(a.shape), tuple(b.shape))
        except ValueError:
            b = b.sum()
        return BINARY[name](lib, a, b)
    if name in ("sum", "mean"):
        return reduced(a, name, variant)
    if name == "take":
        return taken(a, variant)
    if name == "matmul":
        return multiplied(lib, a, b)
    if name == "entropy":
        fits = len(a.shape) == 2 and a.shape[1] >= 2 and a.shape[0] <= len(LABELS)
        return lib.entropy(a) if fits else a
    return lib.constant(np.linspace(-1, 1, 3)) * a.sum()  # an array on the left


def run(lib, program, leaves):
    """Return the value of a program: a weighted sum of all that it computed."""
    pool = list(leaves)
    for step in program:
        y = apply(lib, step, *(pool[i % len(pool)] for i in step[1:3]))
        plain = y.data if lib is OURS else y.detach().numpy()
        size = np.abs(plain).max(initial=1.0)
        if np.size(plain) <= 100:
            pool.append(y if size < 4 else y * (2.0 / float(size)))
    result = 0.0
    for k, y in enumerate(pool):
        result = result + (1 + 0.1 * k) * y.mean()
    return result


def disagreement(program, shapes, seed):
    """Return the largest relative difference between our gradients and torch's."""
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(rng.uniform(-1.5, 1.5, size=SHAPES[s])) for s in shapes]
    ours = [Tensor(x) for x in arrays]
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    value, expected = run(OURS, program, ours), run(THEIRS, program, theirs)
    backward(value)
    expected.backward()
    worst = abs(float(value.data) - expected.item()) / (1 + abs(expected.item()))
    for leaf, other in zip(ours, theirs, strict=True):
        g = other.grad.numpy()
        assert leaf.gradient.shape == g.shape
        assert leaf.gradient.dtype == np.float64
        worst = max(worst, np.abs(leaf.gradient - g).max() / (1 + np.abs(g).max()))
    return worst


STEP = st.tuples(
    st.sampled_from([*UNARY, *BINARY, *OTHER]),
    st.integers(0, 11),
    st.integers(0, 11),
    st.integers(0, 7),
)
EXPRESSIONS = {
    "program": st.lists(STEP, min_size=2, max_size=9),
    "shapes": st.lists(st.integers(0, len(SHAPES) - 1), min_size=3, max_size=3),
    "seed": st.integers(0, 2**16),
}
QUICK = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}
seen = set()


@settings(max_examples=600, **QUICK)
@given(**EXPRESSIONS)
def agree_with_torch(program, shapes, seed):
    """Compare one random expression, and note its operators."""
    seen.update(name for name, *_ in program)
    assert disagreement(program, shapes, seed) < 1e-11


def test_600_random_expressions_have_the_gradients_of_torch():
    seen.clear()
    agree_with_torch()
    assert seen == {*UNARY, *BINARY, *OTHER}


# Every pair of shapes, each with every operator: no expression here is left to chance.

GRID = [(), (1,), (3,), (1, 1), (2, 3), (2, 1), (1, 3), (4, 2, 3), (4, 1, 1), (0, 3)]
STACKS = [
    *[((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 2)), ((1, 3), (3, 1))],
    *[((4, 2, 3), (3,)), ((3,), (4, 3, 2)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2))],
    *[((4, 2, 3), (1, 3, 2)), ((4, 1, 2, 3), (5, 3, 2)), ((1,), (4, 1, 1))],
    *[((4, 2, 1), (1,)), ((2, 0), (0, 3)), ((1, 1, 3), (3,))],
]


def assert_like_torch(ours, theirs, *arrays, rtol=1e-12):
    """Compare a function of tensors and all its gradients, from a random seed."""
    a = [Tensor(x.copy()) for x in arrays]
    b = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, expected = ours(*a), theirs(*b)
    assert y.data.dtype == arrays[0].dtype
    seed = np.random.default_rng(0).normal(size=y.shape)
    backward(y, seed)
    expected.backward(torch.tensor(seed.astype(arrays[0].dtype)))
    close = {"rtol": rtol, "atol": rtol, "strict": True}
    np.testing.assert_allclose(np.asarray(y.data), expected.detach().numpy(), **close)
    for leaf, other in zip(a, b, strict=True):
        np.testing.assert_allclose(leaf.gradient, other.grad.numpy(), **close)


def broadcast_pairs():
    """Return the pairs of shapes that NumPy broadcasts."""
    for first in GRID:
        for second in GRID:
            try:
                np.broadcast_shapes(first, second)
            except ValueError:
                continue
            yield first, second


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_pair_of_shapes_broadcasts_as_in_torch(dtype):
    rng, rtol = np.random.default_rng(5), 1e-5 if dtype == np.float32 else 1e-12
    both = [operator.add, operator.sub, operator.mul, operator.truediv]
    for first, second in broadcast_pairs():
        a, b = (np.asarray(rng.uniform(0.3, 1.5, s), dtype) for s in (first, second))
        c, counts = torch.tensor(b), np.asarray(rng.integers(1, 5, size=second))
        for f in both:
            assert_like_torch(f, f, a, b, rtol=rtol)
            assert_like_torch(
                lambda x, f=f, b=b: f(b, x), lambda x, f=f, c=c: f(c, x), a, rtol=rtol
            )
            if dtype == np.float64:  # NumPy makes float64 of float32 and integers
                whole = torch.tensor(counts)
                assert_like_torch(
                    lambda x, f=f, n=counts: f(n, x), lambda x, f=f, n=whole: f(n, x), a
                )
        assert_like_torch(np.maximum, torch.maximum, a, b, rtol=rtol)
    assert len(list(broadcast_pairs())) > 60


@pytest.mark.parametrize(("first", "second"), STACKS)
def test_every_kind_of_matrix_product(first, second):
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=first), rng.normal(size=second)
    assert_like_torch(operator.matmul, operator.matmul, a, b)
    assert_like_torch(lambda y: a @ y, lambda y: torch.tensor(a) @ y, b)
    assert_like_torch(lambda x: x @ b, lambda x: x @ torch.tensor(b), a)
    if b.size:
        assert_like_torch(lambda x: x @ b.tolist(), lambda x: x @ torch.tensor(b), a)


def test_every_axis_and_every_kind_of_index():
    rng = np.random.default_rng(7)
    for shape in [(), (1,), (3,), (1, 1), (2, 3), (4, 2, 3), (4, 1, 1)]:
        x, n = np.asarray(rng.normal(size=shape)), len(shape)
        axes = [*range(-n, n), *combinations(range(n), 2), *[(-1, -2)] * (n > 1)]
        for axis, keep in product(axes, (False, True)):
            for name in ("sum", "mean"):
                assert_like_torch(
                    lambda x, f=name, a=axis, k=keep: getattr(x, f)(a, k),
                    lambda x, f=name, a=axis, k=keep: getattr(x, f)(dim=a, keepdim=k),
                    x,
                )
        mask = np.asarray(rng.uniform(size=shape) > 0.5)
        indices = [None, (), ..., mask, np.zeros_like(mask)]
        if n:
            indices += [0, -1, [0, -1, 0, 0], (..., 0), slice(None, None, 2), (0, None)]
            indices += [np.array([[0, -1], [-1, -1]]), mask.reshape(len(x), -1)[:, 0]]
        for i in indices:
            j = torch.tensor(i) if isinstance(i, np.ndarray) else i
            assert_like_torch(lambda x, i=i: x[i], lambda x, j=j: x[j], x)


@pytest.mark.parametrize("k", [0, 0.0, 1, 2, 3, -1, -2, 0.5, -0.5, 2.5])
def test_every_kind_of_exponent(k):
    for base in (np.array([0.4, 1.7]), np.array([-0.4, -2.0]), np.zeros(2)):
        if base[0] > 0 or (float(k).is_integer() and (base[0] or k >= 0)):
            assert_like_torch(lambda x: x**k, lambda x: x**k, base)
            single = base.astype(np.float32)
            assert_like_torch(lambda x: x**k, lambda x: x**k, single, rtol=1e-5)
            for jacobian in (jacobian_forward, jacobian_reverse):
                slope = jacobian(lambda x: [x[0] ** k], base.tolist())[0, 0]
                assert slope == pytest.approx(k * base[0] ** (k - 1) if k else 0)


def test_a_tensor_used_in_every_place_at_once():
    x = np.random.default_rng(8).uniform(0.3, 1.5, size=(3, 3))
    for f in (
        lambda x: x - x,
        lambda x: x / x,
        lambda x: x * x * x,
        lambda x: x @ x.T @ x - x.T,
        lambda x: x[0] * x[:, :1] + x.sum(axis=0) @ x,
    ):
        assert_like_torch(f, f, x)
    assert_like_torch(lambda x: np.maximum(x, x), lambda x: torch.maximum(x, x), x)

    def in_steps(x):
        y = x * 1
        y += x
        y *= x
        y -= 3
        y /= x
        return y

    assert_like_torch(in_steps, lambda x: 2 * x - 3 / x, x)


def test_a_tie_goes_to_the_second_operand():
    a, b = Tensor(np.array([1.0, 2.0])), Tensor(np.array([1.0, 1.0]))
    backward(np.maximum(a, b).sum())
    assert a.gradient.tolist() == [0, 1]
    assert b.gradient.tolist() == [1, 0]


def overwriting(end, seed=None):
    """Go back as `backward` does, but forget what arrived before."""
    waiting = {end: np.ones_like(end.data)}
    for node in reversed(tape(end)):
        g = waiting.pop(node)
        if not node.links:
            autodiff.keep(node, g)
        for operand, pull in node.links:
            waiting[operand] = pull(g)


def not_summed(g, operand):
    """Fit a gradient to a broadcast operand by taking its first entries."""
    return g.reshape(-1)[: operand.size].reshape(operand.shape)


def cosine_with_plus_sine(self):
    return autodiff.chain(self, np.cos, lambda x, y: np.sin(x))


def relu_always_on(a):
    return autodiff.chain(a, lambda A: np.maximum(A, 0), lambda A, Y: Y >= 0)


def quotient_without_square(a, b):
    A, B = autodiff.raw(a), autodiff.raw(b)
    return autodiff.record(
        A / B,
        (a, lambda g: autodiff.unbroadcast(g / B, A)),
        (b, lambda g: autodiff.unbroadcast(-g * A / B, B)),
    )


def taken_once(a, index):
    def pull(g):
        back = np.zeros_like(a.data)
        back[index] = g
        return back

    return autodiff.record(a.data[index], (a, pull))


def plant(monkeypatch, bug):
    """Put one wrong piece into the engine."""
    here = __import__("sys").modules[__name__]
    places = {
        "a gradient overwritten": (here, "backward", overwriting),
        "broadcasting not summed": (autodiff, "unbroadcast", not_summed),
        "cos′ = + sin": (Tensor, "cos", cosine_with_plus_sine),
        "ReLU's mask always 1": (OURS, "relu", relu_always_on),
        "quotient rule without the square": (
            Tensor,
            "__truediv__",
            quotient_without_square,
        ),
        "an entry taken twice counted once": (Tensor, "__getitem__", taken_once),
        "matrix product not transposed back": (
            autodiff,
            "pull_right",
            lambda g, A, B: np.resize(A @ g if A.shape == g.shape else g, B.shape),
        ),
    }
    monkeypatch.setattr(*places[bug])


@pytest.mark.parametrize(
    "bug",
    [
        "a gradient overwritten",
        "broadcasting not summed",
        "cos′ = + sin",
        "ReLU's mask always 1",
        "quotient rule without the square",
        "an entry taken twice counted once",
        "matrix product not transposed back",
    ],
)
def test_random_expressions_find_a_planted_bug(monkeypatch, bug):
    plant(monkeypatch, bug)

    @settings(max_examples=200, phases=[Phase.generate], **QUICK)
    @given(**EXPRESSIONS)
    def agree(program, shapes, seed):
        assert disagreement(program, shapes, seed) < 1e-11

    with pytest.raises(AssertionError):
        agree()


# The scalar engines.


def wave(inputs):
    """Return u · cos(u + a) for u = a · b: two values used twice."""
    a, b = inputs
    u = a * b
    return [u * np.cos(u + a)]


@pytest.mark.parametrize("jacobian", [jacobian_forward, jacobian_reverse])
def test_a_product_and_a_cosine_by_hand(jacobian):
    a, b = 1.5, 0.8
    u, v = a * b, a * b + a
    by_u = np.cos(v) - u * np.sin(v)
    np.testing.assert_allclose(
        jacobian(wave, [a, b]), [[by_u * b - u * np.sin(v), by_u * a]], rtol=1e-14
    )


def everything(inputs):
    """Return two outputs made with all that the scalar engines can do."""
    x, y, z = inputs
    s = np.exp(x) / (1 + y * y) - np.log(2 + z * z) + (3 - x) * 2 - y / 3
    t = np.tanh(s) * np.sqrt(4 + np.sin(x)) ** 3 + 1 / (2 + np.cos(s * y)) - (-z) ** 2
    return [t, 1 - s + x]


def test_forward_and_reverse_agree_with_torch():
    point = [0.3, -0.7, 0.5]
    x = torch.tensor(point, dtype=torch.float64)

    def in_torch(x):
        a, b, c = x
        s = torch.exp(a) / (1 + b * b) - torch.log(2 + c * c) + (3 - a) * 2 - b / 3
        t = torch.tanh(s) * torch.sqrt(4 + torch.sin(a)) ** 3
        t = t + 1 / (2 + torch.cos(s * b)) - (-c) ** 2
        return torch.stack([t, 1 - s + a])

    expected = torch.autograd.functional.jacobian(in_torch, x)
    for jacobian in (jacobian_forward, jacobian_reverse):
        np.testing.assert_allclose(
            jacobian(everything, point), expected, rtol=0, atol=1e-13
        )


def test_outputs_that_ignore_inputs_have_zero_slopes():
    def f(x):
        return [x[0] * 2, x[1] ** 2, 5.0]

    for jacobian in (jacobian_forward, jacobian_reverse):
        assert jacobian(f, [3.0, 4.0]).tolist() == [[2, 0], [0, 8], [0, 0]]


def test_dual_numbers_square_epsilon_away():
    epsilon = Dual(0.0, 1.0)
    assert ((epsilon * epsilon).number, (epsilon * epsilon).slope) == (0, 0)
    assert Dual(2.0) < Dual(3.0) > 1.0
    assert Dual(2.0, 1.0) == 2.0 != Dual(3.0)
    assert Value(2.0) == Value(2.0)
    assert len({Value(2.0), Value(2.0)}) == 2  # by identity, as a tape needs it


def test_a_tape_lists_operands_first_and_each_value_once():
    x = Value(1.0)
    end = x
    for _ in range(5000):  # deeper than Python's recursion limit
        end = end + end
        end = end * 0.5
    order = tape(end)
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order) == 1 + 3 * 5000
    assert all(place[o] < place[node] for node in order for o, _ in node.links)
    sweep(end)
    assert x.gradient == 1


def test_dual_numbers_on_the_tape_give_a_row_of_the_hessian():
    def f(x, y):
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2

    x, y = 0.5, -0.3
    inputs = [Value(Dual(x, 1.0)), Value(Dual(y, 0.0))]
    sweep(f(*inputs))
    row = [value.gradient.slope for value in inputs]
    np.testing.assert_allclose(row, [2 - 400 * y + 1200 * x * x, -400 * x])


# The array engine.


def test_broadcast_operands_by_hand():
    a, b = Tensor(np.array([[1.0], [2.0]])), Tensor(np.array([3.0, 4.0, 5.0]))
    backward((a * b).sum())
    assert a.gradient.tolist() == [[12], [12]]
    assert b.gradient.tolist() == [3, 3, 3]


def test_sum_of_two_tensors_does_not_share_their_gradients():
    a, b = Tensor(np.ones(2)), Tensor(np.ones(2))
    backward((a + b).sum())
    a.gradient += 5
    assert b.gradient.tolist() == [1, 1]


def test_a_deep_chain_and_many_diamonds():
    x = Tensor(1.0)
    end = x
    for _ in range(20_000):  # deeper than Python's recursion limit
        end = end + x * 1e-4
    backward(end)
    assert x.gradient == pytest.approx(3)
    for _ in range(60):  # 2**60 paths
        end = end + end
    backward(end)
    assert x.gradient == pytest.approx(3 * 2.0**60)


def test_tensors_can_be_used_again_after_the_way_back():
    x = Tensor(2.0)
    square = x * x
    cube = square * x
    for end, slope in [(cube, 12), (square, 4), (cube, 12), (square * 5, 20), (x, 1)]:
        backward(end)
        assert x.gradient == slope


def test_gradients_are_copies_and_leave_the_views_alone():
    leaves, _, flat = flat_leaves({"a": np.ones(2), "b": np.ones(1)})
    first = gradients((leaves["a"] * 3).sum(), leaves)
    assert flat.tolist() == [3, 3, 0]
    assert gradients((leaves["b"] * 5).sum(), leaves)["b"] == 5
    assert flat.tolist() == [0, 0, 5]
    assert first["a"].tolist() == [3, 3]


def test_a_seed_gives_a_vector_times_the_jacobian():
    x = Tensor(np.array([1.0, 2.0]))
    backward(x**2, seed=np.array([1.0, -1.0]))
    assert x.gradient.tolist() == [2, -4]


def test_arrays_go_through_unrecorded_and_tensors_from_the_right():
    X = np.ones((2, 3))
    assert type(relu(X)) is np.ndarray
    assert type(softmax_cross_entropy(X, np.array([0, 2]))) is np.float64
    assert type(X @ Tensor(np.ones(3))) is Tensor
    assert type(np.float64(2) * Tensor(1.0)) is Tensor
    assert (2 - Tensor(1.5)).data == 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_is_promoted(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, 3)).astype(dtype)
    leaves, theta, gradient = flat_leaves(
        {"W": rng.normal(size=(3, 2)).astype(dtype), "b": np.zeros(2, dtype)}
    )
    z = X @ leaves["W"] + leaves["b"]
    parts = [relu(z), sigmoid(z), 1 - z / 3 + 2 * z, z**2, np.maximum(z, 0.0), -z]
    parts += [np.exp(z), np.sqrt(z * z + 1), np.log(z * z + 1), z.T, np.sin(z)]
    ends = [part.mean() for part in parts] + [np.cos(z)[0].sum(), z.reshape(8).mean()]
    ends += [softmax_cross_entropy(z, np.array([0, 1, 1, 0]))]
    for end in ends:
        assert {node.data.dtype for node in tape(end)} == {np.dtype(dtype)}
        backward(end)
        for node in tape(end):
            for operand, pull in node.links:
                assert pull(np.ones(node.shape, dtype)).dtype == dtype, operand
    assert gradient.dtype == theta.dtype == dtype
    assert gradient.any()


def test_flat_leaves_are_views():
    leaves, theta, gradient = flat_leaves({"W": np.ones((2, 2)), "b": np.zeros(2)})
    theta += 1
    assert leaves["W"].data.tolist() == [[2, 2], [2, 2]]
    backward((leaves["W"] @ leaves["b"]).sum())
    assert gradient.tolist() == [1, 1, 1, 1, 4, 4]
    backward((leaves["W"] @ leaves["b"]).sum())
    assert gradient.tolist() == [1, 1, 1, 1, 4, 4]  # overwritten, not added to


def test_leaves_that_the_end_ignores_get_zeros():
    leaves = {"used": Tensor(2.0), "unused": Tensor(np.ones(3))}
    backward((leaves["unused"] * 7).sum())
    found = gradients(leaves["used"] ** 2, leaves)
    assert found["used"] == 4
    assert found["unused"].tolist() == [0, 0, 0]


def test_an_input_needs_no_gradient_and_costs_none():
    X, W = np.ones((2, 3)), Tensor(np.ones((3, 2)))
    ((operand, _),) = (X @ W).links
    assert operand is W


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: backward(x), ValueError, r"one number or a seed, got shape \(3,\)"),
        (lambda x: backward(x, np.ones(2)), ValueError, r"seed of shape \(3,\), got"),
        (lambda x: backward(2.5), TypeError, "no Tensor went into 2.5"),
        (lambda x: Tensor([1, 2]), TypeError, "need floating-point numbers, got int64"),
        (
            lambda x: Tensor(np.ones(3), np.ones(2)),
            ValueError,
            r"gradient of \(3,\) float64, got \(2,\) float64",
        ),
        (lambda x: x @ np.ones(4), ValueError, r"cannot multiply \(3,\) @ \(4,\)"),
        (lambda x: x + np.ones(4), ValueError, r"\(3,\) \(4,\)"),
        (lambda x: x**x, TypeError, "plain number as exponent"),
        (lambda x: x ** np.ones((2, 3)), TypeError, "plain number as exponent"),
        (lambda x: np.linalg.norm(x), TypeError, "no array: use its methods"),
        (lambda x: np.where(np.ones(3) > 0, x, 0), TypeError, "no array"),
        (lambda x: np.stack([x, x]), TypeError, "no array"),
        (lambda x: Tensor(x), TypeError, "no array: use its methods, or its data"),
        (lambda x: np.ones(3).__iadd__(x), TypeError, "out"),
        (
            lambda x: softmax_cross_entropy(x.reshape(1, 3), np.array([True])),
            ValueError,
            "need 1 whole numbers as labels",
        ),
        (lambda x: np.arctan(x), TypeError, "no np.arctan"),
        (lambda x: np.add(np.ones(3), x, out=np.ones(3)), TypeError, "out"),
        (lambda x: (x * 2).data.fill(0), ValueError, "read-only"),
        (
            lambda x: softmax_cross_entropy(x.reshape(1, 3), np.array([3])),
            ValueError,
            r"need labels in 0\.\.2",
        ),
        (
            lambda x: softmax_cross_entropy(x.reshape(1, 3), np.array([-1])),
            ValueError,
            r"need labels in 0\.\.2",
        ),
    ],
)
def test_refusals_name_the_bad_value(call, error, message):
    with pytest.raises(error, match=message):
        call(Tensor(np.ones(3)))


# How small, and how fast.


def code_lines(*things):
    """Return the number of lines of code: no docstrings, comments or blank lines."""
    source = "\n".join(inspect.getsource(thing) for thing in things)
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    kept = {
        line
        for node in ast.walk(tree)
        if hasattr(node, "lineno") and not isinstance(node, ast.Module)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    docs = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    lines = source.splitlines()
    return len([n for n in kept - docs if lines[n - 1].strip().strip("()[]{},#")])


def test_the_engines_are_small():
    d = dual_numbers
    shared = [d.slopes, d.power_rule, d.with_functions]
    scalar = [scalar_autodiff, *shared, d.with_arithmetic]
    assert code_lines(scalar_autodiff) < code_lines(*scalar) <= 100
    b = backprop  # what the array engine borrows counts as well
    shared += [tape, b.views, b.check_labels, b.softmax_cross_entropy]
    assert code_lines(autodiff) < code_lines(autodiff, *shared) <= 250


class Adam:
    """Adam on one flat vector, plainly."""

    def __init__(self, theta):
        self.m, self.v, self.t = np.zeros_like(theta), np.zeros_like(theta), 0

    def step(self, theta, g):
        self.t += 1
        self.m += 0.1 * (g - self.m)
        self.v += 0.001 * (g * g - self.v)
        m, v = self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)
        theta -= 0.001 * m / (np.sqrt(v) + 1e-8)


SIZES = [64, 80, 40, 20, 10]


def digits_networks(dtype):
    """Return the same network as our flat leaves and as a torch model."""
    rng, blocks, layers = np.random.default_rng(0), {}, []
    for i, (d_in, d_out) in enumerate(pairwise(SIZES)):
        blocks[f"W{i}"] = (rng.normal(size=(d_in, d_out)) / d_in**0.5).astype(dtype)
        blocks[f"b{i}"] = np.zeros(d_out, dtype)
        layer = torch.nn.Linear(d_in, d_out).to(torch.tensor(blocks["b0"]).dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(blocks[f"W{i}"].T))
            layer.bias.zero_()
        layers += [layer, torch.nn.ReLU()]
    return flat_leaves(blocks), torch.nn.Sequential(*layers[:-1])


def our_epoch(leaves, theta, gradient, adam, X, labels):
    for i in range(0, len(X), 64):
        A = X[i : i + 64] @ leaves["W0"] + leaves["b0"]
        for k in range(1, 4):
            A = relu(A) @ leaves[f"W{k}"] + leaves[f"b{k}"]
        loss = softmax_cross_entropy(A, labels[i : i + 64])
        backward(loss)
        adam.step(theta, gradient)
    return float(loss.data)


def torch_epoch(model, adam, X, labels):
    for i in range(0, len(X), 64):
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            model(X[i : i + 64]), labels[i : i + 64]
        )
        loss.backward()
        adam.step()
    return loss.item()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_epoch_on_digits_takes_no_longer_than_in_torch(dtype):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1437, 64)).astype(dtype)
    labels = rng.integers(0, 10, size=1437)
    (leaves, theta, gradient), model = digits_networks(dtype)
    ours, theirs = Adam(theta), torch.optim.Adam(model.parameters(), lr=0.001)
    X_torch, labels_torch = torch.tensor(X), torch.tensor(labels)
    seconds = {"ours": [], "torch": []}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # torch's fastest on networks this small
    for _ in range(12):
        start = time.perf_counter()
        a = our_epoch(leaves, theta, gradient, ours, X, labels)
        middle = time.perf_counter()
        b = torch_epoch(model, theirs, X_torch, labels_torch)
        seconds["ours"].append(middle - start)
        seconds["torch"].append(time.perf_counter() - middle)
    torch.set_num_threads(threads)
    assert a == pytest.approx(b, abs=1e-2 if dtype == np.float32 else 1e-6)
    assert min(seconds["ours"]) <= min(seconds["torch"])
