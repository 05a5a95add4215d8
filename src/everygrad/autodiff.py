"""Reverse-mode differentiation of NumPy arrays, with broadcasting.

A `Tensor` is a variable; an ndarray or a number is a constant. An operation on
constants alone returns a plain array and remembers nothing.
"""

import numpy as np

from everygrad import backprop
from everygrad.dual_numbers import power_rule, with_functions
from everygrad.scalar_autodiff import tape


class Tensor:
    """An array that remembers what it was made from.

    Parameters
    ----------
    data : array_like of float
        The numbers. An ndarray is kept as it is, not copied: it may be a view.
    gradient : ndarray, optional
        Where `backward` writes the derivative: the shape and the dtype of `data`.
        Without it, each `backward` sets a new array.

    Attributes
    ----------
    data : ndarray
        The numbers. Those of a result are locked against changes in place.
    gradient : ndarray or None
        For an input: the derivative from the last `backward` that reached it.
    links : sequence of (Tensor, callable)
        The operands, each with the function that pulls the gradient back to it.

    Raises
    ------
    TypeError
        If `data` holds no floating-point numbers.
    ValueError
        If `gradient` has another shape or dtype than `data`.

    Notes
    -----
    Operands are not copied: leave inputs and constants as they are until `backward`
    has run. Two tensors are equal only if they are the same object.
    Built in chapter `book/autodiff.md`.
    """

    __slots__ = ("data", "gradient", "links")
    shape = property(lambda self: self.data.shape)

    def __init__(self, data, gradient=None):
        """Make an input: a tensor that was made from nothing."""
        data = np.asarray(data)
        if data.dtype.kind != "f":
            raise TypeError(f"need floating-point numbers, got {data.dtype}")
        given = data if gradient is None else gradient
        if (given.shape, given.dtype) != (data.shape, data.dtype):
            need, got = f"{data.shape} {data.dtype}", f"{given.shape} {given.dtype}"
            raise ValueError(f"need a gradient of {need}, got {got}")
        self.data, self.gradient, self.links = data, gradient, ()


def raw(x):
    """Return the array in a tensor; anything else as it is.

    Parameters
    ----------
    x : Tensor, ndarray or float
        An operand.

    Returns
    -------
    ndarray or float
        Plain numbers: gradients do not flow through them.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    return x.data if type(x) is Tensor else x


def record(data, *links):
    """Return a result that remembers its operands; a plain array if none is a tensor.

    Parameters
    ----------
    data : ndarray of float
        The result. It is locked: changing it in place would falsify gradients.
    *links : (operand, callable)
        Each operand with its pull: from the derivative by the result to the derivative
        by the operand. Operands that are no tensors are dropped.

    Returns
    -------
    Tensor or ndarray
        The result.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    links = [link for link in links if type(link[0]) is Tensor]
    if not links:
        return data
    node = Tensor.__new__(Tensor)
    node.data, node.gradient, node.links = data, None, links
    data.setflags(write=False)
    return node


def unbroadcast(g, operand):
    """Return a gradient summed to the shape of an operand that was broadcast.

    Parameters
    ----------
    g : ndarray
        The gradient in the shape of the result.
    operand : ndarray
        What was repeated along new axes, or along axes of length 1.

    Returns
    -------
    ndarray
        The shape of `operand`.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    if g.shape == operand.shape:
        return g
    new = g.ndim - operand.ndim
    repeated = [new + i for i, n in enumerate(operand.shape) if n == 1]
    axes = (*range(new), *repeated)
    return np.add.reduce(g, axis=axes).reshape(operand.shape)


def add(a, b):
    """Return a + b, broadcast.

    Parameters
    ----------
    a, b : Tensor, ndarray or float
        Operands of shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The sum.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A, B = raw(a), raw(b)
    return record(
        A + B,
        (a, lambda g: unbroadcast(g, A)),
        (b, lambda g: unbroadcast(g, B)),
    )


