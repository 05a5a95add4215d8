"""Plain data as bytes and back: no pickle, and nothing is believed about what arrives.

A value is a *node*: None, bool, int, float, str and bytes stand for themselves, all
else is a list that starts with a tag. What can change in place (a list, an array …) is
not in the node but beside it, as a numbered state (module `share`), so that no
structure nests deeply and the two sides can keep such objects in step.
"""

import datetime
import math
import re
import socket
import struct
import time
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction

import msgpack
import numpy as np

MESSAGE_LIMIT = 64 * 2**20
NODE_LIMIT = 8 * 2**20  # bytes of one node: small items take more room once unpacked
DEPTH_LIMIT = 100
INT_LIMIT = 2**16  # bits
KINDS = frozenset("biufcUSMm")  # of NumPy's dtypes

ATOMS = frozenset([type(None), bool, float, bytes])
LENGTH = struct.Struct("<I")
TIME = struct.Struct("@ll")  # the kernel's `timeval`
AT_ONCE = 2**13  # bytes that fit into one buffer of the kernel's
SLACK = 0.02  # seconds by which a deadline may be passed


class WireError(Exception):
    """Bytes or an object that do not cross."""


def dtype_of(name):
    """Return the NumPy dtype of that name, if it is a plain one."""
    if type(name) is not str or not 0 < len(name) <= 40:
        raise WireError(f"no dtype: {name!r:.60}")
    try:
        dtype = np.dtype(name)
    except (TypeError, ValueError) as error:
        raise WireError(f"no dtype: {name!r:.60}") from error
    if dtype.kind not in KINDS or dtype.names or dtype.subdtype:
        raise WireError(f"not a plain dtype: {name!r:.60}")
    return dtype


def array_of(dtype, shape, data):
    """Return a new array that owns a copy of some bytes, once these were checked."""
    dtype = dtype_of(dtype)
    if (
        type(shape) is not list
        or len(shape) > 32
        or not all(type(n) is int and 0 <= n < 2**40 for n in shape)
        or type(data) is not bytes
        or math.prod(shape) * dtype.itemsize != len(data)
    ):
        raise WireError(f"no array: {dtype}, shape {shape!r:.100}")
    if dtype.itemsize == 0:
        return np.zeros(shape, dtype)
    array = np.frombuffer(data, dtype)
    # Bytes that no operation gives could make equal what is not, or fail later.
    if dtype.kind == "b" and len(data) and np.frombuffer(data, np.uint8).max() > 1:
        raise WireError("a bool is neither 0 nor 1")
    if (
        dtype.kind == "U"
        and len(data)
        and np.frombuffer(data, np.dtype(np.uint32).newbyteorder(dtype.byteorder)).max()
        > 0x10FFFF
    ):
        raise WireError("no such character")
    return array.reshape(shape).copy()


class Context:
    """What a packer asks about all but immutable plain data: refuses it."""

    def guarded(self, value, name):
        """Return the value that an attribute of plain data is to have."""
        return value

    def pack_object(self, value):
        """Return the node of a value, by its number or its name."""
        raise WireError(f"a {type(value).__name__} cannot cross")

    def unpack_object(self, node):
        """Return the value of such a node."""
        raise WireError(f"no data: {node!r:.100}")


def _pack_int(value, context, depth):
    if -(2**63) <= value < 2**64:
        return int(value)
    if value.bit_length() > INT_LIMIT:
        raise WireError(f"an integer of {value.bit_length()} bits is too long to cross")
    return ["i", hex(value)]


def _pack_scalar(value, context, depth):
    if value.dtype.kind not in KINDS:
        raise WireError(f"a NumPy scalar of {value.dtype} cannot cross")
    return ["g", value.dtype.str, value.tobytes()]


def _pack_dtype(value, context, depth):
    if (value.kind not in KINDS and value.kind != "O") or value.names or value.subdtype:
        raise WireError(f"the dtype {value} cannot cross")
    return ["d", value.str]


def _pack_many(tag):
    def pack_items(value, context, depth):
        return [tag, [pack_node(item, context, depth + 1) for item in value]]

    return pack_items


DATES = {one.__name__: one for one in (datetime.date, datetime.time, datetime.datetime)}
TIMEZONES = (type(None), datetime.timezone)  # others are known by name, not by value


def _pack_date(value, context, depth):
    if type(getattr(value, "tzinfo", None)) not in TIMEZONES:
        return context.pack_object(value)
    return ["T", type(value).__name__, value.isoformat()]


