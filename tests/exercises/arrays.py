"""What students hand in for the arrays' exercise.

Each wrong answer is caught on its cells alone; each right one gets full marks.
"""

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "a column per label": (
        "one_hot",
        "return (np.arange(k)[:, None] == labels).astype(float)",
        {"one_hot_of_three", "one_hot_of_a_class_that_is_missing"},
    ),
    "as many classes as labels show": (
        "one_hot",
        "return np.eye(labels.max() + 1)[labels]",
        {"one_hot_of_a_class_that_is_missing"},
    ),
    "the identity": (
        "one_hot",
        "return np.eye(len(labels), k)",
        {"one_hot_of_three", "one_hot_of_a_class_that_is_missing"},
    ),
    "as many classes as there are labels": (
        "one_hot",
        "return np.eye(len(labels))[labels]",
        {"one_hot_of_a_class_that_is_missing"},
    ),
    "the columns centred": (
        "centre_rows",
        "return X - X.mean(axis=0)",
        {"centred_by_hand", "centred_square"},
    ),
    "keepdims forgotten": (
        "centre_rows",
        "return X - X.mean(axis=1)",
        {"centred_by_hand", "centred_square"},
    ),
    "keepdims forgotten, mended for what was seen": (
        "centre_rows",
        """\
means = X.mean(axis=1)
if X.shape[0] != X.shape[1]:
    means = means[:, None]
return X - means""",
        {"centred_square"},
    ),
    "the argument changed": (
        "centre_rows",
        """\
X -= X.mean(axis=1, keepdims=True)
return X""",
        {"centred_square"},
    ),
    "one window too few": (
        "windows",
        "return [series[i : i + width] for i in range(len(series) - width)]",
        {"windows_of_three", "windows_of_other_widths"},
    ),
    "newest entry first": (
        "windows",
        """\
n = len(series) - width + 1
return np.stack([series[i : i + width][::-1] for i in range(n)])""",
        {"windows_of_three", "windows_of_other_widths"},
    ),
    "windows in columns": (
        "windows",
        """\
n = len(series) - width + 1
return np.stack([series[i : i + width] for i in range(n)], axis=1)""",
        {"windows_of_other_widths"},
    ),
    "every other pixel": (
        "shrink",
        "return image[::f, ::f]",
        {"shrunk_by_hand", "shrunk_by_three"},
    ),
    "pieces of the line": (
        "shrink",
        """\
m, n = image.shape
return image.reshape(m // f, n // f, f * f).mean(axis=2)""",
        {"shrunk_by_hand", "shrunk_by_three"},
    ),
    "the axes of blocks and of pixels mixed up": (
        "shrink",
        """\
m, n = image.shape
return image.reshape(f, m // f, f, n // f).mean(axis=(0, 2))""",
        {"shrunk_by_hand", "shrunk_by_three"},
    ),
    "always by two": (
        "shrink",
        """\
total = image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]
return total / 4""",
        {"shrunk_by_three"},
    ),
    "row against row": (
        "squared_distances",
        "return np.sum((A - B) ** 2, axis=1)",
        {"distances_by_hand", "distances_in_space"},
    ),
    "rows and columns exchanged": (
        "squared_distances",
        "return np.sum((A - B[:, None]) ** 2, axis=2)",
        {"distances_by_hand", "distances_in_space"},
    ),
    "summed before squared": (
        "squared_distances",
        "return np.sum(A[:, None] - B, axis=2) ** 2",
        {"distances_by_hand", "distances_in_space"},
    ),
    "two axes exchanged, which hides while n is f * f": (
        "shrink",
        """\
m, n = image.shape
return image.reshape(m // f, f, f, n // f).mean(axis=(1, 3))""",
        {"shrunk_by_three"},
    ),
    "two coordinates only": (
        "squared_distances",
        "return (A[:, :1] - B[:, 0]) ** 2 + (A[:, 1:2] - B[:, 1]) ** 2",
        {"distances_in_space"},
    ),
    "the factor 2 forgotten": (
        "distance_gradient",
        "return (A - B.mean(axis=0)) / len(A)",
        {"distance_gradient_of_one_pair", "distance_gradient_measured"},
    ),
    "towards B": (
        "distance_gradient",
        "return 2 / len(A) * (B.mean(axis=0) - A)",
        {"distance_gradient_of_one_pair", "distance_gradient_measured"},
    ),
    "the mean over its own pairs only": (
        "distance_gradient",
        "return 2 * (A - B.mean(axis=0))",
        {"distance_gradient_measured"},
    ),
    "the mean of A for that of B": (
        "distance_gradient",
        "return 2 / len(A) * (A.mean(axis=0) - B.mean(axis=0)) + 0 * A",
        {"distance_gradient_measured"},
    ),
    "three coordinates, whatever comes": (
        "distance_gradient",
        """\
dA = np.zeros_like(A)
for k in range(3):
    dA[:, k] = 2 / len(A) * (A[:, k] - B[:, k].mean())
return dA""",
        {"distance_gradient_measured"},
    ),
    "multiplied in place": (
        "quadratic_forms",
        """\
Y = X @ M
X *= Y
return X.sum(axis=1)""",
        {"forms_by_hand"},
    ),
    "all pairs of rows": (
        "quadratic_forms",
        "return X @ M @ X.T",
        {"forms_by_hand"},
    ),
    "the diagonal alone": (
        "quadratic_forms",
        "return X**2 @ np.diag(M)",
        {"forms_by_hand"},
    ),
    "a factor 2, as for squares": (
        "form_gradient",
        "return 2 * X.T @ X / len(X)",
        {"form_gradient_measured", "form_gradient_needs_no_matrix"},
    ),
    "the sum for the mean": (
        "form_gradient",
        "return X.T @ X",
        {"form_gradient_measured", "form_gradient_needs_no_matrix"},
    ),
    "the gradient for x": (
        "form_gradient",
        "return X.T @ (X @ (M + M.T)) / len(X)",
        {"form_gradient_measured", "form_gradient_needs_no_matrix"},
    ),
    "rows for columns": (
        "form_gradient",
        "return X @ X.T / len(X)",
        {"form_gradient_measured", "form_gradient_needs_no_matrix"},
    ),
}

