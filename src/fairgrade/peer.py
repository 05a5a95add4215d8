"""One side of the conversation: requests, replies, and what stands for foreign objects.

Both sides take strict turns. What cannot be copied crosses as a *handle*: its owner
lists it under a number, the other side holds an object that forwards what it is asked.
The judge's side (`judge`) is strict, the learner's (`learner`) need not be.
"""

import contextlib
import enum
import sys

import numpy as np

from . import known, proxies
from .share import Share, detached, torch_of
from .wire import LENGTH, WireError, dump, load, pack_node

USUAL_ERRORS = np.geterr()
DEPTH_LIMIT = 40  # of requests within requests
EXPORT_LIMIT = 1_000_000
IMMUTABLE = (int, float, complex, str, bytes, tuple, frozenset)


class LearnerError(Exception):
    """An error in the learner's process that has no type on this side."""


class Peer(Share):
    """One end of a channel between two interpreters.

    Subclasses say what the other side may do (`perform`), which objects it is given a
    handle of (`exportable`), and how a class or name that it mentions is found.
    """

    def __init__(self, channel, first, given=None):
        super().__init__(first, given)
        self.channel = channel
        if channel is not None:
            self.limit = channel.limit
        self.exports = {}
        self.export_numbers = {}
        self.described = set()  # numbers of which the other side has the description
        self.describing = []
        self.handles = {}  # number -> handle of the other side's object
        self.depth = 0
        self.arrived = {}  # at the other side's graphs: number -> gradient
        self.named = {}  # what both sides have from given cells
        self.names = {}
        self.claimed = {}

    # ---- objects by number or by name

    def pack_object(self, value):
        # First of all: any other look at a handle may ask its owner.
        number = proxies.number_of(value, self)
        return super().pack_object(value) if number is None else ["b", number]

    def pack_other(self, value):
        name = self.name_of(value)
        if name is not None:
            return ["N", name]
        if not self.is_handled(value):
            for base in IMMUTABLE:
                if isinstance(value, base):
                    return self._pack_base(value, base)
        return self.export(value)

    def _pack_base(self, value, base):
        """Return the node of an instance of a subclass as data of its base."""
        fields = getattr(type(value), "__match_args__", None)
        if base is tuple:
            items = [pack_node(item, self, 1) for item in tuple.__iter__(value)]
            if type(fields) is tuple and len(fields) == len(items):
                return ["n", type(value).__name__, list(fields), items]
            return ["t", items]
        # The base's own method: a class may say anything of itself.
        new = {str: str.__str__, int: int.__int__, float: float.__float__}.get(base)
        return pack_node(new(value) if new else base.__new__(base, value), self, 1)

    def export(self, value):
        if id(value) not in self.export_numbers and not self.exportable(value):
            raise WireError(f"a {type(value).__qualname__} cannot cross")
        return self.list_object(value)

    def list_object(self, value):
        """Return the node of an object of ours; until it has crossed, what it is."""
        number = self.export_numbers.get(id(value))
        if number is None:
            if len(self.exports) >= EXPORT_LIMIT:
                raise WireError(f"more than {EXPORT_LIMIT} objects have crossed")
            number = self.export_numbers[id(value)] = len(self.exports)
            self.exports[number] = value
        if number in self.described:
            return ["o", number]
        self.describing.append(number)
        return ["o", number, proxies.describe(value, self)]

    def outgoing(self, value):
        self.describing.clear()
        parts = super().outgoing(value)
        self.described.update(self.describing)
        return parts

    def unpack_other(self, node):
        tag, content = node[0], node[1:]
        if tag == "N" and len(content) == 1 and type(content[0]) is str:
            return self.find(content[0])
        if tag == "b" and len(content) == 1 and type(content[0]) is int:
            if content[0] in self.exports:
                return self.exports[content[0]]
            raise WireError(f"no handle {content[0]}")
        if tag == "o" and content and type(content[0]) is int:
            handle = self.handles.get(content[0])
            if handle is None and len(content) == 2 and 0 <= content[0] < EXPORT_LIMIT:
                handle = proxies.build(self, content[0], content[1])
                self.handles[content[0]] = handle
            if handle is not None:
                return handle
        raise WireError(f"no object: {node!r:.100}")

    def build_function(self, number, name):
        return proxies.build_function(self, number, name)

    def permits(self, operator):
        """Say whether an operator of the other side's objects may be asked for here."""
        return True

    def permits_call(self, name):
        """Say whether a method of the other side's objects may be called here."""
        return True

    def guarded(self, value, name):
        return proxies.guarded(value, name, self)

    def claimed_class(self, kind, claims):
        """Return a class of the libraries' that a handle's class says it is made of."""
        if kind not in self.claimed:
            bases = []
            for claim in claims:
                base = self.claimed_base(claim)
                if base and not any(issubclass(other, base) for other in bases):
                    bases.append(base)
            self.claimed[kind] = _joined(kind, bases)
        return self.claimed[kind]

    def claimed_base(self, claim):
        if claim in self.named:
            return self.named[claim]
        with contextlib.suppress(KeyError):
            return known.by_name(claim)
        return known.claimed(claim)

    def adopt(self, namespace, names, plain):
        """Take classes of given cells for known on both sides, by name."""
        for name in names:
            cls = namespace[name]
            self.named[f"given:{name}"] = cls
            if name in plain:
                self.given[name] = cls
            if issubclass(cls, enum.Enum):
                for member in cls:
                    self.named[f"given:{name}.{member.name}"] = member
        self.names = {id(value): name for name, value in self.named.items()}

    def name_of(self, value):
        return self.names.get(id(value)) or known.name_of(value)

    def find(self, name):
        if name in self.named:
            return self.named[name]
        try:
            return known.by_name(name)
        except KeyError:
            raise WireError(f"no name that may cross: {name!r:.60}") from None

    def exportable(self, value):
        return False

    # ---- torch: each side differentiates what it computed itself

    def graph(self, number, data, leaves):
        return remote_graph().apply(self, number, _Token(self, number), data, *leaves)

    def differentiate(self, number, gradient):
        """Return the gradients by the inputs of one of our graphs, None where no path.

        Other leaves collect theirs here, as `backward` does.
        """
        torch = torch_of()
        if number not in self.graphs:
            raise WireError(f"no graph {number!r:.20}")
        tensor, inputs = self.graphs[number]
        leaves = [leaf for leaf in inputs.values() if leaf is not None]
        before = [leaf.grad for leaf in leaves]
        outer, self.arrived = (
            self.arrived,
            {n: None for n, leaf in inputs.items() if leaf is None},
        )
        for leaf in leaves:
            leaf.grad = None
        try:
            torch.autograd.backward(tensor, gradient, retain_graph=True)
            return tuple(
                self.arrived[n] if leaf is None else leaf.grad
                for n, leaf in inputs.items()
            )
        finally:
            self.arrived = outer
            for leaf, grad in zip(leaves, before, strict=True):
                leaf.grad = grad

    def gradient_by(self, number, gradient):
        """Return the gradients by the leaves of one of the other side's graphs.

        Where that side has asked for the gradient by this very graph, it is kept for
        the answer, and None returned.
        """
        if number in self.arrived:
            before = self.arrived[number]
            self.arrived[number] = gradient if before is None else before + gradient
            return None
        return self.request("differentiate", number, gradient)

    # ---- the conversation

    def request(self, operation, number, /, *arguments, **keywords):
        """Ask the other side to do something; return the result or raise its error."""
        keywords = tuple(keywords.items())
        body = (operation, number, arguments, keywords, mode(), self.seconds_left())
        self.say("do", body)
        return self.listen()

    def listen(self):
        """Serve requests until the reply comes; return it, or raise what it says."""
        while True:
            verb, body = self.hear()
            if verb == "ok":
                return body
            if verb == "raise":
                raise self.exception(body)
            if verb != "do":
                raise WireError(f"no verb: {verb!r:.20}")
            self.serve(body)

    def serve(self, body):
        """Do what the other side asks; reply with the result or the error."""
        self.depth += 1
        operation = None
        try:
            if self.depth > DEPTH_LIMIT:
                raise RecursionError(f"{DEPTH_LIMIT} calls within calls")
            try:
                operation, number, arguments, keywords, wanted, _ = body
                if type(arguments) is not tuple or type(keywords) is not tuple:
                    raise ValueError
                keywords = dict(keywords)
                if wanted is not None:
                    _, errors = wanted
                    if len(errors) != len(USUAL_ERRORS):
                        raise ValueError
            except (TypeError, ValueError):
                raise WireError("malformed request") from None
            del body
            with in_mode(wanted):
                result = self.perform(operation, number, arguments, keywords)
            del arguments, keywords
            verb = "ok"
        except (WireError, Exception) as error:
            verb, result = "raise", self.pack_exception(error)
        finally:
            self.depth -= 1
        self.answer(operation, verb, result)

    def answer(self, operation, verb, result):
        """Reply with a result, or why it cannot cross."""
        try:
            self.say(verb, result)
        except WireError as error:
            name = type(result).__name__
            text = f"{error} (in the {name} that is returned)"
            self.say("raise", self.pack_exception(TypeError(text)))

    def pack_exception(self, error):
        """Return (class or None, arguments, text, where) of an exception."""
        cls = None
        if isinstance(error, Exception):
            named = (c for c in type(error).__mro__ if self.is_nameable(c))
            cls = next(named, None)
        text = _text(error)
        arguments = (text,)
        if all(type(x) in (int, float, str, bool, type(None)) for x in error.args):
            arguments = tuple(error.args)
        # One of the learner's or the test's own class crosses as a handle, too.
        own = error if cls is not None and not self.name_of(cls) else None
        try:
            pack_node((cls, arguments, own), self)
        except WireError:
            self.fresh.clear()
            cls, arguments, own = None, (text,), None
        kind = type(error).__name__
        return cls, arguments, text, self.where(error), own, kind

    def is_nameable(self, cls):
        return self.name_of(cls) is not None or self.exportable(cls)

    def exception(self, body):
        """Return the exception that the other side's description stands for."""
        try:
            cls, arguments, text, where, own, kind = body
            if type(text) is not str or type(arguments) is not tuple:
                raise ValueError
        except (TypeError, ValueError):
            raise WireError("malformed exception") from None
        if own is not None and isinstance(own, Exception):
            error = own
            error.args = arguments
        elif (
            isinstance(cls, type)
            and issubclass(cls, Exception)
            and proxies.number_of(cls, self) is None
        ):
            try:
                error = cls(*arguments)
            except Exception:
                error = LearnerError(text)
        else:
            error = LearnerError(f"{kind}: {text}"[:4000])
        with contextlib.suppress(Exception):
            error.__dict__["_fairgrade_where"] = where
        return error

    def seconds_left(self):
        """Return how long the other side may take."""

    def where(self, error):
        return None

    def say(self, verb, value):
        raise NotImplementedError

    def hear(self):
        raise NotImplementedError

    def perform(self, operation, number, arguments, keywords):
        raise NotImplementedError


