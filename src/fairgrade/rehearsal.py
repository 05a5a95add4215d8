"""Do once, before any fork, what each forked process would else do for the first time.

Python adapts code to what it meets in its first runs, and notes that beside the code.
In a fork, the kernel has to copy each page of memory that is written to.
"""

import contextlib
import importlib
import sys

import numpy as np

from .known import library_name
from .learner import Learner, compile_cell
from .peer import Peer, frame, remote_graph, unframe
from .wire import MESSAGE_LIMIT

TIMES = 20
ANSWER = """\
import numpy as np


def double(x):
    return np.asarray(x) * 2


class Layer:
    def __init__(self, W):
        self.W = W

    def forward(self, x):
        return x @ self.W
"""


def rehearse():
    """Judge an answer a few times, with both ends in this process; warm up torch."""
    if "torch" in sys.modules:
        warm_torch()
    main = sys.modules["__main__"]
    for _ in range(TIMES):
        converse()
    sys.modules["__main__"] = main
    library_name(np.linalg.norm)
    code, _ = compile_cell("import numpy as np\nassert True, f'{np}'\n", "<cell >")
    exec(code, {})


def compare():
    """Use once what tests compare with; learners' processes are lighter without."""
    numbers = np.random.default_rng(0).normal(size=5)
    np.testing.assert_allclose(numbers, numbers)
    assert np.isclose(numbers, numbers).all(), f"{numbers}"


def converse():
    """Ask a learner's end what tests ask."""
    ask = Asker(Learner(Line(), 1000)).request
    *_, found = ask("run", 0, ANSWER, "rehearsal", "Layer", "double")
    (Layer,), (double,) = found
    values = [1, {"a": (2.5, None)}], np.ones((2, 3)), np.float32(1), range(3)
    for value in values[1:3]:
        double(value)
    layer = Layer(np.eye(3))
    layer.forward(values[1])
    assert isinstance(layer.W, np.ndarray)
    ask("echo", 0, *values, np.random.default_rng(0), np.tanh)
    with contextlib.suppress(TypeError):
        double()


class Line:
    """A channel of which one process holds both ends."""

    limit = MESSAGE_LIMIT

    def send(self, data, deadline=None):
        self.data = data

    def receive(self, deadline=None):
        return self.data


class Asker(Peer):
    """The other end of a learner's."""

    def __init__(self, learner):
        super().__init__(learner.channel, first=0)
        self.learner = learner

    def say(self, verb, value):
        self.channel.send(frame(b"question", verb, self.outgoing(value)))

    def hear(self):
        _, body = self.learner.hear()
        self.learner.serve(body)
        _, verb, parts, _, _ = unframe(self.channel.receive())
        return verb, self.incoming(*parts)

    def seconds_left(self):
        return 60.0


def warm_torch():
    """Let torch import what it imports at first use."""
    torch = sys.modules["torch"]
    importlib.import_module("torch.nn")
    importlib.import_module("torch.optim")
    remote_graph()
    str(torch.rand(1))
    layer = torch.nn.Linear(1, 1)
    layer(torch.zeros(1))
    # Not `backward`: it may start threads, which no fork would have.
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    optimiser.step()
    optimiser.zero_grad()
