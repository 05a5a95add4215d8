"""Optimisers: rules that turn gradients into steps, schedules, and clipping.

Each rule holds one vector of parameters and changes it in place. After a backward pass
``optimiser.step(network.gradient)`` is one step; ``optimiser.learning_rate`` may be set
before any step. Whatever a rule remembers has the shape and the dtype of the vector.
"""

import math

import numpy as np


class Optimiser:
    """A vector of parameters that is changed in place, and a learning rate.

    Parameters
    ----------
    theta : ndarray of float, shape (P,)
        The parameters. Used as they are, not copied.
    learning_rate : float
        Size of a step. What a step of size 1 means is up to the rule.

    Attributes
    ----------
    theta, learning_rate
        As given. The rate may be changed between steps.
    work : ndarray, shape (P,)
        Room for intermediate results, so that a step allocates little.

    Notes
    -----
    A rule adds ``update(gradient)``. A penalty of λ/2 ‖θ‖² on the loss, "coupled"
    weight decay, needs no option: its gradient is λθ, so
    ``step(gradient + decay * theta)``.
    Built in chapter `book/optimisers.md`.
    """

    def __init__(self, theta, learning_rate):
        self.theta, self.learning_rate = theta, learning_rate
        self.work = np.zeros_like(theta)

    def step(self, gradient):
        """Change theta in place; the gradient (P,) stays as it is.

        Raises
        ------
        ValueError
            If the gradient has another shape than theta.
        """
        if gradient.shape != self.theta.shape:
            raise ValueError(f"need gradient {self.theta.shape}, got {gradient.shape}")
        self.update(gradient)


class SGD(Optimiser):
    """Gradient descent, with momentum or Nesterov's variant of it.

    Parameters
    ----------
    theta : ndarray of float, shape (P,)
        The parameters, changed in place.
    learning_rate : float
        Size of a step, as a multiple of the gradient.
    momentum : float
        What is kept of the velocity per step, 0 to 1. With 0, plain gradient descent.
    nesterov : bool
        Whether the gradient is taken to belong to the place that the momentum leads to.

    Attributes
    ----------
    velocity : ndarray, shape (P,)
        Sum of all gradients so far, each multiplied by ``momentum`` once per step
        since.

    Notes
    -----
    Step by step equal to ``torch.optim.SGD`` without dampening. Momentum is due to
    Polyak [1]_. With ``nesterov``, theta is the place where gradients are taken.
    Built in chapter `book/optimisers.md`.

    References
    ----------
    .. [1] Polyak (1964), "Some methods of speeding up the convergence of iteration
       methods", USSR Computational Mathematics and Mathematical Physics 4.
    """

    def __init__(self, theta, learning_rate, momentum=0.0, nesterov=False):
        super().__init__(theta, learning_rate)
        self.momentum, self.nesterov = momentum, nesterov
        self.velocity = np.zeros_like(theta)

    def update(self, gradient):
        """Roll on with the momentum, and take the gradient (P,) in."""
        self.velocity *= self.momentum
        self.velocity += gradient
        direction = self.velocity
        if self.nesterov:
            direction = gradient + self.momentum * self.velocity
        self.theta -= np.multiply(direction, self.learning_rate, out=self.work)


def scaled_step(theta, rate, direction, square, epsilon, work):
    """Take rate · direction / (√square + epsilon) from theta, in place.

    Parameters
    ----------
    theta, direction, square : ndarray of float, shape (P,)
        What is changed, which way, and the square of each parameter's scale.
    rate, epsilon : float
        Size of the step; what keeps the quotient finite where `square` is 0. It
        stands outside the root, as in PyTorch.
    work : ndarray, shape (P,)
        Overwritten. May not be one of the others.

    Notes
    -----
    Built in chapter `book/optimisers.md`.
    """
    np.sqrt(square, out=work)
    work += epsilon
    np.divide(direction, work, out=work)
    work *= rate
    theta -= work


