"""Objects that both sides know, and that can change in place, kept in step.

Each such object has a number. Its *state* is bytes: which kind, and what is in it now,
where other shared objects are only named by number. Every message brings the states of
objects that are new to the other side, or have changed since they last crossed. What
one side no longer refers to is dropped from both lists.

The same lists on both sides: what the judge lists first has an even number, the learner
an odd one. What arrives can only change objects that crossed before, and only as data.
"""

import collections
import random
import sys
from collections import OrderedDict, deque

import numpy as np

from . import wire
from .wire import (
    MESSAGE_LIMIT,
    NODE_LIMIT,
    WireError,
    array_of,
    dump,
    load,
    pack_node,
    unpack_node,
)

OBJECT_LIMIT = 200_000
HEAD = 512 * 1024  # bytes beside a message's value: its numbers, what was printed
BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
# What refers to an object that only the list of shared objects knows: the list's entry,
# and the argument of getrefcount.
UNUSED = 2


def torch_of():
    """Return torch if this process has imported it, else None."""
    return sys.modules.get("torch")


class Entry:
    """One shared object, and its state when it last crossed."""

    __slots__ = ("kind", "state", "value")

    def __init__(self, value, kind, state=None):
        self.value = value
        self.kind = kind
        self.state = state


class Share:
    """The list of shared objects on one side; the `context` of its packing.

    `given` are classes that both sides have from the teacher: their instances cross
    with their attributes. Handles and names are left to `pack_other` and
    `unpack_other`, which a peer provides.
    """

    limit = MESSAGE_LIMIT

    def __init__(self, first, given=None):
        self.first = first  # 0 for the judge, 1 for the learner
        self.next = first
        self.highest = 0  # of the numbers that the other side gave
        self.entries = {}
        self.numbers = {}  # id -> number; entries keep the objects, and so the ids
        self.fresh = []
        self.dropped = []
        # number -> (tensor, {number: leaf, or None for what the other side computed})
        self.graphs = {}  # for who asks for its gradient
        self.given = {} if given is None else given

    # ---- what a peer adds

    def pack_other(self, value):
        raise WireError(f"a {type(value).__name__} cannot cross")

    def unpack_other(self, node):
        raise WireError(f"no data: {node!r:.100}")

    def is_handled(self, value):
        """Say whether a list, number … of a class of its own crosses as a handle."""
        return False

    def may_set(self, value, name):
        """Say whether the other side may set an attribute of a teacher's object."""
        return True

    def guarded(self, value, name):
        """Return the value that an attribute of plain data is to have."""
        return value

    def graph(self, number, data, leaves):
        raise WireError("a tensor with a graph, out of place")

    # ---- the context of pack_node and unpack_node

    def pack_object(self, value):
        number = self.numbers.get(id(value))
        if number is None:
            kind = kind_of(value, self)
            if kind is None:
                return self.pack_other(value)
            number = self.add(value, kind)
        return ["@", number]

    def unpack_object(self, node):
        if node[0] == "@":
            if len(node) == 2 and type(node[1]) is int and node[1] in self.entries:
                return self.entries[node[1]].value
            raise WireError(f"nothing has the number {node[1:]!r:.40}")
        return self.unpack_other(node)

    def add(self, value, kind):
        """Give a number to an object that crosses for the first time."""
        if len(self.entries) >= OBJECT_LIMIT:
            raise WireError(f"more than {OBJECT_LIMIT} lists, arrays and other objects")
        number = self.next
        self.next += 2
        self.entries[number] = Entry(value, kind)
        self.numbers[id(value)] = number
        self.fresh.append(number)
        return number

    def forget(self, number):
        entry = self.entries.pop(number, None)
        if entry is not None:
            self.numbers.pop(id(entry.value), None)

    # ---- messages

    def outgoing(self, value):
        """Return the three parts of a message with a value: dropped, states, node."""
        states, new = [], []
        try:
            for number, entry in list(self.entries.items()):
                if entry.state is not None and entry.kind.may_change(entry):
                    state = entry.kind.state(entry, self)
                    if state != entry.state:
                        entry.state = state
                        states.append([number, state])
            node = pack_node(value, self)
            while self.fresh:
                number = self.fresh.pop()
                new.append(number)
                entry = self.entries[number]
                entry.state = entry.kind.state(entry, self)
                states.append([number, entry.state])
            self.check_size(states, node)
        except WireError:
            # What is new has not crossed.
            self.fresh.clear()
            unsent = [n for n, e in self.entries.items() if e.state is None]
            for number in [*new, *unsent]:
                self.forget(number)
            # Changes that were found go with the next message.
            for number, _ in states:
                if number in self.entries:
                    self.entries[number].state = b""
            raise
        return [self.sweep(), states, node]

    def check_size(self, states, node):
        """Refuse here what the other side would take for an attack.

        Here, where what is new can still be forgotten: a message that is refused later
        leaves numbers behind that the other side has never heard of.
        """
        many = sum(len(state) for _, state in states if KINDS[state[:1]].many)
        head = len(dump(node)) + 16 * len(states) + HEAD
        if max(many, head) > NODE_LIMIT:
            raise WireError(
                f"more than {NODE_LIMIT >> 20} MiB that are no arrays or tensors"
            )
        whole = head + sum(len(state) for _, state in states)
        if whole > self.limit:
            raise WireError(f"{whole} bytes in one message: at most {self.limit} cross")

    def sweep(self):
        """Drop what nothing here refers to; return the numbers for the other side."""
        dropped, self.dropped = self.dropped, []
        # What only torch refers to, has no reference that Python counts.
        kept = {
            id(entry.value.grad)
            for entry in self.entries.values()
            if entry.kind is TENSOR and entry.value.is_leaf
        }
        new = None
        while new is None or new:
            new = [
                number
                for number, entry in self.entries.items()
                if sys.getrefcount(entry.value) <= UNUSED
                and id(entry.value) not in kept
            ]
            for number in new:
                self.forget(number)
            dropped += new
        return dropped

    def incoming(self, dropped, states, node):
        """Take over a message's states; return its value."""
        if type(dropped) is not list or type(states) is not list:
            raise WireError("malformed message")
        todo, room = [], NODE_LIMIT
        for number, state in states:
            kind = KINDS.get(state[:1])
            if kind is None:
                raise WireError(f"no kind of object: {state[:1]!r}")
            content = load(state[1:], room if kind.many else len(state))
            room -= len(state) if kind.many else 0
            if type(content) is not list:
                raise WireError("malformed state")
            todo.append((kind.rank, number, kind, content, state))
        todo.sort(key=lambda item: item[0])
        for _, number, kind, content, state in todo:
            entry = self.entries.get(number)
            if entry is None:
                if number % 2 == self.first or not self.highest <= number < 2**60:
                    # Numbers only grow, so that none is given twice.
                    raise WireError(f"the number {number} is not the sender's to give")
                if len(self.entries) >= OBJECT_LIMIT:
                    raise WireError(f"more than {OBJECT_LIMIT} objects")
                value = _checked(kind.shell, content, self, number)
                entry = self.entries[number] = Entry(value, kind)
                self.numbers[id(value)] = number
            elif entry.kind is not kind:
                raise WireError("an object that became one of another kind")
            else:
                _checked(kind.check, entry, content)
            entry.state = state
        theirs = [number + 1 for _, number, *_ in todo if number % 2 != self.first]
        self.highest = max([self.highest, *theirs])
        for _, number, kind, content, _ in todo:
            _checked(kind.fill, self.entries[number], content, self)
        value = unpack_node(node, self)
        # Last of all: what is dropped may have changed just before.
        for number in dropped:
            if type(number) is not int:
                raise WireError("malformed message")
            self.graphs.pop(-1 - number, None)
            self.forget(number)
        return value


