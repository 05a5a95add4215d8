"""Instruments by hand, scores against scikit-learn, files that fit or are refused."""

import io
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from everygrad import backprop as bp
from everygrad import training_in_practice as tip
from everygrad.gradient_check import gradient_errors


def test_gradient_norms_are_lengths(rng):
    net = bp.dense_network(rng, [2, 3, 1])
    net.gradients["W1"][:] = [[3, 0, 0], [0, 0, 4]]
    norms = tip.gradient_norms(net)
    assert norms == {"W1": 5, "b1": 0, "W2": 0, "b2": 0}


def test_dead_shares_by_hand():
    first = bp.Linear(np.array([[1.0, -1, 1, -1]]), np.array([0, 0, 0, 9.0]))
    second = bp.Linear(-np.ones((4, 2)), np.zeros(2))
    net = bp.Network([first, bp.ReLU(), second, bp.ReLU(), bp.Tanh()])
    X = np.array([[1.0], [2.0]])
    assert tip.dead_shares(net, X) == [0.25, 1.0]
    assert tip.dead_shares(net, -X) == [0.5, 1.0]


def test_update_ratios_leave_out_what_has_no_length():
    before = {"W": np.array([[3.0, 4.0]]), "b": np.zeros(2)}
    after = {"W": np.array([[3.0, 4.5]]), "b": np.ones(2)}
    assert tip.update_ratios(before, after) == {"W": pytest.approx(0.1)}


def test_noise_ratio_by_hand_and_its_fall_with_the_batch(rng):
    assert tip.noise_ratio(np.array([[1.0, 2], [1, 2]])) == 0
    assert tip.noise_ratio(np.array([[3.0, 1], [3, -1]])) == pytest.approx(1 / 3)
    rows = 1 + rng.normal(size=(16000, 5))
    single, of_16 = (tip.noise_ratio(rows.reshape(-1, b, 5).mean(1)) for b in (1, 16))
    assert single / of_16 == pytest.approx(4, rel=0.05)


def test_twins_agree_in_every_bit():
    X = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert tip.twin_share(X, np.array([[3.0, 4.0], [4.0, 3.0]])) == 0.5
    assert tip.twin_share(X, X.T[:, ::-1].T[::-1]) in (0.0, 1.0)
    assert tip.twin_share(X, X + 1e-12) == 0
    with pytest.raises(ValueError, match="need rows of"):
        tip.twin_share(X, X.astype("f4"))


def test_standard_error_by_hand():
    assert tip.standard_error(np.array([1.0, 2, 3, 4])) == pytest.approx(
        np.sqrt(5 / 12)
    )
    pairs = np.array([[0.0, 1], [2.0, 1]])
    assert tip.standard_error(pairs).tolist() == pytest.approx([1, 0])
    with pytest.raises(ValueError, match="two values or more, got 1"):
        tip.standard_error(np.ones(1))


def test_scores_by_hand():
    C = tip.confusion_matrix(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), 3)
    assert C.tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
    np.testing.assert_allclose(
        tip.class_scores(C),
        [[1 / 2, 2 / 3, np.nan], [1 / 2, 2 / 3, np.nan], [1 / 2, 2 / 3, np.nan]],
    )
    silent = tip.class_scores(np.array([[5, 0], [3, 0]]), undefined=0.0)
    np.testing.assert_allclose(silent, [[5 / 8, 0], [1, 0], [10 / 13, 0]])
    assert np.isnan(tip.class_scores(np.array([[5, 0], [3, 0]]))[0, 1])
    assert tip.class_scores(np.array([[5, 0], [3, 0]]))[2, 1] == 0  # 0/3, not 0/0


def test_scores_agree_with_sklearn(rng):
    metrics = pytest.importorskip("sklearn.metrics")
    true, said = rng.integers(4, size=(2, 60))
    C = tip.confusion_matrix(true, said, 4)
    np.testing.assert_array_equal(C, metrics.confusion_matrix(true, said))
    theirs = metrics.precision_recall_fscore_support(true, said)
    np.testing.assert_allclose(tip.class_scores(C), theirs[:3])


def test_small_integers_do_not_overflow(rng):
    true, said = rng.integers(30, size=(2, 200)).astype(np.uint8)
    C = tip.confusion_matrix(true, said, 30)
    assert C.sum() == 200
    assert C[true[0], said[0]] >= 1


