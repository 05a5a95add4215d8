"""Handles: what stands on one side for the other side's classes, objects and functions.

Each class of the other side becomes a class here, so that `isinstance`, `except` and
`callable` work as usual; what is done to its instances is asked for over the wire.

An object of the learner's may answer anything. Answers that are data are the learner's
to give. Answers that are verdicts (`==`, `<`, `bool`, arithmetic whose result is then
compared …) are asked for only where `peer.permits` says that the reference solution
needed them; elsewhere a handle equals nothing but itself.
"""

import inspect
import types

import numpy as np

from .wire import WireError

ARITHMETIC = (
    "add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift"
)
UNARY = "neg pos abs invert round trunc floor ceil"
COMPARED = "eq ne lt le gt ge"
DATA = (
    "call len next iter getitem setitem delitem float int index complex str repr "
    "format array enter reversed bytes dir length_hint"
)
FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
)
# The other dunder names say how memory is laid out, how copies are made …
READABLE = frozenset(
    [
        "__name__",
        "__qualname__",
        "__dict__",
        "__defaults__",
        "__kwdefaults__",
        "__annotations__",
        "__code__",
        "__closure__",
        "__self__",
        "__func__",
        "__wrapped__",
        "__cause__",
        "__context__",
    ]
)


def _dunder(names):
    return [f"__{name}__" for name in names.split()]


BINARY = [
    f"__{prefix}{name}__"
    for name in ARITHMETIC.split()
    for prefix in ("", "r", "i")
    if (prefix, name) != ("i", "divmod")
]
# One answers for the other: who defines `>` has no need of `<`.
FAMILY = {"__ne__": "__eq__"} | dict.fromkeys(_dunder("gt le ge"), "__lt__")
IN_PLACE = {f"__i{name}__": f"__{name}__" for name in ARITHMETIC.split()}
FAMILY |= IN_PLACE | {f"__r{name}__": f"__{name}__" for name in ARITHMETIC.split()}
GATED = frozenset(
    [
        *BINARY,
        *_dunder(UNARY),
        *_dunder(COMPARED),
        "__hash__",
        "__bool__",
        "__contains__",
        "__exit__",
    ]
)
SPECIALS = frozenset([*GATED, *_dunder(DATA)])
# What an object of a class built on one of these holds is data, whatever else it does.
PLAIN = {
    f"builtins.{kind.__name__}": kind
    for kind in (
        *(int, float, complex, str, bytes, bytearray),
        *(list, tuple, dict, set, frozenset),
    )
} | {"numpy.ndarray": np.ndarray}


def is_method(cls, name):
    """Say whether a class itself says what its instances' attribute `name` does.

    An instance's own attribute would hide it: a method, a cached property. Fields of a
    dataclass are there to be set.
    """
    found = type(inspect.getattr_static(cls, name, None))
    fields = getattr(cls, "__dataclass_fields__", {})
    return (
        hasattr(found, "__get__")
        and not hasattr(found, "__set__")
        and name not in fields
    )


def number_of(value, peer):
    """Return the number of a handle of this peer's, or None."""
    kind = type(value)
    if kind is HandleClass:
        found = kind.__getattribute__(value, "__dict__").get("_fairgrade_class")
    elif type(kind) is HandleClass:
        try:
            found = object.__getattribute__(value, "_fairgrade")
        except AttributeError:
            return None
    elif kind is types.FunctionType:
        found = value.__dict__.get("_fairgrade")
    else:
        return None
    return found[1] if found is not None and found[0] is peer else None


# ---- describing what is ours


def describe(value, peer):
    """Return the node that tells the other side what to build for an object of ours."""
    if isinstance(value, FUNCTIONS):
        return ["function", str(getattr(value, "__name__", "function"))[:100]]
    if isinstance(value, type):
        bases = []
        for base in value.__bases__:
            if base is not object and peer.is_nameable(base):
                bases.append(peer.pack_object(base))
        claims = [
            peer.name_of(cls) or f"{cls.__module__}:{cls.__qualname__}"
            for cls in value.__mro__[:-1]
        ]
        return ["class", value.__name__[:100], bases, _specials(value), claims[:50]]
    return ["instance", peer.list_object(type(value))]


