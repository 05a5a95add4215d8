"""What students hand in on odd layers: caught on its cell, or full marks."""

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "gamma as a mean": (
        "scale_shift_backward",
        "return d * gamma, (d * X).mean(axis=0), d.sum(axis=0)",
        {"scale_shift_by_hand", "scale_shift_measured"},
    ),
    "gamma and beta per sample": (
        "scale_shift_backward",
        "return d * gamma, (d * X).sum(axis=1), d.sum(axis=1)",
        {"scale_shift_by_hand", "scale_shift_measured"},
    ),
    "the numbers of the visible test typed in": (
        "scale_shift_backward",
        "return [[2, -0.5, -1], [1, 1, 2]], [1, -0.5, -6], [1.5, -0.5, 2]",
        {"scale_shift_measured"},
    ),
    "the shortcut forgotten": (
        "shortcut_backward",
        "dZ = d * (1 - np.tanh(X @ W) ** 2)\nreturn dZ @ W.T, X.T @ dZ",
        {"shortcut_measured"},
    ),
    "a square W not turned": (
        "shortcut_backward",
        "dZ = d * (1 - np.tanh(X @ W) ** 2)\nreturn d + dZ @ W, X.T @ dZ",
        {"shortcut_measured"},
    ),
    "a square dW turned": (
        "shortcut_backward",
        "dZ = d * (1 - np.tanh(X @ W) ** 2)\nreturn d + dZ @ W.T, dZ.T @ X",
        {"shortcut_measured"},
    ),
    "a repeated word counted once": (
        "lookup_backward",
        "dE = np.zeros((m, d.shape[1]))\ndE[words] += d\nreturn dE",
        {"lookup_of_a_text"},
    ),
    "the table cut at the largest word": (
        "lookup_backward",
        """\
dE = np.zeros((max(words) + 1, d.shape[1]))
np.add.at(dE, words, d)
return dE
""",
        {"lookup_by_hand"},
    ),
    "every tie gets the gradient": (
        "largest_backward",
        "return d[:, None] * (X == X.max(axis=1, keepdims=True))",
        {"largest_with_ties"},
    ),
    "the largest of each column": (
        "largest_backward",
        "return d[:, None] * (X == X.max(axis=0))",
        {"largest_by_hand", "largest_with_ties"},
    ),
    "the slope without d": (
        "largest_backward",
        "return np.eye(X.shape[1])[X.argmax(axis=1)]",
        {"largest_by_hand", "largest_with_ties"},
    ),
    "an array of whole numbers": (
        "largest_backward",
        """\
dX = np.zeros(X.shape, dtype=int)
dX[np.arange(len(X)), X.argmax(axis=1)] = d
return dX
""",
        {"largest_with_ties"},
    ),
    "the length taken for a constant": (
        "directions_backward",
        "return d / np.linalg.norm(X, axis=1, keepdims=True)",
        {"directions_measured"},
    ),
    "one d · y for the whole batch": (
        "directions_backward",
        """\
length = np.linalg.norm(X, axis=1, keepdims=True)
Y = X / length
return (d - Y * np.sum(d * Y)) / length
""",
        {"directions_measured"},
    ),
    "the first use of W only": (
        "tied_backward",
        "dH = d @ W\nreturn dH @ W.T, X.T @ dH",
        {"tied_dW"},
    ),
    "the first path doubled": (
        "tied_backward",
        "dH = d @ W\nreturn dH @ W.T, 2 * X.T @ dH",
        {"tied_dW"},
    ),
    "dX from the input instead of d": (
        "tied_backward",
        "dH = d @ W\nreturn X @ W @ W.T, X.T @ dH + d.T @ (X @ W)",
        {"tied_dX"},
    ),
    "d left out of dM": (
        "match_backward",
        "c = d[:, None]\nreturn c * (Z @ M.T), X.T @ Z, c * (X @ M)",
        {"match_measured"},
    ),
    "four samples assumed": (
        "match_backward",
        """\
dX, dM, dZ = np.zeros(X.shape), np.zeros(M.shape), np.zeros(Z.shape)
for i in range(4):
    dX[i], dZ[i] = d[i] * M @ Z[i], d[i] * X[i] @ M
    dM += d[i] * np.outer(X[i], Z[i])
return dX, dM, dZ
""",
        {"match_measured"},
    ),
    "the first layer's dX counted": (
        "backward_products",
        """\
layers = [n * p * q for p, q in zip(sizes[:-1], sizes[1:], strict=True)]
return 2 * sum(layers[frozen:])
""",
        {"products_by_hand", "products_of_others"},
    ),
    "frozen ignored, as in the chapter": (
        "backward_products",
        """\
layers = [n * p * q for p, q in zip(sizes[:-1], sizes[1:], strict=True)]
return 2 * sum(layers) - layers[0]
""",
        {"products_by_hand", "products_of_others"},
    ),
    "one layer frozen, always": (
        "backward_products",
        """\
layers = [n * p * q for p, q in zip(sizes[:-1], sizes[1:], strict=True)]
return sum(layers[1:]) + sum(layers[2:])
""",
        {"products_of_others"},
    ),
    "the gate's second path without X U": (
        "mended",
        """\
S = 1 / (1 + np.exp(-(X @ V)))
dA, dG = d * S, d * S * (1 - S)
return dA @ U.T + dG @ V.T, X.T @ dA, X.T @ dG
""",
        {"mended_dX", "mended_dV"},
    ),
    "the gate still overwrites dX": (
        "mended",
        """\
A, S = X @ U, 1 / (1 + np.exp(-(X @ V)))
dA, dG = d * S, d * A * S * (1 - S)
dX = dA @ U.T
dX = dG @ V.T
return dX, X.T @ dA, X.T @ dG
""",
        {"mended_dX"},
    ),
    "the gate still takes a mean": (
        "mended",
        """\
A, S = X @ U, 1 / (1 + np.exp(-(X @ V)))
dA, dG = d * S, d * A * S * (1 - S)
return dA @ U.T + dG @ V.T, X.T @ dA / len(X), X.T @ dG
""",
        {"mended_dU"},
    ),
    "the hurried one handed in": (
        "mended",
        "return hurried(d, X, U, V)",
        {"mended_dX", "mended_dU", "mended_dV"},
    ),
}