@pytest.mark.parametrize(
    ("true", "said"),
    [([0, 1], [0, 2]), ([0, -1], [0, 1]), ([0.0, 1.0], [0.0, 1.0]), ([0, 1], [0])],
    ids=["too big", "negative", "not whole", "too few"],
)
def test_classes_that_are_none_are_refused(true, said):
    with pytest.raises(ValueError, match=r"classes in 0\.\.1|same shape"):
        tip.confusion_matrix(np.array(true), np.array(said), 2)


@pytest.fixture
def net(rng):
    return bp.dense_network(rng, [3, 4, 2])


@pytest.fixture
def saved(net, tmp_path):
    path = tmp_path / "weights.npz"
    tip.save_parameters(path, net.parameters)
    return path


def fresh(**changes):
    net = bp.dense_network(np.random.default_rng(9), [3, 4, 2])
    return {**net.parameters, **changes}


def test_what_is_saved_comes_back_bit_for_bit(net, saved):
    other = bp.dense_network(np.random.default_rng(9), [3, 4, 2])
    home = other.parameters["W1"]
    tip.load_parameters(saved, other.parameters)
    assert other.parameters["W1"] is home  # written in place, so the layers see it
    assert other.theta.tobytes() == net.theta.tobytes()
    assert [p.name for p in saved.parent.iterdir()] == ["weights.npz"]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_odd_values_and_odd_names_keep_their_bits(dtype, tmp_path):
    odd = {
        "W/1 é": np.array([[np.nan, -np.nan, np.inf, -0.0]], dtype),
        "b": np.array(np.pi, dtype),
        "none": np.zeros((0, 3), dtype),
    }
    tip.save_parameters(tmp_path / "odd", odd)
    back = {name: np.zeros_like(p) for name, p in odd.items()}
    tip.load_parameters(tmp_path / "odd", back)
    assert {k: p.tobytes() for k, p in back.items()} == {
        k: p.tobytes() for k, p in odd.items()
    }


@pytest.mark.parametrize("name", ["weights", "weights.bin", "weights.v1.npz"])
def test_the_path_is_used_as_it_is(name, net, tmp_path):
    tip.save_parameters(str(tmp_path / name), net.parameters)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    tip.load_parameters(str(tmp_path / name), net.parameters)


def test_what_holds_no_plain_floats_is_not_saved(tmp_path):
    for p in np.array([1, 2]), np.array(["a"]), np.array([None]), np.array([1j]):
        with pytest.raises(ValueError, match=r"need floats.*\['W'\]"):
            tip.save_parameters(tmp_path / "x", {"b": np.ones(1), "W": p})
    for name in "file", "allow_pickle":
        with pytest.raises(ValueError, match=name):
            tip.save_parameters(tmp_path / "x", {name: np.ones(1)})
    assert list(tmp_path.iterdir()) == []


