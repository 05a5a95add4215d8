"""The page of mistakes: fifteen sections of one shape, and tests that do their work.

The page asserts that each of its tests catches the wrong code and passes the right.
Here the triples are run again, without the page's helpers, and each test meets a
neighbour of its mistake that the page does not show.
"""

import pickle
import re

import matplotlib
import numpy as np
import pytest

from everygrad import dual_numbers, linear_regression, logistic_neuron
from everygrad.regularisation import Dropout
from tools.book import ROOT, chapters

from .conftest import code_cells, python, text

PAGE = ROOT / "book" / "mistakes.md"
PARTS = [
    "**Wrong.**",
    "**The test that catches it.**",
    "**Right.**",
    "**Tempting, because**",
]
# In the order of the page; every test fails by an assertion but the one on overflow.
ANCHORS = [
    "borrowed-gradient",
    "w-for-x",
    "sign-of-cos",
    "overwritten-gradient",
    "relu-mask",
    "dropout-backward",
    "sum-and-mean",
    "unreachable-targets",
    "scaled-before-split",
    "bias-column",
    "sigmoid-overflow",
    "careless-check",
    "accuracy-from-loss",
    "if-else",
    "pickle",
]
ALARMS = {"sigmoid-overflow": FloatingPointError}


def sections():
    """Return {anchor: (number, text)} of the numbered sections."""
    heading = r"^\(mistake-([\w-]+)\)=\n### (\d+)\. .+\n"
    pieces = re.split(heading, text(PAGE), flags=re.M)[1:]
    numbered = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return {anchor: (int(number), body) for anchor, number, body in numbered}


@pytest.fixture(scope="module")
def played():
    """Run the cells of the page in one namespace, as a kernel would."""
    matplotlib.use("agg")
    namespace = {"__name__": "mistakes"}
    with matplotlib.rc_context():
        for cell in code_cells(PAGE):
            exec(compile(python(cell), str(PAGE), "exec"), namespace)
        matplotlib.pyplot.close("all")
    return namespace


@pytest.fixture(scope="module")
def noted(played):
    """Return {anchor: (test, wrong, right, symptom, chapter)}."""
    return {anchor: row for anchor, *row in played["noted"]}


def test_there_are_fifteen_in_order():
    found = sections()
    assert list(found) == ANCHORS
    assert [number for number, _ in found.values()] == list(range(1, 16))


@pytest.mark.parametrize("anchor", ANCHORS)
def test_a_section_has_its_four_parts_in_order_and_names_a_chapter(anchor):
    _, body = sections()[anchor]
    places = [body.index(part) for part in PARTS]
    assert places == sorted(places)
    assert all(body.count(part) == 1 for part in PARTS)
    assert "{ref}`ch-" in body
    assert f'note("{anchor}", ' in body


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_wrong_code_fails_its_test_for_the_right_reason(noted, anchor):
    test, wrong, *_ = noted[anchor]
    with pytest.raises((AssertionError, FloatingPointError)) as failure:
        test(wrong)
    assert failure.type is ALARMS.get(anchor, AssertionError)
    assert len(str(failure.value)) > 20, "a failing test says what is wrong"


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_right_code_passes_the_same_test(noted, anchor):
    test, _, right, *_ = noted[anchor]
    test(right)


def counted_twice(node, arriving=1.0):
    """Go back along every path with all that has arrived so far, not with its share."""
    node.gradient += arriving
    for operand, slope in node.links:
        counted_twice(operand, slope * node.gradient)


class Redrawn(Dropout):
    """Dropout that throws the dice again on the way back."""

    def backward(self, d):
        return self.forward(d)


def message_by_number(x, limit):
    """Complain in the last step, even if that is the one that converged."""
    for k in range(limit):
        x /= 2
        if k == limit - 1:
            return x, ["maximum iterations reached"]
        if x < 0.01:
            break
    return x, []


def neighbours(page):
    """Return {anchor: code} with a cousin of each mistake that is not on the page."""
    points, classes, X, y = (page[k] for k in ("points", "classes", "X", "y"))
    slopes = dual_numbers.slopes()

    def no_factor(p):
        r = logistic_neuron.probability(points, p) - classes
        dz = r * logistic_neuron.sigmoid_slope(linear_regression.predict(points, p))
        return {"w": points.T @ dz / 8, "b": dz.sum() / 8}

    def no_bias(p):
        g = linear_regression.mse_gradients(p, X, y)
        return {"w": g["w"], "b": 0 * g["b"]}

    class NoMask(page["ReLU"]):
        def backward(self, d):
            return d

    def too_lenient(**slip):
        errors = page["check_network"](
            page["build"](1.0, **slip),
            page["softmax_cross_entropy"],
            page["inputs"],
            page["labels"],
        )
        return min(errors.values()) < 1e-6  # one good block is not enough

    return {
        "borrowed-gradient": no_factor,
        "w-for-x": no_bias,
        "sign-of-cos": lambda: slopes | {"tanh": (np.tanh, lambda x, y: 1 - y)},
        "overwritten-gradient": counted_twice,
        "relu-mask": NoMask,
        "dropout-backward": Redrawn,
        "sum-and-mean": page["without_the_two"],
        "unreachable-targets": lambda column: column / np.abs(column).mean(),
        "scaled-before-split": lambda rows, train: rows[train] / rows.max(axis=0),
        "bias-column": lambda rows: np.insert(rows, 1, 1.0, axis=1),
        "sigmoid-overflow": lambda z: 0.5 * (1 + np.tanh(z)),
        "careless-check": too_lenient,
        "accuracy-from-loss": lambda p, X, y: (
            1 - np.abs(logistic_neuron.probability(X, p) - y).mean()
        ),
        "if-else": message_by_number,
        "pickle": lambda path: np.load(path, allow_pickle=True),
    }


@pytest.mark.parametrize("anchor", ANCHORS)
def test_a_neighbour_of_the_mistake_is_caught_too(played, noted, anchor):
    test, *_ = noted[anchor]
    with pytest.raises((AssertionError, FloatingPointError)):
        test(neighbours(played)[anchor])


def test_a_loader_may_refuse_in_its_own_words(noted):
    """A restricted unpickler runs nothing, and raises an error of its own."""

    class Restricted(pickle.Unpickler):
        def find_class(self, module, name):
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def restricted(path):
        with path.open("rb") as file:
            return Restricted(file).load()

    test, *_ = noted["pickle"]
    test(restricted)


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_test_needs_the_code(noted, anchor):
    """What does nothing must not pass: a test that ignores its argument would."""
    test, *_ = noted[anchor]
    if anchor != "pickle":  # loading nothing runs nothing
        with pytest.raises(Exception):  # noqa: B017, PT011
            test(lambda *_, **__: None)


def test_only_the_named_errors_count_as_caught(played):
    def broken(_):
        raise TypeError("no test at all")

    with pytest.raises(TypeError):
        played["catches"](broken, None)


def test_the_table_is_made_from_what_ran(played, noted):
    lines = str(played["Markdown"]("\n".join(map(" | ".join, played["lines"]))))
    stems = {path.stem for path in chapters()}
    for number, (anchor, row) in enumerate(noted.items(), start=1):
        test, wrong, _, symptom, chapter = row
        (line,) = [x for x in lines.splitlines() if f"(#mistake-{anchor})" in x]
        assert line.startswith(f"[{number}. ")
        assert chapter in stems
        assert f"({chapter}.md)" in line
        assert all(part in line for part in (wrong.__doc__, symptom, test.__doc__))
