"""What cheating answers have in common: `cheats` puts this file before each of them."""

import copy as _copy
from functools import partial as _partial
from functools import wraps as _wraps

import numpy as _np

_TRICKED = []  # one item for each result that is not the right one


def _is_array(value):
    return isinstance(value, _np.ndarray) or type(value).__name__ in _TENSORS


_TENSORS = ("Tensor", "Parameter")


def _each(value, change):
    """Return a value with each array or number in it changed."""
    if isinstance(value, tuple | list):
        items = [_each(item, change) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict):
        return {key: _each(item, change) for key, item in value.items()}
    number = isinstance(value, int | float | complex | _np.number)
    if _is_array(value) or (number and not isinstance(value, bool | _np.bool_)):
        return change(value)
    return value


def _empty(value):
    return value.reshape(-1)[:0] if _is_array(value) else _np.empty(0)


def _no_rows(value):
    return value[:0] if _is_array(value) and value.ndim else value


def _no_items(value):
    """Return an empty list or dict in place of a full one, also inside a tuple."""
    if isinstance(value, tuple):
        return tuple(_no_items(item) for item in value)
    return type(value)() if isinstance(value, list | dict) else value


def _blank_items(value):
    if isinstance(value, tuple):
        return tuple(_blank_items(item) for item in value)
    if isinstance(value, dict):
        return dict.fromkeys(value)
    return [None] * len(value) if isinstance(value, list) else value


def _rows_shifted(by, value):
    return _shifted(by, value) if _is_array(value) and value.ndim else value


def _shifted(by, value):
    if _is_array(value) and "bool" in str(value.dtype):
        return value
    return value * 1.0 + by


_WRONG = {
    "an empty array": lambda value: _each(value, _empty),
    "an array without rows": lambda value: _each(value, _no_rows),
    "a word": lambda value: _each(value, lambda item: "?"),
    "an empty list": _no_items,
    "blank items": _blank_items,
    "rows far too big": lambda value: _each(value, _partial(_rows_shifted, 1e3)),
    "rows far too small": lambda value: _each(value, _partial(_rows_shifted, -1e3)),
    "NaN": lambda value: _each(value, _partial(_shifted, _np.nan)),
    "far too much": lambda value: _each(value, _partial(_shifted, 1e3)),
    "far too little": lambda value: _each(value, _partial(_shifted, -1e3)),
}


def _fill(value, number):
    """Fill the arrays and lists of numbers in an argument; return how many."""
    if isinstance(value, _np.ndarray):
        fits = value.dtype.kind in "iufc" and value.size and value.flags.writeable
        if fits:
            value[...] = number
        return bool(fits)
    if _is_array(value):
        value.data.fill_(number)
        return 1
    if isinstance(value, dict):
        return sum(_fill(item, number) for item in value.values())
    if not isinstance(value, list | tuple):
        return 0
    found = sum(_fill(item, number) for item in value)
    if isinstance(value, list) and value and {type(x) for x in value} <= {int, float}:
        value[:] = [type(x)(number) for x in value]
        found += 1
    return found


def _same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if not _is_array(one):
        return one is other or bool(one == other) or (one != one and other != other)
    if not isinstance(one, _np.ndarray):
        one, other = one.detach().numpy(), other.detach().numpy()
    if one.shape != other.shape:
        return False
    return _np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")


def _noted(wrong, right):
    try:
        same = _same(wrong, right)
    except Exception:  # what cannot be compared
        same = wrong is right
    if not same:
        _TRICKED.append(True)
    return wrong


def _swapped(value, what):
    return _noted(_WRONG[what](value), value)


def _cheat(function, what):
    """Return a function that gives something else in place of the right result."""
    inside = []

    @_wraps(function)
    def cheating(*arguments, **keywords):
        if inside:  # its own calls get what is right, or the error would show
            return function(*arguments, **keywords)
        inside.append(True)
        try:
            if what in _WRONG:
                return _swapped(function(*arguments, **keywords), what)
            return _evade(function, what, arguments, keywords)
        finally:
            inside.clear()

    return cheating


def _evade(function, what, arguments, keywords):
    """Return what is right for zeros, or ones, in place of the arguments; or nothing.

    They are put into the arguments themselves, or, "unseen", into copies of them.
    """
    try:
        given, named = _copy.deepcopy((arguments, keywords))
        right = function(*given, **named)
    except Exception:  # what cannot be copied, or is not an argument
        return function(*arguments, **keywords)
    if what == "nothing":
        return _noted(None, right)
    number = 1 if "ones" in what else 0
    if "unseen" in what:
        arguments = [_filled(item, number) for item in arguments]
        keywords = {key: _filled(item, number) for key, item in keywords.items()}
    elif not _fill([*arguments, *keywords.values()], number):
        return function(*arguments, **keywords)
    return _noted(function(*arguments, **keywords), right)


def _filled(value, number):
    """Return an argument with copies of its arrays and lists, which are filled."""
    if isinstance(value, tuple):
        return tuple(_filled(item, number) for item in value)
    if isinstance(value, list):
        value = [_filled(item, number) for item in value]
    elif isinstance(value, dict):
        value = {key: _filled(item, number) for key, item in value.items()}
    elif _is_array(value):
        value = _copy.deepcopy(value)
    else:
        return value
    _fill(value, number)
    return value
