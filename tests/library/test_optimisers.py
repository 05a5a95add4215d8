"""Two steps by hand, torch step by step, what must not change, schedules, clipping."""

import math
import tracemalloc

import numpy as np
import pytest

from everygrad.gradient_check import gradient_errors
from everygrad.optimisers import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Optimiser,
    RMSProp,
    clip_by_norm,
    clip_by_value,
    exponential_decay,
    move_mean,
    scaled_step,
    step_decay,
    warmup_cosine,
)

CURVATURE = np.array([1.0, 4.0, 0.3])


def loss(x):
    return float(np.sum(CURVATURE * x**2 / 2 + np.cos(x)))


def gradient(x):
    return CURVATURE * x - np.sin(x)


def steps(rule, options, count, decay=0.0):
    """Return the places after each step of a rule on a smooth loss."""
    theta, path = np.array([1.0, -0.7, 2.0]), []
    optimiser = rule(theta, **options)
    for _ in range(count):
        optimiser.step(gradient(theta) + decay * theta)
        path.append(theta.copy())
    return np.array(path)


def test_the_gradient_of_the_test_problem():
    here = {"x": np.array([1.0, -0.7, 2.0])}
    errors = gradient_errors(
        lambda p: loss(p["x"]), lambda p: {"x": gradient(p["x"])}, here
    )
    assert errors["x"] < 1e-6


@pytest.mark.parametrize(
    ("rule", "options", "expected"),
    [
        (SGD, {}, [-0.1, -0.2]),
        (SGD, {"momentum": 0.5}, [-0.1, -0.25]),  # velocities 1, 1.5
        (SGD, {"momentum": 0.5, "nesterov": True}, [-0.15, -0.325]),  # 1.5, 1.75
        (AdaGrad, {}, [-0.1, -0.1 - 0.1 / math.sqrt(2)]),
        (RMSProp, {"beta": 0.75}, [-0.2, -0.2 - 0.1 / math.sqrt(0.4375)]),
        (Adam, {}, [-0.1, -0.2]),
        (AdamW, {"weight_decay": 0.5}, [-0.1, -0.195]),
    ],
)
def test_two_steps_by_hand_for_a_gradient_of_one(rule, options, expected):
    theta = np.zeros(1)
    optimiser = rule(theta, learning_rate=0.1, **options)
    for place in expected:
        optimiser.step(np.ones(1))
        assert theta[0] == pytest.approx(place, rel=1e-6)