PACKERS = {
    int: _pack_int,
    str: lambda value, *_: value,
    complex: lambda value, *_: ["c", value.real, value.imag],
    tuple: _pack_many("t"),
    frozenset: _pack_many("f"),
    range: lambda v, context, depth: [
        "r",
        *(_pack_int(n, context, depth) for n in (v.start, v.stop, v.step)),
    ],
    slice: lambda v, context, depth: [
        "s",
        *(pack_node(part, context, depth + 1) for part in (v.start, v.stop, v.step)),
    ],
    type(...): lambda *_: ["e"],
    type(NotImplemented): lambda *_: ["x"],
    Fraction: lambda v, *_: ["F", str(v)],
    Decimal: lambda v, *_: ["D", str(v)],
    type({}.keys()): _pack_many("k"),
    type({}.values()): _pack_many("v"),
    type({}.items()): _pack_many("p"),
    datetime.timedelta: lambda v, *_: ["L", v.days, v.seconds, v.microseconds],
    **dict.fromkeys(DATES.values(), _pack_date),
}


def pack_node(value, context, depth=0):
    """Return the node of a value.

    Raises
    ------
    WireError
        If it cannot cross; says why.
    """
    kind = type(value)
    if kind in ATOMS:
        return value
    pack_value = PACKERS.get(kind)
    if depth > DEPTH_LIMIT:
        raise WireError(f"nested more than {DEPTH_LIMIT} deep")
    if pack_value is not None:
        return pack_value(value, context, depth)
    if issubclass(kind, np.generic):  # not isinstance: a handle would ask its owner
        return _pack_scalar(value, context, depth)
    if issubclass(kind, np.dtype):
        return _pack_dtype(value, context, depth)
    if issubclass(kind, tuple) and kind.__bases__ == (tuple,):
        fields = getattr(kind, "_fields", None)
        if type(fields) is tuple and len(fields) == len(value):
            items = [pack_node(item, context, depth + 1) for item in value]
            return ["n", kind.__name__, list(fields), items]
    return context.pack_object(value)


def _read(check, make):
    def read(node, context, depth):
        if not check(node):
            raise WireError(f"malformed: {node!r:.100}")
        return make(node, context, depth)

    return read


def _types(*types):
    return lambda node: tuple(map(type, node[1:])) == types


def _unpack_int(node, context, depth):
    text = node[1]
    if not 0 < len(text) <= INT_LIMIT // 4 + 8:
        raise WireError("an integer that is too long")
    return int(text, 16)


def _unpack_scalar(node, context, depth):
    return array_of(node[1], [], node[2])[()]


def _unpack_many(make):
    def unpack_items(node, context, depth):
        return make(unpack_node(item, context, depth + 1) for item in node[1])

    return unpack_items


def _unpack_namedtuple(node, context, depth):
    _, name, fields, items = node
    if len(fields) != len(items) or len(fields) > 255:
        raise WireError("a named tuple with other values than names")
    kind = _namedtuple(str(name), tuple(fields))
    values = [unpack_node(item, context, depth + 1) for item in items]
    return kind._make(map(context.guarded, values, fields))


_NAMED_TUPLES = {}


def _namedtuple(name, fields):
    """Return the one class of that name and fields; they are checked to be words."""
    if (name, fields) not in _NAMED_TUPLES:
        # It checks that all are identifiers, no keywords, and do not start with "_".
        _NAMED_TUPLES[name, fields] = namedtuple(name, fields)
    return _NAMED_TUPLES[name, fields]


def _unpack_slice(node, context, depth):
    return slice(*(unpack_node(part, context, depth + 1) for part in node[1:]))


def _unpack_number(make, pattern):
    def unpack_number(node, context, depth):
        # A short "1e999999999" would fill the memory.
        if len(node[1]) > 1000 or not re.fullmatch(pattern, node[1]):
            raise WireError(f"no number: {node[1]!r:.60}")
        return make(node[1])

    return unpack_number


UNPACKERS = {
    "i": _read(_types(str), _unpack_int),
    "c": _read(_types(float, float), lambda n, *_: complex(n[1], n[2])),
    "t": _read(_types(list), _unpack_many(tuple)),
    "f": _read(_types(list), _unpack_many(frozenset)),
    "n": _read(_types(str, list, list), _unpack_namedtuple),
    "k": _read(_types(list), _unpack_many(lambda x: dict.fromkeys(x).keys())),
    "v": _read(_types(list), _unpack_many(lambda x: dict(enumerate(x)).values())),
    "p": _read(_types(list), _unpack_many(lambda x: dict(x).items())),
    "L": _read(_types(int, int, int), lambda n, *_: datetime.timedelta(*n[1:])),
    "T": _read(_types(str, str), lambda n, *_: DATES[n[1]].fromisoformat(n[2])),
    "r": _read(lambda n: len(n) == 4, lambda n, c, d: range(*_ints(n[1:], c, d))),
    "s": _read(lambda n: len(n) == 4, _unpack_slice),
    "e": _read(_types(), lambda *_: ...),
    "x": _read(_types(), lambda *_: NotImplemented),
    "g": _read(_types(str, bytes), _unpack_scalar),
    "d": _read(
        _types(str),
        lambda n, *_: np.dtype(object) if n[1] == "|O" else dtype_of(n[1]),
    ),
    "F": _read(_types(str), _unpack_number(Fraction, r"-?\d+(/\d+)?")),
    "D": _read(
        _types(str),
        _unpack_number(Decimal, r"-?(\d+(\.\d+)?(E[+-]?\d{1,4})?|NaN|Infinity)"),
    ),
}


