"""Answers to the PyTorch exercise: misconceptions, and other right styles.

Each wrong answer must lose exactly the listed test cells.
"""

STATE = {"state_of_two_layers", "state_that_runs"}
MASKED = {"masked_loss", "masked_gradient"}
PIECES = {"gradient_in_equal_pieces", "gradient_in_unequal_pieces"}
TOWER = {"tower_outputs", "tower_knows_its_parts"}
JACOBIAN = {"jacobian_of_a_matrix", "jacobian_that_bends"}

TOWER_BODY = """\
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        d = len(shift)
        {blocks}
        {scale}
        {shift}

    def forward(self, A):
        A = A + self.shift
        for i, block in enumerate(self.blocks):
            A = A + self.scale[i] * torch.relu(block(A))
        return A

module = Tower()
for i, V in enumerate(weights):
    {copy}
outputs = module(X)
outputs.backward(G)
gradients = {{name: p.grad for name, p in module.named_parameters()}}
return outputs, gradients, module.state_dict()
"""
PARTS = {
    "blocks": "self.blocks = nn.ModuleList("
    "[nn.Linear(d, d, bias=False).double() for _ in weights])",
    "scale": "self.scale = nn.Parameter(scale.clone())",
    "shift": "self.register_buffer('shift', shift.clone())",
    "copy": "module.blocks[i].weight.data = V.clone()",
}


def tower(**other):
    """Return the body of a tower with some of its parts made otherwise."""
    return TOWER_BODY.format(**{**PARTS, **other})


HEAD_LOOP = """\
W1, b1, W2, b2 = (p[name].clone() for name in ("W1", "b1", "W2", "b2"))
{before}
for _ in range(steps):
    {zero}
    A = torch.tanh(X @ W1 + b1)
    loss = {loss}
    loss.backward()
    optimiser.step()
return {{"W1": W1.detach(), "b1": b1.detach(), "W2": W2.detach(), "b2": b2.detach()}}
"""
HEAD = {
    "before": "W2.requires_grad_()\n"
    "b2.requires_grad_()\n"
    "optimiser = torch.optim.SGD("
    "[{'params': [W2], 'weight_decay': weight_decay}, {'params': [b2]}], lr=rate)",
    "zero": "optimiser.zero_grad()",
    "loss": "((A @ W2 + b2 - Y) ** 2).sum() / len(X)",
}


def head(**other):
    """Return the body of a fine-tuning with some of its lines made otherwise."""
    return HEAD_LOOP.format(**{**HEAD, **other})


WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "matrices not turned": (
        "to_state_dict",
        "state = {}\n"
        "for i in range(len(parameters) // 2):\n"
        "    state[f'{2 * i}.weight'] = torch.tensor(parameters[f'W{i + 1}'])\n"
        "    state[f'{2 * i}.bias'] = torch.tensor(parameters[f'b{i + 1}'])\n"
        "return state\n",
        STATE,
    ),
    "activations have no place": (
        "to_state_dict",
        "state = {}\n"
        "for i in range(len(parameters) // 2):\n"
        "    state[f'{i}.weight'] = torch.tensor(parameters[f'W{i + 1}'].T)\n"
        "    state[f'{i}.bias'] = torch.tensor(parameters[f'b{i + 1}'])\n"
        "return state\n",
        STATE,
    ),
    "sorted as words": (
        "to_state_dict",
        "names = sorted(k for k in parameters if k[0] == 'W')\n"
        "state = {}\n"
        "for i, name in enumerate(names):\n"
        "    state[f'{2 * i}.weight'] = torch.tensor(parameters[name].T)\n"
        "    state[f'{2 * i}.bias'] = torch.tensor(parameters['b' + name[1:]])\n"
        "return state\n",
        {"state_that_runs"},
    ),
    "left to autograd": (
        "quantise",
        "return step * torch.round(x.clamp(-limit, limit) / step)\n",
        {"quantised_gradients"},
    ),
    "gradient passes everywhere": (
        "quantise",
        "q = step * torch.round(x.clamp(-limit, limit) / step)\n"
        "return x + (q - x).detach()\n",
        {"quantised_gradients"},
    ),
    "limits forgotten": (
        "quantise",
        "q = step * torch.round(x / step)\nreturn x + (q - x).detach()\n",
        {"quantised_values", "quantised_gradients"},
    ),
    "closed at the limits": (
        "quantise",
        "c = x.clamp(-limit, limit)\n"
        "q = step * torch.round(c / step)\n"
        "inside = torch.where(x.abs() < limit, x, x.detach())\n"
        "return inside + (q - inside).detach()\n",
        {"quantised_gradients"},
    ),
    "masked by zeros, divided by all": (
        "masked_cross_entropy",
        "each = F.cross_entropy(Z, labels.clamp(min=0), reduction='none')\n"
        "return (each * mask).mean()\n",
        MASKED,
    ),
    "multiplied by the mask": (
        "masked_cross_entropy",
        "each = F.cross_entropy(Z, labels.clamp(min=0), reduction='none')\n"
        "return (each * mask).sum() / mask.sum()\n",
        {"masked_gradient"},
    ),
    "exponentials too large": (
        "masked_cross_entropy",
        "E = torch.exp(Z[mask])\n"
        "P = E / E.sum(dim=1, keepdim=True)\n"
        "return -torch.log(P[torch.arange(len(P)), labels[mask]]).mean()\n",
        {"masked_gradient"},
    ),
    "softmax before the loss": (
        "masked_cross_entropy",
        "return F.cross_entropy(torch.softmax(Z[mask], dim=1), labels[mask])\n",
        MASKED,
    ),
    "the same memory every time": (
        "growing_gradient",
        "w = w.clone().requires_grad_()\n"
        "states = []\n"
        "for i in range(0, len(X), size):\n"
        "    r = X[i : i + size] @ w - y[i : i + size]\n"
        "    ((r**2).sum() / len(X)).backward()\n"
        "    states.append(w.grad)\n"
        "return torch.stack(states)\n",
        PIECES,
    ),
    "a mean of means": (
        "growing_gradient",
        "w = w.clone().requires_grad_()\n"
        "states, pieces = [], -(-len(X) // size)\n"
        "for i in range(0, len(X), size):\n"
        "    r = X[i : i + size] @ w - y[i : i + size]\n"
        "    ((r**2).mean() / pieces).backward()\n"
        "    states.append(w.grad.clone())\n"
        "return torch.stack(states)\n",
        {"gradient_in_unequal_pieces"},
    ),
    "a plain list of blocks": (
        "tower",
        tower(
            blocks="self.blocks = ["
            "nn.Linear(d, d, bias=False).double() for _ in weights]"
        ),
        {"tower_knows_its_parts"},
    ),
    "scale a plain tensor": (
        "tower",
        tower(scale="self.scale = scale.clone().requires_grad_()"),
        {"tower_knows_its_parts"},
    ),
    "shift is trained": (
        "tower",
        tower(shift="self.shift = nn.Parameter(shift.clone())"),
        {"tower_knows_its_parts"},
    ),
    "scale off the tape": (
        "tower",
        tower().replace("self.scale[i] *", "self.scale[i].item() *"),
        {"tower_knows_its_parts"},
    ),
    "turned once too often": (
        "tower",
        tower(copy="module.blocks[i].weight.data = V.T.clone()"),
        TOWER,
    ),
    "the body pays decay": (
        "fine_tune",
        head(
            before="W2.requires_grad_()\n"
            "b2.requires_grad_()\n"
            "W1.grad = torch.zeros_like(W1)\n"
            "optimiser = torch.optim.SGD(["
            "{'params': [W1, W2], 'weight_decay': weight_decay},"
            " {'params': [b2]}], lr=rate)",
            zero="W2.grad = b2.grad = None",
        ),
        {"the_body_stays", "the_head_learns"},
    ),
    "decay on the bias, too": (
        "fine_tune",
        head(
            before="W2.requires_grad_()\n"
            "b2.requires_grad_()\n"
            "optimiser = torch.optim.SGD("
            "[W2, b2], lr=rate, weight_decay=weight_decay)"
        ),
        {"the_head_learns"},
    ),
    "gradients never cleared": ("fine_tune", head(zero="pass"), {"the_head_learns"}),
    "rows add up": (
        "jacobian",
        "rows = []\n"
        "for i in range(len(y)):\n"
        "    y[i].backward(retain_graph=True)\n"
        "    rows.append(x.grad.clone())\n"
        "return torch.stack(rows)\n",
        JACOBIAN,
    ),
    "x.grad used and left": (
        "jacobian",
        "rows = []\n"
        "for i in range(len(y)):\n"
        "    x.grad = None\n"
        "    y[i].backward(retain_graph=True)\n"
        "    rows.append(x.grad)\n"
        "return torch.stack(rows)\n",
        {"jacobian_that_bends"},
    ),
    "radii of the first points": (
        "learn_rings",
        "radius = X_new.norm(dim=1)\n"
        "return ((radius > 0.8) & (radius < 1.8)).double()\n",
        {"rings_are_learned"},
    ),
    "a straight line": (
        "learn_rings",
        "model = nn.Linear(2, 1).double()\n"
        "optimiser = torch.optim.Adam(model.parameters(), lr=0.1)\n"
        "for _ in range(100):\n"
        "    optimiser.zero_grad()\n"
        "    F.binary_cross_entropy_with_logits("
        "model(X)[:, 0], labels.double()).backward()\n"
        "    optimiser.step()\n"
        "return torch.sigmoid(model(X_new)[:, 0])\n",
        {"rings_are_learned"},
    ),
}

