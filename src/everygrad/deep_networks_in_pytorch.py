"""Deep networks in PyTorch: blocks, loaders with dice of their own, runs that resume.

A `Run` holds everything that training changes. `fit` trains it, epoch by epoch, keeps
the best model and writes checkpoints; a run that is loaded from one goes on, on a CPU
bit for bit, as if nothing had happened.

This is the one module that needs PyTorch. There, weights have the shape (d_out, d_in).
Comments such as ``# eq-deep-networks-in-pytorch-mean`` name an equation of the chapter.
"""

import copy
import math
import os
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    RandomSampler,
    SequentialSampler,
)


def pick_device(name=None):
    """Return the device to compute on.

    Parameters
    ----------
    name : str, optional
        For example ``"cpu"`` or ``"cuda:1"``. Unless given, a GPU if CUDA finds one.

    Returns
    -------
    torch.device
        Where to move models and batches.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


class Rows(Dataset):
    """Samples and their labels, as tensors.

    Parameters
    ----------
    X : array or tensor, shape (n, d)
        One row per sample. Stored with the dtype `dtype`.
    labels : array or tensor of int, shape (n,)
        True classes.
    dtype : torch.dtype
        Of the samples.

    Raises
    ------
    ValueError
        If there is not one label per row.

    Notes
    -----
    ``rows[i]`` is one sample and its label; with a list of numbers it is a batch.
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """

    def __init__(self, X, labels, dtype=torch.float32):
        if len(X) != len(labels):
            raise ValueError(f"need {len(X)} labels, got {len(labels)}")
        self.X = torch.as_tensor(X, dtype=dtype)
        self.labels = torch.as_tensor(labels, dtype=torch.int64)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.X[i], self.labels[i]


def batches(rows, batch_size, seed=None):
    """Return a loader of batches, the last of which may be smaller.

    Parameters
    ----------
    rows : Dataset
        Must answer to a list of numbers with a whole batch, as `Rows` does.
    batch_size : int
        Samples per batch.
    seed : int, optional
        With a seed, every pass has a new order, from dice that only this loader throws.
        Without, the order is that of the rows.

    Returns
    -------
    torch.utils.data.DataLoader
        ``loader.generator`` is a generator of its own in either case: a loader without
        one takes a number from PyTorch's common dice at every pass, shuffled or not.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    generator = torch.Generator().manual_seed(0 if seed is None else seed)
    order = SequentialSampler(rows)
    if seed is not None:
        order = RandomSampler(rows, generator=generator)
    lists = BatchSampler(order, batch_size, drop_last=False)
    return DataLoader(rows, sampler=lists, batch_size=None, generator=generator)


class Block(nn.Sequential):
    """A dense layer and its ReLU, with batch normalisation and dropout if asked for.

    Parameters
    ----------
    d_in, d_out : int
        Number of inputs and of outputs.
    norm : bool
        Put batch normalisation before the ReLU. It has a shift, so the dense layer then
        has no bias.
    dropout : float
        Probability that dropout behind the ReLU sets an output to 0 in training.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """

    def __init__(self, d_in, d_out, norm=False, dropout=0.0):
        super().__init__()
        self.dense = nn.Linear(d_in, d_out, bias=not norm)
        if norm:
            self.norm = nn.BatchNorm1d(d_out)
        self.relu = nn.ReLU()
        if dropout:
            self.dropout = nn.Dropout(dropout)


