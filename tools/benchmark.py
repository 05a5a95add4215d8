"""Time one training epoch with our layers, our autodiff engine and PyTorch.

    python -m tools.benchmark [--rounds 30]

Every contestant starts from the same parameters, sees the same batches in the same
order and steps with Adam; that they end at the same loss is checked. They take turns,
one epoch each, so that a busy moment of the machine meets them all, and a ratio
compares epochs of the same turn. The bare matrix products of the epoch are timed too.
"""

import argparse
import os
import platform
import sys
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_digits

from everygrad import autodiff, backprop
from everygrad.optimisers import Adam

RATE = 1e-3


@dataclass(frozen=True)
class Task:
    """A network and its data, and how long we may take: ratios that we promise."""

    name: str
    sizes: tuple
    batch: int
    promises: dict  # {(contestant, compared with): largest ratio}

    def data(self, dtype):
        """Return X (n, d) and labels (n,): the digits where their size fits."""
        if self.sizes[0] == 64:
            X, labels = load_digits(return_X_y=True)
            return (X[:1437] / 16).astype(dtype), labels[:1437]
        rng = np.random.default_rng(0)
        labels = rng.integers(self.sizes[-1], size=2560)
        return rng.random((2560, self.sizes[0])).astype(dtype), labels

    def parameters(self, dtype):
        """Return {"W1": (d_in, d_out), "b1": (d_out,), …}, He's scale, biases 0."""
        rng, blocks = np.random.default_rng(1), {}
        for k, (d_in, d_out) in enumerate(pairwise(self.sizes), start=1):
            W = rng.normal(size=(d_in, d_out)) * np.sqrt(2 / d_in)
            blocks |= {f"W{k}": W.astype(dtype), f"b{k}": np.zeros(d_out, dtype)}
        return blocks


TASKS = (
    Task(
        "digits 64–80–40–20–10, batch 64",
        (64, 80, 40, 20, 10),
        64,
        {("layers", "torch"): 0.35, ("engine", "torch"): 1.0},
    ),
    Task(
        "784–512–512–10, batch 256",
        (784, 512, 512, 10),
        256,
        {("layers", "torch"): 0.95, ("layers", "products"): 2.0},
    ),
)


def batches(order, size):
    """Return the row numbers of each batch of an epoch."""
    return [order[at : at + size] for at in range(0, len(order), size)]


def layers(task, X, labels):
    """Return a function that trains our layers for one epoch in a given order."""
    network = backprop.dense_network(
        np.random.default_rng(0), task.sizes, dtype=X.dtype
    )
    network.theta[:] = np.concatenate(
        [block.ravel() for block in task.parameters(X.dtype).values()]
    )
    adam = Adam(network.theta, RATE)

    def epoch(order):
        for rows in batches(order, task.batch):
            Z = network.forward(X[rows])
            loss, d = backprop.softmax_cross_entropy(Z, labels[rows])
            network.backward(d)
            adam.step(network.gradient)
        return loss

    return epoch


def engine(task, X, labels):
    """Return a function that trains with our array engine for one epoch."""
    leaves, theta, gradient = autodiff.flat_leaves(task.parameters(X.dtype))
    adam, depth = Adam(theta, RATE), len(task.sizes) - 1

    def epoch(order):
        for rows in batches(order, task.batch):
            A = X[rows]
            for k in range(1, depth + 1):
                A = A @ leaves[f"W{k}"] + leaves[f"b{k}"]
                A = autodiff.relu(A) if k < depth else A
            loss = autodiff.softmax_cross_entropy(A, labels[rows])
            autodiff.backward(loss)
            adam.step(gradient)
        return float(loss.data)

    return epoch


def pytorch(task, X, labels):
    """Return a function that trains with PyTorch, eager, for one epoch."""
    blocks = [torch.from_numpy(p.copy()) for p in task.parameters(X.dtype).values()]
    stack = []
    for W, b in zip(blocks[::2], blocks[1::2], strict=True):
        linear = torch.nn.Linear(*W.shape, dtype=W.dtype)
        linear.weight.data, linear.bias.data = W.T.contiguous(), b
        stack += [linear, torch.nn.ReLU()]
    network = torch.nn.Sequential(*stack[:-1])
    adam = torch.optim.Adam(network.parameters(), lr=RATE)
    X, labels = torch.from_numpy(X), torch.from_numpy(labels)

    def epoch(order):
        for rows in batches(torch.from_numpy(order), task.batch):
            adam.zero_grad()
            output = network(X[rows])
            loss = torch.nn.functional.cross_entropy(output, labels[rows])
            loss.backward()
            adam.step()
        return loss.item()

    return epoch


