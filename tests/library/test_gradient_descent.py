"""Two steps by hand, when it stops, every row once, torch's path, what is refused."""

import numpy as np
import pytest

from everygrad.gradient_check import gradient_errors
from everygrad.gradient_descent import (
    fit_min_max,
    fit_standard,
    gradient_descent,
    minibatch_descent,
    minibatches,
    rescale,
    step,
)
from everygrad.linear_regression import fit_least_squares, mse, mse_gradients


@pytest.fixture
def problem(rng):
    """Seven samples of three features, and a model of them."""
    parameters = {"w": rng.normal(size=3), "b": np.array(0.4)}
    return parameters, rng.normal(size=(7, 3)), rng.normal(size=7)


def parabola(p):
    return 3 * p["x"][0] ** 2


def slope(p):
    return {"x": 6 * p["x"]}


def test_two_steps_by_hand():
    start = {"x": np.array([1.0])}
    end, losses = gradient_descent(parabola, slope, start, learning_rate=0.25, steps=2)
    assert end["x"].tolist() == [0.25]  # 1, 1 − 0.25 · 6, …: times −1/2 each
    assert losses.tolist() == [3, 0.75, 0.1875]
    assert start["x"].tolist() == [1], "the start is not changed"


def test_two_over_lambda_divides_settling_from_flying_off():
    start = {"x": np.array([1.0])}
    for rate, grows in (0.33, False), (0.34, True):
        _, losses = gradient_descent(parabola, slope, start, rate, 50)
        assert (losses[-1] > losses[0]) == grows
    assert gradient_errors(parabola, slope, start)["x"] < 1e-6


def test_it_stops_when_the_loss_hardly_changes():
    start = {"x": np.array([1.0])}
    _, losses = gradient_descent(parabola, slope, start, 0.25, 100, tolerance=0.6)
    assert losses.tolist() == [3, 0.75, 0.1875]  # changes 2.25, 0.5625
    assert len(gradient_descent(parabola, slope, start, 0.25, 100)[1]) == 101


def test_an_epoch_meets_every_row_once(rng):
    batches = list(minibatches(10, 4, rng))
    assert [len(rows) for rows in batches] == [4, 4, 2]
    assert sorted(np.concatenate(batches).tolist()) == list(range(10))


def test_the_whole_set_as_a_batch_is_plain_descent(problem, rng):
    parameters, X, y = problem
    path = minibatch_descent(mse_gradients, parameters, X, y, 0.1, 7, 5, rng)
    end, _ = gradient_descent(
        lambda p: mse(p, X, y), lambda p: mse_gradients(p, X, y), parameters, 0.1, 5
    )
    for name, block in end.items():
        np.testing.assert_allclose(path[-1][name], block, rtol=0, atol=1e-14)
    assert len(path) == 6


def test_a_step_agrees_with_torch(problem):
    torch = pytest.importorskip("torch")
    parameters, X, y = problem
    leaf = {k: torch.tensor(v, requires_grad=True) for k, v in parameters.items()}
    prediction = torch.tensor(X) @ leaf["w"] + leaf["b"]
    torch.nn.functional.mse_loss(prediction, torch.tensor(y)).backward()
    new = step(parameters, mse_gradients(parameters, X, y), 0.3)
    for name, p in leaf.items():
        expected = p.detach() - 0.3 * p.grad
        np.testing.assert_allclose(new[name], expected, rtol=0, atol=1e-12)


def test_scaling_by_hand():
    X = np.array([[1.0, 0.0], [3.0, 10.0], [5.0, 5.0]])
    mean, deviation = fit_standard(X)
    assert mean.tolist() == [3, 5]
    np.testing.assert_allclose(deviation**2, [8 / 3, 50 / 3])
    assert rescale(X, *fit_min_max(X)).tolist() == [[0, 0], [0.5, 1], [1, 0.5]]
    assert rescale(np.array([[7.0, 0]]), *fit_min_max(X)).tolist() == [[1.5, 0]]


def test_scaling_does_not_move_the_best_predictions(problem):
    _, X, y = problem
    for fit in fit_standard, fit_min_max:
        Z = rescale(X, *fit(X))
        raw, scaled = fit_least_squares(X, y), fit_least_squares(Z, y)
        assert mse(scaled, Z, y) == pytest.approx(mse(raw, X, y))


def test_a_constant_feature_is_refused():
    X = np.array([[1.0, 2.0], [3.0, 2.0]])
    with pytest.raises(ValueError, match="constant feature: column 1"):
        rescale(X, *fit_standard(X))