def _specials(cls):
    """Return the special methods that a class has and `object` has not."""
    own = []
    for name in SPECIALS:
        # Not getattr: it finds what the class itself can do, such as to be called.
        owner = next((c for c in cls.__mro__ if name in vars(c)), object)
        method = vars(owner).get(name)
        if method is not None and method is not vars(object).get(name):
            own.append(name)
    return sorted(own)


# ---- building what is theirs


def build(peer, number, description):
    """Return a new handle as the other side describes it."""
    if type(description) is not list or not description:
        raise WireError("malformed handle")
    kind, content = description[0], description[1:]
    if kind == "function" and tuple(map(type, content)) == (str,):
        return peer.build_function(number, content[0])
    if kind == "class" and tuple(map(type, content)) == (str, list, list, list):
        return _build_class(peer, number, *content)
    if kind == "instance" and len(content) == 1:
        cls = peer.unpack_other(content[0]) if type(content[0]) is list else None
        if type(cls) is HandleClass:
            if issubclass(cls, BaseException):
                handle = cls.__new__(cls)
                handle.__dict__["_fairgrade"] = (peer, number)
            else:
                handle = object.__new__(cls)
                object.__setattr__(handle, "_fairgrade", (peer, number))
            return handle
    raise WireError("malformed handle")


def build_function(peer, number, name, kind=None):
    """Return a handle of a function."""
    handle = object.__new__(kind or Function)
    object.__setattr__(handle, "_fairgrade", (peer, number))
    return handle


def _build_class(peer, number, name, bases, specials, claims):
    found = []
    for node in bases[:20]:
        base = peer.unpack_other(node) if type(node) is list and node else None
        if type(base) is HandleClass or (
            isinstance(base, type) and issubclass(base, Exception)
        ):
            found.append(base)
    failure = any(issubclass(base, BaseException) for base in found)
    body = {
        "__module__": "__main__",
        "__qualname__": name,
        "_fairgrade_class": (peer, number),
        "_fairgrade_claims": tuple(c for c in claims if type(c) is str),
        "_fairgrade_specials": tuple(s for s in specials if type(s) is str),
    }
    if failure:
        root = Failure
    else:
        root = Handle
        body["__slots__"] = ()
        found = [base for base in found if not issubclass(base, BaseException)]
        for special in specials:
            if type(special) is str and special in FORWARDS:
                body[special] = FORWARDS[special]
    if not any(issubclass(base, root) for base in found):
        found.insert(0, root)
    name = name if name.isidentifier() else "object"
    try:
        return type.__new__(HandleClass, name, tuple(found), body)
    except TypeError:  # bases that do not go together here
        bases = (root, Exception) if failure else (root,)
        return type.__new__(HandleClass, name, bases, body)


OURS = ("Function", "Unasked", "HandleClass")


def _refuse(self, name):
    kind = getattr(type(self), "__name__", "")
    kind = f"{kind!r} object" if kind not in OURS else "function"
    return TypeError(
        f"`{name}` of a {kind} does not count here: "
        "the test expects a number, an array or another plain value"
    )


def _forward(name):
    """Return the method that asks the other side for one special method."""
    gated = name in GATED

    def method(self, /, *arguments, **keywords):
        peer, number = object.__getattribute__(self, "_fairgrade")
        if gated and not peer.permits(name):
            return _on_data(self, name, *arguments)
        return peer.request("special", number, name, *arguments, **keywords)

    method.__name__ = name
    return method


def data_of(handle):
    """Return what an object holds whose class is built on a plain one, else None."""
    kind = type(handle)
    if type(kind) is HandleClass and PLAIN.keys() & set(kind._fairgrade_claims):
        peer, number = object.__getattribute__(handle, "_fairgrade")
        data = peer.request("data", number)
        if type(data) in PLAIN.values():
            return data
    return None