class AdaGrad(Optimiser):
    """Divide each parameter's step by the root of its sum of squared gradients.

    Parameters
    ----------
    theta : ndarray of float, shape (P,)
        The parameters, changed in place.
    learning_rate : float
        Size of the first step, in units of the parameters.
    epsilon : float
        Added to the root, in units of the gradient.

    Attributes
    ----------
    square : ndarray, shape (P,)
        Sum of the squared gradients so far. It only grows, so steps only shrink.

    Notes
    -----
    Step by step equal to ``torch.optim.Adagrad``; the rule is from [1]_.
    Built in chapter `book/optimisers.md`.

    References
    ----------
    .. [1] Duchi, Hazan and Singer (2011), "Adaptive subgradient methods for online
       learning and stochastic optimization", JMLR 12.
    """

    def __init__(self, theta, learning_rate=1e-2, epsilon=1e-10):
        super().__init__(theta, learning_rate)
        self.epsilon, self.square = epsilon, np.zeros_like(theta)

    def update(self, gradient):
        """Add the square of the gradient (P,), then step."""
        self.square += np.square(gradient, out=self.work)
        rate, epsilon = self.learning_rate, self.epsilon
        scaled_step(self.theta, rate, gradient, self.square, epsilon, self.work)


def move_mean(mean, new, beta, work):
    """Keep the part beta of a running mean, and fill up with the new, in place.

    Parameters
    ----------
    mean, new : ndarray of float, shape (P,)
        What is changed, and what it moves towards.
    beta : float
        What is kept per step, 0 to 1: a memory of about 1 / (1 − beta) steps.
    work : ndarray, shape (P,)
        Overwritten. May be `new`.

    Notes
    -----
    Built in chapter `book/optimisers.md`.
    """
    np.subtract(new, mean, out=work)
    work *= 1 - beta
    mean += work


class RMSProp(Optimiser):
    """Divide each parameter's step by the root of its mean squared gradient.

    Parameters
    ----------
    theta : ndarray of float, shape (P,)
        The parameters, changed in place.
    learning_rate : float
        Typical size of a step, in units of the parameters.
    beta : float
        What is kept of the mean per step, 0 to 1 (``alpha`` in PyTorch).
    epsilon : float
        Added to the root, in units of the gradient.

    Attributes
    ----------
    square : ndarray, shape (P,)
        Running mean of the squared gradient, which starts at 0 and is not corrected
        for that: early steps are too large, by up to 1 / √(1 − beta).

    Notes
    -----
    Step by step equal to ``torch.optim.RMSprop``, neither centred nor with momentum.
    Built in chapter `book/optimisers.md`.
    """

    def __init__(self, theta, learning_rate=1e-2, beta=0.99, epsilon=1e-8):
        super().__init__(theta, learning_rate)
        self.beta, self.epsilon, self.square = beta, epsilon, np.zeros_like(theta)

    def update(self, gradient):
        """Move the mean square towards that of the gradient (P,), then step."""
        np.square(gradient, out=self.work)
        move_mean(self.square, self.work, self.beta, self.work)
        rate, epsilon = self.learning_rate, self.epsilon
        scaled_step(self.theta, rate, gradient, self.square, epsilon, self.work)


