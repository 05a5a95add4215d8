"""By hand, against our own network, resuming bit for bit, crashes, MNIST offline."""

import copy
import gzip
import hashlib
import io
import json
import math
from contextlib import redirect_stderr, redirect_stdout
from urllib.error import URLError

import numpy as np
import pytest

from everygrad import backprop as bp
from everygrad.gradient_check import gradient_errors

torch = pytest.importorskip("torch")
from everygrad import deep_networks_in_pytorch as deep  # noqa: E402 (needs torch)

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
SIZES = [5, 7, 6, 3]


@pytest.fixture(autouse=True)
def one_thread():
    """Small products are slow on many threads; sums then have one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(1)
    X = torch.randn(50, 5, generator=generator)
    return deep.Rows(X, (X[:, :3] + 0.3 * X[:, 2:]).argmax(dim=1))


def make_run(rows, seed, device="cpu", patience=10, optimiser="AdamW"):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = deep.deep_network(generator, SIZES, norm=True, dropout=0.2).to(device)
    groups = deep.decay_groups(model, 0.1)
    rule = getattr(torch.optim, optimiser)(groups, lr=0.02)
    return deep.Run(model, rule, deep.batches(rows, 16, seed), patience, device)


def same(a, b):
    """Return whether two states agree, tensors bit for bit and on any devices."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a.cpu(), b.cpu())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_rows_by_hand_and_a_label_that_is_missing():
    rows = deep.Rows(np.arange(6.0).reshape(3, 2), [2, 0, 1])
    x, label = rows[1]
    assert (x.tolist(), label.item(), len(rows)) == ([2, 3], 0, 3)
    X, labels = rows[[2, 0]]
    assert (X.tolist(), labels.tolist()) == ([[4, 5], [0, 1]], [1, 2])
    assert (X.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert deep.Rows([[1.0]], [0], torch.float64).X.dtype == torch.float64
    with pytest.raises(ValueError, match="need 3 labels, got 2"):
        deep.Rows(np.zeros((3, 2)), [0, 1])


def test_batches_show_every_row_once_in_the_order_of_their_own_dice(rows):
    loader = deep.batches(rows, 16, seed=3)
    before = torch.get_rng_state()
    first, second = ([b for b in loader] for _ in range(2))
    assert [len(X) for X, _ in first] == [16, 16, 16, 2]
    for epoch in first, second:
        together = torch.cat([X for X, _ in epoch])
        assert torch.equal(together.sort(dim=0)[0], rows.X.sort(dim=0)[0])
    assert not torch.equal(first[0][0], second[0][0])
    again = deep.batches(rows, 16, seed=3)
    assert same(first, list(again))
    in_order = torch.cat([X for X, _ in deep.batches(rows, 16)])
    assert torch.equal(in_order, rows.X)
    assert torch.equal(before, torch.get_rng_state())


def test_batches_are_those_of_a_plain_loader(rows):
    generator = torch.Generator().manual_seed(3)
    plain = torch.utils.data.DataLoader(
        rows, batch_size=16, shuffle=True, generator=generator
    )
    ours = deep.batches(rows, 16, seed=3)
    assert same([list(b) for b in plain], [list(b) for b in ours])


def test_blocks_and_their_number_of_parameters():
    model = deep.deep_network(torch.Generator(), [64, 80, 40, 20, 10])
    assert sum(p.numel() for p in model.parameters()) == 9470
    assert [type(layer).__name__ for layer in model[0]] == ["Linear", "ReLU"]
    full = deep.Block(3, 4, norm=True, dropout=0.5)
    kinds = [type(layer).__name__ for layer in full]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Dropout"]
    assert full.dense.bias is None


def test_weights_have_the_variance_of_he_and_do_not_depend_on_the_extras():
    models = [
        deep.deep_network(torch.Generator().manual_seed(2), [200, 300, 10], **extra)
        for extra in [{}, {"norm": True}, {"dropout": 0.3}]
    ]
    first = [model[0].dense.weight for model in models]
    assert first[0].var().item() == pytest.approx(2 / 200, rel=0.05)
    assert torch.equal(first[0], first[1])
    assert torch.equal(first[0], first[2])
    assert torch.equal(models[0][-1].weight, models[1][-1].weight)
    assert models[0][0].dense.bias.abs().max() == 0


def test_decay_reaches_matrices_only():
    model = deep.deep_network(torch.Generator(), SIZES, norm=True)
    decayed, free = deep.decay_groups(model, 0.3)
    names = {id(p): name for name, p in model.named_parameters()}
    assert [names[id(p)] for p in decayed["params"]] == [
        "0.dense.weight",
        "1.dense.weight",
        "2.weight",
    ]
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.3, 0.0)
    assert len(decayed["params"]) + len(free["params"]) == len(names)


