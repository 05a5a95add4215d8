"""The check is checked: it passes what is right and fails each classic mistake."""

import numpy as np
import pytest

from everygrad.gradient_check import gradient_error, gradient_errors, replace_block


def loss(p):
    return float(np.sum(p["W"] ** 2 * p["b"]))


def gradients(p):
    return {"W": 2 * p["W"] * p["b"], "b": np.sum(p["W"] ** 2, axis=0)}


@pytest.fixture
def parameters(rng):
    return {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}


def test_a_right_gradient_scores_almost_nothing(parameters):
    errors = gradient_errors(loss, gradients, parameters)
    assert set(errors) == {"W", "b"}
    assert max(errors.values()) < 1e-6


@pytest.mark.parametrize(
    ("mistake", "score"),
    [(lambda g: g / 2, 1 / 2), (lambda g: -g, 2 / 3), (lambda g: 0 * g, 1)],
    ids=["missing factor 2", "sign", "left at zero"],
)
def test_a_mistake_is_seen_in_its_own_block_alone(parameters, mistake, score):
    errors = gradient_errors(
        loss, lambda p: {**gradients(p), "W": mistake(gradients(p)["W"])}, parameters
    )
    assert errors["W"] == pytest.approx(score, abs=1e-3)
    assert errors["b"] < 1e-6


def test_two_gradients_that_vanish_agree():
    assert (
        gradient_error(
            lambda p: 1.0, lambda p: {"w": 0 * p["w"]}, {"w": np.ones(2)}, "w"
        )
        == 0
    )


def test_a_gradient_that_is_not_a_number_does_not_pass(parameters):
    error = gradient_error(loss, lambda p: {"W": np.nan * p["W"]}, parameters, "W")
    assert not error < 1e-6


def test_a_gradient_of_another_shape_is_refused(parameters):
    with pytest.raises(
        ValueError, match=r"gradient of W has shape \(2, 3\), need \(3, 2\)"
    ):
        gradient_error(loss, lambda p: {"W": gradients(p)["W"].T}, parameters, "W")


def test_replacing_a_block_leaves_the_original_alone(parameters):
    before = parameters["b"].copy()
    assert replace_block(parameters, "b", np.zeros(2))["b"].tolist() == [0, 0]
    np.testing.assert_array_equal(parameters["b"], before)