def _checked(step, *arguments):
    """Do one step with what arrived; whatever is wrong with it is a WireError."""
    try:
        return step(*arguments)
    except WireError:
        raise
    except Exception as error:
        raise WireError(f"{type(error).__name__}: {error}"[:300]) from error


def kind_of(value, share):
    """Return the kind of a shared object, or None if its type is none of them."""
    kind = EXACT.get(type(value))
    if kind is not None:
        return kind
    if type(value) in share.given.values():
        return INSTANCE
    if share.is_handled(value):
        return None
    if isinstance(value, np.ndarray):
        return _array_kind(value, share)
    for base, kind in SUBCLASSES:
        if isinstance(value, base):
            return kind
    torch = torch_of()
    if torch is not None:
        if isinstance(value, torch.Tensor):
            if value.grad_fn is not None or (value.requires_grad and not value.is_leaf):
                return GRAPH
            return TENSOR
        if isinstance(value, torch.Generator):
            return TORCH_GENERATOR
    return None


def _array_kind(value, share):
    """Return how an array crosses: with its own numbers, or as a view of another."""
    if value.dtype.kind == "O":
        return OBJECTS
    if value.dtype.kind not in wire.KINDS or value.dtype.names:
        return None
    base = base_of(value)
    if base is value or base.dtype != value.dtype or not base.flags.c_contiguous:
        return ARRAY
    entry = share.entries.get(share.numbers.get(id(base)))
    known = entry is not None and entry.kind is ARRAY
    # What a test did not pass may hold what the learner must not see.
    small = share.first == 1 and base.nbytes <= 4 * value.nbytes + 1024
    return VIEW if value.size and (known or (small and entry is None)) else ARRAY