def test_gradients_agree_with_our_network(rng):
    ours = bp.dense_network(rng, [64, 80, 40, 20, 10])
    theirs = deep.deep_network(torch.Generator(), [64, 80, 40, 20, 10]).double()
    with torch.no_grad():
        for p, q in zip(theirs.parameters(), ours.parameters.values(), strict=True):
            p.copy_(torch.tensor(q.T))
    X, labels = rng.uniform(size=(32, 64)), rng.integers(10, size=32)
    loss = bp.backpropagate(ours, bp.softmax_cross_entropy, X, labels)
    value = torch.nn.functional.cross_entropy(
        theirs(torch.tensor(X)), torch.tensor(labels)
    )
    value.backward()
    assert value.item() == pytest.approx(loss, abs=1e-12)
    for p, g in zip(theirs.parameters(), ours.gradients.values(), strict=True):
        np.testing.assert_allclose(p.grad, g.T, rtol=0, atol=1e-10)


def test_gradients_with_all_extras_pass_the_check_when_the_dice_repeat(rng):
    model = deep.deep_network(
        torch.Generator().manual_seed(0), SIZES, norm=True, dropout=0.3
    ).double()
    start = {k: p.detach().numpy().copy() for k, p in model.named_parameters()}
    start = {k: p + rng.normal(size=p.shape) / 5 for k, p in start.items()}
    X, labels = torch.tensor(rng.normal(size=(9, 5))), torch.tensor([0, 1, 2] * 3)

    def loss(parameters):
        torch.manual_seed(4)
        leaves = {k: torch.tensor(p, requires_grad=True) for k, p in parameters.items()}
        out = torch.func.functional_call(model, leaves, X)
        return torch.nn.functional.cross_entropy(out, labels), leaves

    def gradients(parameters):
        value, leaves = loss(parameters)
        value.backward()
        return {k: leaf.grad.numpy() for k, leaf in leaves.items()}

    errors = gradient_errors(lambda p: loss(p)[0].item(), gradients, start)
    assert max(errors.values()) < 1e-6


def test_the_loss_of_an_epoch_is_a_mean_over_rows_and_evaluation_throws_no_dice(rows):
    model = deep.deep_network(torch.Generator().manual_seed(0), SIZES)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    whole = torch.nn.functional.cross_entropy(model(rows.X), rows.labels).item()
    loader = deep.batches(rows, 16, seed=0)  # 16, 16, 16, 2
    assert deep.train_epoch(model, still, loader, "cpu") == pytest.approx(whole)
    loss, accuracy = deep.evaluate(model, loader, "cpu")
    right = (model(rows.X).argmax(dim=1) == rows.labels).double().mean().item()
    assert (loss, accuracy) == (pytest.approx(whole), pytest.approx(right))

    model = deep.deep_network(
        torch.Generator().manual_seed(0), SIZES, norm=True, dropout=0.5
    )
    before, dice = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    expected = pytest.approx(deep.evaluate(model, deep.batches(rows, 50), "cpu"))
    assert deep.evaluate(model, loader, "cpu") == expected
    assert same(before, model.state_dict())
    assert torch.equal(dice, torch.get_rng_state())
    assert not model.training


def test_the_stopper_keeps_a_copy_of_the_best():
    model = torch.nn.Linear(1, 1)
    stopper = deep.Stopper(model, patience=2)
    over = []
    for k, value in enumerate([3.0, 2.0, 2.5, 1.0, math.nan, 1.0]):
        torch.nn.init.constant_(model.weight, k)
        stopper.look(value)
        over.append(stopper.over())
    assert over == [False] * 5 + [True]
    assert stopper.state["kept"]["weight"].item() == 3
    assert (stopper.state["best"], stopper.state["waited"]) == (1, 2)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("optimiser", ["AdamW", "SGD"])
def test_a_run_that_dies_at_any_epoch_goes_on_as_if_it_had_not(
    device, optimiser, rows, tmp_path
):
    validation = deep.batches(rows, 50)
    whole = make_run(rows, 1, device, optimiser=optimiser)
    best = deep.fit(whole, validation, 5)
    goal = copy.deepcopy(deep.snapshot(whole))  # its dice are as they are now
    assert next(best.parameters()).device.type == device
    for k in range(1, 5):
        path = tmp_path / f"{k}.pt"
        deep.fit(make_run(rows, 1, device, optimiser=optimiser), validation, k, path)
        resumed = make_run(rows, 99, device, optimiser=optimiser)
        deep.restore(resumed, deep.load_checkpoint(path))
        again = deep.fit(resumed, validation, 5)
        if device == "cpu":
            assert same(goal, deep.snapshot(resumed))
            assert same(best.state_dict(), again.state_dict())
        np.testing.assert_allclose(whole.curve, resumed.curve, rtol=1e-3)


