"""What to measure, keep and attack when networks are trained in earnest.

Diagnosis: gradient norms, dead units, update ratios, the noise of mini-batches, rows
that stand in two piles. Judgement: confusion matrix, precision, recall, F1, standard
errors. Parameters on disk: whole or not at all, and nothing is run on loading.
Adversarial examples: the gradient by the inputs, and a step along its sign.

Comments such as ``# eq-training-in-practice-f1`` name the equation of the chapter.
"""

import os
import zipfile
from pathlib import Path

import numpy as np

from everygrad.activations import dead_share
from everygrad.backprop import ReLU


def gradient_norms(network):
    """Return the length of the gradient of every parameter block.

    Parameters
    ----------
    network : everygrad.backprop.Network
        After a backward pass.

    Returns
    -------
    dict of str to float
        The keys of ``network.gradients``. The root of the sum of squares, whatever
        the shape of the block.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    return {name: np.linalg.norm(g.ravel()) for name, g in network.gradients.items()}


def dead_shares(network, X):
    """Return the share of dead units of every ReLU layer.

    Parameters
    ----------
    network : everygrad.backprop.Network
        Its forward pass is run.
    X : ndarray of float, shape (n, d)
        A unit counts as dead if none of these rows makes it fire.

    Returns
    -------
    list of float
        One share, 0 to 1, per ReLU layer, in the order of the layers.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    network.forward(X)
    layers = [layer for layer in network.layers if isinstance(layer, ReLU)]
    return [dead_share(layer.positive) for layer in layers]


def update_ratios(before, after):
    """Return how far each block has moved, relative to its own length.

    Parameters
    ----------
    before, after : dict of str to ndarray
        The same keys and shapes: parameters before and after a step.

    Returns
    -------
    dict of str to float
        ``‖after − before‖ / ‖before‖`` for blocks that are not all 0 before; a block
        of zeros, such as fresh biases, has no length to compare with and is left out.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    return {
        name: np.linalg.norm((after[name] - p).ravel()) / np.linalg.norm(p.ravel())
        for name, p in before.items()
        if np.any(p)
    }


def noise_ratio(gradients):
    """Return how far gradients lie from their mean, relative to its length.

    Parameters
    ----------
    gradients : ndarray of float, shape (k, P)
        One gradient per mini-batch, all taken at the same parameters.

    Returns
    -------
    float
        Root of the mean squared distance to the mean, divided by the length of the
        mean. Above 1, a step says more about its batch than about the loss.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    mean = gradients.mean(axis=0)
    distance = np.mean(np.sum((gradients - mean) ** 2, axis=1)) ** 0.5
    return distance / np.linalg.norm(mean)


def twin_share(X, X_new):
    """Return the share of new rows that stand among the old ones, too.

    Parameters
    ----------
    X, X_new : ndarray, shapes (n, d) and (m, d)
        Training rows and others, with one dtype.

    Returns
    -------
    float
        0 to 1. Rows are twins if they agree in every bit.

    Raises
    ------
    ValueError
        If the rows differ in length or dtype, so that none could be a twin.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    if (X.shape[1:], X.dtype) != (X_new.shape[1:], X_new.dtype):
        raise ValueError(f"need rows of {X.shape[1:]} {X.dtype}, got {X_new.shape}")
    known = {row.tobytes() for row in X}
    return np.mean([row.tobytes() in known for row in X_new])


def standard_error(values):
    """Return by how much a mean of such values is off, typically.

    Parameters
    ----------
    values : ndarray of float, shape (k,) or (k, ...)
        Independent results, such as one per seed, along the first axis.

    Returns
    -------
    float or ndarray
        Standard deviation, with k − 1 in the denominator, over the root of k.

    Raises
    ------
    ValueError
        If there are fewer than two values, which have no spread.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    if len(values) < 2:
        raise ValueError(f"need two values or more, got {len(values)}")
    return np.std(values, axis=0, ddof=1) / np.sqrt(len(values))