def he_weights(model, generator):
    """Draw the weights of all dense layers of a model anew, and set biases to 0.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place. Only its `torch.nn.Linear` layers are.
    generator : torch.Generator
        Where the weights come from, layer after layer.

    Notes
    -----
    Normal, with variance 2/d_in: chapter `book/initialisation.md`.
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            scale = math.sqrt(2 / layer.in_features)
            nn.init.normal_(layer.weight, std=scale, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def deep_network(generator, sizes, norm=False, dropout=0.0):
    """Return blocks in a row, and a dense layer of logits behind them.

    Parameters
    ----------
    generator : torch.Generator
        Where the weights come from.
    sizes : sequence of int
        Number of inputs, of units in each hidden layer, and of classes.
    norm, dropout
        As for `Block`.

    Returns
    -------
    torch.nn.Sequential
        Its weights, as from `he_weights`, are the same with and without batch
        normalisation or dropout.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    *hidden, last = pairwise(sizes)
    blocks = [Block(d_in, d_out, norm, dropout) for d_in, d_out in hidden]
    model = nn.Sequential(*blocks, nn.Linear(*last))
    he_weights(model, generator)
    return model


def decay_groups(model, strength):
    """Return groups of parameters for an optimiser: those that decay, and the others.

    Parameters
    ----------
    model : torch.nn.Module
        Its parameters are shared out.
    strength : float
        Weight decay of the matrices. Biases, and the scale and shift of batch
        normalisation, have one axis only, and none.

    Returns
    -------
    list of dict
        Two groups, for example for ``torch.optim.AdamW``.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": weights, "weight_decay": strength},
        {"params": others, "weight_decay": 0.0},
    ]


def train_epoch(model, optimiser, loader, device):
    """Take one step per batch; return the mean loss over the rows.

    Parameters
    ----------
    model : torch.nn.Module
        On `device`. Put into training mode.
    optimiser : torch.optim.Optimizer
        Of the model's parameters.
    loader : iterable of (X, labels)
        Batches of any sizes; their loss is softmax with cross-entropy.
    device : torch.device or str
        Where batches are moved.

    Returns
    -------
    float
        Mean over all rows, each with the parameters of its own step.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    model.train()
    total, n = 0.0, 0
    for X, labels in loader:
        X, labels = X.to(device), labels.to(device)
        optimiser.zero_grad()
        loss = cross_entropy(model(X), labels)
        loss.backward()
        optimiser.step()
        total, n = total + len(X) * loss.item(), n + len(X)
    return total / n  # eq-deep-networks-in-pytorch-mean


@torch.no_grad()
def evaluate(model, loader, device):
    """Return the mean loss and the accuracy, with everything out of training.

    Parameters
    ----------
    model : torch.nn.Module
        On `device`. Left in evaluation mode.
    loader, device
        As for `train_epoch`.

    Returns
    -------
    loss : float
        Mean cross-entropy over all rows, in nats.
    accuracy : float
        Share of the rows whose largest logit is that of their label.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    model.eval()
    total, right, n = 0.0, 0, 0
    for X, labels in loader:
        X, labels = X.to(device), labels.to(device)
        logits = model(X)
        total += len(X) * cross_entropy(logits, labels).item()
        right += (logits.argmax(dim=1) == labels).sum().item()
        n += len(X)
    return total / n, right / n


class Stopper:
    """Early stopping for a model of PyTorch: keep the best, and count the waiting.

    Parameters
    ----------
    model : torch.nn.Module
        What to keep: parameters and buffers, such as running statistics.
    patience : int
        How many looks in a row without a new best are too many.

    Attributes
    ----------
    state : dict
        What a checkpoint needs: the lowest value so far under ``"best"``, the number of
        looks since then under ``"waited"``, and under ``"kept"`` a copy of the model's
        state as it was then.

    Notes
    -----
    `patience` belongs to the code and not to the state: a run that is resumed with more
    of it goes on.
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """

    def __init__(self, model, patience):
        self.model, self.patience = model, patience
        self.state = {"best": math.inf, "waited": 0, "kept": self.copied()}

    def copied(self):
        """Return a copy of the model's state as it is now."""
        return {k: v.clone() for k, v in self.model.state_dict().items()}

    def look(self, value):
        """Take note of a value, and of the model if it is a new best.

        A value that is not a number counts as no new best.
        """
        self.state["waited"] += 1
        if value < self.state["best"]:
            self.state = {"best": value, "waited": 0, "kept": self.copied()}

    def over(self):
        """Return whether patience has ended."""
        return self.state["waited"] >= self.patience


