"""Answers to the initialisation exercise: misconceptions, and other right styles.

Each wrong answer must lose exactly the listed test cells.
"""

FANS = {"fans_of_a_kernel", "fans_of_others"}
FIRST = {"first_scale_by_hand", "first_scale_of_any_inputs"}
BRANCH = {"branch_scale_by_hand", "branch_scale_of_many"}
ORTHOGONAL = {"orthogonal_by_hand", "orthogonal_of_any_shape"}
RESCALED = {"rescaled_one_layer", "rescaled_all_layers"}
WORTH = {"worth_of_twins", "worth_with_mirrors"}
SCALED = {"scaled_backward_inputs", "scaled_backward_weights"}

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "channels alone": (
        "fans",
        "return shape[2], shape[3]\n",
        FANS,
    ),
    "all weights in either fan": (
        "fans",
        "return np.prod(shape[:3]), np.prod(shape)\n",
        FANS,
    ),
    "the visible answer": (
        "fans",
        "return 60, 120\n",
        {"fans_of_others"},
    ),
    "one over the root of d": (
        "first_scale",
        "return 1 / np.sqrt(X.shape[1])\n",
        FIRST,
    ),
    "counts what is not zero": (
        "first_scale",
        "return 1 / np.sqrt(np.mean(np.count_nonzero(X, axis=1)))\n",
        {"first_scale_of_any_inputs"},
    ),
    "centred inputs assumed": (
        "first_scale",
        "return 1 / np.sqrt(X.shape[1] * X.var())\n",
        FIRST,
    ),
    "growth shared out without interest": (
        "branch_scale",
        "return np.sqrt((growth - 1) / blocks)\n",
        BRANCH,
    ),
    "the limit of many blocks": (
        "branch_scale",
        "return np.sqrt(np.log(growth) / blocks)\n",
        BRANCH,
    ),
    "always one": (
        "branch_scale",
        "return 1.0\n",
        {"branch_scale_of_many"},
    ),
    "signs as they come": (
        "orthogonal",
        "wide = G.shape[0] < G.shape[1]\n"
        "Q, _ = np.linalg.qr(G.T if wide else G)\n"
        "return Q.T if wide else Q\n",
        ORTHOGONAL,
    ),
    "columns only": (
        "orthogonal",
        "Q, R = np.linalg.qr(G)\nreturn Q * np.sign(np.diag(R))\n",
        {"orthogonal_of_any_shape"},
    ),
    "length one, not perpendicular": (
        "orthogonal",
        "return G / np.linalg.norm(G, axis=0)\n",
        ORTHOGONAL,
    ),
    "nearest orthogonal matrix": (
        "orthogonal",
        "U, _, Vt = np.linalg.svd(G, full_matrices=False)\nreturn U @ Vt\n",
        ORTHOGONAL,
    ),
    "in place": (
        "orthogonal",
        "columns = G if G.shape[0] >= G.shape[1] else G.T\n"
        "for j, column in enumerate(columns.T):\n"
        "    for q in columns.T[:j]:\n"
        "        column -= (column @ q) * q\n"
        "    column /= np.linalg.norm(column)\n"
        "return G\n",
        {"orthogonal_of_any_shape"},
    ),
    "standard deviation of the sums": (
        "rescaled",
        "found, A = [], X\n"
        "for W in weights:\n"
        "    found.append(W / np.std(A @ W))\n"
        "    A = np.tanh(A @ found[-1])\n"
        "return found\n",
        RESCALED,
    ),
    "sent on through the old weights": (
        "rescaled",
        "found, A = [], X\n"
        "for W in weights:\n"
        "    Z = A @ W\n"
        "    found.append(W / np.sqrt(np.mean(Z**2)))\n"
        "    A = np.tanh(Z)\n"
        "return found\n",
        {"rescaled_all_layers"},
    ),
    "tanh forgotten": (
        "rescaled",
        "found, A = [], X\n"
        "for W in weights:\n"
        "    found.append(W / np.sqrt(np.mean((A @ W) ** 2)))\n"
        "    A = A @ found[-1]\n"
        "return found\n",
        {"rescaled_all_layers"},
    ),
    "given weights changed": (
        "rescaled",
        "A = X\n"
        "for W in weights:\n"
        "    W /= np.sqrt(np.mean((A @ W) ** 2))\n"
        "    A = np.tanh(A @ W)\n"
        "return weights\n",
        {"rescaled_all_layers"},
    ),
    "weights in alone": (
        "worth",
        "return len({tuple(w) for w in W_in.T})\n",
        WORTH,
    ),
    "no mirrors": (
        "worth",
        "units = np.column_stack([W_in.T, b, W_out])\n"
        "return len(np.unique(units, axis=0))\n",
        {"worth_with_mirrors"},
    ),
    "the sign of the sum": (
        "worth",
        "units = np.column_stack([W_in.T, b, W_out])\n"
        "units = units * np.sign(units.sum(axis=1, keepdims=True))\n"
        "return len(np.unique(units, axis=0))\n",
        {"worth_with_mirrors"},
    ),
    "the rank": (
        "worth",
        "units = np.column_stack([W_in.T, b, W_out])\n"
        "return np.linalg.matrix_rank(units)\n",
        WORTH,
    ),
    "the sign of the first weight": (
        "worth",
        "units = np.column_stack([W_in.T, b, W_out])\n"
        "units = np.where(units[:, :1] < 0, -units, units)\n"
        "return len(np.unique(units, axis=0))\n",
        {"worth_with_mirrors"},
    ),
    "gradient by the scaled weights": (
        "scaled_backward",
        "c = g / np.sqrt(len(V))\nreturn c * D @ V.T, X.T @ D\n",
        {"scaled_backward_weights"},
    ),
    "fan-out for fan-in": (
        "scaled_backward",
        "c = g / np.sqrt(V.shape[1])\nreturn c * D @ V.T, c * X.T @ D\n",
        SCALED,
    ),
    "scaled on the way there only": (
        "scaled_backward",
        "return D @ V.T, g / np.sqrt(len(V)) * X.T @ D\n",
        {"scaled_backward_inputs"},
    ),
}

