"""Backpropagation with matrices: layers that run forwards and backwards, and a network.

A layer has ``parameters`` and ``gradients``, two dicts with the same keys, and two
directions. ``forward(X)`` returns its outputs and remembers what the way back needs.
``backward(d)`` takes the gradient of the loss with respect to its outputs, writes the
gradients of its parameters, and returns the gradient with respect to its inputs.
Rows are samples.

A loss takes outputs and targets and returns a pair: the mean loss, and its gradient
with respect to the outputs, which is where the way back begins.

Comments such as ``# eq-backprop-dw`` name the equation of the chapter.
"""

import math
from itertools import pairwise

import numpy as np

from everygrad.gradient_check import gradient_errors
from everygrad.logistic_neuron import sigmoid


class Layer:
    """What all layers share: parameters by name, and a gradient for each.

    Parameters
    ----------
    **parameters : ndarray of float
        Used as they are, not copied. None for a layer with nothing to learn.

    Attributes
    ----------
    parameters, gradients : dict of str to ndarray
        The same keys and shapes. `backward` writes into the arrays of `gradients`.

    Notes
    -----
    A layer adds ``forward(X)``, which remembers what the way back needs, and
    ``backward(d)``: see the module. What it remembers is not copied, so leave inputs
    and outputs as they are until `backward` has run.
    Built in chapter `book/backprop.md`.
    """

    def __init__(self, **parameters):
        self.parameters = parameters
        self.gradients = {k: np.zeros_like(p) for k, p in parameters.items()}

    def backward_parameters(self, d):
        """Write the gradients of the parameters. Cheaper than `backward` for some."""
        self.backward(d)


def affine(X, W, b):
    """Return weighted sums, a bias added to each: X W + b.

    Parameters
    ----------
    X : ndarray of float, shape (n, p)
        One row per sample.
    W : ndarray of float, shape (p, q)
        Weights.
    b : ndarray of float, shape (q,)
        Biases.

    Returns
    -------
    ndarray of float, shape (n, q)

    Raises
    ------
    ValueError
        If the shapes do not fit, or if the three are not of one floating dtype:
        nothing is promoted.

    Notes
    -----
    Built in chapter `book/backprop.md`.
    """
    if X.ndim != 2 or W.ndim != 2 or X.shape[1:] + b.shape != W.shape:
        got = f"{X.shape}, {W.shape} and {b.shape}"
        raise ValueError(f"need X (n, p), W (p, q) and b (q,), got {got}")
    if not (X.dtype == W.dtype == b.dtype and X.dtype.kind == "f"):
        got = f"{X.dtype}, {W.dtype} and {b.dtype}"
        raise ValueError(f"need X, W and b of one floating dtype, got {got}")
    Z = X @ W  # eq-backprop-linear
    Z += b
    return Z


class Linear(Layer):
    """A layer of weighted sums, Z = X W + b.

    Parameters
    ----------
    W : ndarray of float, shape (d_in, d_out)
        Weights.
    b : ndarray of float, shape (d_out,)
        Biases, with the dtype of `W`.

    Raises
    ------
    ValueError
        By `forward`: as for `affine`. By `backward`: if the gradient it gets does not
        have the shape of the outputs.
    TypeError
        By `backward`: if that gradient has another dtype.

    Notes
    -----
    It remembers its inputs.
    Built in chapter `book/backprop.md`.
    """

    def __init__(self, W, b):
        super().__init__(W=W, b=b)

    def forward(self, X):
        """Return X W + b, shape (n, d_out), for X (n, d_in)."""
        self.X = X
        return affine(X, **self.parameters)

    def backward(self, d):
        """Write the gradients of W and b, and return that of X, shape (n, d_in).

        `d` is the gradient with respect to the outputs, shape (n, d_out).
        """
        self.backward_parameters(d)
        return d @ self.parameters["W"].T  # eq-backprop-dx

    def backward_parameters(self, d):
        """Write the gradients of W and b; that of X would be one product more."""
        np.matmul(self.X.T, d, out=self.gradients["W"], casting="no")  # eq-backprop-dw
        np.sum(d, axis=0, out=self.gradients["b"])  # eq-backprop-db


