"""Test cells stay ordinary code: what crosses, and how, seen from tests alone."""

import os

import pytest

from fairgrade.grading import Grader, ReferenceFails, record_reference

from .assignments import assignment, reference, statuses

GIVEN = """\
import numpy as np


class Node:
    def __init__(self, value, next=None):
        self.value = value
        self.next = next

    def __eq__(self, o):
        return isinstance(o, Node) and self.value == o.value


def numgrad(x):
    return (f3(x + 1e-6) - f3(x - 1e-6)) / 2e-6
"""
ANSWER = """\
import math


class Value:
    def __init__(self, data, parents=()):
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self._backward = lambda: None

    def __add__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        out = Value(self.data + o.data, (self, o))

        def b():
            self.grad += out.grad
            o.grad += out.grad

        out._backward = b
        return out

    __radd__ = __add__

    def __mul__(self, o):
        o = o if isinstance(o, Value) else Value(o)
        out = Value(self.data * o.data, (self, o))

        def b():
            self.grad += o.data * out.grad
            o.grad += self.data * out.grad

        out._backward = b
        return out

    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, o):
        return self + (-o)

    def __eq__(self, o):
        return isinstance(o, Value) and self.data == o.data

    def __hash__(self):
        return hash(self.data)

    def __lt__(self, o):
        return self.data < o.data

    def __bool__(self):
        return self.data != 0

    def __len__(self):
        return 3

    def __repr__(self):
        return f"Value({self.data})"

    def backward(self):
        order = []
        seen = set()

        def visit(v):
            if id(v) not in seen:
                seen.add(id(v))
                [visit(p) for p in v.parents]
                order.append(v)

        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            v._backward()


class MyError(ValueError):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code


def fail(c):
    raise MyError(c)


def fail2():
    return {}["a"]


def gen(n):
    for i in range(n):
        yield i * i


def counter():
    n = 0

    def inc(k=1):
        nonlocal n
        n += k
        return n

    return inc


def apply(f, *a, **k):
    return f(*a, **k)


def inplace(x):
    x *= 2


def inlist(l):
    l.append(5)
    l.sort()


def same(x):
    return x


import numpy as np


class Layer:
    def __init__(self, n, m, rng):
        self.W = rng.normal(size=(n, m))
        self.b = np.zeros(m)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.dW = self.x.T @ g
        return g @ self.W.T

    def params(self):
        return [self.W, self.b]


def sgd(params, grads, lr):
    for p, g in zip(params, grads):
        p -= lr * g


def draw(rng):
    return rng.normal()


def init():
    return np.random.randn(3)


squares = lambda n: [i * i for i in range(n)]


def sumsq(n):
    return sum(squares(n))


def warns():
    import warnings

    warnings.warn("old", DeprecationWarning)
    print("hi")
    return np.array([1.0]) / 0


from collections import namedtuple

P = namedtuple("P", "loss grad")


def nt():
    return P(1.5, np.ones(2))


def tr(x):
    return x.T


cnt = 0


def bump():
    global cnt
    cnt += 1


class Base:
    kind = "base"

    @staticmethod
    def st():
        return 4

    @classmethod
    def cm(cls):
        return cls.__name__

    @property
    def prop(self):
        return 42


class Sub(Base):
    pass


def f3(x):
    return np.sum(x**2)


def g3(x):
    return 2 * x


def callmany(f):
    return [f(i) for i in range(3)]


def caught(f):
    try:
        f()
    except KeyError as e:
        return "key"
"""
LISTS = """\
def tail(node):
    while node.next:
        node = node.next
    return node


def push(node, v):
    node.next = Node(v)
    node.value += 1
"""
TESTS = {
    "an engine of values": """\
a = Value(2.0)
b = Value(3.0)
c = a * b + a + 1
assert c.data == 9.0
c.backward()
assert a.grad == 4 and b.grad == 2, a.grad
assert repr(a) == "Value(2.0)" and str(a) == "Value(2.0)"
assert a == Value(2.0)
assert not a == b
assert a != b
assert a < b
assert a
assert len(a) == 3
assert isinstance(a, Value)
assert isinstance(2 * a, Value)
assert len({a, Value(2.0)}) == 1
a.data = 7
assert a.data == 7
assert (a - b).data == 4
""",
    "exceptions iterators and closures": """\
try:
    fail(3)
except MyError as e:
    assert e.code == 3
    assert "code 3" in str(e)
    assert isinstance(e, ValueError)
else:
    assert False
try:
    fail(4)
except ValueError as e:
    pass
try:
    fail2()
except KeyError as e:
    assert e.args == ("a",)
assert list(gen(4)) == [0, 1, 4, 9]
g = gen(2)
assert next(g) == 0
assert next(g) == 1
try:
    next(g)
except StopIteration:
    pass
else:
    assert False
c = counter()
assert c() == 1 and c(5) == 6
assert apply(lambda x, y=1: x + y, 3, y=4) == 7
assert callmany(lambda i: i * 2) == [0, 2, 4]


def boom():
    raise KeyError("z")


assert caught(boom) == "key"


def boom2():
    raise MyError(9)


try:
    apply(boom2)
except MyError as e:
    assert e.code == 9


def boom3():
    raise ZeroDivisionError("zz")


try:
    apply(boom3)
except ZeroDivisionError as e:
    assert str(e) == "zz"
else:
    assert 0
""",
    "changes in place": """\
x = np.arange(3.0)
inplace(x)
assert x.tolist() == [0, 2, 4]
y = x[1:]
inplace(y)
assert x.tolist() == [0, 4, 8]
l = [3, 9, 1]
inlist(l)
assert l == [1, 3, 5, 9]
assert same(x) is x
assert same(l) is l
d = {"a": x, "l": l}
e = same(d)
assert e is d and e["a"] is x
l.append(l)
assert same(l)[-1] is l
rng = np.random.default_rng(3)
lay = Layer(2, 3, np.random.default_rng(0))
x = np.ones((4, 2))
out = lay.forward(x)
assert out.shape == (4, 3)
W0 = lay.W.copy()
lay.W[0] += 1
assert np.allclose(lay.forward(x), x @ (W0 + [[1], [0]]))
p = lay.params()
sgd(p, [np.ones((2, 3)), np.ones(3)], 0.5)
assert np.allclose(lay.b, -0.5)
assert np.allclose(p[1], -0.5)
lay.W = np.zeros((2, 3))
assert np.allclose(lay.forward(x), -0.5)
r1 = np.random.default_rng(5)
r2 = np.random.default_rng(5)
assert draw(r1) == r2.normal()
assert r1.normal() == r2.normal()
np.random.seed(0)
a = init()
np.random.seed(0)
assert np.allclose(a, np.random.randn(3))
t = tr(x)
assert np.shares_memory(t, x)
assert nt().loss == 1.5
loss, grad = nt()
assert grad.shape == (2,)
""",
    "a name that the test takes away": """\
assert sumsq(4) == 14
orig = squares
del squares
try:
    sumsq(3)
except NameError:
    pass
else:
    raise AssertionError("did not use squares")
finally:
    squares = orig
assert sumsq(4) == 14
""",
    "warnings classes and the teachers own objects": """\
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("error")
    try:
        warns()
    except (DeprecationWarning, RuntimeWarning):
        pass
    else:
        assert 0
warns()
with np.errstate(all="raise"):
    try:
        warns()
    except FloatingPointError:
        pass
    else:
        assert 0
assert issubclass(Sub, Base)
assert isinstance(Sub(), Base)
assert Sub().prop == 42
assert Sub.st() == 4
assert Sub.cm() == "Sub"
assert Sub.kind == "base"
assert callable(f3)
assert f3.__name__ == "f3"
from scipy.optimize import check_grad

assert check_grad(f3, g3, np.array([1.0, 2.0])) < 1e-5
assert abs(numgrad(np.array([2.0])) - 4) < 1e-4
n = Node(1, Node(2))
assert tail(n) is n.next
assert tail(n) == Node(2)
push(n, 9)
assert n.next.value == 9 and n.value == 2
assert hasattr(n, "value") and not hasattr(Sub(), "nope")
import inspect

assert list(inspect.signature(counter()).parameters) == ["k"]
assert (
    same(2**70) == 2**70
    and same({1, 2}) == {1, 2}
    and same((1, [2])) == (1, [2])
    and same(b"a") == b"a"
    and same(3 + 4j) == 3 + 4j
)
assert (
    same(np.float32(2)).dtype == np.float32
    and same(np.float64) is np.float64
    and same(np.int64(3)) == 3
)
assert (
    same(range(3)) == range(3)
    and same(slice(1, 2)) == slice(1, 2)
    and same(None) is None
    and same("ü\\ud800") == "ü\\ud800"
)
""",
}
TORCH_GIVEN = """\
import torch
from torch import nn
import torch.nn.functional as F


class Given(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(2, 1)

    def forward(self, x):
        return self.l(x)
"""
TORCH_ANSWER = """\
class Net(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.fc1 = nn.Linear(d, 4)
        self.fc2 = nn.Linear(4, 2)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.fc2(self.drop(torch.relu(self.fc1(x))))


def loss(w, x):
    return (w * x).pow(2).sum()


def make():
    return torch.arange(3.0, requires_grad=True)


def train(model, x, y, steps):
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        opt.zero_grad()
        l = ((model(x) - y) ** 2).mean()
        l.backward()
        opt.step()
    return l.item()


def grad_of(f, x):
    x = x.clone().requires_grad_(True)
    y = f(x)
    y.backward()
    return x.grad


class SGD:
    def __init__(self, params, lr):
        self.params = list(params)
        self.lr = lr

    def step(self):
        with torch.no_grad():
            for p in self.params:
                p -= self.lr * p.grad

    def zero_grad(self):
        for p in self.params:
            p.grad = None


class MyFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


def cube(x):
    return MyFn.apply(x)


def noisy():
    return torch.randn(3)
"""
TORCH_TESTS = {
    "modules and optimisers": """\
torch.manual_seed(0)
m = Net(3)
assert isinstance(m, nn.Module)
x = torch.randn(5, 3)
out = m(x)
assert out.shape == (5, 2) and out.requires_grad
m.eval()
o1 = m(x)
assert torch.equal(o1, m(x))
assert not m.training
m.train()
assert m.training
ps = list(m.parameters())
assert len(ps) == 4 and isinstance(ps[0], nn.Parameter) and ps[0].shape == (4, 3)
m.eval()
l = F.cross_entropy(m(x), torch.tensor([0, 1, 0, 1, 1]))
l.backward()
assert ps[0].grad is not None and ps[0].grad.abs().sum() > 0, ps[0].grad
for p in m.parameters():
    assert p.grad is not None
g0 = ps[0].grad.clone()
m.zero_grad()
assert ps[0].grad is None
l = F.cross_entropy(m(x), torch.tensor([0, 1, 0, 1, 1]))
l.backward()
assert torch.allclose(ps[0].grad, g0)
opt = torch.optim.SGD(m.parameters(), lr=0.1)
before = l.item()
for _ in range(5):
    opt.zero_grad()
    l = F.cross_entropy(m(x), torch.tensor([0, 1, 0, 1, 1]))
    l.backward()
    opt.step()
assert l.item() < before
sd = m.state_dict()
assert list(sd) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
assert sum(p.numel() for p in m.parameters()) == 26
assert isinstance(m.fc1, nn.Linear)
with torch.no_grad():
    assert not m(x).requires_grad
""",
    "gradients in both directions": """\
w = torch.tensor([1.0, 2.0], requires_grad=True)
x = torch.tensor([3.0, 4.0])
l = loss(w, x)
l.backward()
assert torch.allclose(w.grad, 2 * w * x * x)
w.grad = None
z = w * 2
l = loss(z, x)
l.backward()
assert torch.allclose(w.grad, 8 * w * x * x), w.grad
(gw,) = torch.autograd.grad(loss(w, x), w)
assert torch.allclose(gw, 2 * w * x * x)
assert torch.autograd.gradcheck(
    lambda a: loss(a, x.double()), (w.detach().double().requires_grad_(),)
)
assert torch.autograd.gradcheck(
    cube, (torch.randn(3, dtype=torch.double, requires_grad=True),)
)
p = make()
(p**2).sum().backward()
assert torch.allclose(p.grad, 2 * p)
assert torch.allclose(
    grad_of(lambda t: (t**2).sum(), torch.tensor([1.0, 2.0])), torch.tensor([2.0, 4.0])
)
""",
    "modules of the test's, and chance": """\
torch.manual_seed(1)
model = nn.Linear(2, 1)
x = torch.randn(20, 2)
y = x @ torch.tensor([[1.0], [2.0]])
w0 = model.weight.detach().clone()
train(model, x, y, 50)
assert not torch.allclose(w0, model.weight)
assert ((model(x) - y) ** 2).mean() < 0.1
gm = Given()
train(gm, x, y, 5)
p = nn.Parameter(torch.tensor([1.0, 1.0]))
o = SGD([p], 0.5)
(p * torch.tensor([1.0, 2.0])).sum().backward()
o.step()
assert torch.allclose(p.data, torch.tensor([0.5, 0.0]))
o.zero_grad()
assert p.grad is None
torch.manual_seed(3)
a = noisy()
torch.manual_seed(3)
assert torch.equal(a, torch.randn(3))
g = torch.Generator().manual_seed(4)
assert torch.tensor([True, False]).dtype == torch.bool
""",
}