def _on_data(handle, name, *arguments):
    """Decide here, by what a list, a number … of the learner's own class holds."""
    data = data_of(handle)
    method = None if data is None else getattr(type(data), name, None)
    if method is None or name in IN_PLACE:  # `+=` goes on with `+`
        return NotImplemented
    others = [data_of(one) for one in arguments]
    given = zip(arguments, others, strict=True)
    return method(data, *(one if other is None else other for one, other in given))


def _unary(name):
    forward = _forward(name)

    def method(self, *arguments):
        result = forward(self, *arguments)
        if result is NotImplemented:
            raise _refuse(self, name)
        return result

    return method


def _call(self, /, *arguments, **keywords):
    peer, number = object.__getattribute__(self, "_fairgrade")
    return peer.request("call", number, *arguments, **keywords)


def _array(self, dtype=None, copy=None):
    peer, number = object.__getattribute__(self, "_fairgrade")
    array = peer.request("special", number, "__array__")
    if type(array) is not np.ndarray:
        raise TypeError("__array__ returned no array")
    return array if dtype is None else array.astype(dtype)


def _contains(self, item):
    peer, number = object.__getattribute__(self, "_fairgrade")
    if peer.permits("__contains__"):
        return peer.request("special", number, "__contains__", item)
    data = data_of(self)
    if data is not None:
        return item in data
    return any(mine is item or mine == item for mine in self)


def _exit(self, kind, error, traceback):
    peer, number = object.__getattribute__(self, "_fairgrade")
    if kind is not None and not peer.is_nameable(kind):
        kind = Exception
    result = peer.request("special", number, "__exit__", kind, None, None)
    # To swallow a failed assertion would be a verdict.
    harmless = kind is not None and not issubclass(kind, AssertionError)
    return bool(harmless and result is True and peer.permits("__exit__"))


def _hash(self):
    peer, number = object.__getattribute__(self, "_fairgrade")
    if peer.permits("__hash__"):
        return peer.request("special", number, "__hash__")
    data = data_of(self)
    return hash(data) if type(data).__hash__ and data is not None else id(self)


FORWARDS = {name: _forward(name) for name in SPECIALS}
FORWARDS |= {name: _unary(name) for name in _dunder(UNARY)}
FORWARDS |= {
    "__call__": _call,
    "__array__": _array,
    "__contains__": _contains,
    "__exit__": _exit,
    "__hash__": _hash,
}
# Those that every handle has in its base class.
for _name in ("__bool__", "__str__", "__repr__", "__format__", "__dir__"):
    del FORWARDS[_name]


class HandleClass(type):
    """The type of classes that stand for the other side's classes."""

    def __call__(cls, /, *arguments, **keywords):
        peer, number = _of_class(cls)
        return peer.request("call", number, *arguments, **keywords)

    def __getattr__(cls, name):
        if name.startswith("__") and name not in READABLE:
            raise AttributeError(name)
        return _attribute(cls, name, *_of_class(cls))

    def __setattr__(cls, name, value):
        peer, number = _of_class(cls)
        peer.request("setattr", number, name, value)

    def __delattr__(cls, name):
        peer, number = _of_class(cls)
        peer.request("delattr", number, name)

    def __repr__(cls):
        return f"<class '{cls.__name__}'>"


def _of_class(cls):
    found = type.__getattribute__(cls, "__dict__").get("_fairgrade_class")
    if found is None:
        raise TypeError(
            f"{cls.__name__!r} is made of a learner's class: "
            "a test can use such a class, but not build another one on it"
        )
    return found