class Adam(Optimiser):
    """Step along the mean gradient, divided by the root of the mean square.

    Parameters
    ----------
    theta : ndarray of float, shape (P,)
        The parameters, changed in place.
    learning_rate : float
        Greatest usual size of a step, in units of the parameters.
    beta1, beta2 : float
        What is kept of the mean gradient and of the mean square per step, 0 to 1.
    epsilon : float
        Added to the corrected root, in units of the gradient.

    Attributes
    ----------
    m, v : ndarray, shape (P,)
        Running means of the gradient and of its square, not corrected.
    t : int
        Number of steps taken.

    Notes
    -----
    Both means start at 0 and are too small at first. The corrections
    ``1 − beta1**t`` and ``1 − beta2**t`` [1]_ are numbers, so they are applied to the
    rate and to `epsilon` rather than to whole vectors.
    Step by step equal to ``torch.optim.Adam``.
    Built in chapter `book/optimisers.md`.

    References
    ----------
    .. [1] Kingma and Ba (2015), "Adam: a method for stochastic optimization", ICLR.
    """

    def __init__(self, theta, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(theta, learning_rate)
        self.beta1, self.beta2, self.epsilon, self.t = beta1, beta2, epsilon, 0
        self.m, self.v = np.zeros_like(theta), np.zeros_like(theta)

    def update(self, gradient):
        """Move both means towards the gradient (P,) and its square, then step."""
        self.t += 1
        move_mean(self.m, gradient, self.beta1, self.work)
        move_mean(self.v, np.square(gradient, out=self.work), self.beta2, self.work)
        c1, c2 = 1 - self.beta1**self.t, math.sqrt(1 - self.beta2**self.t)
        rate = self.learning_rate * c2 / c1
        scaled_step(self.theta, rate, self.m, self.v, self.epsilon * c2, self.work)


class AdamW(Adam):
    """Adam, with weight decay that does not pass through the means.

    Parameters
    ----------
    theta, learning_rate
        As for `Adam`.
    weight_decay : float
        Each step first takes ``learning_rate * weight_decay`` of every parameter. (The
        paper multiplies by the schedule only, PyTorch by the whole rate, as here.)
    **adam
        ``beta1``, ``beta2`` and ``epsilon``, as for `Adam`.

    Notes
    -----
    Step by step equal to ``torch.optim.AdamW``; the rule is from [1]_.
    Built in chapter `book/optimisers.md`.

    References
    ----------
    .. [1] Loshchilov and Hutter (2019), "Decoupled weight decay regularization", ICLR.
    """

    def __init__(self, theta, learning_rate=1e-3, weight_decay=0.01, **adam):
        super().__init__(theta, learning_rate, **adam)
        self.weight_decay = weight_decay

    def update(self, gradient):
        """Shrink theta, then step as Adam does."""
        self.theta *= 1 - self.learning_rate * self.weight_decay
        super().update(gradient)


def step_decay(step, rate, factor, every):
    """Return the learning rate at a step: multiplied by `factor` every so many steps.

    Parameters
    ----------
    step : int
        Number of steps taken so far, from 0.
    rate, factor : float
        Rate at first, and what multiplies it.
    every : int
        Steps between two drops.

    Returns
    -------
    float

    Notes
    -----
    Built in chapter `book/optimisers.md`.
    """
    return rate * factor ** (step // every)


def exponential_decay(step, rate, factor):
    """Return the learning rate at a step: multiplied by `factor` every step.

    Parameters
    ----------
    step : int
        Number of steps taken so far, from 0.
    rate, factor : float
        Rate at first, and what multiplies it.

    Returns
    -------
    float

    Notes
    -----
    Built in chapter `book/optimisers.md`.
    """
    return rate * factor**step


def warmup_cosine(step, rate, warmup, steps):
    """Return the learning rate at a step: a straight rise, then half a cosine to 0.

    Parameters
    ----------
    step : int
        Number of steps taken so far, from 0.
    rate : float
        Greatest rate, reached at step `warmup`.
    warmup, steps : int
        Steps of the rise, 0 for none, and of the whole, 0 ≤ warmup < steps; from
        `steps` on the rate is 0.

    Returns
    -------
    float
        At step 0 already ``rate / (warmup + 1)``, so that no step is wasted.

    Notes
    -----
    Built in chapter `book/optimisers.md`.
    """
    if step < warmup:
        return rate * (step + 1) / (warmup + 1)
    part = min(1, (step - warmup) / (steps - warmup))
    return rate * (1 + math.cos(math.pi * part)) / 2


def clip_by_norm(gradient, limit):
    """Return the gradient, shortened to the length `limit` if it is longer.

    Parameters
    ----------
    gradient : ndarray of float, shape (P,)
        The gradient with respect to all parameters together.
    limit : float
        Greatest length.

    Returns
    -------
    ndarray, shape (P,)
        The same direction. A gradient within the limit is returned itself.

    Notes
    -----
    ``torch.nn.utils.clip_grad_norm_`` divides by the length plus 1e-6.
    Built in chapter `book/optimisers.md`.
    """
    length = math.sqrt(np.vdot(gradient, gradient))
    return gradient * (limit / length) if length > limit else gradient


def clip_by_value(gradient, limit):
    """Return the gradient with every entry brought into −limit … limit.

    Parameters
    ----------
    gradient : ndarray of float, shape (P,)
        The gradient.
    limit : float
        Greatest size of an entry.

    Returns
    -------
    ndarray, shape (P,)
        In general another direction.

    Notes
    -----
    Built in chapter `book/optimisers.md`.
    """
    return np.clip(gradient, -limit, limit)
