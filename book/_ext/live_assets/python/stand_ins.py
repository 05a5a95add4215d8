"""What stands in for functions of packages that the reader's browser does not have.

They are used where a package could not be had (see tools/pyodide.py), and only for what
many cells of the book need. The tests compare each with the function that it replaces.
"""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np

DATA = Path(__file__).with_name("data.npz")  # written when the book is built
STEP = np.sqrt(np.finfo(float).eps)  # SciPy's
SETS = ("breast_cancer", "diabetes", "digits")


def check_grad(func, grad, x0, *args, epsilon=STEP):
    """Return ‖grad − forward differences‖ at x0 (n,), as scipy.optimize.check_grad."""
    x0 = np.asarray(x0, dtype=float)
    here, measured = func(x0, *args), np.empty(x0.size)
    for i in range(x0.size):
        x = x0.copy()
        x[i] += epsilon
        measured[i] = (func(x, *args) - here) / (x[i] - x0[i])
    return np.sqrt(np.sum(np.abs(grad(x0, *args) - measured) ** 2))


def erf(x):
    """Return the error function of each entry, as scipy.special.erf."""
    return np.vectorize(math.erf, otypes=[float])(x)[()]


def loader(name):
    """Return a function that loads a bundled data set, as those of sklearn.datasets."""

    def load(return_X_y=False, scaled=True):
        with np.load(DATA) as stored:
            data = stored[f"{name}_{'data' if scaled else 'unscaled'}"].astype(float)
            target = stored[f"{name}_target"]
            names = stored[f"{name}_names"].tolist()
            classes = stored.get(f"{name}_classes")
        if return_X_y:
            return data, target
        return SimpleNamespace(
            data=data, target=target, feature_names=names, target_names=classes
        )

    load.__name__ = f"load_{name}"
    return load


STAND_INS = {
    "scipy.optimize.check_grad": check_grad,
    "scipy.special.erf": erf,
    **{f"sklearn.datasets.load_{name}": loader(name) for name in SETS},
}