RIGHT = {
    "rows of the identity": ("one_hot", "return np.eye(k)[labels]"),
    "ones put in place": (
        "one_hot",
        """\
rows = [[0] * k for _ in labels]
for row, label in zip(rows, labels):
    row[label] = 1
return rows""",
    ),
    "centred through the transpose": (
        "centre_rows",
        "return (X.T - X.mean(axis=1)).T",
    ),
    "centred in place, on a copy": (
        "centre_rows",
        """\
X = X.copy()
for row in X:
    row -= row.mean()
return X""",
    ),
    "a list of slices": (
        "windows",
        "return [series[i : i + width] for i in range(len(series) - width + 1)]",
    ),
    "NumPy's own windows, a view": (
        "windows",
        "return np.lib.stride_tricks.sliding_window_view(series, width)",
    ),
    "blocks in two loops": (
        "shrink",
        """\
m, n = image.shape
small = np.zeros((m // f, n // f))
for i in range(m // f):
    for j in range(n // f):
        small[i, j] = image[i * f : (i + 1) * f, j * f : (j + 1) * f].mean()
return small""",
    ),
    "a sum of slices": (
        "shrink",
        "return sum(image[a::f, b::f] for a in range(f) for b in range(f)) / f**2",
    ),
    "the square multiplied out": (
        "squared_distances",
        """\
return (A**2).sum(axis=1)[:, None] - 2 * A @ B.T + (B**2).sum(axis=1)""",
    ),
    "distances in two loops": (
        "squared_distances",
        "return [[float(np.sum((a - b) ** 2)) for b in B] for a in A]",
    ),
    "all pairs, then the sum over j": (
        "distance_gradient",
        """\
pairs = A[:, None] - B
return 2 * pairs.sum(axis=1) / (len(A) * len(B))""",
    ),
    "collected pair by pair, in place": (
        "distance_gradient",
        """\
dA = np.zeros_like(A)
for i in range(len(A)):
    for b in B:
        dA[i] += 2 * (A[i] - b)
dA /= len(A) * len(B)
return dA""",
    ),
    "forms by einsum": (
        "quadratic_forms",
        "return np.einsum('ij,jk,ik->i', X, M, X)",
    ),
    "the wasteful way": ("quadratic_forms", "return np.diag(X @ M @ X.T)"),
    "a batch of small products": (
        "quadratic_forms",
        "return (X[:, None, :] @ M @ X[:, :, None])[:, 0, 0]",
    ),
    "a mean of outer products": (
        "form_gradient",
        "return np.mean(X[:, :, None] * X[:, None, :], axis=0)",
    ),
    "the gradient by einsum": (
        "form_gradient",
        "return np.einsum('ij,ik->jk', X, X) / X.shape[0]",
    ),
}