RIGHT = {
    "filled by names": (
        "to_state_dict",
        "state = {}\n"
        "for name, block in parameters.items():\n"
        "    place = 2 * (int(name[1:]) - 1)\n"
        "    kind = 'weight' if name[0] == 'W' else 'bias'\n"
        "    state[f'{place}.{kind}'] = torch.from_numpy(block.copy()).t()\n"
        "return state\n",
    ),
    "detached difference": (
        "quantise",
        "c = torch.clamp(x, -limit, limit)\n"
        "return c + (torch.round(c / step) * step - c).detach()\n",
    ),
    "where, and a loop": (
        "masked_cross_entropy",
        "total = 0\n"
        "for i in range(len(Z)):\n"
        "    if mask[i]:\n"
        "        total = total + torch.logsumexp(Z[i], 0) - Z[i, labels[i]]\n"
        "return total / mask.sum()\n",
    ),
    "ignore_index": (
        "masked_cross_entropy",
        "Z = torch.where(mask[:, None], Z, torch.zeros_like(Z))\n"
        "labels = torch.where(mask, labels, -100)\n"
        "return F.cross_entropy(Z, labels)\n",
    ),
    "by formula, a list": (
        "growing_gradient",
        "grads, total = [], torch.zeros_like(w)\n"
        "for a, b in zip(X.split(size), y.split(size)):\n"
        "    total = total + 2 / len(X) * a.T @ (a @ w - b)\n"
        "    grads.append(total)\n"
        "return grads\n",
    ),
    "blocks made one by one": (
        "tower",
        tower(
            blocks="self.blocks = nn.ModuleList()\n"
            "        for V in weights:\n"
            "            self.blocks.append(nn.Linear(d, d, bias=False))\n"
            "            self.blocks[-1].weight = nn.Parameter(V.clone())",
            copy="pass",
        ),
    ),
    "gradients without backward": (
        "tower",
        tower().replace(
            "outputs.backward(G)\n"
            "gradients = {name: p.grad for name, p in module.named_parameters()}",
            "names, p = zip(*module.named_parameters())\n"
            "gradients = dict(zip(names, torch.autograd.grad(outputs, p, G)))",
        ),
    ),
    "NumPy's formulas": (
        "fine_tune",
        "A, W2, b2 = torch.tanh(X @ p['W1'] + p['b1']), p['W2'], p['b2']\n"
        "for _ in range(steps):\n"
        "    R = 2 / len(X) * (A @ W2 + b2 - Y)\n"
        "    W2 = W2 - rate * (A.T @ R + weight_decay * W2)\n"
        "    b2 = b2 - rate * R.sum(dim=0)\n"
        "return {**p, 'W2': W2.numpy(), 'b2': b2.numpy()}\n",
    ),
    "all at once": (
        "jacobian",
        "eye = torch.eye(len(y), dtype=y.dtype)\n"
        "grad = lambda g: torch.autograd.grad(y, x, g, retain_graph=True)[0]\n"
        "return torch.stack([grad(g) for g in eye])\n",
    ),
    "features by hand, float32": (
        "learn_rings",
        "def features(X):\n"
        "    r = X.norm(dim=1, keepdim=True)\n"
        "    return torch.cat([r, r**2], dim=1).float()\n"
        "\n"
        "model = nn.Linear(2, 1)\n"
        "optimiser = torch.optim.Adam(model.parameters(), lr=0.3)\n"
        "for _ in range(500):\n"
        "    optimiser.zero_grad()\n"
        "    z = model(features(X))[:, 0]\n"
        "    F.binary_cross_entropy_with_logits(z, labels.float()).backward()\n"
        "    optimiser.step()\n"
        "return torch.sigmoid(model(features(X_new))[:, 0]).tolist()\n",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "*": {
        "computed in the argument itself": "an answer may: tests hand over copies",
    },
    "tower": {
        "detach forgotten": "an output with its graph has the same values",
    },
    "learn_rings": {
        "*": "any training that learns the rings will do",
    },
}