class Handle(metaclass=HandleClass):
    """Stands for an object of the other side."""

    __slots__ = ("__weakref__", "_fairgrade")
    _fairgrade_claims = ()
    _fairgrade_specials = ()

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__") and name not in READABLE:
            raise AttributeError(name)
        peer, number = object.__getattribute__(self, "_fairgrade")
        return _attribute(self, name, peer, number)

    def __setattr__(self, name, value):
        peer, number = object.__getattribute__(self, "_fairgrade")
        peer.request("setattr", number, name, value)

    def __delattr__(self, name):
        peer, number = object.__getattribute__(self, "_fairgrade")
        peer.request("delattr", number, name)

    @property
    def __class__(self):
        return _claimed_class(self)

    @property
    def __doc__(self):
        peer, number = object.__getattribute__(self, "_fairgrade")
        return peer.request("getattr", number, "__doc__")

    def __bool__(self):
        peer, number = object.__getattribute__(self, "_fairgrade")
        kind = type(self)
        permitted = peer.permits("__bool__")
        if (
            "__bool__" not in kind._fairgrade_specials
            and "__len__" in kind._fairgrade_specials
        ):
            return len(self) > 0
        if not permitted:
            data = data_of(self)
            if data is None:
                raise _refuse(self, "bool")
            return bool(data)
        result = peer.request("truth", number)
        if type(result) is not bool:
            raise TypeError("__bool__ should return bool")
        return result

    def __str__(self):
        return _words(self, "__str__")

    def __repr__(self):
        return _words(self, "__repr__")

    def __format__(self, how):
        peer, number = object.__getattribute__(self, "_fairgrade")
        return peer.request("special", number, "__format__", how)

    def __dir__(self):
        peer, number = object.__getattribute__(self, "_fairgrade")
        return peer.request("special", number, "__dir__")

    def __copy__(self):
        peer, number = object.__getattribute__(self, "_fairgrade")
        return peer.request("copy", number)

    def __deepcopy__(self, memory):
        peer, number = object.__getattribute__(self, "_fairgrade")
        return peer.request("deepcopy", number)

    def __reduce_ex__(self, protocol):
        raise TypeError(f"a {type(self).__name__!r} object cannot be pickled")


def _words(self, name):
    peer, number = object.__getattribute__(self, "_fairgrade")
    return peer.request("special", number, name)


def _claimed_class(self):
    """Return the class that `isinstance` sees, if the reference needed that."""
    kind = type(self)
    peer, _ = object.__getattribute__(self, "_fairgrade")
    claims = type.__getattribute__(kind, "_fairgrade_claims")
    if not claims or not peer.permits("isinstance"):
        return kind
    return peer.claimed_class(kind, claims)


class Function(Handle):
    """Stands for a function or method of the other side."""

    __slots__ = ()
    _fairgrade_claims = ("types:FunctionType",)
    __call__ = _call

    @property
    def __signature__(self):
        peer, number = object.__getattribute__(self, "_fairgrade")
        parameters = []
        for name, kind, default in peer.request("signature", number):
            given = default if default is not ... else inspect.Parameter.empty
            parameters.append(inspect.Parameter(name, kind, default=given))
        return inspect.Signature(parameters)


def _attribute(owner, name, peer, number):
    """Return an attribute of theirs: a method only where the reference's had it, too.

    ``got.allclose(expected)`` is for the judge to say, not for what was answered.
    """
    value = peer.request("getattr", number, name)
    if not is_callable(value) or peer.permits_call(name):
        return value
    data = data_of(owner)
    if data is None:
        # Not a TypeError: NumPy then asks for the array, and decides itself.
        raise AttributeError(str(_refuse(owner, name)))
    return getattr(data, name)


class Unasked(Function):
    """A function that plain data brought with it, where the reference's had none."""

    __slots__ = ()

    def __call__(self, /, *arguments, **keywords):
        raise _refuse(self, "call")


def is_callable(value):
    """Say whether a value is a handle that can be called."""
    kind = type(value)
    return HandleClass in (kind, type(kind)) and callable(value)


def guarded(value, name, peer):
    """Return an attribute of plain data, or what refuses to be called in its place."""
    if is_callable(value) and not peer.permits_call(name):
        return build_function(peer, number_of(value, peer), name, Unasked)
    return value


class Failure(metaclass=HandleClass):
    """What classes of exceptions have from the other side: a share in their bases."""

    _fairgrade_claims = ()
    _fairgrade_specials = ()

    def __getattr__(self, name):
        found = object.__getattribute__(self, "__dict__").get("_fairgrade")
        if found is None or (name.startswith("__") and name not in READABLE):
            raise AttributeError(name)
        return _attribute(self, name, *found)

    def __str__(self):
        found = object.__getattribute__(self, "__dict__").get("_fairgrade")
        if found is None:
            return super().__str__()
        return found[0].request("special", found[1], "__str__")
