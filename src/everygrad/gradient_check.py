"""Compare a derived gradient with a measured one, one parameter block at a time."""

import numpy as np
from scipy.optimize import check_grad


def replace_block(parameters, name, flat):
    """Return `parameters` with one block replaced; the original is not changed.

    Parameters
    ----------
    parameters : dict of str to ndarray
        All parameters of a model.
    name : str
        The block to replace.
    flat : ndarray, shape (parameters[name].size,)
        Its new entries, row by row.

    Returns
    -------
    dict of str to ndarray
        The same keys and shapes.

    Notes
    -----
    Built in chapter `book/linear_regression.md`.
    """
    return {**parameters, name: flat.reshape(parameters[name].shape)}


def gradient_error(loss, gradients, parameters, name):
    """Return the relative error of one block of a derived gradient, 0 to 1.

    Parameters
    ----------
    loss : callable
        ``loss(parameters)`` returns a float.
    gradients : callable
        ``gradients(parameters)`` returns a dict with the keys of `parameters`;
        each gradient has the shape of its parameter.
    parameters : dict of str to ndarray of float64
        The point at which to compare. Entries of size 0.1 to 1 make the
        comparison meaningful.
    name : str
        The block to look at.

    Returns
    -------
    float
        ``e / (‖derived‖ + e)`` with ``e = ‖derived − measured‖``: about 1e-8 when
        the block is right, a half when it lacks a factor 2, 1 when it was left at
        zero. A block whose derived and measured gradients both vanish scores 0.

    Raises
    ------
    ValueError
        If a derived gradient does not have the shape of its parameter.

    Notes
    -----
    Measured by forward differences with `scipy.optimize.check_grad`.
    Built in chapter `book/linear_regression.md`.
    """
    derived, shape = np.asarray(gradients(parameters)[name]), parameters[name].shape
    if derived.shape != shape:
        raise ValueError(f"gradient of {name} has shape {derived.shape}, need {shape}")
    error = check_grad(
        lambda flat: loss(replace_block(parameters, name, flat)),
        lambda flat: derived.ravel(),
        parameters[name].ravel(),
    )
    scale = np.linalg.norm(derived) + error
    return error if scale == 0 else error / scale


def gradient_errors(loss, gradients, parameters):
    """Return the relative error of every block of a derived gradient.

    Parameters
    ----------
    loss, gradients, parameters
        As for `gradient_error`.

    Returns
    -------
    dict of str to float
        `gradient_error` of each block. One norm over all parameters would let a
        large block hide a wrong small one.

    Notes
    -----
    Built in chapter `book/linear_regression.md`.
    """
    return {
        name: gradient_error(loss, gradients, parameters, name) for name in parameters
    }
