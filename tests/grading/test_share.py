"""Objects that both sides know stay in step, as if they were in one process."""

import gc

import numpy as np
import pytest

from fairgrade.peer import Peer
from fairgrade.wire import WireError


class Pair:
    """Two peers, and what the one has of the other's."""

    def __init__(self):
        self.judge, self.learner = Peer(None, 0), Peer(None, 1)

    def to_learner(self, value=None):
        return self.learner.incoming(*self.judge.outgoing(value))

    def to_judge(self, value=None):
        return self.judge.incoming(*self.learner.outgoing(value))


@pytest.fixture
def sides():
    return Pair()


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (lambda: [1, 2], lambda x: x.append([3])),
        (lambda: {"a": 1}, lambda x: x.update(b={})),
        (lambda: {1, 2}, lambda x: x.discard(2)),
        (lambda: bytearray(b"ab"), lambda x: x.extend(b"c")),
        (lambda: np.arange(4), lambda x: x.__setitem__(2, 7)),
        (lambda: np.array([None, 1]), lambda x: x.__setitem__(0, [1])),
    ],
    ids=["list", "dict", "set", "bytearray", "array", "objects"],
)
def test_a_change_on_either_side_reaches_the_other(sides, make, change):
    mine = make()
    theirs = sides.to_learner(mine)
    change(theirs)
    sides.to_judge()
    expected = make()
    change(expected)
    np.testing.assert_equal(mine, expected)
    assert sides.to_judge(theirs) is mine
    change(mine)
    sides.to_learner()
    change(expected)
    np.testing.assert_equal(theirs, expected)


def test_generators_advance_together(sides):
    rng = np.random.default_rng(1)
    theirs = sides.to_learner(rng)
    drawn = theirs.normal(size=3)
    sides.to_judge()
    expected = np.random.default_rng(1)
    np.testing.assert_array_equal(drawn, expected.normal(size=3))
    assert rng.normal() == expected.normal()


def test_a_view_of_what_crossed_stays_a_view(sides):
    x = np.zeros((3, 4))
    theirs = sides.to_learner(x)
    turned = sides.to_judge(theirs.T[1:])
    turned[0, 0] = 5
    assert x[0, 1] == 5


def test_the_judge_never_sends_the_rest_of_an_array(sides):
    secret = np.arange(10.0)
    part = sides.to_learner(secret[2:4])
    assert part.base is None
    assert sides.judge.entries.keys() == {0}


def test_an_array_that_is_read_only_stays_so(sides):
    x = np.ones(2)
    x.flags.writeable = False
    theirs = sides.to_learner(x)
    with pytest.raises(ValueError, match="read-only"):
        theirs[0] = 1


def test_a_temporary_is_changed_before_it_is_dropped(sides):
    theirs = np.zeros(2)
    mine = sides.to_judge(theirs)
    mine += 1
    del mine
    sides.to_learner()
    np.testing.assert_array_equal(theirs, [1, 1])


def test_what_is_out_of_use_is_dropped_on_both_sides(sides):
    for _ in range(50):
        sides.to_judge(sides.to_learner([np.zeros(3), {"a": []}]))
    gc.collect()
    sides.to_learner()
    sides.to_judge()
    assert len(sides.judge.entries) < 10
    assert len(sides.learner.entries) < 10


@pytest.mark.parametrize(
    ("dtype", "shape"), [("<i8", [4]), ("<f8", [2, 2]), ("<f8", [5])]
)
def test_an_array_cannot_change_its_dtype_or_shape(sides, dtype, shape):
    from fairgrade.wire import dump

    x = np.zeros(4)
    sides.to_learner(x)
    state = b"a" + dump([dtype, shape, True, bytes(8 * int(np.prod(shape)))])
    with pytest.raises(WireError):
        sides.judge.incoming([], [(0, state)], None)


@pytest.mark.parametrize("number", [2, -1, 2**61])
def test_a_number_that_is_not_the_senders_to_give_is_refused(sides, number):
    sides.to_learner([1])
    with pytest.raises(WireError):
        sides.judge.incoming([], [(number, b"l\x90")], None)


def test_tensors_and_their_gradients_stay_in_step(sides):
    torch = pytest.importorskip("torch")
    w = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    theirs = sides.to_learner(w)
    assert type(theirs) is torch.nn.Parameter
    (theirs**2).sum().backward()
    sides.to_judge()
    assert w.grad.tolist() == [2, 4]
    w.grad = None
    with torch.no_grad():
        w -= 1
    sides.to_learner()
    assert theirs.grad is None
    assert theirs.tolist() == [0, 1]