def subtract(a, b):
    """Return a − b, broadcast.

    Parameters
    ----------
    a, b : Tensor, ndarray or float
        Operands of shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The difference.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A, B = raw(a), raw(b)
    return record(
        A - B,
        (a, lambda g: unbroadcast(g, A)),
        (b, lambda g: unbroadcast(-g, B)),
    )


def multiply(a, b):
    """Return a ⊙ b, broadcast.

    Parameters
    ----------
    a, b : Tensor, ndarray or float
        Operands of shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The product, entry by entry.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A, B = raw(a), raw(b)
    return record(
        A * B,
        (a, lambda g: unbroadcast(g * B, A)),
        (b, lambda g: unbroadcast(g * A, B)),
    )


def divide(a, b):
    """Return a / b, broadcast.

    Parameters
    ----------
    a, b : Tensor, ndarray or float
        Operands of shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The quotient, entry by entry.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A, B = raw(a), raw(b)
    Y = A / B
    return record(
        Y,
        (a, lambda g: unbroadcast(g / B, A)),
        (b, lambda g: unbroadcast(-g * Y / B, B)),
    )


def maximum(a, b):
    """Return the larger of a and b, broadcast; where they tie, b counts as larger.

    Parameters
    ----------
    a, b : Tensor, ndarray or float
        Operands of shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The larger number of each pair. ``np.maximum(x, 0.0)`` is `relu`.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A, B = raw(a), raw(b)
    return record(
        np.maximum(A, B),
        (a, lambda g: unbroadcast(g * (A > B), A)),
        (b, lambda g: unbroadcast(g * (A <= B), B)),
    )


def power(a, k):
    """Return a to the power k, a plain number.

    Parameters
    ----------
    a : Tensor or ndarray
        The base.
    k : float
        The exponent.

    Returns
    -------
    Tensor or ndarray
        Each entry to the power `k`.

    Raises
    ------
    TypeError
        If `k` is a tensor or an array: no gradient by the exponent is built.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    if type(k) is Tensor or np.ndim(k):
        raise TypeError("need a plain number as exponent: write exp(k * log(a))")
    return chain(a, *power_rule(k))


def chain(a, f, slope):
    """Return f(a), entry by entry.

    Parameters
    ----------
    a : Tensor or ndarray
        Where to evaluate.
    f, slope : callable
        A function and its slope, as in `everygrad.dual_numbers.slopes`.

    Returns
    -------
    Tensor or ndarray
        The shape of `a`.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A = raw(a)
    Y = f(A)
    return record(Y, (a, lambda g: g * slope(A, Y)))


def relu(a):
    """Return max(0, a), entry by entry, with slope 0 at 0.

    Parameters
    ----------
    a : Tensor or ndarray
        Pre-activations.

    Returns
    -------
    Tensor or ndarray
        The shape of `a`.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    return chain(a, lambda A: np.maximum(A, 0), lambda A, Y: Y > 0)


def as_matrices(g, A, B):
    """Return the gradient and the operands of A @ B, vectors made matrices.

    Parameters
    ----------
    g : ndarray
        The gradient in the shape of A @ B.
    A, B : ndarray
        The operands: vectors, matrices or stacks of matrices.

    Returns
    -------
    g, A, B : ndarray
        With at least two axes each, so that g fits A @ B again.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    if B.ndim == 1:
        g, B = g[..., None], B[:, None]
    if A.ndim == 1:
        g, A = g[..., None, :], A[None, :]
    return g, A, B


def matmul(a, b):
    """Return a @ b, for vectors, matrices and stacks of matrices.

    Parameters
    ----------
    a, b : Tensor, ndarray or list
        The last axis of `a` is as long as the last but one of `b`.

    Returns
    -------
    Tensor or ndarray
        The matrix product.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A, B = np.asarray(raw(a)), np.asarray(raw(b))
    try:
        Y = A @ B
    except ValueError:
        raise ValueError(f"cannot multiply {A.shape} @ {B.shape}") from None
    return record(
        Y,
        (a, lambda g: pull_left(*as_matrices(g, A, B)).reshape(A.shape)),
        (b, lambda g: pull_right(*as_matrices(g, A, B)).reshape(B.shape)),
    )


def pull_left(g, A, B):
    """Return g Bᵀ, the derivative by A when g is that by A @ B.

    Parameters
    ----------
    g, A, B : ndarray
        As from `as_matrices`.

    Returns
    -------
    ndarray
        The shape of `A`.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    return unbroadcast(g @ B.swapaxes(-1, -2), A)