@pytest.fixture(scope="module")
def grader():
    with Grader([], imports=["scipy.optimize", "torch"]) as grader:
        yield grader


def both_ways(grader, *cells):
    """Record the reference, then grade it: what was needed is allowed, and enough."""
    recorded = record_reference(assignment(*cells), grader)
    result, _ = grader.run(recorded, reference(recorded))
    return statuses(result), recorded


@pytest.mark.parametrize("what", TESTS)
def test_ordinary_tests_work(grader, what):
    cells = ("given", GIVEN), ("answer", ANSWER), ("answer", LISTS)
    assert both_ways(grader, *cells, ("test", TESTS[what]))[0] == {}


@pytest.mark.parametrize("what", TORCH_TESTS)
def test_torch_works_across(grader, what):
    cells = ("given", TORCH_GIVEN), ("answer", TORCH_ANSWER)
    assert both_ways(grader, *cells, ("test", TORCH_TESTS[what]))[0] == {}


def test_only_operators_that_the_reference_needed_are_allowed(grader):
    test = "a, b = Value(2), Value(2)\nassert a == b\nassert a.data == 2\n"
    _, recorded = both_ways(grader, ("answer", ANSWER), ("test", test))
    assert recorded.allowed == {"test1": {("__eq__", 2, 7)}}