REFUSED = {
    "missing": (fresh(W3=np.ones(1)), r"missing in .* unknown here: \['W3'\]"),
    "unknown": ({"W1": np.ones((3, 4))}, r"unknown here: \['W2', 'b1', 'b2'\]"),
    "shape": (
        fresh(b2=np.ones(3)),
        r"b2: need \(3,\) float64, got \(2,\) float64",
    ),
    "transposed": (fresh(W1=np.ones((4, 3))), r"W1: need \(4, 3\).*got \(3, 4\)"),
    "dtype": (fresh(b2=np.ones(2, "f4")), "b2: need .* float32, got .* float64"),
    "byte order": (fresh(b2=np.ones(2, ">f8")), "b2: need .* >f8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_does_not_fit_is_refused_and_nothing_changes(case, saved):
    parameters, complaint = REFUSED[case]
    before = {name: p.copy() for name, p in parameters.items()}
    with pytest.raises(ValueError, match=complaint):
        tip.load_parameters(saved, parameters)
    for name, p in parameters.items():
        np.testing.assert_array_equal(p, before[name])


class Payload:
    """Make a folder when unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_pickled_objects_are_refused_and_do_not_run(tmp_path):
    trace = tmp_path / "it ran"
    np.savez(tmp_path / "trap.npz", W1=np.array([Payload(trace)], dtype=object))
    (tmp_path / "trap.pkl").write_bytes(pickle.dumps({"W1": Payload(trace)}))
    for target in np.ones(1), np.array([None]):  # even where objects are expected
        for name in "trap.npz", "trap.pkl":
            with pytest.raises(ValueError, match=r"got \(1,\) object|no whole \.npz"):
                tip.load_parameters(tmp_path / name, {"W1": target})
    assert not trace.exists()
    with np.load(tmp_path / "trap.npz", allow_pickle=True) as stored:
        assert stored["W1"].shape == (1,)
    assert trace.exists()  # the trap was a trap


def test_damaged_and_foreign_files_are_refused(net, saved, tmp_path):
    whole, before = saved.read_bytes(), net.theta.copy()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 1
    np.save(tmp_path / "plain.npy", np.ones(3))
    damaged = {
        "half": whole[: len(whole) // 2],
        "nearly whole": whole[:-1],
        "one bit": bytes(flipped),
        "empty": b"",
        "text": b"W1 = 3\n",
        "one array": (tmp_path / "plain.npy").read_bytes(),
    }
    for content in damaged.values():
        saved.write_bytes(content)
        with pytest.raises(ValueError, match=r"no whole \.npz"):
            tip.load_parameters(saved, net.parameters)
    with pytest.raises(FileNotFoundError):
        tip.load_parameters(tmp_path / "nowhere.npz", net.parameters)
    np.testing.assert_array_equal(net.theta, before)


def zipped(path, *entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stored:
        for name, content in entries:
            stored.writestr(name, content)
    return path


def as_npy(p, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, p, version)
    return file.getvalue()


@pytest.mark.parametrize("second", ["W.npy", "W"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(second, tmp_path):
    entries = ("W.npy", as_npy(np.ones(2))), (second, as_npy(np.zeros(2)))
    with pytest.raises(ValueError, match="one array per name"):
        tip.load_parameters(zipped(tmp_path / "w", *entries), {"W": np.ones(2)})


def test_a_bomb_is_refused_before_it_unpacks(tmp_path):
    big, long = as_npy(np.zeros(4_000_000)), b"\x93NUMPY\x02\x00\x00\x00\x00\x02"
    short = as_npy(np.zeros(4)).replace(b"(4,), }        ", b"(400000000,), }")
    bombs = {"real": big, "only claimed": short, "header": long + bytes(1 << 25)}
    for content in bombs.values():
        path = zipped(tmp_path / "w.npz", ("W.npy", content))
        assert path.stat().st_size < 40_000
        tracemalloc.start()
        with pytest.raises(ValueError, match=r"got \(4|no whole"):
            tip.load_parameters(path, {"W": np.ones(2)})
        assert tracemalloc.get_traced_memory()[1] < 500_000
        tracemalloc.stop()


def test_columns_first_and_compressed_files_are_read(tmp_path):
    W = np.arange(6.0).reshape(2, 3)
    np.savez_compressed(tmp_path / "w.npz", W=np.asfortranarray(W))
    for order in "C", "F":
        back = {"W": np.zeros((2, 3), order=order)}
        tip.load_parameters(tmp_path / "w.npz", back)
        np.testing.assert_array_equal(back["W"], W)


def test_a_link_stays_a_link(net, saved, tmp_path):
    link = tmp_path / "latest.npz"
    link.symlink_to(saved)
    net.theta[:] = 3
    tip.save_parameters(link, net.parameters)
    assert link.is_symlink()
    back = bp.dense_network(np.random.default_rng(9), [3, 4, 2])
    tip.load_parameters(saved, back.parameters)
    assert set(back.theta) == {3}


def test_every_flipped_byte_is_refused_or_harmless(tmp_path):
    path, parameters = tmp_path / "w.npz", {"W": np.array([[1.5, -2.0]])}
    tip.save_parameters(path, parameters)
    whole = path.read_bytes()
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 255]) + whole[i + 1 :])
        back = {"W": np.zeros((1, 2))}
        try:
            tip.load_parameters(path, back)
        except ValueError:
            assert back["W"].tolist() == [[0, 0]]
        else:
            assert back["W"].tolist() == [[1.5, -2]]


@pytest.mark.parametrize("broken", ["fsync", "replace", "savez"])
@pytest.mark.parametrize("crash", [OSError("disk full"), KeyboardInterrupt()])
def test_a_crash_leaves_the_old_file_and_no_litter(
    broken, crash, net, saved, monkeypatch
):
    old = saved.read_bytes()

    def fail(file, *args, **kwargs):
        if broken == "savez":
            file.write(b"half an arr")
        raise crash

    home = {"fsync": os, "replace": Path, "savez": np}[broken]
    monkeypatch.setattr(home, broken, fail)
    net.theta[:] = 7
    with pytest.raises(type(crash)):
        tip.save_parameters(saved, net.parameters)
    monkeypatch.undo()
    assert saved.read_bytes() == old
    assert [p.name for p in saved.parent.iterdir()] == ["weights.npz"]


def test_a_killed_process_leaves_the_old_file(net, saved):
    code = (
        "import os, sys, numpy as np\n"
        "from everygrad.training_in_practice import save_parameters\n"
        "os.fsync = lambda fd: os._exit(3)\n"
        "save_parameters(sys.argv[1], {'W1': np.ones(9)})\n"
    )
    old = saved.read_bytes()
    run = subprocess.run([sys.executable, "-c", code, saved], check=False)
    assert run.returncode == 3
    assert saved.read_bytes() == old


def test_a_folder_that_is_not_there_is_refused(net, tmp_path):
    with pytest.raises(FileNotFoundError):
        tip.save_parameters(tmp_path / "none" / "w.npz", net.parameters)


@pytest.mark.parametrize("activation", [bp.Tanh, bp.Sigmoid, bp.ReLU])
def test_input_gradient_is_checked(activation, rng):
    net = bp.dense_network(rng, [6, 5, 3], activation)
    X, labels = rng.normal(size=(4, 6)), np.array([2, 0, 1, 1])
    errors = gradient_errors(
        lambda p: bp.softmax_cross_entropy(net.forward(p["X"]), labels)[0],
        lambda p: {
            "X": tip.input_gradient(net, bp.softmax_cross_entropy, p["X"], labels)
        },
        {"X": X},
    )
    assert errors["X"] < 1e-6


def test_input_gradient_agrees_with_torch(net, rng):
    torch = pytest.importorskip("torch")
    X, labels = rng.normal(size=(5, 3)), np.array([0, 1, 1, 0, 1])
    leaf = torch.tensor(X, requires_grad=True)
    W1, b1, W2, b2 = (torch.tensor(p) for p in net.parameters.values())
    logits = torch.relu(leaf @ W1 + b1) @ W2 + b2
    torch.nn.functional.cross_entropy(logits, torch.tensor(labels)).backward()
    d = tip.input_gradient(net, bp.softmax_cross_entropy, X, labels)
    np.testing.assert_allclose(d, leaf.grad, rtol=0, atol=1e-12)


def test_no_move_of_the_same_size_is_worse_to_first_order(net, rng):
    X, labels = rng.uniform(0.3, 0.7, size=(5, 3)), np.array([0, 1, 1, 0, 1])
    d = tip.input_gradient(net, bp.softmax_cross_entropy, X, labels)
    moved = tip.fgsm(net, bp.softmax_cross_entropy, X, labels, 0.1) - X
    assert np.sum(d * moved) == pytest.approx(0.1 * np.abs(d).sum())
    corners = np.array(np.meshgrid(*[[-0.1, 0.1]] * 3)).reshape(3, -1).T
    assert (d @ corners.T).max(axis=1) == pytest.approx(np.sum(d * moved, axis=1))


def test_fgsm_stays_in_range_and_keeps_its_inputs(net):
    X, labels = np.array([[0.0, 1.0, 0.5]]), np.array([0])
    kept = X.copy()
    moved = tip.fgsm(net, bp.softmax_cross_entropy, X, labels, 0.3)
    np.testing.assert_array_equal(X, kept)
    assert moved.min() >= 0
    assert moved.max() <= 1
    free = tip.fgsm(net, bp.softmax_cross_entropy, X, labels, 0.3, -np.inf, np.inf)
    np.testing.assert_allclose(np.abs(free - X), 0.3)
    np.testing.assert_array_equal(moved, np.clip(free, 0, 1))