def pull_right(g, A, B):
    """Return Aᵀ g, the derivative by B when g is that by A @ B.

    Parameters
    ----------
    g, A, B : ndarray
        As from `as_matrices`.

    Returns
    -------
    ndarray
        The shape of `B`.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    return unbroadcast(A.swapaxes(-1, -2) @ g, B)


def total(a, axis=None, keepdims=False):
    """Return the sum along axes.

    Parameters
    ----------
    a : Tensor
        What to sum; also as the method ``a.sum``.
    axis : int, tuple of int or None
        The axes that disappear; None means all.
    keepdims : bool
        Keep them, with length 1.

    Returns
    -------
    Tensor
        The sums.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A = raw(a)

    def pull(g):
        if axis is not None and not keepdims:
            g = np.expand_dims(g, axis)
        return np.broadcast_to(g, A.shape)

    return record(A.sum(axis=axis, keepdims=keepdims), (a, pull))


def average(a, axis=None, keepdims=False):
    """Return the mean along axes.

    Parameters
    ----------
    a, axis, keepdims
        As for `total`; also as the method ``a.mean``.

    Returns
    -------
    Tensor
        The means.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    sums = total(a, axis, keepdims)
    return sums / (raw(a).size / raw(sums).size)


def reshape(a, *shape):
    """Return the same numbers in another shape.

    Parameters
    ----------
    a : Tensor
        Also as the method ``a.reshape``.
    *shape : int, or one tuple of int
        The new shape.

    Returns
    -------
    Tensor
        A view of the numbers.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A = raw(a)
    return record(A.reshape(*shape), (a, lambda g: g.reshape(A.shape)))


def transpose(a):
    """Return a with its axes in the opposite order.

    Parameters
    ----------
    a : Tensor
        Also as the attribute ``a.T``.

    Returns
    -------
    Tensor
        A view of the numbers.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    return record(raw(a).T, (a, lambda g: g.T))


def take(a, index):
    """Return ``a[index]``.

    Parameters
    ----------
    a : Tensor
        Where to look.
    index : int, slice, array, or a tuple of them
        As in NumPy. An entry that is taken twice gets both gradients.

    Returns
    -------
    Tensor
        The entries.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    A = raw(a)

    def pull(g):
        back = np.zeros_like(A)
        np.add.at(back, index, g)
        return back

    return record(A[index], (a, pull))


def softmax_cross_entropy(logits, labels):
    """Return the mean cross-entropy of softmax(logits) with the true classes.

    Parameters
    ----------
    logits : Tensor or ndarray, shape (n, k)
        Unnormalised log-probabilities, one row per sample.
    labels : ndarray of int, shape (n,)
        True class of each sample, 0 to k − 1.

    Returns
    -------
    Tensor or float
        Mean negative log-likelihood, in nats per sample.

    Raises
    ------
    ValueError
        As for `everygrad.backprop.check_labels`.

    Notes
    -----
    `everygrad.backprop.softmax_cross_entropy`, whose gradient becomes the pull.
    Built in chapter `book/autodiff.md`.
    """
    loss, dZ = backprop.softmax_cross_entropy(raw(logits), labels)
    return record(loss, (logits, lambda g: g * dZ))


def dispatch(self, ufunc, method, *operands, **options):
    """Let NumPy's functions, and arrays on the left of an operator, take tensors.

    Parameters
    ----------
    self, ufunc, method, *operands, **options
        As NumPy hands them to ``__array_ufunc__``.

    Returns
    -------
    Tensor
        The result of the tensor's own operator of that name.

    Raises
    ------
    TypeError
        If there is none, or if the result should be written into an array.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    name = ufunc.__name__
    if method != "__call__" or options or not hasattr(Tensor, name):
        raise TypeError(
            f"a Tensor has no np.{name} ({method}, options {list(options)})"
        )
    return getattr(Tensor, name)(*operands)


def refuse_array(self, *_, **__):
    """Refuse to become a plain array: NumPy would compute on without recording.

    Raises
    ------
    TypeError
        Always.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    raise TypeError("a Tensor is no array: use its methods, or its data")