def _ints(nodes, context, depth):
    values = [unpack_node(node, context, depth + 1) for node in nodes]
    if not all(type(value) is int for value in values):
        raise WireError("a range of no integers")
    return values


def unpack_node(node, context, depth=0):
    """Return the value of a node.

    Raises
    ------
    WireError
        If it is not well formed.
    """
    if type(node) is not list:
        return node  # msgpack makes nothing but atoms and lists
    if depth > DEPTH_LIMIT:
        raise WireError(f"nested more than {DEPTH_LIMIT} deep")
    if not node or type(node[0]) is not str:
        raise WireError("a node without a tag")
    unpack_value = UNPACKERS.get(node[0])
    try:
        if unpack_value is None:
            return context.unpack_object(node)
        return unpack_value(node, context, depth)
    except WireError:
        raise
    except Exception as error:
        raise WireError(f"{type(error).__name__}: {error}"[:300]) from error


def dump(node):
    """Return a node as bytes."""
    try:
        return msgpack.packb(node, unicode_errors="surrogatepass")
    except Exception as error:
        raise WireError(f"{error}"[:300]) from error


def load(data, limit=NODE_LIMIT):
    """Return the node in some bytes: atoms and lists.

    Raises
    ------
    WireError
        If they are anything else than one well-formed node.
    """
    if len(data) > limit:
        raise WireError(f"{len(data)} bytes where at most {limit} may be")
    try:
        return msgpack.unpackb(
            data,
            raw=False,
            unicode_errors="surrogatepass",
            max_map_len=0,
            max_ext_len=0,
            max_str_len=limit,
            max_bin_len=limit,
            max_array_len=limit,
        )
    except Exception as error:
        raise WireError(f"not a message: {error}"[:300]) from error


class Channel:
    """Messages over a stream socket: a length, then so many bytes.

    The kernel itself waits no longer than it was last told to, which is one call for a
    short message and not four; it is told again when that is off by more than `SLACK`.
    """

    def __init__(self, sock, limit=MESSAGE_LIMIT):
        self.sock = sock
        self.limit = limit
        self.ahead = b""  # what has come of the next message
        self.patience = None  # what the kernel was told, in seconds

    def send(self, data, deadline=None):
        """Send bytes.

        Raises
        ------
        WireError
            If they are too many.
        EOFError
            If the other side has gone.
        TimeoutError
            If they are not taken by `deadline`, a time of `time.monotonic`.
        """
        if len(data) > self.limit:
            raise WireError(
                f"{len(data)} bytes in one message: at most {self.limit} cross"
            )
        left = self._left(deadline)
        whole = LENGTH.pack(len(data)) + data
        try:
            if len(whole) <= AT_ONCE:
                self._tell(left)
                # In one piece: the kernel would wait anew for each.
                sent = self.sock.send(whole)
                if sent == len(whole):
                    return
                whole = whole[sent:]
                left = self._left(deadline)
            self.sock.settimeout(left)
            try:
                self.sock.sendall(whole)
            finally:
                self.sock.settimeout(None)
        except BlockingIOError as error:
            raise TimeoutError("no answer in time") from error
        except ConnectionError as error:
            raise EOFError("the process has ended") from error

    def receive(self, deadline=None):
        """Return the bytes of the next message; raises like `send`."""
        (length,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
        if length > self.limit:
            raise WireError(
                f"{length} bytes in one message: at most {self.limit} cross"
            )
        return self._read(length, deadline)

    def _read(self, length, deadline):
        parts, missing = [self.ahead], length - len(self.ahead)
        while missing > 0:
            self._tell(self._left(deadline))
            try:
                part = self.sock.recv(min(max(missing, AT_ONCE), 2**20))
            except BlockingIOError as error:
                raise TimeoutError("no answer in time") from error
            except ConnectionError as error:
                raise EOFError("the process has ended") from error
            if not part:
                raise EOFError("the process has ended")
            parts.append(part)
            missing -= len(part)
        read = parts[1] if len(parts) == 2 and not parts[0] else b"".join(parts)
        self.ahead = read[length:]
        return read[:length]

    def _left(self, deadline):
        """Return the seconds until a deadline, or None."""
        if deadline is None:
            return None
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        return left

    def _tell(self, left):
        """Tell the kernel how long to wait, unless it knows."""
        if left is None or self.patience is None:
            if left is self.patience:
                return
        elif left <= self.patience <= left + SLACK:
            return
        self.patience = left
        whole, part = divmod(math.ceil((left or 0) * 1e6), 10**6)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.sock.setsockopt(socket.SOL_SOCKET, option, TIME.pack(whole, part))


def pair():
    """Return two connected sockets."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