class Kind:
    """How one kind of object becomes bytes, and bytes change it in place."""

    tag = b""
    many = True  # whether its content nests, and could grow when unpacked
    rank = 1  # filled in this order: what has a hash by its content comes before sets

    def may_change(self, entry):
        return True

    def state(self, entry, share):
        return self.tag + dump(self.content(entry.value, share))

    def check(self, entry, content):
        """Refuse a change that no code could make in place."""


class ListKind(Kind):
    tag = b"l"
    rank = 2

    def content(self, value, share):
        return [pack_node(item, share) for item in list.__iter__(value)]

    def shell(self, content, share, number):
        return []

    def fill(self, entry, content, share):
        entry.value[:] = [unpack_node(item, share) for item in content]


class DequeKind(Kind):
    tag = b"q"
    rank = 2

    def content(self, value, share):
        return [value.maxlen, *(pack_node(item, share) for item in value)]

    def shell(self, content, share, number):
        return deque(maxlen=content[0])

    def fill(self, entry, content, share):
        entry.value.clear()
        entry.value.extend(unpack_node(item, share) for item in content[1:])


class DictKind(Kind):
    rank = 4

    def __init__(self, tag, make):
        self.tag = tag
        self.make = make

    def content(self, value, share):
        items = []
        for key, item in dict.items(value):
            items += [pack_node(key, share), pack_node(item, share)]
        if self.tag == b"F":
            items.append(pack_node(value.default_factory, share))
        return items

    def shell(self, content, share, number):
        return self.make()

    def fill(self, entry, content, share):
        if self.tag == b"F":
            entry.value.default_factory = unpack_node(content.pop(), share)
        if len(content) % 2:
            raise WireError("a key without a value")
        entry.value.clear()
        nodes = iter(content)
        for key, item in zip(nodes, nodes, strict=True):
            entry.value[unpack_node(key, share)] = unpack_node(item, share)


class SetKind(Kind):
    tag = b"s"
    rank = 4

    def content(self, value, share):
        return [pack_node(item, share) for item in set.__iter__(value)]

    def shell(self, content, share, number):
        return set()

    def fill(self, entry, content, share):
        entry.value.clear()
        for item in content:
            entry.value.add(unpack_node(item, share))


