"""Well-known types and functions that cross by name.

What the learner's process names is only ever looked up in one fixed table. What the
judge names is imported on the learner's side, from libraries that hold no secret.
"""

import builtins
import importlib
import math
import sys
import types
from functools import cache

import numpy as np

FUNCTIONS = (
    "abs all any bin chr divmod enumerate filter hash hex len map max min oct ord"
)
FUNCTIONS += " pow repr reversed round sorted sum zip"
# Libraries that both sides have; their functions cross to the learner by name.
LIBRARIES = frozenset(
    [
        "builtins",
        "collections",
        "functools",
        "itertools",
        "math",
        "numbers",
        "numpy",
        "operator",
        "random",
        "re",
        "scipy",
        "statistics",
        "string",
        "torch",
        "typing",
        "types",
    ]
)


@cache
def table(with_torch):
    """Return {name: object} of all that the learner's side may name."""
    found = {}
    for name, value in vars(builtins).items():
        harmless = isinstance(value, type) or name in FUNCTIONS.split()
        if harmless and value is not type and value is not super:
            found[f"builtins.{name}"] = value
    for name, value in vars(math).items():
        if isinstance(value, types.BuiltinFunctionType):
            found[f"math.{name}"] = value
    for name, value in vars(np).items():  # not `dir`: asked for, f2py is imported
        if name.startswith("_"):
            continue
        if isinstance(value, np.ufunc) or (
            isinstance(value, type) and issubclass(value, np.generic)
        ):
            found[f"numpy.{name}"] = value
    found["numpy.ndarray"] = np.ndarray
    found["numpy.linalg.LinAlgError"] = np.linalg.LinAlgError
    for name in ("AxisError", "DTypePromotionError", "TooHardError"):
        value = getattr(np.exceptions, name, None)
        if value is not None:
            found[f"numpy.exceptions.{name}"] = value
    if with_torch:
        torch = sys.modules["torch"]
        for name, value in vars(torch).items():
            if isinstance(value, torch.dtype | torch.layout):
                found[f"torch.{name}"] = value
        found["torch.Tensor"] = torch.Tensor
        found["torch.nn.Parameter"] = torch.nn.Parameter
    return found


@cache
def _names(with_torch):
    return {id(value): name for name, value in table(with_torch).items()}


def name_of(value):
    """Return the name of an object of the table, or None."""
    return _names("torch" in sys.modules).get(id(value))


def by_name(name):
    """Return the object of the table that has this name; KeyError if there is none."""
    return table("torch" in sys.modules)[name]


def library_name(value):
    """Return "module:name" of a library's function, class or module, or None."""
    if isinstance(value, types.ModuleType):
        name = value.__name__
        shared = name.split(".")[0] in LIBRARIES and sys.modules.get(name) is value
        return f"{name}:" if shared else None
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if isinstance(value, np.ufunc):
        module = "numpy"
    if type(module) is not str or type(name) is not str:
        return None
    if module.split(".")[0] not in LIBRARIES or module not in sys.modules:
        return None
    try:
        found = find(f"{module}:{name}")
    except (AttributeError, ImportError):
        return None
    return f"{module}:{name}" if found is value else None


def find(name):
    """Return what "module:name" names. Never for a name from the learner."""
    module, _, path = name.partition(":")
    value = importlib.import_module(module)
    for part in filter(None, path.split(".")):
        value = getattr(value, part)
    return value


def claimed(name):
    """Return the class that "module:name" names if it is loaded already, else None.

    It looks, and runs nothing: the learner's side may say any name.
    """
    module, _, path = name.partition(":")
    value = sys.modules.get(module)
    if module.split(".")[0] not in LIBRARIES or value is None:
        return None
    for part in path.split("."):
        value = vars(value).get(part) if hasattr(value, "__dict__") else None
    return value if isinstance(value, type) else None
