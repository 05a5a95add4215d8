"""Answers to the exercise on training loops: misconceptions, and other right styles.

Each wrong answer must lose exactly the listed test cells.
"""

SHIFT = {"pictures_move"}
BLOCK = {"block_begins_as_nothing", "block_by_its_parameters"}
FOCAL = {"focal_values", "focal_gradient"}

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "pictures wrap around": (
        "shifted_digits",
        "way, which = divmod(i, len(self.images))\n"
        "axis, step = [(0, 0), (1, 1), (1, -1), (0, 1), (0, -1)][way]\n"
        "return self.images[which].roll(step, axis), self.labels[which]\n",
        SHIFT,
    ),
    "rows and columns exchanged": (
        "shifted_digits",
        "way, which = divmod(i, len(self.images))\n"
        "old = self.images[which]\n"
        "new = old if way == 0 else torch.zeros_like(old)\n"
        "if way == 1:\n"
        "    new[1:] = old[:-1]\n"
        "if way == 2:\n"
        "    new[:-1] = old[1:]\n"
        "if way == 3:\n"
        "    new[:, 1:] = old[:, :-1]\n"
        "if way == 4:\n"
        "    new[:, :-1] = old[:, 1:]\n"
        "return new, self.labels[which]\n",
        SHIFT,
    ),
    "five of each in a row": (
        "shifted_digits",
        "which, way = divmod(i, 5)\n"
        "old = self.images[which]\n"
        "right, down = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)][way]\n"
        "h, w = old.shape\n"
        "framed = torch.zeros(h + 2, w + 2)\n"
        "framed[1 + down : 1 + down + h, 1 + right : 1 + right + w] = old\n"
        "return framed[1:-1, 1:-1], self.labels[which]\n",
        {"pictures_move", "labels_follow"},
    ),
    "labels stay behind": (
        "shifted_digits",
        "way, which = divmod(i, len(self.images))\n"
        "old = self.images[which]\n"
        "right, down = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)][way]\n"
        "h, w = old.shape\n"
        "framed = torch.zeros(h + 2, w + 2)\n"
        "framed[1 + down : 1 + down + h, 1 + right : 1 + right + w] = old\n"
        "return framed[1:-1, 1:-1], self.labels[i // 5]\n",
        {"labels_follow"},
    ),
    "input not added": (
        "residual_block",
        "return self.second(torch.relu(self.first(X)))\n",
        BLOCK,
    ),
    "rectified at the end": (
        "residual_block",
        "return torch.relu(X + self.second(torch.relu(self.first(X))))\n",
        BLOCK,
    ),
    "linear inside": (
        "residual_block",
        "return X + self.second(self.first(X))\n",
        {"block_by_its_parameters"},
    ),
    "sum for a mean": (
        "focal_loss",
        "log_p = torch.log_softmax(logits, dim=1)[torch.arange(len(labels)), labels]\n"
        "return -((1 - log_p.exp()) ** gamma * log_p).sum()\n",
        FOCAL,
    ),
    "logarithm of a softmax": (
        "focal_loss",
        "p = logits.softmax(dim=1)[torch.arange(len(labels)), labels]\n"
        "return -((1 - p) ** gamma * p.log()).mean()\n",
        {"focal_gradient"},
    ),
    "factor cut out of the graph": (
        "focal_loss",
        "log_p = torch.log_softmax(logits, dim=1)[torch.arange(len(labels)), labels]\n"
        "return -((1 - log_p.detach().exp()) ** gamma * log_p).mean()\n",
        {"focal_gradient"},
    ),
    "mean of means": (
        "accumulate",
        "model.zero_grad()\n"
        "total, pieces = 0.0, X.split(size)\n"
        "for piece, classes in zip(pieces, labels.split(size)):\n"
        "    loss = nn.functional.cross_entropy(model(piece), classes) / len(pieces)\n"
        "    loss.backward()\n"
        "    total += loss.item()\n"
        "return total\n",
        {"pieces_add_up"},
    ),
    "all at once": (
        "accumulate",
        "model.zero_grad()\n"
        "loss = nn.functional.cross_entropy(model(X), labels)\n"
        "loss.backward()\n"
        "return loss.item()\n",
        {"pieces_are_small_and_leave_no_rest"},
    ),
    "gradients not cleared": (
        "accumulate",
        "total = 0.0\n"
        "for piece, classes in zip(X.split(size), labels.split(size)):\n"
        "    loss = nn.functional.cross_entropy(model(piece), classes)\n"
        "    (loss * len(piece) / len(X)).backward()\n"
        "    total += loss.item() * len(piece) / len(X)\n"
        "return total\n",
        {"pieces_are_small_and_leave_no_rest"},
    ),
    "parts exchanged": (
        "update_average",
        "with torch.no_grad():\n"
        "    for a, b in zip(average.parameters(), model.parameters()):\n"
        "        a.mul_(1 - decay).add_(decay * b)\n"
        "    for a, b in zip(average.buffers(), model.buffers()):\n"
        "        a.copy_(b)\n",
        {"parameters_are_averaged"},
    ),
    "everything averaged": (
        "update_average",
        "state, new = average.state_dict(), model.state_dict()\n"
        "for k, v in state.items():\n"
        "    state[k] = decay * v + (1 - decay) * new[k]\n"
        "average.load_state_dict(state)\n",
        {"buffers_are_copied"},
    ),
    "buffers forgotten": (
        "update_average",
        "with torch.no_grad():\n"
        "    for a, b in zip(average.parameters(), model.parameters()):\n"
        "        a.mul_(decay).add_((1 - decay) * b)\n",
        {"buffers_are_copied"},
    ),
    "no dice": (
        "committee",
        "modes = {m: m.training for m in self.modules()}\n"
        "self.eval()\n"
        "with torch.no_grad():\n"
        "    P = torch.stack([self(X).softmax(dim=1) for _ in range(passes)])\n"
        "for m, mode in modes.items():\n"
        "    m.training = mode\n"
        "return P.mean(dim=0), P.std(dim=0, correction=0)\n",
        {"committee_over_all_masks"},
    ),
    "softmax of the mean": (
        "committee",
        "modes = {m: m.training for m in self.modules()}\n"
        "for m in modes:\n"
        "    m.training = isinstance(m, nn.Dropout)\n"
        "with torch.no_grad():\n"
        "    Z = torch.stack([self(X) for _ in range(passes)])\n"
        "for m, mode in modes.items():\n"
        "    m.training = mode\n"
        "spread = Z.softmax(dim=2).std(dim=0, correction=0)\n"
        "return Z.mean(dim=0).softmax(dim=1), spread\n",
        {"committee_over_all_masks"},
    ),
    "all in training mode": (
        "committee",
        "mode = self.training\n"
        "self.train()\n"
        "with torch.no_grad():\n"
        "    P = torch.stack([self(X).softmax(dim=1) for _ in range(passes)])\n"
        "self.train(mode)\n"
        "return P.mean(dim=0), P.std(dim=0, correction=0)\n",
        {"committee_over_all_masks", "committee_leaves_the_network_alone"},
    ),
    "modes not put back": (
        "committee",
        "for m in self.modules():\n"
        "    m.training = isinstance(m, nn.Dropout)\n"
        "with torch.no_grad():\n"
        "    P = torch.stack([self(X).softmax(dim=1) for _ in range(passes)])\n"
        "return P.mean(dim=0), P.std(dim=0, correction=0)\n",
        {"committee_leaves_the_network_alone"},
    ),
    "no step": (
        "train",
        "optimiser = torch.optim.Adam(model.parameters(), lr=0.01)\n"
        "model.train()\n"
        "for _ in range(epochs):\n"
        "    for rows in torch.randperm(len(X)).split(50):\n"
        "        optimiser.zero_grad()\n"
        "        nn.functional.cross_entropy(model(X[rows]), labels[rows]).backward()\n"
        "model.eval()\n",
        {"it_learns_to_read", "it_keeps_to_the_budget"},
    ),
    "one step an epoch": (
        "train",
        "optimiser = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "model.train()\n"
        "for _ in range(epochs):\n"
        "    optimiser.zero_grad()\n"
        "    nn.functional.cross_entropy(model(X), labels).backward()\n"
        "    optimiser.step()\n"
        "model.eval()\n",
        {"it_learns_to_read"},
    ),
    "left in training mode": (
        "train",
        "optimiser = torch.optim.Adam(model.parameters(), lr=0.01)\n"
        "for _ in range(epochs):\n"
        "    for rows in torch.randperm(len(X)).split(50):\n"
        "        optimiser.zero_grad()\n"
        "        nn.functional.cross_entropy(model(X[rows]), labels[rows]).backward()\n"
        "        optimiser.step()\n",
        {"it_keeps_to_the_budget"},
    ),
    "twice the budget": (
        "train",
        "optimiser = torch.optim.Adam(model.parameters(), lr=0.01)\n"
        "model.train()\n"
        "for _ in range(2 * epochs):\n"
        "    for rows in torch.randperm(len(X)).split(50):\n"
        "        optimiser.zero_grad()\n"
        "        nn.functional.cross_entropy(model(X[rows]), labels[rows]).backward()\n"
        "        optimiser.step()\n"
        "model.eval()\n",
        {"it_learns_to_read", "it_keeps_to_the_budget"},
    ),
    "more than the budget, in evaluation mode": (
        "train",
        "optimiser = torch.optim.Adam(model.parameters(), lr=0.01)\n"
        "model.eval()\n"
        "for _ in range(2 * epochs):\n"
        "    for rows in torch.randperm(len(X)).split(50):\n"
        "        optimiser.zero_grad()\n"
        "        nn.functional.cross_entropy(model(X[rows]), labels[rows]).backward()\n"
        "        optimiser.step()\n",
        {"it_learns_to_read", "it_keeps_to_the_budget"},
    ),
    "one dropout only, and passes - 1": (
        "committee",
        "modes = {m: m.training for m in self.modules()}\n"
        "self.eval()\n"
        "self[4].train()\n"
        "with torch.no_grad():\n"
        "    P = torch.stack([self(X).softmax(dim=1) for _ in range(max(passes, 2))])\n"
        "for m, mode in modes.items():\n"
        "    m.training = mode\n"
        "return P.mean(dim=0), P.std(dim=0)\n",
        {"committee_over_all_masks"},
    ),
}

