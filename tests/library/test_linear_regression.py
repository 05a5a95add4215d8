"""A value by hand, what a best fit obeys, the gradient twice, and what is refused."""

import numpy as np
import pytest

from everygrad.data import houses
from everygrad.gradient_check import gradient_errors
from everygrad.linear_regression import (
    fit_least_squares,
    mse,
    mse_gradients,
    predict,
    residuals,
    rmse,
)


@pytest.fixture
def problem(rng):
    """Seven samples of three features, and a model of them."""
    parameters = {"w": rng.normal(size=3), "b": np.array(0.4)}
    return parameters, rng.normal(size=(7, 3)), rng.normal(size=7)


def test_two_points_and_a_line_by_hand():
    parameters = {"w": np.array([2.0]), "b": np.array(1.0)}
    X, y = np.array([[1.0], [2.0]]), np.array([2.0, 8.0])
    assert predict(X, parameters).tolist() == [3, 5]
    assert residuals(parameters, X, y).tolist() == [1, -3]
    assert mse(parameters, X, y) == 5  # (1 + 9) / 2
    assert rmse(parameters, X, y) == pytest.approx(5**0.5)
    gradients = mse_gradients(parameters, X, y)
    assert gradients["w"].tolist() == [-5]  # 2/2 · (1·1 − 3·2)
    assert gradients["b"] == -2  # 2/2 · (1 − 3)


def test_gradient_agrees_with_finite_differences(problem):
    parameters, X, y = problem
    errors = gradient_errors(
        lambda p: mse(p, X, y), lambda p: mse_gradients(p, X, y), parameters
    )
    assert set(errors) == {"w", "b"}
    assert max(errors.values()) < 1e-6


def test_gradient_agrees_with_torch(problem):
    torch = pytest.importorskip("torch")
    parameters, X, y = problem
    leaf = {k: torch.tensor(v, requires_grad=True) for k, v in parameters.items()}
    prediction = torch.tensor(X) @ leaf["w"] + leaf["b"]
    torch.nn.functional.mse_loss(prediction, torch.tensor(y)).backward()
    for name, gradient in mse_gradients(parameters, X, y).items():
        np.testing.assert_allclose(gradient, leaf[name].grad, rtol=0, atol=1e-12)


def test_samples_stated_twice_change_nothing(problem):
    parameters, X, y = problem
    twice = parameters, np.tile(X, (2, 1)), np.tile(y, 2)
    assert mse(*twice) == pytest.approx(mse(*problem))
    for name, gradient in mse_gradients(*twice).items():
        np.testing.assert_allclose(gradient, mse_gradients(*problem)[name])


def test_the_best_fit_has_no_slope_left(problem):
    _, X, y = problem
    best = fit_least_squares(X, y)
    assert best["w"].shape == (3,)
    assert best["b"].shape == ()
    for gradient in mse_gradients(best, X, y).values():
        np.testing.assert_allclose(gradient, 0, atol=1e-12)


def test_a_plane_is_found_again(rng):
    X = rng.normal(size=(6, 2))
    best = fit_least_squares(X, X @ [3.0, -1.0] + 0.5)
    np.testing.assert_allclose([*best["w"], best["b"]], [3, -1, 0.5])


def test_houses_cost_179_dollars_a_square_foot():
    X, y = houses()
    best = fit_least_squares(X[:, :1], y)
    assert best["w"] == pytest.approx(179.40, abs=0.01)
    assert rmse(best, X[:, :1], y) == pytest.approx(37728, abs=1)


def test_a_column_given_twice_shares_its_weight(rng):
    x, y = rng.normal(size=(8, 1)), rng.normal(size=8)
    single, double = fit_least_squares(x, y), fit_least_squares(np.hstack([x, x]), y)
    np.testing.assert_allclose(double["w"], [*single["w"] / 2] * 2)


def test_a_column_of_targets_is_refused(problem):
    parameters, X, y = problem
    with pytest.raises(ValueError, match=r"need y of shape \(7,\), got \(7, 1\)"):
        mse(parameters, X, y[:, None])