def frame(nonce, verb, parts, printed="", warned=()):
    """Return a message as bytes: a head, then the states of objects as they are."""
    dropped, states, node = parts
    numbers = [number for number, _ in states]
    lengths = [len(state) for _, state in states]
    head = dump([nonce, verb, dropped, numbers, lengths, node, printed, list(warned)])
    return b"".join([LENGTH.pack(len(head)), head, *(state for _, state in states)])


def unframe(data):
    """Return (nonce, verb, parts, printed, warned) of a message."""
    if len(data) < LENGTH.size:
        raise WireError("a message that is too short")
    end = LENGTH.size + LENGTH.unpack_from(data)[0]
    message = load(data[LENGTH.size : end])
    if type(message) is not list or len(message) != 8:
        raise WireError("malformed message")
    nonce, verb, dropped, numbers, lengths, node, printed, warned = message
    kinds = tuple(map(type, (nonce, verb, dropped, numbers, lengths, printed, warned)))
    if kinds != (bytes, str, list, list, list, str, list) or len(numbers) != len(
        lengths
    ):
        raise WireError("malformed message")
    states = []
    for number, length in zip(numbers, lengths, strict=True):
        if type(number) is not int or type(length) is not int or length < 1:
            raise WireError("malformed message")
        states.append((number, data[end : end + length]))
        end += length
    if end != len(data):
        raise WireError("a message of another length than it says")
    return nonce, verb, [dropped, states, node], printed, warned


