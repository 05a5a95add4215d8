"""Reverse-mode differentiation, one number at a time: the tape, and the way back."""

import numpy as np

from everygrad.dual_numbers import with_arithmetic


class Value:
    """A number that remembers what it was made from.

    Parameters
    ----------
    number : float
        The value. A `Dual` does as well: the sweep then computes second derivatives.
    links : tuple of (Value, float)
        The operands, each with the slope of this value by it; empty for an input.
    label : str
        What made it, for drawings.

    Attributes
    ----------
    gradient : float
        Derivative of the end of the last `sweep` that came through here.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """

    def __init__(self, number, links=(), label=""):
        """Keep a number, its operands and the slopes by them."""
        self.number, self.links, self.label = number, links, label
        self.gradient = 0.0


def as_value(x):
    """Return x as a value; a plain number becomes one that was made from nothing.

    Parameters
    ----------
    x : Value or float
        Any number.

    Returns
    -------
    Value
        `x` itself if it is one.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    return x if isinstance(x, Value) else Value(x)


def add_values(a, b):
    """Return a + b: its slope is 1 by either operand.

    Parameters
    ----------
    a, b : Value or float
        The two numbers.

    Returns
    -------
    Value
        Their sum.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    a, b = as_value(a), as_value(b)
    return Value(a.number + b.number, ((a, 1.0), (b, 1.0)), "+")


def multiply_values(a, b):
    """Return a · b: its slope by either operand is the other one.

    Parameters
    ----------
    a, b : Value or float
        The two numbers.

    Returns
    -------
    Value
        Their product.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    a, b = as_value(a), as_value(b)
    return Value(a.number * b.number, ((a, b.number), (b, a.number)), "×")


def chain_value(x, f, slope):
    """Return f(x), linked to x by the slope f′(x).

    Parameters
    ----------
    x : Value
        Where to evaluate.
    f, slope : callable
        A function and its slope, as in `everygrad.dual_numbers.slopes`.

    Returns
    -------
    Value
        f(x).

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    y = f(x.number)
    return Value(y, ((x, slope(x.number, y)),), getattr(f, "__name__", "f"))


with_arithmetic(Value, add_values, multiply_values, chain_value)


def tape(end):
    """Return everything that `end` was made from, operands before results.

    Parameters
    ----------
    end : Value
        Or any object whose ``links`` are pairs (operand, …).

    Returns
    -------
    list
        Each object once, `end` last: a topological order.

    Notes
    -----
    A depth-first search with a stack of its own, so that a computation of a million
    steps does not exceed Python's recursion limit. Built in chapter `book/autodiff.md`.
    """
    order, seen, stack = [], set(), [(end, False)]
    while stack:
        node, operands_done = stack.pop()
        if operands_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend([(operand, False) for operand, _ in node.links])
    return order


def sweep(end):
    """Set ``gradient`` to the derivative of `end` in everything it was made from.

    Parameters
    ----------
    end : Value
        What to differentiate.

    Notes
    -----
    A value that `end` was not made from keeps its old ``gradient``.
    Reverse accumulation: [1]_. Built in chapter `book/autodiff.md`.

    References
    ----------
    .. [1] Linnainmaa (1976), "Taylor expansion of the accumulated rounding error",
       BIT 16.
    """
    order = tape(end)
    for node in order:
        node.gradient = 0.0
    end.gradient = 1.0
    for node in reversed(order):
        for operand, slope in node.links:
            operand.gradient = operand.gradient + slope * node.gradient


def jacobian_reverse(f, x):
    """Return the Jacobian of f at x, one row per reverse sweep.

    Parameters
    ----------
    f : callable
        Takes a list of m numbers, returns a list of n, as for
        `everygrad.dual_numbers.jacobian_forward`.
    x : sequence of float, length m
        Where to differentiate.

    Returns
    -------
    ndarray, shape (n, m)
        Entry (i, j) is the derivative of output i by input j. f is called once, and
        swept n times.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    inputs, rows = [Value(number) for number in x], []
    for y in f(inputs):
        for value in inputs:
            value.gradient = 0.0  # an input that y ignores is not on its tape
        sweep(as_value(y))
        rows.append([value.gradient for value in inputs])
    return np.array(rows)