def test_given_cells_that_use_answers_run_with_the_learners_objects(grader):
    wrong, _ = both_ways(
        grader,
        ("given", "import numpy as np\nstart = np.ones(2)\n"),
        ("answer", "class Model:\n    def __init__(self, w):\n        self.w = w\n"),
        ("given", "model = Model(start)\n"),
        ("answer", "model.w *= 3\n"),
        ("test", "assert model.w.tolist() == [3, 3]\nassert start.tolist() == [1, 1]"),
    )
    assert wrong == {}


def test_a_learner_cannot_redefine_what_is_given(grader):
    one = assignment(
        ("given", "def right(x):\n    return x + 1\n"),
        ("answer", "def f(x):\n    return x + 1\n"),
        ("test", "assert f(2) == right(2)\n"),
    )
    recorded = record_reference(one, grader)
    cheat = "def f(x):\n    return 0\ndef right(x):\n    return 0\n"
    result, _ = grader.run(recorded, {"answer1": cheat})
    assert statuses(result) == {"test2": "failed"}


def test_the_files_of_an_assignment_are_there(grader):
    one = assignment(
        ("answer", "def read():\n    return open('data/a.txt').read()\n"),
        ("test", "assert read() == open('data/a.txt').read() == 'abc'\n"),
        name="files",
        files={"data/a.txt": b"abc"},
    )
    result, _ = grader.run(one, reference(one))
    assert statuses(result) == {}