def _joined(kind, bases):
    """Return a class that `isinstance` takes for each of some classes."""
    if not bases:
        return kind
    try:
        return type(kind.__name__, tuple(bases), {})
    except TypeError:  # not to be built on, or not together
        return bases[0]


def _text(error):
    try:
        return str(error)[:4000]
    except Exception:
        return type(error).__name__


def mode():
    """Return what of this side's context has to hold on the other, or None for usual.

    That is torch's ``no_grad`` and NumPy's ``errstate``.
    """
    torch = torch_of()
    no_grad = torch is not None and not torch.is_grad_enabled()
    errors = np.geterr()
    if not no_grad and errors == USUAL_ERRORS:
        return None
    return no_grad, tuple(errors.values())


@contextlib.contextmanager
def in_mode(wanted):
    """Do something in the mode of the other side."""
    if wanted is None:
        yield
        return
    no_grad, errors = wanted
    known = ("ignore", "warn", "raise")
    errors = [x if x in known else "warn" for x in errors]
    with contextlib.ExitStack() as stack:
        names = dict(zip(USUAL_ERRORS, errors, strict=True))
        stack.enter_context(np.errstate(**names))
        if no_grad and torch_of() is not None:
            stack.enter_context(torch_of().no_grad())
        yield


class _Token:
    """Lives as long as a graph here may ask the other side for a gradient."""

    def __init__(self, peer, number):
        self.peer = peer
        self.number = number

    def __del__(self):
        self.peer.dropped.append(-1 - self.number)


