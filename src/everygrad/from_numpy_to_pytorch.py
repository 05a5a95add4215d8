"""Our networks in PyTorch: the same parameters, our names, and what deviates.

`to_torch` turns a `everygrad.backprop.Network` into a `torch.nn.Sequential`, and
`our_blocks` reads parameters and gradients back under our names and in our layout.
`run_ours`, `run_torch` and `deviations` compare the two. `OurLinear` goes the other
way: it puts the linear layer of `everygrad.backprop` on PyTorch's tape.

This module needs PyTorch; the rest of the library does not.
Comments such as ``# eq-from-numpy-to-pytorch-dv`` name the equation of the chapter.
"""

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

from everygrad.activations import Softmax, elu, gelu, gelu_tanh, leaky_relu
from everygrad.backprop import Linear, ReLU, Sigmoid, Tanh, affine
from everygrad.logistic_neuron import sigmoid
from everygrad.multilayer_networks import identity, relu
from everygrad.regularisation import BatchNorm, Dropout

NAMES = {nn.Linear: ("W", "b"), nn.BatchNorm1d: ("gamma", "beta")}
ELEMENTWISE = {
    **dict.fromkeys([Sigmoid, sigmoid], nn.Sigmoid),
    **dict.fromkeys([Tanh, np.tanh], nn.Tanh),
    **dict.fromkeys([ReLU, relu], nn.ReLU),
    identity: nn.Identity,
    leaky_relu: nn.LeakyReLU,
    elu: nn.ELU,
    gelu: nn.GELU,
    gelu_tanh: lambda: nn.GELU(approximate="tanh"),
    Softmax: lambda: nn.Softmax(dim=-1),
}


def to_module(layer):
    """Return the torch module that does what a layer does.

    Parameters
    ----------
    layer : everygrad.backprop.Layer
        Of a class or with a function that is known here. Not of a subclass, which may
        do something else.

    Returns
    -------
    torch.nn.Module
        In float64. A linear layer has other parameters still: see `to_torch`.
        Running statistics are copied.

    Raises
    ------
    ValueError
        If no module is known to do the same.

    Notes
    -----
    Built in chapter `book/from_numpy_to_pytorch.md`.
    """
    if type(layer) is Linear:
        return nn.Linear(*layer.parameters["W"].shape, dtype=torch.float64)
    if type(layer) is BatchNorm:
        settings = len(layer.mean), layer.epsilon, layer.momentum
        module = nn.BatchNorm1d(*settings, dtype=torch.float64)
        module.running_mean.copy_(torch.tensor(layer.mean))
        module.running_var.copy_(torch.tensor(layer.variance))
        return module
    if type(layer) is Dropout:
        return nn.Dropout(layer.rate)
    kind = getattr(layer, "function", type(layer))
    if kind not in ELEMENTWISE:
        raise ValueError(f"no torch module is known for {kind}")
    return ELEMENTWISE[kind]()


def our_blocks(model, gradients=False):
    """Return a model's parameters or gradients, by our names and in our layout.

    Parameters
    ----------
    model : torch.nn.Module
        With parameters in modules `nn.Linear` and `nn.BatchNorm1d`, both with a bias.
    gradients : bool
        Whether gradients are wanted.

    Returns
    -------
    dict of str to ndarray
        ``"W1"``, ``"b1"`` and so on, as in `everygrad.backprop.Network`. The arrays
        are views: change one, and the model has changed.

    Raises
    ------
    ValueError
        If a gradient is wanted and there is none.

    Notes
    -----
    A weight of `nn.Linear` is (d_out, d_in), so it is transposed, and its gradient too.
    Built in chapter `book/from_numpy_to_pytorch.md`.
    """
    blocks = {}
    learning = [m for m in model.modules() if type(m) in NAMES]
    for i, module in enumerate(learning, start=1):
        both = module.weight, module.bias
        for name, p in zip(NAMES[type(module)], both, strict=True):
            if gradients and p.grad is None:
                raise ValueError(f"{name}{i} has no gradient: run backward first")
            tensor = p.grad if gradients else p.detach()
            blocks[f"{name}{i}"] = tensor.numpy().T  # eq-from-numpy-to-pytorch-dv
    return blocks


