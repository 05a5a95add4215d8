"""What students hand in on regularisation: caught on its cell, or full marks."""

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "the last fold takes the rest": (
        "folds",
        """\
m = n // k
return [list(range(i * m, n if i == k - 1 else (i + 1) * m)) for i in range(k)]
""",
        {"folds_by_hand", "folds_of_others"},
    ),
    "every k-th row": (
        "folds",
        "return [list(range(i, n, k)) for i in range(k)]",
        {"folds_by_hand", "folds_of_others"},
    ),
    "folds as long as the first": (
        "folds",
        """\
m = -(-n // k)
return [list(range(i, min(i + m, n))) for i in range(0, n, m)]
""",
        {"folds_of_others"},
    ),
    "the best model": (
        "modest_choice",
        "return errors.mean(axis=0).argmin()",
        {"modest_by_hand", "modest_by_a_hair"},
    ),
    "a whole deviation": (
        "modest_choice",
        """\
m = errors.mean(axis=0)
best = m.argmin()
return np.argmax(m <= m[best] + errors[:, best].std(ddof=1))
""",
        {"modest_by_a_hair"},
    ),
    "deviation over k": (
        "modest_choice",
        """\
m = errors.mean(axis=0)
best = m.argmin()
return np.argmax(m <= m[best] + errors[:, best].std() / np.sqrt(len(errors)))
""",
        {"modest_by_a_hair"},
    ),
    "down from the best while below the bar": (
        "modest_choice",
        """\
m = errors.mean(axis=0)
j = m.argmin()
bar = m[j] + errors[:, j].std(ddof=1) / np.sqrt(len(errors))
while j > 0 and m[j - 1] <= bar:
    j -= 1
return j
""",
        {"modest_by_a_hair"},
    ),
    "every column brought to the limit": (
        "leash",
        "n = np.linalg.norm(W, axis=0)\nreturn W * c / np.where(n > 0, n, 1)",
        {"leash_by_hand"},
    ),
    "the length of rows": (
        "leash",
        "n = np.linalg.norm(W, axis=1, keepdims=True)\nreturn W * c / np.maximum(n, c)",
        {"leash_by_hand"},
    ),
    "every entry clipped": ("leash", "return np.clip(W, -c, c)", {"leash_by_hand"}),
    "the lasso, entry by entry": (
        "shrink_rows",
        "return np.sign(A) * np.maximum(np.abs(A) - t, 0)",
        {"rows_by_hand"},
    ),
    "short rows turn round": (
        "shrink_rows",
        """\
n = np.linalg.norm(A, axis=1, keepdims=True)
return A * (1 - t / np.where(n > 0, n, 1))
""",
        {"rows_by_hand"},
    ),
    "the numbers of the visible test typed in": (
        "shrink_rows",
        "return np.array([[2.4, 3.2], [0, 0], [0, 0]])",
        {"rows_by_hand"},
    ),
    "a factor 2 lost": (
        "elastic",
        "return np.sign(a) * np.maximum(np.abs(a) - t, 0) / (1 + r)",
        {"elastic_measured"},
    ),
    "shrunk before the threshold": (
        "elastic",
        "a = a / (1 + 2 * r)\nreturn np.sign(a) * np.maximum(np.abs(a) - t, 0)",
        {"elastic_measured"},
    ),
    "λ without n": (
        "freedom",
        """\
q = np.linalg.svd(X, compute_uv=False) ** 2
return np.sum(q / (q + strength))
""",
        {"freedom_measured"},
    ),
    "parameters counted": ("freedom", "return X.shape[1]", {"freedom_measured"}),
    "wires scaled forwards only": (
        "wires_backward",
        "return d @ (M * W).T, M * (X.T @ d)",
        {"wires_dX", "wires_dW"},
    ),
    "dW without the mask": (
        "wires_backward",
        "return d @ (M * W).T / (1 - p), X.T @ d / (1 - p)",
        {"wires_dW"},
    ),
    "dX without the mask": (
        "wires_backward",
        "return d @ W.T / (1 - p), M * (X.T @ d) / (1 - p)",
        {"wires_dX"},
    ),
    "gamma meets the raw rows": (
        "rows_backward",
        """\
s = X.std(axis=1, keepdims=True)
x, h = (X - X.mean(axis=1, keepdims=True)) / s, d * gamma
dX = h - h.mean(axis=1, keepdims=True) - x * (h * x).mean(axis=1, keepdims=True)
return dX / s, (d * X).sum(axis=0), d.sum(axis=0)
""",
        {"rows_parameters"},
    ),
    "batch normalisation": (
        "rows_backward",
        """\
s = X.std(axis=0) + 1e-12
x = (X - X.mean(axis=0)) / s
h = d * gamma
dX = (h - h.mean(axis=0) - x * (h * x).mean(axis=0)) / s
return dX, (d * x).sum(axis=0), d.sum(axis=0)
""",
        {"rows_parameters", "rows_dX"},
    ),
    "mean and deviation taken for constants": (
        "rows_backward",
        """\
s = X.std(axis=1, keepdims=True)
x = (X - X.mean(axis=1, keepdims=True)) / s
return d * gamma / s, (d * x).sum(axis=0), d.sum(axis=0)
""",
        {"rows_dX"},
    ),
    "gamma multiplied at the end": (
        "rows_backward",
        """\
s = X.std(axis=1, keepdims=True)
x = (X - X.mean(axis=1, keepdims=True)) / s
h = d - d.mean(axis=1, keepdims=True) - x * (d * x).mean(axis=1, keepdims=True)
return gamma * h / s, (d * x).sum(axis=0), d.sum(axis=0)
""",
        {"rows_dX"},
    ),
    "gamma as a mean": (
        "rows_backward",
        """\
s = X.std(axis=1, keepdims=True)
x = (X - X.mean(axis=1, keepdims=True)) / s
h = d * gamma
dX = h - h.mean(axis=1, keepdims=True) - x * (h * x).mean(axis=1, keepdims=True)
return dX / s, (d * x).mean(axis=0), d.mean(axis=0)
""",
        {"rows_parameters"},
    ),
}