ODD = {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3}
OUR_ODD = {"learning_rate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}

PAIRS = [
    (SGD, {"learning_rate": 0.05}, "SGD", {"lr": 0.05}),
    (
        SGD,
        {"learning_rate": 0.05, "momentum": 0.9},
        "SGD",
        {"lr": 0.05, "momentum": 0.9},
    ),
    (
        SGD,
        {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
        "SGD",
        {"lr": 0.05, "momentum": 0.9, "nesterov": True},
    ),
    (AdaGrad, {}, "Adagrad", {}),
    (
        AdaGrad,
        {"learning_rate": 0.1, "epsilon": 0.1},
        "Adagrad",
        {"lr": 0.1, "eps": 0.1},
    ),
    (RMSProp, {}, "RMSprop", {}),
    (
        RMSProp,
        {"learning_rate": 0.002, "beta": 0.9, "epsilon": 0.1},
        "RMSprop",
        {"lr": 0.002, "alpha": 0.9, "eps": 0.1},
    ),
    (Adam, {}, "Adam", {}),
    (Adam, OUR_ODD, "Adam", ODD),
    (AdamW, {}, "AdamW", {}),
    (AdamW, OUR_ODD | {"weight_decay": 0.2}, "AdamW", ODD | {"weight_decay": 0.2}),
]
CASES = [(*pair, decay) for pair in PAIRS for decay in (0.0, 0.1)]
CASES = [case for case in CASES if case[0] is not AdamW or not case[-1]]


@pytest.mark.parametrize(("rule", "options", "name", "theirs", "decay"), CASES)
def test_a_hundred_steps_agree_with_torch(rule, options, name, theirs, decay):
    torch = pytest.importorskip("torch")
    coupled = {"weight_decay": decay} if decay else {}
    leaf = torch.tensor([1.0, -0.7, 2.0], dtype=torch.float64, requires_grad=True)
    optimiser, path = getattr(torch.optim, name)([leaf], **theirs, **coupled), []
    for _ in range(100):
        optimiser.zero_grad()
        (torch.tensor(CURVATURE) * leaf**2 / 2 + torch.cos(leaf)).sum().backward()
        optimiser.step()
        path.append(leaf.detach().numpy().copy())
    np.testing.assert_allclose(
        steps(rule, options, 100, decay), path, rtol=0, atol=1e-10
    )


@pytest.mark.parametrize(("rule", "options", "name", "theirs"), PAIRS)
def test_a_rate_that_changes_agrees_with_torch(rule, options, name, theirs):
    torch = pytest.importorskip("torch")
    theta = np.array([1.0, -0.7, 2.0])
    ours = rule(theta, **options)
    leaf = torch.tensor(theta.copy(), requires_grad=True)
    others = getattr(torch.optim, name)([leaf], **theirs)
    full = ours.learning_rate
    for step in range(100):
        rate = warmup_cosine(step, full, 10, 100)
        ours.learning_rate = others.param_groups[0]["lr"] = rate
        leaf.grad = torch.tensor(gradient(leaf.detach().numpy()))
        ours.step(gradient(theta))
        others.step()
        np.testing.assert_allclose(theta, leaf.detach(), rtol=0, atol=1e-10)


RULES = [
    (SGD, {"learning_rate": 0.1, "momentum": 0.9}),
    (SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    (AdaGrad, {}),
    (RMSProp, {}),
    (Adam, {}),
    (AdamW, {}),
]


@pytest.mark.parametrize(("rule", "options"), RULES)
def test_it_works_in_place_keeps_float32_and_leaves_the_gradient(rule, options):
    theta = np.array([1.0, -2.0], dtype=np.float32)
    pushed = np.array([0.5, 3.0], dtype=np.float32)
    optimiser = rule(theta, **options)
    for _ in range(3):
        optimiser.step(pushed)
    held = [v for v in vars(optimiser).values() if isinstance(v, np.ndarray)]
    assert {v.dtype for v in held} == {np.dtype(np.float32)}
    assert optimiser.theta is theta
    assert theta[0] < 1
    assert theta[1] < -2
    assert pushed.tolist() == [0.5, 3]
    assert not any(np.shares_memory(v, pushed) for v in held)


@pytest.mark.parametrize(
    ("rule", "options"), [pair for pair in RULES if "nesterov" not in pair[1]]
)
def test_a_step_allocates_nothing_of_the_size_of_theta(rule, options):
    theta, pushed = np.ones(100_000), np.full(100_000, 0.5)
    optimiser = rule(theta, **options)
    optimiser.step(pushed)
    tracemalloc.start()
    try:
        optimiser.step(pushed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < theta.nbytes / 4


@pytest.mark.parametrize(("rule", "options"), RULES)
def test_the_rate_can_be_set_between_steps(rule, options):
    theta = np.ones(3)
    optimiser = rule(theta, **options)
    optimiser.step(np.ones(3))
    before, optimiser.learning_rate = theta.copy(), 0.0
    optimiser.step(np.ones(3))
    assert theta.tolist() == before.tolist()


@pytest.mark.parametrize(("rule", "options"), RULES)
def test_a_gradient_of_another_shape_is_refused(rule, options):
    theta = np.ones(3)
    with pytest.raises(ValueError, match=r"need gradient \(3,\), got \(1,\)"):
        rule(theta, **options).step(np.ones(1))
    assert theta.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="need gradient"):
        Optimiser(theta, 0.1).step(np.ones((3, 1)))


def test_scaling_the_loss_does_not_change_adams_steps():
    paths = []
    for scale in 1e-3, 1.0, 1e3:
        theta, path = np.array([1.0, -0.7, 2.0]), []
        adam = Adam(theta, learning_rate=0.05, epsilon=0.0)
        for _ in range(20):
            adam.step(scale * gradient(theta))
            path.append(theta.copy())
        paths.append(path)
    np.testing.assert_allclose(paths[0], paths[1], rtol=1e-9)
    np.testing.assert_allclose(paths[2], paths[1], rtol=1e-9)


def test_the_shared_pieces_by_hand():
    mean, work = np.array([0.0, 8.0]), np.empty(2)
    move_mean(mean, np.array([4.0, 0.0]), 0.75, work)
    assert mean.tolist() == [1, 6]
    theta = np.array([1.0, 1.0])
    scaled_step(theta, 0.5, np.array([4.0, -1.0]), np.array([9.0, 0.0]), 1.0, work)
    assert theta.tolist() == [0.5, 1.5]


def test_schedules_by_hand():
    assert [step_decay(k, 8.0, 0.5, 2) for k in range(5)] == [8, 8, 4, 4, 2]
    assert [exponential_decay(k, 8.0, 0.5) for k in range(3)] == [8, 4, 2]
    rates = [warmup_cosine(k, 4.0, 3, 7) for k in range(9)]
    root = math.sqrt(0.5)
    expected = [1, 2, 3, 4, 2 + 2 * root, 2, 2 - 2 * root, 0, 0]
    np.testing.assert_allclose(rates, expected, atol=1e-12)
    assert warmup_cosine(0, 4.0, 0, 7) == 4


def test_clipping_by_hand():
    long = np.array([3.0, -4.0])
    np.testing.assert_allclose(clip_by_norm(long, 1.0), [0.6, -0.8])
    assert clip_by_norm(long, 5.0).tolist() == [3, -4]
    assert clip_by_norm(np.zeros(2), 1.0).tolist() == [0, 0]
    assert clip_by_value(long, 3.5).tolist() == [3, -3.5]
    assert long.tolist() == [3, -4], "the gradient is not changed"
    assert clip_by_norm(long.astype(np.float32), 1.0).dtype == np.float32


def test_clipping_agrees_with_torch(rng):
    torch = pytest.importorskip("torch")
    g = rng.normal(size=5)
    for limit in 0.5, 10.0:
        leaf = torch.zeros(5, dtype=torch.float64, requires_grad=True)
        leaf.grad = torch.tensor(g)
        torch.nn.utils.clip_grad_norm_([leaf], limit)
        np.testing.assert_allclose(clip_by_norm(g, limit), leaf.grad, rtol=1e-5)
        leaf.grad = torch.tensor(g)
        torch.nn.utils.clip_grad_value_([leaf], limit)
        np.testing.assert_allclose(clip_by_value(g, limit), leaf.grad)