def to_torch(network):
    """Return a network as a torch model with the same parameters.

    Parameters
    ----------
    network : everygrad.backprop.Network
        Only read.

    Returns
    -------
    torch.nn.Sequential
        One module per layer, in the network's dtype, each in training or not as its
        layer. Parameters and running statistics are copies.

    Raises
    ------
    ValueError
        As for `to_module`.

    Notes
    -----
    Dropout rolls dice of its own there.
    Built in chapter `book/from_numpy_to_pytorch.md`.
    """
    model = nn.Sequential(*[to_module(layer) for layer in network.layers])
    for name, block in our_blocks(model).items():
        block[...] = network.parameters[name]
    for layer, module in zip(network.layers, model, strict=True):
        module.train(getattr(layer, "training", True))
    return model.to(torch.from_numpy(network.theta).dtype)


def run_ours(network, loss, X, target):
    """Return a network's outputs and the gradients of a loss.

    Parameters
    ----------
    network, loss, X, target
        As for `everygrad.backprop.backpropagate`.

    Returns
    -------
    outputs : ndarray of float, shape (n, k)
    gradients : dict of str to ndarray
        Those of the network, not copied.

    Notes
    -----
    Built in chapter `book/from_numpy_to_pytorch.md`.
    """
    outputs = network.forward(X)
    network.backward(loss(outputs, target)[1])
    return outputs, network.gradients


def run_torch(model, loss, X, target):
    """Return a torch model's outputs and the gradients of a loss, as arrays.

    Parameters
    ----------
    model : torch.nn.Module
        As for `our_blocks`. Gradients that it has are overwritten.
    loss : callable
        ``loss(outputs, target)`` returns a tensor of one number.
    X : ndarray of float, shape (n, d)
        One row per sample, of the model's dtype.
    target : ndarray
        What `loss` compares the outputs with.

    Returns
    -------
    outputs : ndarray of float, shape (n, k)
    gradients : dict of str to ndarray
        As from `our_blocks`.

    Notes
    -----
    Built in chapter `book/from_numpy_to_pytorch.md`.
    """
    model.zero_grad()
    outputs = model(torch.tensor(X))
    loss(outputs, torch.tensor(target)).backward()
    return outputs.detach().numpy(), our_blocks(model, gradients=True)


def deviations(ours, theirs):
    """Return the largest deviation of outputs, and of gradients.

    Parameters
    ----------
    ours, theirs : pair
        Outputs and a dict of gradients, as from `run_ours` and `run_torch`.

    Returns
    -------
    outputs, gradients : float
        Absolute, over all entries. NaN where there is one.

    Raises
    ------
    ValueError
        If names or shapes differ: broadcasting would compare what does not belong
        together.

    Notes
    -----
    Built in chapter `book/from_numpy_to_pytorch.md`.
    """
    (A, dA), (B, dB) = ours, theirs
    here = {"outputs": A.shape} | {name: g.shape for name, g in dA.items()}
    there = {"outputs": B.shape} | {name: g.shape for name, g in dB.items()}
    if here != there:
        raise ValueError(f"need equal names and shapes, got {here} and {there}")
    apart = [np.abs(dA[name] - dB[name]).max() for name in dA]
    return float(np.abs(A - B).max()), float(np.max(apart))


class OurLinear(torch.autograd.Function):
    """Our linear layer as one step of PyTorch's tape: ``OurLinear.apply(X, W, b)``.

    `X` is (n, d_in), `W` (d_in, d_out), `b` (d_out,): float64 tensors, our layout.

    Notes
    -----
    NumPy computes both directions, out of PyTorch's sight, so it can be differentiated
    only once; a second time is refused.
    Built in chapter `book/from_numpy_to_pytorch.md`.
    """

    @staticmethod
    def forward(ctx, *leaves):
        """Return X W + b, shape (n, d_out), and save X, W and b."""
        ctx.save_for_backward(*leaves)
        return torch.from_numpy(affine(*[t.detach().numpy() for t in leaves]))

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        """Return the gradients of X, W and b, given that of the outputs."""
        X, W, b = [t.detach().numpy() for t in ctx.saved_tensors]
        layer = Linear(W, b)
        layer.X = X  # what its forward would have remembered
        dX = layer.backward(g.numpy())  # eq-from-numpy-to-pytorch-vjp
        return tuple(map(torch.from_numpy, (dX, *layer.gradients.values())))