RIGHT = {
    "folds by array_split": ("folds", "return np.array_split(np.arange(n), k)"),
    "folds by a loop": (
        "folds",
        """\
out, start = [], 0
for i in range(k):
    stop = start + n // k + (1 if i < n % k else 0)
    out.append(list(range(start, stop)))
    start = stop
return out
""",
    ),
    "the rule by a loop": (
        "modest_choice",
        """\
k, m = errors.shape
means = [sum(errors[:, j]) / k for j in range(m)]
best = means.index(min(means))
v = sum((e - means[best]) ** 2 for e in errors[:, best]) / (k - 1)
for j in range(m):
    if means[j] <= means[best] + (v / k) ** 0.5:
        return j
""",
    ),
    "the leash in place": (
        "leash",
        """\
for j in range(W.shape[1]):
    n = np.sqrt(W[:, j] @ W[:, j])
    if n > c:
        W[:, j] *= c / n
return W
""",
    ),
    "rows as lists": (
        "shrink_rows",
        """\
out = []
for a in A:
    n = np.sqrt(np.sum(a * a))
    out.append([0.0] * len(a) if n <= t else list((n - t) / n * a))
return out
""",
    ),
    "rows by their moments": (
        "rows_backward",
        """\
k, c = X.shape[1], X - X.mean(1)[:, None]
v = (c**2).mean(1)[:, None]
h = d * gamma / v**0.5
dv = -(h * c).sum(1)[:, None] / (2 * v)
dX = h + 2 * dv * c / k - h.sum(1)[:, None] / k
return dX, np.einsum("nk,nk->k", d, c / v**0.5), np.ones(len(d)) @ d
""",
    ),
    "three cases": (
        "elastic",
        """\
w = np.where(a > t, a - t, np.where(a < -t, a + t, 0.0))
return w / (1 + 2 * r)
""",
    ),
    "the trace of the hat": (
        "freedom",
        """\
n, d = X.shape
return np.trace(np.linalg.solve(X.T @ X + n * strength * np.eye(d), X.T @ X))
""",
    ),
    "wires by einsum": (
        "wires_backward",
        """\
dX = np.einsum("nj,ij,ij->ni", d, M, W) / (1 - p)
return dX, np.einsum("ni,nj,ij->ij", X, d, M) / (1 - p)
""",
    ),
    "rows by their Jacobians": (
        "rows_backward",
        """\
n, k = X.shape
dX, dg = np.zeros((n, k)), np.zeros(k)
for i in range(n):
    s = X[i].std()
    x = (X[i] - X[i].mean()) / s
    dX[i] = (d[i] * gamma) @ (np.eye(k) - 1 / k - np.outer(x, x) / k) / s
    dg += d[i] * x
return dX, dg, d.sum(axis=0)
""",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "*": {
        "computed in the argument itself": "an answer may: tests hand over copies",
    },
}