class Sigmoid(Layer):
    """A layer that applies the sigmoid to every entry. It has no parameters.

    Notes
    -----
    It remembers its outputs.
    Built in chapter `book/backprop.md`.
    """

    def forward(self, Z):
        """Return sigmoid(Z), any shape."""
        self.A = sigmoid(Z)
        return self.A

    def backward(self, d):
        """Return the gradient with respect to Z; `d` is that by the outputs."""
        return d * self.A * (1 - self.A)  # eq-backprop-sigmoid


class Tanh(Layer):
    """A layer that applies tanh to every entry. It has no parameters.

    Notes
    -----
    It remembers its outputs.
    Built in chapter `book/backprop.md`.
    """

    def forward(self, Z):
        """Return tanh(Z), any shape."""
        self.A = np.tanh(Z)
        return self.A

    def backward(self, d):
        """Return the gradient with respect to Z; `d` is that by the outputs."""
        return d * (1 - self.A**2)  # eq-backprop-tanh


class ReLU(Layer):
    """A layer that puts out every positive entry as it is, and 0 for the others.

    Notes
    -----
    It remembers one truth value per entry. At exactly 0, where there is a kink, the
    slope is taken to be 0.
    Built in chapter `book/backprop.md`.
    """

    def forward(self, Z):
        """Return max(0, Z), any shape."""
        self.positive = Z > 0
        return np.maximum(Z, 0)

    def backward(self, d):
        """Return the gradient with respect to Z; `d` is that by the outputs."""
        return d * self.positive  # eq-backprop-relu


def views(flat, shapes):
    """Return consecutive pieces of a vector, in the given shapes.

    Parameters
    ----------
    flat : ndarray, shape (P,)
        The numbers, block after block, each row by row.
    shapes : dict of str to tuple of int
        One shape per block, P numbers in all.

    Returns
    -------
    dict of str to ndarray
        The keys of `shapes`. The arrays are views: change one, and `flat` changes.

    Raises
    ------
    ValueError
        If the blocks do not hold P numbers.

    Notes
    -----
    Built in chapter `book/backprop.md`.
    """
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    if ends[-1] != len(flat):
        raise ValueError(f"need {ends[-1]} numbers for {shapes}, got {len(flat)}")
    pieces = np.split(flat, ends[:-1])
    return {
        name: piece.reshape(shapes[name])
        for name, piece in zip(shapes, pieces, strict=True)
    }


def gather(layers, kind):
    """Move arrays of all layers into one vector.

    Parameters
    ----------
    layers : sequence of Layer
        Each of them once. Changed: they now hold views of the vector.
    kind : str
        Which dict of the layers to move: ``"parameters"`` or ``"gradients"``.

    Returns
    -------
    flat : ndarray, shape (P,)
        All numbers, layer after layer.
    parts : dict of str to ndarray
        Its views, in the shapes of the arrays: ``"W1"``, ``"b1"``, ``"W2"`` and so on,
        the name within the layer and the layer's place among those with parameters.

    Raises
    ------
    ValueError
        If a layer stands there twice, whose memory the second use would overwrite, or
        if the arrays are not of one dtype.

    Notes
    -----
    Built in chapter `book/backprop.md`.
    """
    if len({id(layer) for layer in layers}) < len(layers):
        raise ValueError("a layer stands here twice: give each place its own")
    homes = [home for layer in layers if (home := getattr(layer, kind))]
    places = [(f"{k}{i}", h, k) for i, h in enumerate(homes, start=1) for k in h]
    if len(kinds := {str(home[k].dtype) for _, home, k in places}) != 1:
        raise ValueError(f"need parameters of one dtype, got {sorted(kinds)}")
    flat = np.concatenate([home[k].ravel() for _, home, k in places])
    parts = views(flat, {key: home[k].shape for key, home, k in places})
    for key, home, k in places:
        home[k] = parts[key]
    return flat, parts