RIGHT = {
    "rolled and wiped": (
        "shifted_digits",
        "n = len(self.images)\n"
        "new = self.images[i % n].clone()\n"
        "way = i // n\n"
        "if way == 1:\n"
        "    new = new.roll(1, 1)\n"
        "    new[:, 0] = 0\n"
        "elif way == 2:\n"
        "    new = new.roll(-1, 1)\n"
        "    new[:, -1] = 0\n"
        "elif way == 3:\n"
        "    new = new.roll(1, 0)\n"
        "    new[0] = 0\n"
        "elif way == 4:\n"
        "    new = new.roll(-1, 0)\n"
        "    new[-1] = 0\n"
        "return new, int(self.labels[i % n])\n",
    ),
    "by hand with matrices": (
        "residual_block",
        "Z = X @ self.first.weight.mT + self.first.bias\n"
        "A = Z * (Z > 0)\n"
        "return X + A @ self.second.weight.mT + self.second.bias\n",
    ),
    "through the library's cross-entropy": (
        "focal_loss",
        "losses = nn.functional.cross_entropy(logits, labels, reduction='none')\n"
        "return torch.mean((1 - torch.exp(-losses)).pow(gamma) * losses)\n",
    ),
    "logsumexp, row by row": (
        "focal_loss",
        "total = 0.0\n"
        "for z, y in zip(logits, labels):\n"
        "    log_p = z[y] - torch.logsumexp(z, dim=0)\n"
        "    total = total - (1 - torch.exp(log_p)) ** gamma * log_p\n"
        "return total / len(labels)\n",
    ),
    "slices and weights": (
        "accumulate",
        "for p in model.parameters():\n"
        "    p.grad = None\n"
        "value = 0.0\n"
        "for i in range(0, len(X), size):\n"
        "    part = slice(i, i + size)\n"
        "    loss = nn.CrossEntropyLoss()(model(X[part]), labels[part])\n"
        "    loss = loss * len(X[part]) / len(X)\n"
        "    loss.backward()\n"
        "    value += loss.item()\n"
        "return torch.tensor(value, dtype=torch.float64)\n",
    ),
    "through the state": (
        "update_average",
        "from copy import deepcopy\n"
        "old, new = average.state_dict(), deepcopy(model.state_dict())\n"
        "for name, _ in model.named_parameters():\n"
        "    new[name] = decay * old[name] + (1 - decay) * new[name]\n"
        "average.load_state_dict(new)\n",
    ),
    "a copy of the model": (
        "committee",
        "import copy\n"
        "double = copy.deepcopy(self).eval()\n"
        "for module in double.modules():\n"
        "    if isinstance(module, nn.Dropout):\n"
        "        module.train()\n"
        "total = squares = 0.0\n"
        "for _ in range(passes):\n"
        "    P = torch.softmax(double(X), dim=1).detach().double()\n"
        "    total, squares = total + P, squares + P**2\n"
        "mean = total / passes\n"
        "spread = (squares / passes - mean**2).clamp(min=0).sqrt()\n"
        "return mean.float(), spread.float()\n",
    ),
    "plain gradient descent with momentum": (
        "train",
        "rule = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)\n"
        "for _ in range(epochs):\n"
        "    order = torch.randperm(len(X))\n"
        "    for i in range(0, len(X), 30):\n"
        "        loss = nn.CrossEntropyLoss()(model(X[order[i : i + 30]]),\n"
        "                                     labels[order[i : i + 30]])\n"
        "        rule.zero_grad()\n"
        "        loss.backward()\n"
        "        rule.step()\n"
        "return model.eval()\n",
    ),
}
