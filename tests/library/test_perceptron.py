"""A rule followed by hand, its guarantee, its gradient, and what it refuses."""

import numpy as np
import pytest

from everygrad.data import two_blobs
from everygrad.gradient_check import gradient_errors
from everygrad.perceptron import (
    add_bias,
    fit_perceptron,
    perceptron_gradient,
    perceptron_loss,
    predict,
)

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def test_the_ones_come_last():
    assert add_bias(np.array([[5, 6], [7, 8]])).tolist() == [[5, 6, 1], [7, 8, 1]]


def test_a_row_on_the_line_is_of_class_minus_one():
    X = np.array([[2.0, 1.0], [-2.0, 1.0], [0.0, 1.0]])
    assert predict(X, np.array([1.0, 0.0])).tolist() == [1, -1, -1]


def test_two_mistakes_followed_by_hand():
    # w = 0: row 1 is on the line, add it; row 2 then scores 3, so subtract it.
    X, y = np.array([[2.0, 1.0], [1.0, 1.0]]), np.array([1, -1])
    w, mistakes = fit_perceptron(X, y, max_epochs=1)
    assert (w.tolist(), mistakes) == ([1.0, 0.0], [2])


@pytest.mark.parametrize("margin", [0.03, 0.1, 0.3, 1.0])
def test_mistakes_stay_below_the_bound(rng, margin):
    X, y = two_blobs(60, rng, margin)
    w, mistakes = fit_perceptron(X, y)
    assert mistakes[-1] == 0
    np.testing.assert_array_equal(predict(X, w), y)
    assert sum(mistakes) <= np.sum(X**2, axis=1).max() / margin**2


def test_the_bound_is_reached_by_rows_at_right_angles():
    _, mistakes = fit_perceptron(np.eye(7), np.ones(7))  # R = 1, γ = 1/√7
    assert mistakes == [7, 0]


def test_giving_up_is_seen_in_the_last_count():
    _, mistakes = fit_perceptron(add_bias(CORNERS), np.array([-1, 1, 1, -1]), 25)
    assert len(mistakes) == 25
    assert mistakes[-1] > 0


def test_a_limit_reached_just_in_time_is_not_reported_as_success():
    X, y = np.array([[2.0, 1.0], [1.0, 1.0]]), np.array([1, -1])
    w, mistakes = fit_perceptron(X, y)
    again, fewer = fit_perceptron(X, y, len(mistakes) - 1)
    np.testing.assert_array_equal(again, w)  # already right, not yet seen to be
    assert (mistakes[-1], fewer[-1] > 0) == (0, True)


def test_the_loss_by_hand():
    X, y = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]]), np.array([1, -1, 1])
    w = np.array([1.0, 0.5])  # scores 1.5, 2.5, 3.5: only row 2 is wrong
    assert perceptron_loss(w, X, y) == pytest.approx(2.5 / 3)
    np.testing.assert_allclose(perceptron_gradient(w, X, y), [2 / 3, 1 / 3])


def test_the_gradient_agrees_with_differences_and_with_torch(rng):
    torch = pytest.importorskip("torch")
    X, y = two_blobs(20, rng)
    w = rng.normal(size=3)
    errors = gradient_errors(
        lambda p: perceptron_loss(p["w"], X, y),
        lambda p: {"w": perceptron_gradient(p["w"], X, y)},
        {"w": w},
    )
    assert errors["w"] < 1e-6
    leaf = torch.tensor(w, requires_grad=True)
    torch.relu(-torch.tensor(y) * (torch.tensor(X) @ leaf)).mean().backward()
    np.testing.assert_allclose(
        perceptron_gradient(w, X, y), leaf.grad, rtol=0, atol=1e-12
    )


def test_on_the_line_the_step_is_the_rule_of_rosenblatt():
    x, y = np.array([[0.5, -0.2, 1.0]]), np.array([-1])
    np.testing.assert_array_equal(perceptron_gradient(np.zeros(3), x, y), x[0])


def test_classes_zero_and_one_are_refused():
    with pytest.raises(ValueError, match=r"need classes -1 and \+1, got \[0 1\]"):
        fit_perceptron(add_bias(CORNERS), np.array([0, 1, 1, 0]))