class Network:
    """Layers in a row, with all parameters in one vector.

    Parameters
    ----------
    layers : sequence of Layer
        In the order of the forward pass, each of them once.

    Attributes
    ----------
    theta, gradient : ndarray, shape (P,)
        All parameters, copied from the layers, and their gradients. Change `theta` in
        place, ``network.theta -= ...`` or ``network.theta[:] = ...``: another array
        of this name would not be seen by the layers. For the same reason keep
        ``theta.copy()`` when you want a network back later, not a deep copy of it.
    parameters, gradients : dict of str to ndarray
        Views of `theta` and of `gradient`, in the shapes of the parameters, with keys
        as from `gather`. The layers hold the same views.

    Raises
    ------
    ValueError
        As for `gather`.

    Notes
    -----
    Built in chapter `book/backprop.md`.
    """

    def __init__(self, layers):
        self.layers = layers
        self.theta, self.parameters = gather(layers, "parameters")
        self.gradient, self.gradients = gather(layers, "gradients")

    def forward(self, X):
        """Return the outputs for X (n, d), and let every layer remember what it saw."""
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def backward(self, d):
        """Write all gradients, from that of the loss with respect to the outputs.

        It belongs to the last `forward`. The gradient with respect to the inputs of
        the network is not computed, since no parameter asks for it.
        """
        for layer in reversed(self.layers[1:]):
            d = layer.backward(d)  # eq-backprop-compose
        self.layers[0].backward_parameters(d)


def dense_network(rng, sizes, activation=ReLU, dtype=float):
    """Return a network of linear layers with an activation between them.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the weights come from.
    sizes : sequence of int
        Number of inputs, of units in each hidden layer, and of outputs.
    activation : callable
        Returns a new layer, for example `ReLU`. The last linear layer gets none.
    dtype : numpy floating dtype
        Of the parameters.

    Returns
    -------
    Network
        Weights are normal with variance 1/d_in, so that a sum over inputs of size 1
        has size 1; biases are 0.

    Notes
    -----
    Built in chapter `book/backprop.md`.
    """
    layers = []
    for d_in, d_out in pairwise(sizes):
        W = rng.normal(size=(d_in, d_out)) / math.sqrt(d_in)
        layers.append(Linear(W.astype(dtype), np.zeros(d_out, dtype)))
        layers.append(activation())
    return Network(layers[:-1])


def squared_error(prediction, target):
    """Return the mean squared error of a batch, and its gradient.

    Parameters
    ----------
    prediction : ndarray of float, shape (n, k) or (n,)
        One row per sample.
    target : ndarray, the shape of `prediction`
        What should come out.

    Returns
    -------
    loss : float
        Mean over the n samples of the sum over the k outputs of the squared
        difference: k times `torch.nn.MSELoss`, which takes the mean over both.
    d : ndarray, the shape and dtype of `prediction`
        Gradient with respect to `prediction`. It carries the factor 2/n.

    Raises
    ------
    ValueError
        If the shapes differ, or if `target` would promote the dtype.

    Notes
    -----
    Built in chapter `book/backprop.md`.
    """
    if target.shape != prediction.shape:
        raise ValueError(f"need targets {prediction.shape}, got {target.shape}")
    r = prediction - target  # (n, k)
    if r.dtype != prediction.dtype:
        raise ValueError(f"need targets of {prediction.dtype}, got {target.dtype}")
    n = len(r)
    return np.vdot(r, r) / n, 2 / n * r  # eq-backprop-squared-error