def dice_states(generator, device):
    """Return where all dice are that training throws.

    Parameters
    ----------
    generator : torch.Generator
        The loader's.
    device : torch.device
        Where the model is: dropout on a GPU throws that GPU's dice.

    Returns
    -------
    dict of str to tensor
        Bytes, on the CPU: ``"loader"``, ``"cpu"`` and, for a GPU, ``"cuda"``.

    Notes
    -----
    Python's and NumPy's dice are not among them: nothing here throws those.
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    states = {"loader": generator.get_state(), "cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_dice(generator, device, states):
    """Put all dice back to where they were.

    Parameters
    ----------
    generator, device
        As for `dice_states`.
    states : dict of str to tensor
        From `dice_states`. A GPU's dice stay as they are if its state is not there,
        because the run was on a CPU so far.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    generator.set_state(states["loader"])
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


class Run:
    """Everything that changes while a network is trained.

    Parameters
    ----------
    model : torch.nn.Module
        Moved to `device`, in place.
    optimiser : torch.optim.Optimizer
        Of the model's parameters.
    loader : torch.utils.data.DataLoader
        Training batches, from dice of their own: see `batches`.
    patience : int
        As for `Stopper`.
    device : torch.device or str
        Where to train.

    Attributes
    ----------
    curve : list of tuple of float
        One per epoch so far: training loss, validation loss, validation accuracy.
    stopper : Stopper
        The best model so far.

    Notes
    -----
    See `snapshot` and `restore` for going back to what it was.
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """

    def __init__(self, model, optimiser, loader, patience=10, device="cpu"):
        self.device, self.curve = torch.device(device), []
        self.model, self.optimiser = model.to(self.device), optimiser
        self.loader, self.stopper = loader, Stopper(model, patience)


def snapshot(run):
    """Return the state of a run: all that its next epoch depends on.

    Parameters
    ----------
    run : Run
        Between two epochs.

    Returns
    -------
    dict
        Its tensors are the live ones: save it at once, or copy it.

    Notes
    -----
    Settings of the optimiser, such as its learning rate, are part of the state. Data,
    batch size and patience are not.
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    return {
        "model": run.model.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "stopper": run.stopper.state,
        "curve": run.curve,
        "dice": dice_states(run.loader.generator, run.device),
    }  # eq-deep-networks-in-pytorch-state


def restore(run, state):
    """Put a run, made by the same code, into a state; then it goes on from there.

    Parameters
    ----------
    run : Run
        Changed. What it was is lost.
    state : dict
        From `snapshot` or `load_checkpoint`. Copied.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    state = copy.deepcopy(state)
    run.model.load_state_dict(state["model"])
    run.optimiser.load_state_dict(state["optimiser"])
    run.stopper.state, run.curve = state["stopper"], state["curve"]
    set_dice(run.loader.generator, run.device, state["dice"])


def save_checkpoint(state, path):
    """Write a state so that at any time the file is whole: the old one or the new one.

    Parameters
    ----------
    state : dict
        Tensors, numbers, strings, and dicts, lists and tuples of them.
    path : str or pathlib.Path
        The file. A draft is written beside it, and then takes its place.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    draft = Path(f"{path}.part")
    with draft.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load_checkpoint(path):
    """Return what `save_checkpoint` wrote, with every tensor on the CPU.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    dict
        For `restore`, which moves what belongs to the device of the run. States of
        dice must stay on the CPU.

    Raises
    ------
    pickle.UnpicklingError
        If the file holds more than data, and might run code.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    return torch.load(path, map_location="cpu", weights_only=True)