@pytest.mark.parametrize("part", ["model", "optimiser", "loader", "cpu"])
def test_what_a_checkpoint_forgets_is_missed(part, rows):
    validation = deep.batches(rows, 50)
    whole = make_run(rows, 1)
    deep.fit(whole, validation, 3)
    state = copy.deepcopy(deep.snapshot(whole))
    deep.fit(whole, validation, 5)
    resumed = make_run(rows, 99)
    fresh = deep.snapshot(resumed)
    if part in state:
        state[part] = fresh[part]
    else:
        state["dice"][part] = fresh["dice"][part]
    deep.restore(resumed, state)
    deep.fit(resumed, validation, 5)
    assert resumed.curve[:3] == whole.curve[:3]
    assert resumed.curve[3] != whole.curve[3]


def test_a_checkpoint_moves_between_devices(rows, tmp_path):
    validation, path = deep.batches(rows, 50), tmp_path / "run.pt"
    for old in DEVICES:
        for new in DEVICES:
            run = make_run(rows, 1, old)
            deep.fit(run, validation, 2, path)
            state = deep.load_checkpoint(path)
            assert all(p.device.type == "cpu" for p in state["model"].values())
            resumed = make_run(rows, 2, new)
            deep.restore(resumed, state)
            assert same(deep.snapshot(run)["model"], deep.snapshot(resumed)["model"])
            deep.fit(resumed, validation, 4)
            assert len(resumed.curve) == 4
            assert resumed.curve[-1][0] < resumed.curve[0][0]


def test_going_on_in_memory_and_restoring_copy(rows):
    validation = deep.batches(rows, 50)
    whole = make_run(rows, 1)
    deep.fit(whole, validation, 4)
    parts = make_run(rows, 1)
    for k in 1, 2, 4:
        deep.fit(parts, validation, k)
    assert same(deep.snapshot(whole), deep.snapshot(parts))
    a, b = make_run(rows, 2), make_run(rows, 3)
    state = copy.deepcopy(deep.snapshot(whole))
    for run in a, b:
        deep.restore(run, state)
        deep.fit(run, validation, 6)
    assert same(deep.snapshot(a), deep.snapshot(b))
    assert len(state["curve"]) == 4


def test_patience_ends_a_run_for_good_and_the_best_comes_back(rows, tmp_path):
    class Worse:
        """Validation batches that get harder with every look after the third."""

        looks = 0

        def __iter__(self):
            self.looks += 1
            wrong = rows.labels if self.looks <= 3 else 2 - rows.labels
            return iter([(self.looks * rows.X, wrong)])

    run, states = make_run(rows, 1, patience=3), []
    best = deep.fit(
        run,
        Worse(),
        50,
        tmp_path / "run.pt",
        lambda run, _: states.append(copy.deepcopy(run.model.state_dict())),
    )
    looks = [loss for _, loss, _ in run.curve]
    first = int(np.argmin(looks))
    assert len(looks) == first + 4 < 50
    assert same(best.state_dict(), states[first])
    assert not same(best.state_dict(), states[-1])
    resumed = make_run(rows, 1, patience=3)
    deep.restore(resumed, deep.load_checkpoint(tmp_path / "run.pt"))
    deep.fit(resumed, None, 50)  # not asked: it is over
    assert resumed.curve == run.curve