class BytesKind(Kind):
    tag = b"b"
    many = False

    def content(self, value, share):
        return [bytes(value)]

    def shell(self, content, share, number):
        return bytearray()

    def fill(self, entry, content, share):
        if type(content[0]) is not bytes:
            raise WireError("malformed bytes")
        entry.value[:] = content[0]


class ArrayKind(Kind):
    tag = b"a"
    many = False

    def content(self, value, share):
        shape = list(value.shape)
        return [value.dtype.str, shape, value.flags.writeable, value.tobytes()]

    def shell(self, content, share, number):
        dtype, shape, writeable, data = content
        array = array_of(dtype, shape, data)
        array.flags.writeable = writeable is True
        return array

    def check(self, entry, content):
        value = np.asarray(entry.value)
        if content[0] != value.dtype.str or content[1] != list(value.shape):
            raise WireError("an array cannot change its shape or dtype in place")

    def fill(self, entry, content, share):
        value = np.asarray(entry.value)
        new = array_of(content[0], content[1], content[3])
        if not value.flags.writeable:
            if value.tobytes() == content[3]:
                return
            of_the_test = share.first == share.numbers[id(entry.value)] % 2 == 0
            if of_the_test or not value.flags.owndata:
                raise WireError("an array that may not be changed was")
        before = value.flags.writeable
        value.flags.writeable = True
        value[...] = new
        value.flags.writeable = before and content[2] is True


class ObjectsKind(Kind):
    """Arrays of objects, element by element."""

    tag = b"o"
    rank = 2

    def content(self, value, share):
        return [list(value.shape), [pack_node(item, share) for item in value.flat]]

    def shell(self, content, share, number):
        shape, items = content
        count = 1
        for n in shape:
            if type(n) is not int or n < 0:
                raise WireError("no shape")
            count *= n
        if count != len(items) or len(shape) > 32:
            raise WireError("no array of objects")
        return np.empty(shape, object)

    def fill(self, entry, content, share):
        if len(content[1]) != entry.value.size:
            raise WireError("an array cannot change its shape in place")
        for place, item in enumerate(content[1]):
            entry.value.flat[place] = unpack_node(item, share)


class ViewKind(Kind):
    """Arrays that look into the memory of another shared array."""

    tag = b"v"
    many = False
    rank = 3

    def may_change(self, entry):
        return False  # what changes is the other array

    def content(self, value, share):
        base = base_of(value)
        offset = _address(value) - _address(base)
        writeable = value.flags.writeable
        number = share.numbers.get(id(base))
        if number is None:
            number = share.add(base, ARRAY)
        return [number, list(value.shape), list(value.strides), offset, writeable]

    def shell(self, content, share, number):
        base, shape, strides, offset, writeable = content
        numbers = [base, offset, *shape, *strides]
        if not all(type(n) is int and abs(n) < 2**40 for n in numbers):
            raise WireError("malformed view")
        entry = share.entries.get(base)
        if entry is None or entry.kind is not ARRAY or len(shape) != len(strides):
            raise WireError("a view of no array")
        memory = entry.value
        itemsize = memory.dtype.itemsize
        ends = [(n - 1) * step for n, step in zip(shape, strides, strict=True)]
        low = offset + sum(min(end, 0) for end in ends)
        high = offset + sum(max(end, 0) for end in ends) + itemsize
        whole = all(n % itemsize == 0 for n in [offset, *strides])
        if (
            min(shape, default=1) < 1
            or not (0 <= low <= high <= memory.nbytes and whole)
            or not memory.flags.c_contiguous
        ):
            raise WireError("a view out of its array")
        view = np.ndarray(shape, memory.dtype, memory, offset, strides)
        view.flags.writeable = writeable is True and memory.flags.writeable
        return view

    def fill(self, entry, content, share):
        pass


