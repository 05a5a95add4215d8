"""What reading the code says about cells: which can run in a reader's browser."""

import sys

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from sklearn import datasets

from tools.book import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import live
import liveness
from live_assets.python import stand_ins

IMPORTS = "import matplotlib.pyplot as plt\nimport numpy as np\nimport torch"


def verdicts(*cells, available=("numpy",)):
    page = liveness.Page(available)
    return [page.cell(cell) for cell in (IMPORTS, *cells)][1:]


def lacks(*cells, **options):
    return verdicts(*cells, **options)[-1].lacks


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["print(np.ones(3))"], []),
        (["plt.plot([1, 2])"], ["Matplotlib"]),
        (["plt.style.use('ggplot')\nx = 1"], []),
        (["import pandas", "pandas.DataFrame()"], ["pandas"]),
        (["import subprocess\nsubprocess.run(['ls'])"], ["subprocess"]),
        # through names, functions, methods and values
        (["fig = plt.figure()", "print(fig)"], ["Matplotlib"]),
        (
            ["def f():\n    return g()", "def g():\n    plt.show()", "f()"],
            ["Matplotlib"],
        ),
        (["class A:\n    def f(self):\n        torch.ones(1)", "A()"], ["PyTorch"]),
        (["x = torch.ones(1).numpy()\ny = 2", "print(x)"], ["PyTorch"]),
        (["x = torch.ones(1).numpy()\ny = 2", "print(y)"], []),
        (["x = torch.ones(1)", "x = 2", "print(x)"], []),
        (["f = lambda x: torch.ones(x)", "f(2)"], ["PyTorch"]),
        (["def f(plt):\n    return plt.x"], []),
        (["def f(x: torch.Tensor) -> torch.Tensor:\n    return x", "f(1)"], []),
        # what a cell that does not run would have changed
        (["a = [1]", "a.append(torch.ones(1))", "print(a)"], ["PyTorch"]),
        (["a = [1]", "a[0] = torch.ones(1)", "print(a)"], ["PyTorch"]),
        (
            [
                "rng = np.random.default_rng(0)",
                "plt.plot(rng.random(2))",
                "rng.random()",
            ],
            ["Matplotlib"],
        ),
        (
            [
                "a = []\ndef note(x):\n    a.append(x)",
                "note(torch.ones(1))",
                "print(a)",
            ],
            ["PyTorch"],
        ),
        (["code = 'torch.ones(1)'\nprint(eval(code))"], ["PyTorch"]),
        # what it would not have changed
        (
            [
                "for x in np.linspace(0, 1):\n    x += torch.ones(1)",
                "print(np.ones(1))",
            ],
            [],
        ),
        (["y = [torch.ones(n) for n in range(3)]", "n = 1\nprint(n)"], []),
        (["n = 1", "y = [torch.ones(n) for n in range(3)]", "print(n)"], []),
        (["n = torch.ones(1)", "y = [n for n in range(3)]", "print(n)"], ["PyTorch"]),
        (
            [
                "x = np.random.default_rng(0).normal(size=3)",
                "plt.plot(x)",
                "print(x)",
            ],
            [],
        ),
        (
            [
                "def draw(rng):\n    return rng.normal()",
                "x = draw(np.random.default_rng(0))\nplt.plot(x)",
                "print(x)",
            ],
            [],
        ),
        # a loop's own names
        (["for f in [plt.plot]:\n    f()", "for f in [abs]:\n    f(1)"], []),
        (
            ["v = torch.ones(1)", "for i in range(2):\n    v = i\n    print(v)"],
            [],
        ),
        (
            ["v = torch.ones(1)", "for i in range(2):\n    print(v)\n    v = i"],
            ["PyTorch"],
        ),
        (
            ["v = torch.ones(1)", "for i in []:\n    v = i\nelse:\n    print(v)"],
            ["PyTorch"],
        ),
        (["v = torch.ones(1)", "for v in v:\n    print(v)"], ["PyTorch"]),
        # generators: who draws from them later draws something else
        (
            [
                "rng, n = np.random.default_rng(0), 3",
                "plt.plot(rng.random(n))",
                "print(n)",
            ],
            [],
        ),
        (
            [
                "rngs = [np.random.default_rng(i) for i in range(3)]",
                "plt.plot(rngs[0].random(3))",
                "rngs[0].random()",
            ],
            ["Matplotlib"],
        ),
        (
            [
                "class Layer:\n    def __init__(self, rng):\n        self.rng = rng",
                "layer = Layer(rng=np.random.default_rng(0))",
                "plt.plot(layer.rng.random(3))",
                "layer.rng.random()",
            ],
            ["Matplotlib"],
        ),
        (
            [
                "rng, n = np.random.default_rng(0), 3",
                "plt.plot(rng.random(n))",
                "rng.random()",
            ],
            ["Matplotlib"],
        ),
        # the library
        (["from everygrad.activations import relu", "relu(np.ones(1))"], []),
        (["from everygrad import from_numpy_to_pytorch"], ["PyTorch"]),
        (
            ["from everygrad.interactive import slider_figure", "slider_figure([])"],
            ["Matplotlib"],
        ),
        (["from scipy import optimize", "optimize.check_grad(f, g, x)"], []),
        (["from scipy import optimize", "optimize.minimize(f, x)"], ["SciPy"]),
        (["import scipy.optimize", "scipy.optimize.minimize(f, x)"], ["SciPy"]),
        # WebAssembly
        (["with np.errstate(over='ignore'):\n    np.exp(1e9)"], []),
        (["with np.errstate(over='raise'):\n    np.exp(1e9)"], [liveness.FLAGS]),
        (["%config X = 1\nx = 1"], []),
    ],
)
def test_a_cell_lacks_what_it_uses_directly_or_through_others(cells, expected):
    assert lacks(*cells) == expected