RIGHT = {
    "fans with a loop, as a list": (
        "fans",
        "window = 1\n"
        "for side in shape[:2]:\n"
        "    window *= side\n"
        "return [window * shape[2], window * shape[3]]\n",
    ),
    "d times the mean square": (
        "first_scale",
        "return (X.shape[1] * np.mean(X * X)) ** -0.5\n",
    ),
    "row by row": (
        "first_scale",
        "total = 0.0\n"
        "for row in X:\n"
        "    total += float(row @ row)\n"
        "return (len(X) / total) ** 0.5\n",
    ),
    "halving": (
        "branch_scale",
        "low, high = 0.0, growth\n"
        "for _ in range(200):\n"
        "    middle = (low + high) / 2\n"
        "    if (1 + middle**2) ** blocks < growth:\n"
        "        low = middle\n"
        "    else:\n"
        "        high = middle\n"
        "return low\n",
    ),
    "Gram and Schmidt by hand": (
        "orthogonal",
        "columns = G if G.shape[0] >= G.shape[1] else G.T\n"
        "done = []\n"
        "for column in columns.T:\n"
        "    for q in done:\n"
        "        column = column - (column @ q) * q\n"
        "    done.append(column / np.sqrt(column @ column))\n"
        "Q = np.array(done).T\n"
        "return Q if G.shape[0] >= G.shape[1] else Q.T\n",
    ),
    "Cholesky": (
        "orthogonal",
        "if G.shape[0] < G.shape[1]:\n"
        "    return np.linalg.solve(np.linalg.cholesky(G @ G.T), G)\n"
        "return np.linalg.solve(np.linalg.cholesky(G.T @ G), G.T).T\n",
    ),
    "copies, changed in place": (
        "rescaled",
        "new = [W.copy() for W in weights]\n"
        "A = X\n"
        "for k in range(len(new)):\n"
        "    if k > 0:\n"
        "        A = np.tanh(A @ new[k - 1])\n"
        "    new[k] /= np.linalg.norm(A @ new[k]) / (A @ new[k]).size ** 0.5\n"
        "return tuple(new)\n",
    ),
    "pair by pair": (
        "worth",
        "kept = []\n"
        "for j in range(len(b)):\n"
        "    unit = [*W_in[:, j].tolist(), float(b[j]), *W_out[j].tolist()]\n"
        "    if unit not in kept and [-u for u in unit] not in kept:\n"
        "        kept.append(unit)\n"
        "return len(kept)\n",
    ),
    "each unit beside its mirror": (
        "worth",
        "units = np.concatenate([W_in, b[None], W_out.T]).T + 0.0\n"
        "u = units[:, None]\n"
        "same = (u == units).all(axis=-1) | (u == -units).all(axis=-1)\n"
        "return int(np.sum(same.argmax(axis=1) == np.arange(len(b))))\n",
    ),
    "einsum and a scaled matrix": (
        "scaled_backward",
        "d_in = V.shape[0]\n"
        "W = V * g / d_in**0.5\n"
        "dW = np.einsum('ni,nj->ij', X, D)\n"
        "return [np.einsum('nj,ij->ni', D, W), dW * g / d_in**0.5]\n",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "orthogonal": {
        "-> Q = Q / np.sign(np.diag(R))": "signs are ±1",
    },
}