def with_operators(cls):
    """Give the class of tensors its operators, methods and functions.

    Parameters
    ----------
    cls : type
        Changed in place.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    signs = {"add": add, "sub": subtract, "mul": multiply, "truediv": divide}
    for sign, f in (signs | {"matmul": matmul}).items():
        setattr(cls, f"__{sign}__", f)
        setattr(cls, f"__r{sign}__", lambda b, a, f=f: f(a, b))
        setattr(cls, f.__name__, f)
    cls.maximum, cls.power, cls.__pow__ = maximum, power, power
    cls.negative = cls.__neg__ = lambda a: subtract(0, a)
    cls.sum, cls.mean, cls.reshape = total, average, reshape
    cls.T, cls.__getitem__ = property(transpose), take
    cls.__array_ufunc__, cls.__array__ = dispatch, refuse_array
    with_functions(cls, chain)


with_operators(Tensor)


def backward(end, seed=None):
    """Set ``gradient`` to the derivative of `end` in every input it was made from.

    Parameters
    ----------
    end : Tensor
        What to differentiate.
    seed : ndarray of the shape of `end`, optional
        The derivative of what comes after `end`; 1 if `end` is one number.

    Raises
    ------
    TypeError
        If `end` was made from no tensor.
    ValueError
        If `end` is not one number and there is no seed, or one of another shape.

    Notes
    -----
    A gradient from before is overwritten, not added to. A tensor that `end` was not
    made from keeps its old one: see `gradients`. Built in chapter `book/autodiff.md`.
    """
    waiting = {end: first_gradient(end, seed)}
    for node in reversed(tape(end)):
        g = waiting.pop(node)
        if not node.links:
            keep(node, g)
        for operand, pull in node.links:
            known, arriving = waiting.get(operand), pull(g)
            waiting[operand] = arriving if known is None else known + arriving


def first_gradient(end, seed):
    """Return the gradient that the way back starts with, and refuse what has none.

    Parameters
    ----------
    end, seed
        As for `backward`.

    Returns
    -------
    ndarray
        The shape of `end`.

    Raises
    ------
    TypeError, ValueError
        As for `backward`.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    if type(end) is not Tensor:
        raise TypeError(f"nothing to differentiate: no Tensor went into {end!r}")
    if seed is None and end.shape != ():
        raise ValueError(f"need one number or a seed, got shape {end.shape}")
    seed = np.asarray(1 if seed is None else seed, dtype=end.data.dtype)
    if seed.shape != end.shape:
        raise ValueError(f"need a seed of shape {end.shape}, got {seed.shape}")
    return seed


def keep(leaf, g):
    """Write a gradient where an input wants it.

    Parameters
    ----------
    leaf : Tensor
        An input.
    g : ndarray
        The derivative by it; copied, since it may be shared.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    if leaf.gradient is None:
        leaf.gradient = np.empty_like(leaf.data)
    leaf.gradient[...] = g


def gradients(end, leaves):
    """Return the derivatives of `end` by some inputs; zeros for those it ignores.

    Parameters
    ----------
    end : Tensor
        One number.
    leaves : dict of str to Tensor
        The inputs, by name.

    Returns
    -------
    dict of str to ndarray
        The keys of `leaves`, and the shape of each; copied.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    for leaf in leaves.values():
        keep(leaf, 0)
    backward(end)
    return {name: leaf.gradient.copy() for name, leaf in leaves.items()}


def flat_leaves(parameters):
    """Return inputs whose numbers and gradients lie side by side in two vectors.

    Parameters
    ----------
    parameters : dict of str to ndarray
        Blocks of one dtype; copied.

    Returns
    -------
    leaves : dict of str to Tensor
        One per block. Their ``data`` and ``gradient`` are views.
    theta, gradient : ndarray, shape (number of parameters,)
        What they are views of: change `theta` in place and all leaves have moved.

    Notes
    -----
    Built in chapter `book/autodiff.md`.
    """
    theta = np.concatenate([block.ravel() for block in parameters.values()])
    gradient = np.zeros_like(theta)
    shapes = {name: block.shape for name, block in parameters.items()}
    data, slots = (backprop.views(flat, shapes) for flat in (theta, gradient))
    return {k: Tensor(data[k], slots[k]) for k in shapes}, theta, gradient