TWICE = (
    "a second derivative was asked for: a test and an answer have a process each, and "
    "only first derivatives cross. Compare first derivatives at two places instead"
)


def remote_graph():
    """Return the torch function that stands for what the other side computed."""
    global _REMOTE_GRAPH
    if _REMOTE_GRAPH is None:
        torch = sys.modules["torch"]

        class Once(torch.autograd.Function):
            @staticmethod
            def forward(ctx, gradient, *inputs):
                return gradient.clone()

            @staticmethod
            def backward(ctx, gradient):
                raise RuntimeError(TWICE)

        class Remote(torch.autograd.Function):
            @staticmethod
            def forward(ctx, peer, number, token, data, anchor, *leaves):
                ctx.peer, ctx.number_there, ctx.token = peer, number, token
                ctx.leaves = leaves
                return data.clone()

            @staticmethod
            def backward(ctx, gradient):
                twice = torch.is_grad_enabled()
                with torch.no_grad():
                    plain = detached(gradient)
                    found = ctx.peer.gradient_by(ctx.number_there, plain)
                if found is None:
                    return (None,) * (5 + len(ctx.leaves))
                fits = type(found) is tuple and len(found) == len(ctx.leaves)
                for grad, leaf in zip(found if fits else (), ctx.leaves, strict=fits):
                    if grad is not None:
                        fits &= isinstance(grad, torch.Tensor)
                        fits = fits and grad.shape == leaf.shape
                if not fits:
                    raise WireError("gradients of other shapes")
                if twice:  # by create_graph: without a graph they would seem constant
                    inputs = gradient, *ctx.leaves
                    found = [g if g is None else Once.apply(g, *inputs) for g in found]
                return (None, None, None, None, None, *found)

        class WithAnchor:
            @staticmethod
            def apply(peer, number, token, data, *leaves):
                # It makes the result need a gradient, whatever the leaves are.
                anchor = torch.zeros((), requires_grad=True)
                return Remote.apply(peer, number, token, data, anchor, *leaves)

        _REMOTE_GRAPH = WithAnchor
    return _REMOTE_GRAPH


_REMOTE_GRAPH = None