def products(task, X, labels):
    """Return a function that makes the matrix products of one epoch, nothing else."""
    weights = list(task.parameters(X.dtype).values())[::2]
    rng = np.random.default_rng(2)
    inputs = [rng.random((task.batch, d)).astype(X.dtype) for d in task.sizes]

    def epoch(order):
        for rows in batches(order, task.batch):
            n = len(rows)
            for k in range(len(weights)):
                A, d = inputs[k][:n], inputs[k + 1][:n]
                _ = A @ weights[k], A.T @ d  # outputs; gradient of the weights
                if k:
                    _ = d @ weights[k].T  # gradient of the layer's inputs
        return None

    return epoch


CONTESTANTS = {
    "layers": layers,
    "engine": engine,
    "torch": pytorch,
    "products": products,
}


def measure(task, dtype, rounds, warm_up=3):
    """Return {contestant: seconds per epoch, shape (rounds,)}; they take turns.

    Raises
    ------
    AssertionError
        If two contestants do not end at the same loss: they would not be doing the
        same work.
    """
    X, labels = task.data(dtype)
    train = {name: make(task, X, labels) for name, make in CONTESTANTS.items()}
    seconds, rng = {name: [] for name in train}, np.random.default_rng(3)
    for turn in range(warm_up + rounds):
        order, losses = rng.permutation(len(X)), {}
        for name, epoch in train.items():
            start = time.perf_counter()
            losses[name] = epoch(order)
            seconds[name].append(time.perf_counter() - start)
        if turn == 0:
            rtol = 1e-4 if dtype == np.float32 else 1e-9
            for name in ("layers", "engine"):
                np.testing.assert_allclose(losses[name], losses["torch"], rtol=rtol)
    return {name: np.array(times[warm_up:]) for name, times in seconds.items()}


def ratio(seconds, one, other):
    """Return the 10th, 50th and 90th percentile of the ratios, turn by turn."""
    return np.percentile(seconds[one] / seconds[other], [10, 50, 90])


def report(task, dtype, seconds):
    """Return the rows of the table for one network and dtype, and what is too slow."""
    rows, slow = [], []
    for name, times in seconds.items():
        low, middle, high = ratio(seconds, name, "torch")
        promise = task.promises.get((name, "torch"))
        limit = "" if promise is None else f"≤ {promise}"
        milliseconds = f"{1e3 * np.median(times):.1f}"
        cells = (name, milliseconds, f"{middle:.2f} ({low:.2f}–{high:.2f})", limit)
        rows.append(f"| {task.name} | {np.dtype(dtype)} | " + " | ".join(cells) + " |")
    for (name, other), promise in task.promises.items():
        middle = ratio(seconds, name, other)[1]
        if other != "torch":
            rows.append(
                f"| {task.name} | {np.dtype(dtype)} | {name} / {other} | "
                f"| {middle:.2f} | ≤ {promise} |"
            )
        if middle > promise:
            slow.append(
                f"{task.name}, {np.dtype(dtype)}: {name} takes {middle:.2f} "
                f"of the time of {other}, more than {promise}"
            )
    return rows, slow


def main(arguments=None):
    """Measure everything, print a table, and return 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="epochs per contestant")
    rounds = parser.parse_args(arguments).rounds
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    print(
        f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} cores, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"PyTorch {torch.__version__}, {rounds} epochs each\n"
    )
    titles = ("network", "numbers", "who", "ms per epoch, median")
    titles += ("share of PyTorch's, or as named", "promised")
    print("| " + " | ".join(titles) + " |\n" + "|---" * len(titles) + "|")
    too_slow = []
    for task in TASKS:
        for dtype in (np.float32, np.float64):
            rows, slow = report(task, dtype, measure(task, dtype, rounds))
            print("\n".join(rows), flush=True)
            too_slow += slow
    print("\n" + "\n".join(too_slow or ["Every promise is kept."]))
    return bool(too_slow)


if __name__ == "__main__":
    sys.exit(main())