BESIDE = assignment(
    ("given", "import given_module"),
    ("answer", "def f(x):\n    return 2 * x\n"),
    ("answer", "class Pair:\n    def __init__(s, a):\n        s.a = a\n"),
    ("test", "assert f(2) == 4 == given_module.four()"),
    ("test", "pair = Pair(1)\npair.a += 1\nassert pair.a == 2"),
    name="beside",
    files={"given_module.py": b"def four():\n    return 4\n"},
)
HELPERS = b"""\
import given_module


def twice(x):
    return x * given_module.four() // 2


class Pair:
    def __init__(self, a):
        self.a = a
"""


@pytest.fixture(scope="module")
def beside(grader):
    return record_reference(BESIDE, grader)


def test_modules_beside_the_notebook_work_as_in_a_notebook(grader, beside):
    answers = {
        "answer1": "import helpers\nfrom sub.more import name\n"
        "def f(x):\n    return helpers.twice(x)\n",
        "answer2": "from helpers import Pair\n",
    }
    files = {"helpers.py": HELPERS, "sub/more.py": b"name = 1"}
    result, _ = grader.run(beside, answers, files=files)
    assert statuses(result) == {}
    result, _ = grader.run(beside, answers)
    assert result.cells[1].ename == "ModuleNotFoundError"