def fit(run, validation, epochs, path=None, report=None):
    """Train a run up to an epoch, or until patience ends; return the best model.

    Parameters
    ----------
    run : Run
        Left as it is after the last epoch, so that `fit` can go on from there.
    validation : iterable of (X, labels)
        Batches that decide which epoch is the best.
    epochs : int
        How many epochs there are to be in all, those before included.
    path : str or pathlib.Path, optional
        Where to write a checkpoint after every epoch.
    report : callable, optional
        ``report(run, epochs)`` is called after every epoch: see `progress`.

    Returns
    -------
    torch.nn.Module
        A copy of the model as it was after its best epoch, in evaluation mode.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    while len(run.curve) < epochs and not run.stopper.over():
        seen = train_epoch(run.model, run.optimiser, run.loader, run.device)
        loss, accuracy = evaluate(run.model, validation, run.device)
        run.stopper.look(loss)
        run.curve.append((seen, loss, accuracy))
        if path is not None:
            save_checkpoint(snapshot(run), path)
        if report is not None:
            report(run, epochs)
    best = copy.deepcopy(run.model)
    best.load_state_dict(run.stopper.state["kept"])
    return best.eval()


def progress(run, epochs):
    """Write how far a run has come to standard output, over the line before.

    Parameters
    ----------
    run, epochs
        As for `fit`.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    (_, loss, accuracy), done = run.curve[-1], len(run.curve)
    bar = "#" * (20 * done // epochs)
    over = done >= epochs or run.stopper.over()
    print(
        f"\r[{bar:.<20}] epoch {done}/{epochs}: loss {loss:.3f}, {accuracy:.1%} right",
        end="\n" if over else "",
        flush=True,
    )


def parse_mnist(pixels, classes):
    """Return images as numbers from 0 to 1, and labels as whole numbers.

    Parameters
    ----------
    pixels : array, shape (n, 784)
        Numbers from 0 to 255, each image row by row.
    classes : array, shape (n,)
        Digits, as numbers or as strings such as ``"7"``.

    Returns
    -------
    X : ndarray of float32, shape (n, 784)
        Images.
    labels : ndarray of int64, shape (n,)
        Digits.

    Raises
    ------
    ValueError
        If a shape, a pixel or a class is not as above.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    X = np.asarray(pixels, dtype=np.float32) / 255
    labels = np.asarray(classes).astype(np.int64)
    if X.shape != (len(labels), 784):
        raise ValueError(f"need images ({len(labels)}, 784), got {X.shape}")
    if not (X.min() >= 0 and X.max() <= 1):
        raise ValueError(f"need pixels in 0..255, got {255 * X.min()}..{255 * X.max()}")
    if not np.isin(labels, range(10)).all():
        raise ValueError(f"need digits 0 to 9, got {np.unique(labels)}")
    return X, labels


def load_mnist(data_home=None, fetch=None):
    """Return the 70,000 digits of MNIST, from OpenML the first time.

    Parameters
    ----------
    data_home : str or pathlib.Path, optional
        Folder where scikit-learn keeps what it downloaded, its own unless given.
    fetch : callable, optional
        What to use in the place of ``sklearn.datasets.fetch_openml``.

    Returns
    -------
    X : ndarray of float32, shape (70000, 784)
        Images. By custom the last 10,000 are the test set.
    labels : ndarray of int64, shape (70000,)
        Digits.

    Raises
    ------
    OSError
        If the data are not there and cannot be fetched.

    Notes
    -----
    Built in chapter `book/deep_networks_in_pytorch.md`.
    """
    if fetch is None:
        from sklearn.datasets import fetch_openml as fetch
    how = {"as_frame": False, "parser": "liac-arff", "n_retries": 1, "delay": 0.1}
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # "retry"
            mnist = fetch("mnist_784", version=1, data_home=data_home, **how)
    except OSError as error:
        message = "MNIST is not here and openml.org cannot be reached: go online once,"
        raise OSError(f"{message} or use load_digits ({error})") from error
    return parse_mnist(mnist.data, mnist.target)
