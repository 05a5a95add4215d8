"""Shapes by hand and against NumPy's own, the contrast and its gradient, refusals."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from everygrad.arrays import (
    broadcast_shape,
    contrast,
    contrast_gradient,
    matmul_shape,
)


def outcome(rule, *shapes):
    """Return the shape that a rule gives, or None where it refuses."""
    try:
        return rule(*shapes)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([], ()),
        ([(3,)], (3,)),
        ([(3,), (3, 1)], (3, 3)),
        ([(5, 1, 2), (4, 1)], (5, 4, 2)),
        ([(), (2, 3)], (2, 3)),
        ([(0,), (1,)], (0,)),  # the size other than 1, not the larger one
        ([(2, 1), (1, 3), (4, 1, 1)], (4, 2, 3)),
    ],
)
def test_broadcasting_by_hand(shapes, expected):
    assert broadcast_shape(*shapes) == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((5, 3), (3, 2), (5, 2)),
        ((5, 3), (3,), (5,)),
        ((3,), (3, 2), (2,)),
        ((3,), (3,), ()),
        ((7, 5, 3), (3, 2), (7, 5, 2)),
        ((7, 1, 5, 3), (4, 3, 2), (7, 4, 5, 2)),
    ],
)
def test_products_by_hand(a, b, expected):
    assert matmul_shape(a, b) == expected


def test_numpy_says_the_same_on_random_shapes(rng):
    refused = {"broadcast": 0, "product": 0}
    for _ in range(1000):
        a, b = (tuple(rng.integers(0, 4, size=rng.integers(5)).tolist()) for _ in "ab")
        ours = outcome(broadcast_shape, a, b)
        assert ours == outcome(np.broadcast_shapes, a, b)
        refused["broadcast"] += ours is None
        ours = outcome(matmul_shape, a, b)
        assert ours == outcome(lambda a, b: (np.zeros(a) @ np.zeros(b)).shape, a, b)
        refused["product"] += ours is None
    assert all(100 < count < 900 for count in refused.values())


def test_broadcasting_does_not_depend_on_the_order(rng):
    for _ in range(200):
        shapes = [tuple(rng.integers(1, 3, size=3).tolist()) for _ in range(3)]
        assert outcome(broadcast_shape, *shapes) == outcome(
            broadcast_shape, *shapes[::-1]
        )


def test_contrast_of_four_pixels_by_hand():
    P = np.array([[0.0, 1.0], [1.0, 2.0]])  # mean 1
    assert contrast(P) == 0.5
    assert contrast_gradient(P).tolist() == [[-0.5, 0], [0, 0.5]]


def test_contrast_is_the_variance_and_its_gradient_adds_up_to_nothing(rng):
    P = rng.normal(size=(4, 7))
    assert contrast(P) == pytest.approx(P.var())
    assert contrast_gradient(P).shape == P.shape
    assert contrast_gradient(P).sum() == pytest.approx(0, abs=1e-15)


def test_gradient_agrees_with_finite_differences(rng):
    P = rng.normal(size=(3, 5))
    error = check_grad(
        lambda flat: contrast(flat.reshape(P.shape)),
        lambda flat: contrast_gradient(flat.reshape(P.shape)).ravel(),
        P.ravel(),
    )
    assert error / np.linalg.norm(contrast_gradient(P)) < 1e-6


def test_gradient_agrees_with_torch(rng):
    torch = pytest.importorskip("torch")
    P = rng.normal(size=(3, 5))
    leaf = torch.tensor(P, requires_grad=True)
    leaf.var(correction=0).backward()
    np.testing.assert_allclose(contrast_gradient(P), leaf.grad, rtol=0, atol=1e-12)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"sizes \(12, 9\) meet"):
        broadcast_shape((9, 12), (9,))
    with pytest.raises(ValueError, match=r"\(5, 3\) @ \(2, 3\): 3 meets 2"):
        matmul_shape((5, 3), (2, 3))
    with pytest.raises(ValueError, match="needs an axis on either side"):
        matmul_shape((), (3,))