def test_what_a_learner_hands_in_is_never_the_judges(grader, beside):
    """Neither the teacher's module nor a library's is the learner's to replace."""
    evil = b"import os, sys\nsys.modules['numpy.testing'] = None\n" + (
        b"def four():\n    return 6\nclass Four:\n    def __eq__(s, o): return True\n"
    )
    names = ("given_module", "numpy", "json", "fairgrade", "sitecustomize", "judge")
    files = {f"{name}.py": evil for name in names} | {"numpy/testing.py": evil}
    answers = reference(beside) | {
        "answer1": "from given_module import four\ndef f(x):\n    return four()\n"
    }
    result, _ = grader.run(beside, answers, files=files)
    assert statuses(result) == {"test3": "failed"}
    answers = reference(beside) | {
        "answer1": "import given_module\ndef f(x):\n    return given_module.Four()\n"
    }
    result, _ = grader.run(beside, answers, files=files)
    assert statuses(result) == {"test3": "failed"}
    # The next learner has none of it.
    result, _ = grader.run(beside, reference(beside))
    assert statuses(result) == {}


def test_files_are_there_again_after_a_crash(grader, beside):
    crash = "import os, helpers\nopen('helpers.py', 'w').close()\nos._exit(1)\n"
    answers = {"answer1": crash, "answer2": "from helpers import Pair\n"}
    result, _ = grader.run(beside, answers, files={"helpers.py": HELPERS})
    assert statuses(result).keys() == {"answer1", "test3"}


@pytest.mark.parametrize("name", ["../out.py", "/tmp/out.py", "a/../../out.py"])
def test_no_file_lands_outside_the_learners_folder(grader, beside, name):
    result, _ = grader.run(beside, reference(beside), files={name: b"x"})
    assert result.score == 0
    assert not os.path.exists("/tmp/out.py")


CHAIN = """\
def own(y, w):
    return torch.tanh(y * w) + y**2

def step(y, w):
    return own(y, w).sum().backward()

def grads(f, step, how):
    x = torch.tensor([0.3, -0.7], requires_grad=True)
    w = torch.tensor([0.5, 0.2], requires_grad=True)
    f(x, w)
    y = torch.sin(x) * w
    h = f(y, w)
    z = f(torch.cos(h) * y, w) + f(3 * x, y)
    if how == 'step':
        step(torch.cos(h) * z, w)
        return [x.grad, w.grad]
    if how == 'backward':
        z.sum().backward()
        return [x.grad, w.grad]
    return torch.autograd.grad(z.sum(), [x, w, y, h])

for how in ('grad', 'backward', 'step'):
    for got, right in zip(grads(f, go, how), grads(own, step, how), strict=True):
        assert torch.allclose(got, right), (how, got, right)
"""