def test_a_crash_while_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    deep.save_checkpoint({"epoch": 1, "weight": torch.ones(3)}, path)

    def power_cut(state, file):
        file.write(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", power_cut)
    with pytest.raises(KeyboardInterrupt):
        deep.save_checkpoint({"epoch": 2}, path)
    assert deep.load_checkpoint(path)["epoch"] == 1


class Trap:
    """What a stranger may put into a pickle."""

    def __reduce__(self):
        return print, ("your files are mine",)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path, capsys):
    torch.save({"model": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(Exception, match="Weights only load failed"):
        deep.load_checkpoint(tmp_path / "trap.pt")
    assert "mine" not in capsys.readouterr().out


def test_progress_is_one_line_on_standard_output(rows):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        deep.fit(make_run(rows, 1), deep.batches(rows, 50), 4, report=deep.progress)
    text = out.getvalue()
    assert text.startswith("\r[#####...............] epoch 1/4: loss ")
    assert text.count("\r") == 4
    assert (text.count("\n"), text[-1], err.getvalue()) == (1, "\n", "")


@pytest.mark.parametrize("device", DEVICES)
def test_the_loop_learns_on_every_device_that_is_there(device, rows):
    run = make_run(rows, 1, device)
    model = deep.fit(run, deep.batches(rows, 50), 30)
    assert next(model.parameters()).device.type == device
    assert deep.evaluate(model, deep.batches(rows, 50), device)[1] > 0.9


def test_the_device_that_is_picked():
    assert deep.pick_device().type == DEVICES[-1]
    assert deep.pick_device("cpu") == torch.device("cpu")
    assert deep.pick_device("cuda:1").index == 1


def test_mnist_is_parsed_and_refused():
    pixels = np.zeros((3, 784))
    pixels[1, 783] = 255
    X, labels = deep.parse_mnist(pixels, np.array(["7", "0", "9"], dtype=object))
    assert (X.dtype, labels.dtype) == (np.float32, np.int64)
    assert (X[1, 783], X.sum(), labels.tolist()) == (1, 1, [7, 0, 9])
    with pytest.raises(ValueError, match=r"need images \(2, 784\), got \(3, 784\)"):
        deep.parse_mnist(pixels, ["1", "2"])
    with pytest.raises(ValueError, match=r"need pixels in 0\.\.255, got -255.*0"):
        deep.parse_mnist(-pixels, ["1", "2", "3"])
    with pytest.raises(ValueError, match=r"need pixels in 0\.\.255, got nan"):
        deep.parse_mnist(pixels * np.nan, ["1", "2", "3"])
    with pytest.raises(ValueError, match=r"need digits 0 to 9, got \[ 1  2 10\]"):
        deep.parse_mnist(pixels, ["1", "2", "10"])


def small_openml(n):
    """Return what openml.org answers for an MNIST of n images: {part of address: text}.

    Image i has one pixel that is not 0: number i, with the value 10 i.
    """
    names = [f"pixel{j}" for j in range(1, 785)]
    arff = ["@RELATION mnist_784", *(f"@ATTRIBUTE {name} real" for name in names)]
    arff += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    for i in range(n):
        pixels = np.zeros(784, dtype=int)
        pixels[i] = 10 * i
        arff.append(",".join(map(str, [*pixels, i % 10])))
    arff = "\n".join(arff) + "\n"
    about = {"did": "554", "name": "mnist_784", "version": "1", "status": "active"}
    address = "https://www.openml.org/data/v1/download/52667/mnist_784.arff"
    about |= {"format": "ARFF", "file_id": "52667", "url": address}
    about |= {"md5_checksum": hashlib.md5(arff.encode()).hexdigest()}
    about |= {"description": "Images of digits."}
    columns = [
        {
            "index": str(j),
            "name": name,
            "data_type": "nominal" if name == "class" else "numeric",
            "is_target": str(name == "class").lower(),
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }
        for j, name in enumerate([*names, "class"])
    ]
    qualities = [{"name": "NumberOfInstances", "value": f"{n}.0"}]
    return {
        "/data/list/": json.dumps({"data": {"dataset": [about]}}),
        "/data/features/": json.dumps({"data_features": {"feature": columns}}),
        "/data/qualities/": json.dumps({"data_qualities": {"quality": qualities}}),
        "/json/data/554": json.dumps({"data_set_description": about}),
        "/download/": arff,
    }


def test_mnist_is_read_as_openml_sends_it(tmp_path, monkeypatch):
    openml = pytest.importorskip("sklearn.datasets._openml")
    answers, asked = small_openml(12), []

    class Answer(io.BytesIO):
        def info(self):
            return {"Content-Encoding": "gzip"}

    def urlopen(request, *_, **__):
        asked.append(request.full_url)
        (text,) = [t for part, t in answers.items() if part in request.full_url]
        return Answer(gzip.compress(text.encode()))

    monkeypatch.setattr(openml, "urlopen", urlopen)
    X, labels = deep.load_mnist(data_home=tmp_path)
    assert (X.shape, X.dtype) == ((12, 784), np.float32)
    assert labels.tolist() == [*range(10), 0, 1]
    expected = np.zeros((12, 784), np.float32)
    expected[range(12), range(12)] = np.arange(12) * np.float32(10) / 255
    np.testing.assert_allclose(X, expected, rtol=1e-6)
    assert any(url.endswith(".arff") for url in asked)
    asked.clear()
    assert np.array_equal(deep.load_mnist(data_home=tmp_path)[0], X)
    assert asked == []  # kept in data_home


def test_mnist_without_a_network_says_what_to_do(tmp_path, monkeypatch):
    openml = pytest.importorskip("sklearn.datasets._openml")

    def unplugged(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr(openml, "urlopen", unplugged)
    with pytest.raises(OSError, match=r"go online once, or use load_digits.*no route"):
        deep.load_mnist(data_home=tmp_path)
    with pytest.raises(OSError, match=r"openml\.org cannot be reached"):
        deep.load_mnist(fetch=unplugged)
