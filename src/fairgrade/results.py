"""Results of answers as plain data: to compare, to show, to recognise again."""

import hashlib
import math

import numpy as np

DIGITS = 1e-5  # relative: what differs by less is the same
NOTHING = 1e-9  # smaller numbers are 0
BITS = 2**20  # a number is recognised by as many parts of its size


def plain(value):
    """Return a value as nested lists of arrays of floats, and texts."""
    if isinstance(value, tuple | list):
        try:
            array = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            return [plain(item) for item in value]
        return array
    if isinstance(value, dict):
        return [[str(key), plain(item)] for key, item in value.items()]
    if value is None or isinstance(value, str | bytes):
        return repr(value)
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        pass
    if hasattr(value, "__dict__") and not callable(value):
        return plain(vars(value))
    return f"a {type(value).__name__}"


def same(one, other):
    """Return whether two outcomes are equal, as far as a learner would be told."""
    if one is None or other is None:
        return one is other
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape:
            return False
        if not np.isfinite(one).all():
            return True  # out of the reference's own range
        size = max(1e-3, float(abs(one).max(initial=0)))
        with np.errstate(all="ignore"):
            return bool((abs(one - other) <= DIGITS * size).all())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def short(value):
    """Return a value as a short text."""
    if isinstance(value, np.ndarray):
        with np.printoptions(precision=4, threshold=8, edgeitems=2):
            text = " ".join(repr(value).split())
        text = text.removeprefix("array(").removesuffix(")")
        text = f"array of shape {value.shape}" if len(text) > 90 else text
        return text.replace(", dtype=float64", "")
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.5g}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def digest(value):
    """Return a text by which a result is recognised, whatever its rounding errors."""
    found = hashlib.sha256()
    _feed(found, plain(value))
    return found.hexdigest()[:32]


def _feed(found, value):
    if isinstance(value, np.ndarray):
        found.update(f"array{value.shape}".encode())
        with np.errstate(all="ignore"):
            mantissa, exponent = np.frexp(np.where(abs(value) < NOTHING, 0.0, value))
            rounded = np.ldexp(np.round(mantissa * BITS), exponent)
        found.update((rounded + 0.0).tobytes())  # no -0.0
    elif isinstance(value, list):
        found.update(f"list{len(value)}".encode())
        for item in value:
            _feed(found, item)
    else:
        found.update(str(value).encode())