def test_gradients_go_back_and_forth(grader):
    answer = (
        "def f(y, w):\n    return torch.tanh(y * w) + y**2\n"
        "def go(y, w):\n    return f(y, w).sum().backward()\n"
    )
    whole = assignment(
        ("given", "import torch"), ("answer", answer), ("test", CHAIN), name="chain"
    )
    result, _ = grader.run(whole, reference(whole))
    assert statuses(result) == {}, result.cells[-1].evalue


TWICE = """\
x = torch.ones(2, requires_grad=True, dtype=torch.float64)
(g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
assert torch.allclose(g, 3 * torch.ones(2).double())
g.sum().backward()
assert torch.allclose(x.grad, 6 * torch.ones(2).double())
"""
HESSIAN = """\
torch.autograd.functional.hessian(lambda x: f(x).sum() ** 2, torch.ones(2))
"""
JACOBIAN = """\
x = torch.ones(2, requires_grad=True)
torch.autograd.functional.jacobian(f, x, create_graph=True).sum().backward()
"""
HVP = (
    "torch.autograd.functional.hvp(lambda x: f(x).sum(), torch.ones(2), torch.ones(2))"
)
INSIDE = "hessian_of(lambda x: (x**3).sum(), torch.ones(2))"
GRADGRAD = """\
x = torch.ones(2, requires_grad=True, dtype=torch.float64)
assert torch.autograd.gradgradcheck(f, (x,))
"""
BATCHED = """\
x = torch.ones(2, requires_grad=True)
torch.autograd.grad(f(x), x, torch.eye(2), is_grads_batched=True)
"""
VMAP = "torch.func.vmap(f)(torch.ones(3, 2))"
TANGENT = """\
with torch.autograd.forward_ad.dual_level():
    f(torch.autograd.forward_ad.make_dual(torch.ones(2), torch.ones(2)))
"""


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (TWICE, "a second derivative was asked for"),
        (HESSIAN, "a second derivative was asked for"),
        (JACOBIAN, "a second derivative was asked for"),
        (HVP, "a second derivative was asked for"),
        (INSIDE, "a second derivative was asked for"),
        (GRADGRAD, "a second derivative was asked for"),
        (BATCHED, "a tensor of a batch cannot cross"),
        (VMAP, "a tensor of a batch cannot cross"),
        (TANGENT, "a tensor with a tangent cannot cross"),
    ],
    ids=[
        "twice",
        "hessian",
        "jacobian",
        "hvp",
        "inside",
        "gradgradcheck",
        "batched",
        "vmap",
        "forward",
    ],
)
def test_derivatives_that_do_not_cross_are_told_with_the_assignment(grader, test, says):
    answer = (
        "def f(x):\n    return x**3\n"
        "def hessian_of(f, x):\n    return torch.autograd.functional.hessian(f, x)\n"
    )
    whole = assignment(
        ("given", "import torch"), ("answer", answer), ("test", test), name="cube"
    )
    with pytest.raises(ReferenceFails, match=says) as caught:
        record_reference(whole, grader)
    assert "works in one process" in str(caught.value)


def test_a_graph_that_is_kept_and_not_used_again_does_no_harm(grader):
    cube = ("answer", "def f(x):\n    return x**3\n")
    test = TWICE.partition("g.sum()")[0] + "assert torch.autograd.gradcheck(f, (x,))"
    whole = assignment(("given", "import torch"), cube, ("test", test), name="kept")
    result, _ = grader.run(whole, reference(whole))
    assert statuses(result) == {}


@pytest.mark.parametrize(
    ("answer", "test", "says"),
    [
        ("x = 1", "assert x == 2, 'no two'", "fails in one process, too"),
        ("class A:\n    pass", "class B(A):\n    pass\nB()", "works in one process"),
    ],
)
def test_a_reference_that_does_not_work_is_told(grader, answer, test, says):
    with pytest.raises(ReferenceFails, match=says) as caught:
        record_reference(assignment(("answer", answer), ("test", test)), grader)
    assert [cell.grade_id for cell in caught.value.cells] == ["test1"]