class TensorKind(Kind):
    """Tensors that no graph made: data, and what is known of their gradient."""

    tag = b"t"
    many = False
    rank = 2

    def content(self, value, share):
        torch = torch_of()
        if value.layout is not torch.strided or value.device.type != "cpu":
            raise WireError(f"a tensor on {value.device}, {value.layout}, cannot cross")
        grad = value.grad if value.is_leaf and value.requires_grad else None
        return [
            *_tensor_data(value),
            value.requires_grad,
            isinstance(value, torch.nn.Parameter),
            None if grad is None else share.pack_object(grad)[1],
        ]

    def shell(self, content, share, number):
        dtype, shape, data, requires_grad, parameter, _grad = content
        tensor = _tensor(dtype, shape, data)
        if parameter is True:
            return torch_of().nn.Parameter(tensor, requires_grad=requires_grad is True)
        return tensor.requires_grad_(requires_grad is True)

    def check(self, entry, content):
        if content[:2] != _tensor_data(entry.value)[:2]:
            raise WireError("a tensor cannot change its shape or dtype in place")

    def fill(self, entry, content, share):
        dtype, shape, data, requires_grad, _, grad = content
        value = entry.value
        if _tensor_data(value)[2] != data:
            value.data.copy_(_tensor(dtype, shape, data))
        if value.is_leaf and value.requires_grad != (requires_grad is True):
            value.requires_grad_(requires_grad is True)
        if value.is_leaf and value.requires_grad:
            new = None if grad is None else share.unpack_object(["@", grad])
            if value.grad is not new:
                value.grad = new


class GraphKind(Kind):
    """Tensors that a graph on their own side made; that side knows their gradient."""

    tag = b"g"
    many = False
    rank = 3

    def may_change(self, entry):
        return False

    def state(self, entry, share):
        # Every leaf that both sides know by now may be asked for its gradient, and
        # what the other side computed: from there on it goes on by itself.
        leaves = {
            number: other.value
            for number, other in share.entries.items()
            if other.kind is TENSOR and other.value.requires_grad
        }
        theirs = {
            number
            for number, other in share.entries.items()
            if other.kind is GRAPH and number % 2 != share.first
        }
        leaves |= dict.fromkeys(sorted(graphs_below(entry.value, theirs)))
        share.graphs[share.numbers[id(entry.value)]] = entry.value, leaves
        return self.tag + dump([*_tensor_data(entry.value.detach()), list(leaves)])

    def shell(self, content, share, number):
        dtype, shape, data, leaves = content
        entries = [share.entries[n] for n in leaves]
        for n, entry in zip(leaves, entries, strict=True):
            if entry.kind is not TENSOR and (entry.kind, n % 2) != (GRAPH, share.first):
                raise WireError("a graph of no tensors")
        tensor = _tensor(dtype, shape, data)
        return share.graph(number, tensor, [entry.value for entry in entries])

    def check(self, entry, content):
        raise WireError("a tensor of a graph cannot change in place")

    def fill(self, entry, content, share):
        pass


def graphs_below(tensor, wanted):
    """Return those of the other side's graphs, by number, that a tensor is made of."""
    found, seen, pending = set(), set(), [tensor.grad_fn] if wanted else []
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        number = getattr(node, "number_there", None)
        if number in wanted:
            found.add(number)
        else:
            pending += [before for before, _ in node.next_functions]
    return found


class InstanceKind(Kind):
    """Instances of the teacher's own classes, which both sides have."""

    tag = b"I"
    rank = 2.5

    def content(self, value, share):
        names = {cls: name for name, cls in share.given.items()}
        items = [names[type(value)]]
        for key, item in vars(value).items():
            items += [key, pack_node(item, share)]
        return items

    def shell(self, content, share, number):
        cls = share.given.get(content[0])
        if cls is None:
            raise WireError(f"no class of the teacher's: {content[0]!r:.60}")
        return object.__new__(cls)

    def fill(self, entry, content, share):
        names, nodes = content[1::2], content[2::2]
        if not all(type(name) is str for name in names) or len(names) != len(nodes):
            raise WireError("malformed attributes")
        attributes = vars(entry.value)
        before = dict(attributes)
        attributes.clear()
        for name, node in zip(names, nodes, strict=True):
            value = unpack_node(node, share)
            if share.may_set(entry.value, name):
                attributes[name] = share.guarded(value, name)
            elif name in before:
                attributes[name] = before[name]