def confusion_matrix(true, said, k):
    """Return how often each class was taken for each.

    Parameters
    ----------
    true, said : ndarray of int, shape (n,)
        Classes as they are, and as predicted, 0 to k - 1.
    k : int
        Number of classes.

    Returns
    -------
    ndarray of int, shape (k, k)
        Entry (i, j) counts the samples of class i that were called j.

    Raises
    ------
    ValueError
        If the shapes differ, or an entry is no whole number from 0 to k - 1.

    Notes
    -----
    Some books let rows and columns change places.
    Built in chapter `book/training_in_practice.md`.
    """
    both = np.stack([true, said])  # (2, n), or an error
    if both.dtype.kind not in "iu" or both.min() < 0 or both.max() >= k:
        raise ValueError(f"need classes in 0..{k - 1}, got {np.unique(both)}")
    i, j = both.astype(int)
    return np.bincount(k * i + j, minlength=k * k).reshape(k, k)


def class_scores(C, undefined=np.nan):
    """Return precision, recall and F1 of every class.

    Parameters
    ----------
    C : ndarray of int, shape (k, k)
        From `confusion_matrix`: a row per true class.
    undefined : float
        What to say where a score is 0/0: the precision of a class that was never
        announced, the recall of one that never occurred.

    Returns
    -------
    ndarray of float, shape (3, k)
        Precision, recall and F1, the harmonic mean of the two written as one
        quotient, so that it is 0/0 only where a class neither occurs nor is announced.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    hits, said, true = C.diagonal(), C.sum(axis=0), C.sum(axis=1)
    tops = np.stack([hits, hits, 2 * hits])
    bottoms = np.stack([said, true, said + true])
    scores = np.full(tops.shape, float(undefined))
    return np.divide(tops, bottoms, out=scores, where=bottoms > 0)


def save_parameters(path, parameters):
    """Write arrays to a file by their names, all of them or nothing.

    Parameters
    ----------
    path : str or Path
        Where to write. Used as it is: no ``.npz`` is appended.
    parameters : dict of str to ndarray of float
        For example ``network.parameters``.

    Raises
    ------
    ValueError
        If an array does not hold plain floating numbers, or has a name that
        `numpy.savez` keeps for itself.
    OSError
        If the disk refuses. Whatever is raised: a file that was at `path` is still
        there, whole, and no other file is left behind.

    Notes
    -----
    Written beside `path`, brought to the disk, then renamed, which replaces the old
    file in one step. A process that is killed in the middle leaves the old file and
    its unfinished neighbour, ``path`` with the number of the process and ``.tmp``.
    A link is followed. The new file has the rights of any new file, whatever those of
    the old one were. One thread at a time may write to a path.
    Built in chapter `book/training_in_practice.md`.
    """
    bad = [name for name, p in parameters.items() if p.dtype.kind != "f"]
    if bad := bad + sorted({"file", "allow_pickle"} & parameters.keys()):
        raise ValueError(f"need floats, not named file or allow_pickle: {bad}")
    path = os.path.realpath(path)  # a link stays a link
    temporary = Path(f"{path}.{os.getpid()}.tmp")  # in the same folder
    try:
        with temporary.open("wb") as file:
            np.savez(file, **parameters)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_header(entry):
    """Return the shape and dtype of an array in a file, and leave the array there.

    Parameters
    ----------
    entry : file object
        Open for bytes, at the start of an array as `numpy.save` writes it.

    Returns
    -------
    tuple of (tuple of int, numpy.dtype)

    Raises
    ------
    ValueError
        If no array of version 1.0 begins here. Later versions allow headers of
        gigabytes, and plain arrays of floats do not need them.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    version = np.lib.format.read_magic(entry)
    if version != (1, 0):
        raise ValueError(f"need version (1, 0), got {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(entry)
    return shape, dtype


def read_npz(file, read):
    """Return what `read` makes of every array of an .npz file.

    Parameters
    ----------
    file : file object
        Open for bytes.
    read : callable
        Takes an open entry: `read_header`, or `numpy.lib.format.read_array`, which
        refuses pickled objects unless asked to take them.

    Returns
    -------
    dict of str to object
        By the names of the arrays.

    Raises
    ------
    ValueError
        If the file is no .npz, is damaged, holds what `read` refuses, or holds two
        arrays of one name.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    try:
        with zipfile.ZipFile(file) as stored:
            entries = stored.namelist()
            found = {k.removesuffix(".npy"): read(stored.open(k)) for k in entries}
    except Exception as error:  # a damaged zip raises whatever comes first
        raise ValueError("no whole .npz of plain arrays") from error
    if len(found) < len(entries):
        raise ValueError(f"need one array per name, got {sorted(entries)}")
    return found


def load_parameters(path, parameters):
    """Write the arrays of a file into arrays of the same names, all or none.

    Parameters
    ----------
    path : str or Path
        A file from `save_parameters`.
    parameters : dict of str to ndarray of float
        Changed in place, such as ``network.parameters``.

    Raises
    ------
    ValueError
        As for `read_npz`; and if a name is missing or unknown, or an array has
        another shape or dtype than the one it is for. Then nothing has been changed.
    FileNotFoundError
        If there is no such file.

    Notes
    -----
    Shapes are compared before any array is read, so a file needs no more memory than
    the parameters it is for, whatever it claims. Nothing that stands in it is run.
    Values are not judged: NaN comes back as NaN, bit for bit.
    Built in chapter `book/training_in_practice.md`.
    """
    with Path(path).open("rb") as file:
        got = read_npz(file, read_header)
        if odd := sorted(got.keys() ^ parameters.keys()):
            raise ValueError(f"missing in {path} or unknown here: {odd}")
        for name, p in parameters.items():
            need, came = (p.shape, p.dtype), got[name]
            if need != came:
                said = f"need {need[0]} {need[1]}, got {came[0]} {came[1]}"
                raise ValueError(f"{name}: {said}")
        new = read_npz(file, np.lib.format.read_array)
    for name, p in parameters.items():
        p[...] = new[name]


def input_gradient(network, loss, X, target):
    """Return the gradient of a loss with respect to the inputs.

    Parameters
    ----------
    network : everygrad.backprop.Network
        Its ``gradient`` is overwritten.
    loss : callable
        As for `everygrad.backprop.backpropagate`.
    X : ndarray of float, shape (n, d)
        One row per sample.
    target : ndarray
        What `loss` compares the outputs with.

    Returns
    -------
    ndarray of float, shape (n, d)
        Of the mean over the n rows, hence n times smaller than that of a row's own
        loss, if no layer ties rows together.

    Notes
    -----
    Built in chapter `book/training_in_practice.md`.
    """
    _, d = loss(network.forward(X), target)
    for layer in reversed(network.layers):
        d = layer.backward(d)
    return d


def fgsm(network, loss, X, target, size, low=0.0, high=1.0):
    """Return inputs, each moved by a fixed size so that the loss grows.

    Parameters
    ----------
    network, loss, X, target
        As for `input_gradient`.
    size : float
        How far each entry of X moves, 0 or more, in the units of X.
    low, high : float
        The range of the entries, where they are cut off afterwards.

    Returns
    -------
    ndarray of float, shape (n, d)
        Entries whose gradient is 0 stay.

    Notes
    -----
    The fast gradient sign method [1]_: of all moves by at most `size` per entry, the
    one that a first-order expansion says is worst.
    Built in chapter `book/training_in_practice.md`.

    References
    ----------
    .. [1] Goodfellow, Shlens and Szegedy (2015), "Explaining and harnessing
       adversarial examples", ICLR.
    """
    d = input_gradient(network, loss, X, target)
    return np.clip(X + size * np.sign(d), low, high)
