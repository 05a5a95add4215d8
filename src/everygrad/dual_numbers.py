"""Forward-mode differentiation: numbers that carry their slope along."""

import numpy as np


def slopes():
    """Return the elementary functions and their slopes, the one table of all engines.

    Returns
    -------
    dict of str to (callable, callable)
        ``name: (f, slope)``, where ``slope(x, y)`` is f′(x), given also ``y = f(x)``.
        Each name is the method that NumPy calls for ``np.name`` of an object.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    return {
        "exp": (np.exp, lambda x, y: y),
        "log": (np.log, lambda x, y: 1 / x),
        "sin": (np.sin, lambda x, y: np.cos(x)),
        "cos": (np.cos, lambda x, y: -np.sin(x)),
        "tanh": (np.tanh, lambda x, y: 1 - y * y),
        "sqrt": (np.sqrt, lambda x, y: 0.5 / y),
    }


def power_rule(k):
    """Return x ↦ xᵏ and its slope, in the form of `slopes`.

    Parameters
    ----------
    k : float
        The exponent. The slope of x⁰ is 0, at x = 0 as well.

    Returns
    -------
    f, slope : callable
        As for `slopes`.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    return lambda x: x**k, lambda x, y: k * x ** (k - 1 if k else 0)


def with_functions(cls, chain):
    """Let ``np.exp(x)``, ``np.sin(x)``, … work for the objects of a class.

    Parameters
    ----------
    cls : type
        Gets one method per function of `slopes`.
    chain : callable
        The class's chain rule: ``chain(x, f, slope)`` returns f of the object x.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    for name, (f, slope) in slopes().items():
        setattr(cls, name, lambda x, f=f, slope=slope: chain(x, f, slope))


def with_arithmetic(cls, add, multiply, chain):
    """Give a class +, *, and what follows from them: −, /, powers, comparisons.

    Parameters
    ----------
    cls : type
        Its objects have an attribute ``number``, which comparisons look at.
    add, multiply, chain : callable
        The class's three rules: ``add(a, b)``, ``multiply(a, b)`` and
        ``chain(x, f, slope)``.

    Notes
    -----
    Exponents are plain numbers. In a set or a dict an object is found by identity, not
    by its number: a tape may hold two that are equal. Built in chapter
    `book/autodiff.md`.
    """
    cls.__add__ = cls.__radd__ = add
    cls.__mul__ = cls.__rmul__ = multiply
    cls.__neg__ = lambda a: a * -1.0
    cls.__sub__ = lambda a, b: a + -b
    cls.__rsub__ = lambda a, b: -a + b
    cls.__pow__ = lambda a, k: chain(a, *power_rule(k))
    cls.__truediv__ = lambda a, b: a * b**-1.0
    cls.__rtruediv__ = lambda a, b: a**-1.0 * b
    cls.__gt__ = lambda a, b: a.number > getattr(b, "number", b)
    cls.__lt__ = lambda a, b: a.number < getattr(b, "number", b)
    cls.__eq__ = lambda a, b: a.number == getattr(b, "number", b)
    with_functions(cls, chain)


class Dual:
    """A number and its slope: number + slope · ε, where ε² = 0.

    Parameters
    ----------
    number : float
        The value.
    slope : float
        Its derivative along the chosen direction of the inputs; 0 for a constant.

    Notes
    -----
    Clifford's dual numbers: [1]_. Built in chapter `book/autodiff.md`.

    References
    ----------
    .. [1] Clifford (1873), "Preliminary sketch of biquaternions", Proceedings of the
       London Mathematical Society s1-4.
    """

    def __init__(self, number, slope=0.0):
        """Keep a number and its slope."""
        self.number, self.slope = number, slope


def as_dual(x):
    """Return x as a dual number; a plain number is a constant, with slope 0.

    Parameters
    ----------
    x : Dual or float
        Any number.

    Returns
    -------
    Dual
        `x` itself if it is one.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    return x if isinstance(x, Dual) else Dual(x)


def add_duals(a, b):
    """Return a + b: slopes add.

    Parameters
    ----------
    a, b : Dual or float
        The two numbers.

    Returns
    -------
    Dual
        Their sum.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    a, b = as_dual(a), as_dual(b)
    return Dual(a.number + b.number, a.slope + b.slope)


def multiply_duals(a, b):
    """Return a · b, with the product rule.

    Parameters
    ----------
    a, b : Dual or float
        The two numbers.

    Returns
    -------
    Dual
        Their product.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    a, b = as_dual(a), as_dual(b)
    return Dual(a.number * b.number, a.slope * b.number + a.number * b.slope)


def chain_dual(x, f, slope):
    """Return f(x), with the chain rule.

    Parameters
    ----------
    x : Dual
        Where to evaluate.
    f, slope : callable
        A function and its slope, as in `slopes`.

    Returns
    -------
    Dual
        f(x), its slope being f′(x) times that of x.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    y = f(x.number)
    return Dual(y, slope(x.number, y) * x.slope)


with_arithmetic(Dual, add_duals, multiply_duals, chain_dual)


def jacobian_forward(f, x):
    """Return the Jacobian of f at x, one column per forward pass.

    Parameters
    ----------
    f : callable
        Takes a list of m numbers, returns a list of n; written with +, −, *, /, powers
        by constants, and NumPy's exp, log, sin, cos, tanh and sqrt.
    x : sequence of float, length m
        Where to differentiate.

    Returns
    -------
    ndarray, shape (n, m)
        Entry (i, j) is the derivative of output i by input j. f is called m times.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    columns = []
    for j in range(len(x)):
        duals = [Dual(value, float(i == j)) for i, value in enumerate(x)]
        columns.append([as_dual(y).slope for y in f(duals)])
    return np.array(columns).T