class StateKind(Kind):
    """Random number generators: all that they are is their state."""

    many = False

    def __init__(self, tag, get, make, put):
        self.tag = tag
        self.get = get
        self.make = make
        self.put = put

    def content(self, value, share):
        return self.get(value)

    def shell(self, content, share, number):
        return self.make(content)

    def fill(self, entry, content, share):
        if self.get(entry.value) != content:
            self.put(entry.value, content)


def base_of(array):
    """Return the array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _address(array):
    return array.__array_interface__["data"][0]


CANNOT_CROSS = (
    "cannot cross between a test and an answer, which have a process each: ask for "
    "gradients one by one, by backward(), without vmap, is_grads_batched, vectorize "
    "or forward mode"
)


def detached(tensor):
    """Return a tensor without its graph; WireError if it has no memory of its own."""
    try:
        tensor = tensor.detach()
        tensor.data_ptr()
    except RuntimeError:
        raise WireError(f"a tensor of a batch {CANNOT_CROSS}") from None
    return tensor


def _tensor_data(tensor):
    torch = torch_of()
    if torch.autograd.forward_ad.unpack_dual(tensor).tangent is not None:
        raise WireError(f"a tensor with a tangent {CANNOT_CROSS}")
    tensor = detached(tensor).resolve_conj().resolve_neg().contiguous()
    data = tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
    return [str(tensor.dtype).removeprefix("torch."), list(tensor.shape), data]


def _tensor(dtype, shape, data):
    torch = torch_of()
    if torch is None:
        raise WireError("a tensor where torch is not imported")
    kind = getattr(torch, dtype, None) if dtype in TENSOR_TYPES else None
    if kind is None:
        raise WireError(f"no dtype of tensors: {dtype!r:.40}")
    # NumPy's checks fit: same number of bytes, bools that are 0 or 1.
    size = kind.itemsize
    plain = "|b1" if dtype == "bool" else f"<V{size}" if size > 8 else f"<u{size}"
    if plain.startswith("<V"):
        array = array_of("<u8", [*shape, size // 8], data)
    else:
        array = array_of(plain, shape, data)
    flat = torch.from_numpy(array.reshape(-1).view(np.uint8).copy())
    if not len(flat):
        return torch.empty(shape, dtype=kind)
    return flat.view(kind).reshape(shape).clone()


TENSOR_TYPES = frozenset(
    [
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ]
)


def _bits_of(generator):
    return getattr(generator, "bit_generator", None) or generator._bit_generator


def _numpy_state(generator):
    """Return the state of a NumPy generator as a flat list of nodes."""
    state = _bits_of(generator).state
    items = [state["bit_generator"]]
    for key, value in [*sorted(state["state"].items()), *sorted(state.items())]:
        if isinstance(value, np.ndarray):
            items += [key, value.dtype.str, value.tobytes()]
        elif isinstance(value, int | np.integer):
            items += [key, hex(value)]
    return items


def _bits(content):
    """Return a bit generator of the state that `_numpy_state` made.

    NumPy believes what it is given, and a position beyond the end of the buffer would
    read foreign memory: so every item is compared with one of a fresh generator.
    """
    if content[0] not in BIT_GENERATORS:
        raise WireError(f"no bit generator: {content[0]!r:.40}")
    bits = getattr(np.random, content[0])(0)
    state, nodes = bits.state, iter(content[1:])
    for part in (state["state"], state):
        for key, value in sorted(part.items()):
            if isinstance(value, np.ndarray):
                if next(nodes) != key or next(nodes) != value.dtype.str:
                    raise WireError("malformed generator")
                part[key] = array_of(value.dtype.str, list(value.shape), next(nodes))
            elif isinstance(value, int | np.integer):
                if next(nodes) != key:
                    raise WireError("malformed generator")
                limits = {"pos": 624, "buffer_pos": 4, "has_uint32": 1}
                limit = limits.get(key, 2**32 - 1 if key == "uinteger" else 2**128 - 1)
                number = next(nodes)
                if type(number) is not str or len(number) > 40:
                    raise WireError("malformed generator")
                part[key] = int(number, 16)
                if not 0 <= part[key] <= limit:
                    raise WireError("malformed generator")
    bits.state = state
    return bits


def _put_bits(generator, content):
    own, new = _bits_of(generator), _bits(content)
    if type(own) is not type(new):
        raise WireError("a generator cannot change its kind")
    own.state = new.state


def _legacy_state(generator):
    state = generator.get_state(legacy=False)
    return [*_numpy_state(generator), state["has_gauss"], state["gauss"]]


def _put_legacy(generator, content):
    *bits, has_gauss, gauss = content
    _put_bits(generator, bits)
    state = generator.get_state(legacy=False)
    if has_gauss not in (0, 1) or type(gauss) is not float:
        raise WireError("malformed generator")
    state["has_gauss"], state["gauss"] = has_gauss, gauss
    generator.set_state(state)


def _make_legacy(content):
    generator = np.random.RandomState(_bits(content[:-2]))
    _put_legacy(generator, content)
    return generator


def _python_state(generator):
    version, state, gauss = generator.getstate()
    return [version, list(state), gauss]


def _put_python(generator, content):
    version, state, gauss = content
    if not (gauss is None or type(gauss) is float) or len(state) != 625:
        raise WireError("malformed generator")
    generator.setstate((version, tuple(state), gauss))


def _make_python(content):
    generator = random.Random(0)
    _put_python(generator, content)
    return generator


def _torch_state(generator):
    return [generator.get_state().numpy().tobytes()]


def _put_torch(generator, content):
    torch = torch_of()
    generator.set_state(torch.frombuffer(bytearray(content[0]), dtype=torch.uint8))


def _make_torch(content):
    generator = torch_of().Generator()
    _put_torch(generator, content)
    return generator


def _defaultdict():
    return collections.defaultdict(None)


LIST, SET, BYTES, ARRAY, OBJECTS = (
    ListKind(),
    SetKind(),
    BytesKind(),
    ArrayKind(),
    ObjectsKind(),
)
VIEW, TENSOR, GRAPH, INSTANCE = ViewKind(), TensorKind(), GraphKind(), InstanceKind()
DICT = DictKind(b"d", dict)
GENERATOR = StateKind(
    b"G", _numpy_state, lambda c: np.random.Generator(_bits(c)), _put_bits
)
RANDOM_STATE = StateKind(b"R", _legacy_state, _make_legacy, _put_legacy)
PYTHON_RANDOM = StateKind(b"P", _python_state, _make_python, _put_python)
TORCH_GENERATOR = StateKind(b"T", _torch_state, _make_torch, _put_torch)
EXACT = {
    list: LIST,
    dict: DICT,
    OrderedDict: DictKind(b"O", OrderedDict),
    collections.Counter: DictKind(b"C", collections.Counter),
    collections.defaultdict: DictKind(b"F", _defaultdict),
    deque: DequeKind(),
    set: SET,
    bytearray: BYTES,
    np.random.Generator: GENERATOR,
    np.random.RandomState: RANDOM_STATE,
    random.Random: PYTHON_RANDOM,
}
SUBCLASSES = [(list, LIST), (dict, DICT), (set, SET), (bytearray, BYTES)]
KINDS = {
    kind.tag: kind
    for kind in [
        *EXACT.values(),
        ARRAY,
        OBJECTS,
        VIEW,
        TENSOR,
        GRAPH,
        INSTANCE,
        TORCH_GENERATOR,
    ]
}