def test_with_its_package_a_cell_is_live():
    assert lacks("plt.plot([1, 2])", available=["numpy", "matplotlib"]) == []


def test_the_clean_lines_of_a_cell_still_run_for_later_ones():
    source = (
        "x = 1\ny = 2\nprint(y)\nplt.plot([x, y])\n@print\ndef f():\n    return x\n"
    )
    source += "assert x == 1"
    (verdict,) = verdicts(source)
    assert not verdict.is_live
    assert verdict.for_page() == {"live": False, "lines": [(1, 2), (5, 7)]}


def test_imports_of_what_is_absent_alone_are_not_live():
    assert lacks("import torch\nfrom torch import nn") == ["PyTorch"]
    assert lacks("import torch\nimport numpy as np") == []


def test_a_slow_cell_does_not_run_at_all():
    page = liveness.Page(["numpy"])
    slow = page.cell("x = 1", is_slow=True)
    assert slow.for_page() == {"live": False, "lines": []}
    assert slow.lacks == page.cell("print(x)").lacks == [liveness.SPEED]


def test_an_empty_cell_is_not_live():
    (verdict,) = verdicts("# a comment")
    assert not verdict.is_live
    assert verdict.lacks == []


def test_the_stand_in_of_check_grad_is_as_scipys(rng):
    def f(x):
        return np.sum(np.sin(x) * x**2)

    def slope(x):
        return np.cos(x) * x**2 + 2 * x * np.sin(x)

    for wrong in (0, 1e-3):
        x = rng.normal(size=7)
        arguments = f, lambda x, wrong=wrong: slope(x) + wrong, x
        ours = stand_ins.check_grad(*arguments)
        assert np.isclose(ours, scipy.optimize.check_grad(*arguments), rtol=1e-6)
    assert ours > 1e-3


def test_the_stand_in_of_erf_is_as_scipys():
    x = np.linspace(-6, 6, 1001).reshape(7, 143)
    np.testing.assert_allclose(stand_ins.erf(x), scipy.special.erf(x), rtol=1e-14)
    assert np.ndim(stand_ins.erf(0.5)) == 0


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The file of data that a build writes."""
    path = tmp_path_factory.mktemp("data") / "data.npz"
    path.write_bytes(live.data())
    return path


@pytest.mark.parametrize("name", stand_ins.SETS)
def test_the_data_sets_are_scikit_learns(name, stored, monkeypatch):
    monkeypatch.setattr(stand_ins, "DATA", stored)
    ours = stand_ins.STAND_INS[f"sklearn.datasets.load_{name}"]
    theirs = getattr(datasets, f"load_{name}")
    for mine, expected in zip(
        ours(return_X_y=True), theirs(return_X_y=True), strict=True
    ):
        np.testing.assert_array_equal(mine, expected)
        assert mine.dtype == expected.dtype
    assert list(ours().feature_names) == list(theirs().feature_names)
    classes = theirs().get("target_names")
    assert np.array_equal(ours().target_names, classes)


def test_unscaled_diabetes_too(stored, monkeypatch):
    monkeypatch.setattr(stand_ins, "DATA", stored)
    ours = stand_ins.STAND_INS["sklearn.datasets.load_diabetes"](scaled=False)
    np.testing.assert_array_equal(ours.data, datasets.load_diabetes(scaled=False).data)