def check_labels(Z, labels):
    """Refuse labels that do not name one class per row of logits.

    Parameters
    ----------
    Z : ndarray, shape (n, k)
        Logits.
    labels : ndarray of int, shape (n,)
        Classes, 0 to k - 1.

    Raises
    ------
    ValueError
        If `labels` does not hold one whole number from 0 to k - 1 per row of `Z`. A
        label -1 would silently count as the last class.

    Notes
    -----
    Built in chapter `book/backprop.md`.
    """
    n, k = Z.shape
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        got = f"{labels.shape} of {labels.dtype}"
        raise ValueError(f"need {n} whole numbers as labels, got {got}")
    if labels.min() < 0 or labels.max() >= k:
        raise ValueError(f"need labels in 0..{k - 1}, got {np.unique(labels)}")


def softmax_cross_entropy(Z, labels):
    """Return the mean cross-entropy of softmax(Z), and its gradient.

    Parameters
    ----------
    Z : ndarray of float, shape (n, k)
        Logits: one row per sample, one column per class, any size.
    labels : ndarray of int, shape (n,)
        True class of each sample, 0 to k - 1.

    Returns
    -------
    loss : float
        Mean of minus the logarithm of the probability of the true class, in nats.
    d : ndarray, the shape and dtype of `Z`
        Gradient with respect to `Z`: probabilities minus one-hot labels, over n.
        Each row adds up to 0.

    Raises
    ------
    ValueError
        As for `check_labels`.

    Notes
    -----
    The largest logit of each row is subtracted first, so that no exponential
    overflows: [1]_.
    Built in chapter `book/backprop.md`.

    References
    ----------
    .. [1] Goodfellow, Bengio and Courville (2016), *Deep Learning*, chapter 4.
    """
    check_labels(Z, labels)
    own = np.arange(len(Z)), labels  # the place of the true class in each row
    Z = Z - Z.max(axis=1, keepdims=True)
    P = np.exp(Z)
    total = P.sum(axis=1, keepdims=True)  # (n, 1)
    loss = np.mean(np.log(total[:, 0]) - Z[own])  # eq-backprop-cross-entropy
    P /= total  # eq-backprop-softmax
    P[own] -= 1  # eq-backprop-dlogits
    P /= len(Z)
    return loss, P


def backpropagate(network, loss, X, target):
    """Return the loss of a batch, and leave its gradient in the network.

    Parameters
    ----------
    network : Network
        Its ``gradient`` is overwritten.
    loss : callable
        ``loss(outputs, target)`` returns the loss and its gradient with respect to
        the outputs, as `squared_error` and `softmax_cross_entropy` do.
    X : ndarray of float, shape (n, d)
        One row per sample.
    target : ndarray
        What `loss` compares the outputs with.

    Returns
    -------
    float
        The loss before any step. A step is then
        ``network.theta -= learning_rate * network.gradient``.

    Notes
    -----
    Built in chapter `book/backprop.md`.
    """
    value, d = loss(network.forward(X), target)
    network.backward(d)
    return value


def check_network(network, loss, X, target):
    """Return the relative error of every block of a network's gradient.

    Parameters
    ----------
    network : Network
        With float64 parameters, of size 0.1 to 1. They are as before afterwards.
    loss, X, target
        As for `backpropagate`.

    Returns
    -------
    dict of str to float
        As from `everygrad.gradient_check.gradient_errors`: about 1e-8 where the
        block is right.

    Raises
    ------
    ValueError
        If the parameters are float32, whose seven digits are too few for a check.

    Notes
    -----
    At a kink the check is no judge: where a sample turns off all ReLUs of a layer, and
    the next biases are 0, a right gradient can read 0.7. Take other biases.
    Built in chapter `book/backprop.md`.
    """
    start = {name: p.copy() for name, p in network.parameters.items()}
    if network.theta.dtype != float:
        raise ValueError(f"need float64 parameters, got {network.theta.dtype}")
    backpropagate(network, loss, X, target)
    grads = {name: g.copy() for name, g in network.gradients.items()}

    def loss_at(parameters):
        network.theta[:] = np.concatenate([p.ravel() for p in parameters.values()])
        return loss(network.forward(X), target)[0]

    errors = gradient_errors(loss_at, lambda _: grads, start)
    loss_at(start)
    return errors