RIGHT = {
    "einsum for the scales": (
        "scale_shift_backward",
        "return d * gamma, np.einsum('ij,ij->j', d, X), np.einsum('ij->j', d)",
    ),
    "loops over the columns": (
        "scale_shift_backward",
        """\
dX, dgamma, dbeta = d.copy(), [], []
for j in range(X.shape[1]):
    dX[:, j] *= gamma[j]
    dgamma.append(sum(d[:, j] * X[:, j]))
    dbeta.append(sum(d[:, j]))
return [dX, dgamma, dbeta]
""",
    ),
    "the shortcut in place": (
        "shortcut_backward",
        """\
T = np.tanh(X @ W)
dX = d.copy()
d *= 1 - T * T
dX += d @ W.T
return dX, X.T @ d
""",
    ),
    "one-hot words and a product": (
        "lookup_backward",
        "return np.eye(m)[words].T @ d",
    ),
    "a loop over the words": (
        "lookup_backward",
        """\
dE = [[0.0] * d.shape[1] for _ in range(m)]
for i, word in enumerate(words):
    for j in range(d.shape[1]):
        dE[word][j] += d[i, j]
return dE
""",
    ),
    "put_along_axis": (
        "largest_backward",
        """\
dX = np.zeros_like(X)
np.put_along_axis(dX, X.argmax(axis=1)[:, None], d[:, None], axis=1)
return dX
""",
    ),
    "the Jacobian of each direction": (
        "directions_backward",
        """\
rows = []
for x, g in zip(X, d, strict=True):
    r = np.sqrt(x @ x)
    rows.append(g @ (np.eye(len(x)) / r - np.outer(x, x) / r**3))
return rows
""",
    ),
    "tied weights by one symmetric matrix": (
        "tied_backward",
        "S = X.T @ d\nreturn d @ (W @ W.T), (S + S.T) @ W",
    ),
    "einsum for the match": (
        "match_backward",
        """\
dX = np.einsum("i,ac,ic->ia", d, M, Z)
dM = np.einsum("i,ia,ic->ac", d, X, Z)
return dX, dM, np.einsum("i,ia,ac->ic", d, X, M)
""",
    ),
    "a walk from the last layer": (
        "backward_products",
        """\
total = 0
for layer in range(len(sizes) - 1, frozen, -1):
    total += n * sizes[layer - 1] * sizes[layer]
    if layer > frozen + 1:
        total += n * sizes[layer] * sizes[layer - 1]
return total
""",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "*": {
        "computed in the argument itself": "an answer may: tests hand over copies",
    },
}
