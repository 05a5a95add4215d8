"""Plain data crosses unchanged; whatever else arrives is an error of one type."""

import contextlib
import socket
import time
from collections import OrderedDict, namedtuple
from decimal import Decimal
from fractions import Fraction

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fairgrade.peer import Peer, frame, unframe
from fairgrade.wire import Channel, WireError, dump, load, pair

PLAIN = settings(max_examples=250, deadline=None, derandomize=True, database=None)
MANY = settings(max_examples=700, deadline=None, derandomize=True, database=None)
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.fractions()
)
ARRAYS = hnp.arrays(
    st.sampled_from(["?", "u1", "<i4", ">i8", "<f4", "f8", "c16", "<U3", "M8[D]"]),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
)
DATA = st.recursive(
    ATOMS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.sets(st.integers() | st.text(), max_size=4)
    ),
    max_leaves=8,
)
Point = namedtuple("Point", "x y")


def across(value):
    """Return a value as the other side gets it."""
    parts = Peer(None, 1).outgoing(value)
    return Peer(None, 0).incoming(*unframe(frame(b"n", "ok", parts))[2])


def message(value):
    return frame(b"n", "ok", Peer(None, 1).outgoing(value))


def same(a, b):
    """Say whether two values are of equal types and equal, NaN included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b or repr(a) == repr(b)


@PLAIN
@given(DATA)
def test_plain_data_crosses_unchanged(value):
    assert same(across(value), value)


@pytest.mark.parametrize(
    "value",
    [
        range(2, 9, 3),
        slice(None, 4),
        ...,
        NotImplemented,
        frozenset([1, "a"]),
        Decimal("1.50"),
        Fraction(-2, 6),
        np.float32(1.5),
        np.datetime64("2026-11-01"),
        np.dtype("<f4"),
        OrderedDict(b=1, a=2),
        bytearray(b"ab"),
        "a lone surrogate \ud800",
        2**70,
        ValueError,
        np.float64,
        np.tanh,
        np.ones((0, 3)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([[1, "a"], [None, 2.5]], dtype=object),
    ],
    ids=lambda value: type(value).__name__,  # a set's repr differs by process
)
def test_less_usual_data_cross_too(value):
    got = across(value)
    if isinstance(value, np.ndarray):
        np.testing.assert_array_equal(got, value)
    else:
        assert type(got) is type(value)
        assert got == value or got is value


def test_a_named_tuple_keeps_its_names():
    got = across(Point(1.5, [2]))
    assert (got.x, got.y, type(got).__name__) == (1.5, [2], "Point")


def test_a_subclass_crosses_as_its_base():
    class Odd(float):
        def __eq__(self, other):
            return True

        __hash__ = float.__hash__

    got = across([Odd(2), Odd(3)])
    assert [type(x) for x in got] == [float, float]
    assert got == [2.0, 3.0]


def test_a_cycle_and_shared_parts_keep_their_identity():
    loop = [1]
    loop += [loop, {"again": loop}]
    got = across(loop)
    assert got[1] is got
    assert got[2]["again"] is got


def test_a_deep_structure_of_lists_is_no_problem_and_deep_tuples_are_refused():
    deep = bottom = []
    for _ in range(5000):
        bottom.append([])
        bottom = bottom[0]
    got, depth = across(deep), 0
    while got:
        got, depth = got[0], depth + 1
    assert depth == 5000
    nested = ()
    for _ in range(101):
        nested = (nested,)
    with pytest.raises(WireError, match="nested more than 100 deep"):
        across(nested)


@pytest.mark.parametrize(
    "value",
    [object(), socket.socket, lambda: 1, 1 << 70000, np.zeros(2, "i4,f8")],
    ids=["object", "class", "function", "long integer", "record"],
)
def test_what_cannot_cross_is_refused(value):
    with pytest.raises(WireError):
        across(value)


def test_a_refusal_leaves_the_peers_in_step():
    one, other = Peer(None, 1), Peer(None, 0)
    held = [1]
    other.incoming(*one.outgoing(held))
    with pytest.raises(WireError):
        one.outgoing([held, object()])
    held.append(2)
    assert other.incoming(*one.outgoing(held)) == [1, 2]


# ---- what arrives may be anything


def takes(data):
    """Take bytes as a message; WireError is the only error there may be."""
    with contextlib.suppress(WireError):
        Peer(None, 0).incoming(*unframe(data)[2])


@MANY
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data):
    takes(data)
    takes(len(data).to_bytes(4, "little") + data)


NODES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.sampled_from([*"@iotnfrsexgdFDNoba", "", "<f8", "|b1", "numpy.tanh", "1e9"])
    | st.text(max_size=3)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)
STATES = st.tuples(
    st.integers(-2, 9), st.sampled_from([bytes([c]) for c in b"ldsqbaovtgGRPTIOCF?"])
)


@MANY
@given(NODES, st.lists(st.tuples(STATES, NODES), max_size=4), NODES)
def test_well_formed_nonsense_is_refused(node, states, dropped):
    states = [(number, kind + dump(content)) for (number, kind), content in states]
    takes(frame(b"n", "ok", [dropped, states, node]))


@MANY
@given(st.data())
def test_a_message_with_some_bytes_changed_is_refused_or_is_data(data):
    values = {"a": [1, 2.5, "x", (None, 2**80)], "b": np.arange(4), "c": np.float32(1)}
    values["g"] = np.random.default_rng(0)
    original = bytearray(message(values))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(original) - 1))
        original[place] = data.draw(st.integers(0, 255))
    takes(bytes(original))


@pytest.mark.parametrize(
    "node",
    [
        ["g", "|b1", b"\x02"],
        ["g", "<U1", b"\xff\xff\xff\xff"],
        ["d", "|V8"],
        ["F", "1e999999999"],
        ["D", "1E999999999"],
        ["n", "x", ["__class__"], [1]],
        ["N", "os.system"],
        ["N", "builtins.eval"],
        ["N", "builtins.open"],
        ["N", "lib:os:system"],
        ["b", 0],
        ["@", 0],
        ["i", "f" * 20000],
    ],
    ids=repr,
)
def test_a_node_that_no_honest_side_sends_is_refused(node):
    with pytest.raises(WireError):
        Peer(None, 0).incoming([], [], node)


@pytest.mark.parametrize(
    "content",
    [
        ["MT19937", "key", "<u4", bytes(2496), "pos", "0xfffffff"],
        ["MT19937", "key", "<u4", bytes(8), "pos", "0x1"],
        ["Unknown"],
    ],
    ids=["position out of the buffer", "short key", "unknown"],
)
def test_the_state_of_a_generator_is_checked(content):
    with pytest.raises(WireError):
        Peer(None, 0).incoming([], [(1, b"G" + dump(content))], None)


def test_a_view_cannot_leave_its_array():
    base = [1, b"a" + dump(["<f8", [4], True, bytes(32)])]
    good = [3, b"v" + dump([1, [2], [-8], 8, True])]
    Peer(None, 0).incoming([], [base, good], None)
    for shape, strides, offset in [
        ([5], [8], 0),
        ([4], [8], 8),
        ([2], [-8], 0),
        ([2**39], [2**39], 0),
        ([2], [3], 0),
    ]:
        bad = [3, b"v" + dump([1, shape, strides, offset, True])]
        with pytest.raises(WireError):
            Peer(None, 0).incoming([], [base, bad], None)


def test_many_tiny_items_are_refused_before_they_fill_the_memory():
    with pytest.raises(WireError, match="bytes where at most"):
        load(b"\x90" * (9 << 20))
    some = b"l" + b"\xdd\x00\x0f\xff\xff" + b"\x90" * 0xFFFFF
    with pytest.raises(WireError):
        Peer(None, 0).incoming([], [(n, some) for n in range(1, 19, 2)], None)


def test_msgpack_of_other_types_is_refused():
    for data in (msgpack.packb({1: 2}), msgpack.packb(msgpack.ExtType(1, b"x"))):
        with pytest.raises(WireError):
            load(data)


# ---- channels


def test_a_channel_is_bounded_in_bytes_and_time():
    one, other = pair()
    with one, other:
        sender, receiver = Channel(one, 100), Channel(other, 50)
        sender.send(b"abc")
        assert receiver.receive(time.monotonic() + 1) == b"abc"
        with pytest.raises(TimeoutError):
            receiver.receive(time.monotonic() + 0.02)
        with pytest.raises(WireError):
            sender.send(b"x" * 101)
        sender.send(b"x" * 60)
        with pytest.raises(WireError):
            receiver.receive(time.monotonic() + 1)
        one.close()
        with pytest.raises(EOFError):
            Channel(other, 100)._read(1000, time.monotonic() + 1)


def test_messages_that_come_together_are_read_one_by_one():
    one, other = pair()
    with one, other:
        sender, receiver = Channel(one), Channel(other)
        messages = [b"a", b"", b"b" * 20_000, b"c" * 5000, b"d"]
        for message in messages:
            sender.send(message)
        assert [receiver.receive(time.monotonic() + 5) for _ in messages] == messages


@pytest.mark.parametrize("size", [1000, 100_000])
def test_a_deadline_holds_after_a_later_one(size):
    one, other = pair()
    with one, other:
        sender, receiver = Channel(one), Channel(other)
        sender.send(b"x", time.monotonic() + 60)
        assert receiver.receive(time.monotonic() + 60) == b"x"
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            receiver.receive(start + 0.3)

        def fill():
            while True:  # nobody reads: the kernel's room ends
                sender.send(b"x" * size, start + 0.6)

        with pytest.raises(TimeoutError):
            fill()
        assert 0.6 <= time.monotonic() - start < 5
