"""What students hand in for the perceptron's exercise.

Each wrong answer is caught on its cells alone; each right one gets full marks.
"""

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "the bias taken for a direction": (
        "clearance",
        "return np.min(y * (X @ w)) / np.linalg.norm(w)",
        {"clearance_of_a_separator", "clearance_when_a_sample_is_wrong"},
    ),
    "the bias taken to be first": (
        "clearance",
        "return np.min(y * (X @ w)) / np.linalg.norm(w[1:])",
        {"clearance_of_a_separator", "clearance_when_a_sample_is_wrong"},
    ),
    "the sample nearest to the line": (
        "clearance",
        """\
distances = y * (X @ w) / np.linalg.norm(w[:-1])
return distances[np.argmin(np.abs(distances))]""",
        {"clearance_when_a_sample_is_wrong"},
    ),
    "only two features": (
        "clearance",
        "return np.min(y * (X @ w)) / np.linalg.norm(w[:2])",
        {"clearance_when_a_sample_is_wrong"},
    ),
    "the same array collected again and again": (
        "averaged_weights",
        """\
w, seen = np.zeros(X.shape[1]), []
for _ in range(epochs):
    for x_i, y_i in zip(X, y):
        if y_i * (x_i @ w) <= 0:
            w += y_i * x_i
        seen.append(w)
return np.mean(seen, axis=0)""",
        {"average_by_hand", "average_over_every_visit"},
    ),
    "averaging stops when the mistakes do": (
        "averaged_weights",
        """\
w, seen = np.zeros(X.shape[1]), []
for _ in range(epochs):
    mistakes = 0
    for x_i, y_i in zip(X, y):
        if y_i * (x_i @ w) <= 0:
            w = w + y_i * x_i
            mistakes += 1
        seen.append(w)
    if mistakes == 0:
        break
return np.mean(seen, axis=0)""",
        {"average_over_every_visit"},
    ),
    "class -1 on the line is right": (
        "averaged_weights",
        """\
w, seen = np.zeros(X.shape[1]), []
for _ in range(epochs):
    for x_i, y_i in zip(X, y):
        guess = 1 if x_i @ w > 0 else -1
        if guess != y_i:
            w = w + y_i * x_i
        seen.append(w)
return np.mean(seen, axis=0)""",
        {"average_over_every_visit"},
    ),
    "the classes forgotten": (
        "weights_from_counts",
        "return counts @ X",
        {"weights_are_a_sum_of_mistakes"},
    ),
    "the bias left at zero": (
        "weights_from_counts",
        """\
w = (counts * y) @ X
w[-1] = 0
return w""",
        {"weights_are_a_sum_of_mistakes"},
    ),
    "the 1 forgotten": (
        "quadratic_kernel",
        "return (A @ B.T) ** 2",
        {"kernel_by_hand", "kernel_of_two_sets"},
    ),
    "transposed": (
        "quadratic_kernel",
        "return (1 + B @ A.T) ** 2",
        {"kernel_by_hand", "kernel_of_two_sets"},
    ),
    "scores computed once per epoch": (
        "mistake_counts",
        """\
counts = np.zeros(len(y))
for _ in range(max_epochs):
    wrong = y * (K @ (counts * y)) <= 0
    counts += wrong
return counts""",
        {"counts_of_and", "counts_of_xor"},
    ),
    "the limit ignored": (
        "mistake_counts",
        """\
counts = np.zeros(len(y))
for _ in range(1000):
    for i in range(len(y)):
        if y[i] * (K[i] @ (counts * y)) <= 0:
            counts[i] += 1
return counts""",
        {"counts_of_xor"},
    ),
    "made for four samples": (
        "mistake_counts",
        """\
counts = np.zeros(4)
for _ in range(max_epochs):
    for i in range(4):
        if y[i] * (K[i] @ (counts * y)) <= 0:
            counts[i] += 1
return counts""",
        {"counts_of_xor"},
    ),
    "nothing ever changes": (
        "many_class_step",
        "return W.copy()",
        {
            "classes_right_guess_changes_nothing",
            "classes_mistake_moves_two_columns",
            "classes_argument_left_alone",
        },
    ),
    "the largest score, whatever its sign": (
        "many_class_step",
        """\
W = W.copy()
guess = np.argmax(np.abs(x @ W))
if guess != label:
    W[:, label] += x
    W[:, guess] -= x
return W""",
        {"classes_mistake_moves_two_columns"},
    ),
    "the wrong guess is not punished": (
        "many_class_step",
        """\
W = W.copy()
if np.argmax(x @ W) != label:
    W[:, label] += x
return W""",
        {"classes_mistake_moves_two_columns"},
    ),
    "the argument changed": (
        "many_class_step",
        """\
guess = np.argmax(x @ W)
if guess != label:
    W[:, label] += x
    W[:, guess] -= x
return W""",
        {"classes_argument_left_alone"},
    ),
    "a tie changes the pocket": (
        "pocket",
        """\
w = np.zeros(X.shape[1])
best, fewest = w, len(X)
for _ in range(epochs):
    for x_i, y_i in zip(X, y):
        if y_i * (x_i @ w) <= 0:
            w = w + y_i * x_i
            wrong = np.sum(y * (X @ w) <= 0)
            if wrong <= fewest:
                best, fewest = w, wrong
return best""",
        {"pocket_on_xor", "pocket_keeps_the_best"},
    ),
    "looked at after each epoch only": (
        "pocket",
        """\
w = np.zeros(X.shape[1])
best, fewest = w, len(X)
for _ in range(epochs):
    for x_i, y_i in zip(X, y):
        if y_i * (x_i @ w) <= 0:
            w = w + y_i * x_i
    wrong = np.sum(y * (X @ w) <= 0)
    if wrong < fewest:
        best, fewest = w, wrong
return best""",
        {"pocket_on_xor", "pocket_keeps_the_best"},
    ),
    "looked at before the change": (
        "pocket",
        """\
w = np.zeros(X.shape[1])
best, fewest = w, len(X)
for _ in range(epochs):
    for x_i, y_i in zip(X, y):
        if y_i * (x_i @ w) <= 0:
            wrong = np.sum(y * (X @ w) <= 0)
            if wrong < fewest:
                best, fewest = w, wrong
            w = w + y_i * x_i
return best""",
        {"pocket_keeps_the_best"},
    ),
    "class -1 on the line is right, in the pocket": (
        "pocket",
        """\
w = np.zeros(X.shape[1])
best, fewest = w, len(X)
for _ in range(epochs):
    for x_i, y_i in zip(X, y):
        if y_i * (x_i @ w) <= 0:
            w = w + y_i * x_i
            wrong = np.sum(np.where(X @ w > 0, 1, -1) != y)
            if wrong < fewest:
                best, fewest = w, wrong
return best""",
        {"pocket_keeps_the_best"},
    ),
    "the epochs ignored": (
        "pocket",
        """\
w = np.zeros(X.shape[1])
best, fewest = w, len(X)
for _ in range(1000):
    for x_i, y_i in zip(X, y):
        if y_i * (x_i @ w) <= 0:
            w = w + y_i * x_i
            wrong = np.sum(y * (X @ w) <= 0)
            if wrong < fewest:
                best, fewest = w, wrong
return best""",
        {"pocket_keeps_the_best"},
    ),
    "the maximum forgotten": (
        "squared_hinge",
        "return np.mean((1 - y * (X @ w)) ** 2)",
        {"hinge_by_hand", "hinge_knows_both_classes"},
    ),
    "the class forgotten in the loss": (
        "squared_hinge",
        "return np.mean(np.maximum(0, 1 - X @ w) ** 2)",
        {"hinge_knows_both_classes"},
    ),
    "the factor 2 forgotten": (
        "squared_hinge_gradient",
        "return -(np.maximum(0, 1 - y * (X @ w)) * y) @ X / len(y)",
        {"hinge_gradient_agrees", "hinge_gradient_of_the_satisfied"},
    ),
    "downhill instead of uphill": (
        "squared_hinge_gradient",
        "return 2 * (np.maximum(0, 1 - y * (X @ w)) * y) @ X / len(y)",
        {"hinge_gradient_agrees", "hinge_gradient_of_the_satisfied"},
    ),
    "the mean forgotten": (
        "squared_hinge_gradient",
        "return -2 * (np.maximum(0, 1 - y * (X @ w)) * y) @ X",
        {"hinge_gradient_agrees", "hinge_gradient_of_the_satisfied"},
    ),
    "w where x belongs": (
        "squared_hinge_gradient",
        "return -2 * np.mean(np.maximum(0, 1 - y * (X @ w)) * y) * w",
        {"hinge_gradient_agrees", "hinge_gradient_of_the_satisfied"},
    ),
    "satisfied samples pull too": (
        "squared_hinge_gradient",
        "return -2 * ((1 - y * (X @ w)) * y) @ X / len(y)",
        {"hinge_gradient_of_the_satisfied"},
    ),
}

RIGHT = {
    "a loop over the distances": (
        "clearance",
        """\
length = sum(v * v for v in w[:-1]) ** 0.5
return min(float(y_i * sum(x_i * w)) / length for x_i, y_i in zip(X, y))""",
    ),
    "a list of copies, averaged": (
        "averaged_weights",
        """\
w, seen = [0.0] * len(X[0]), []
for _ in range(epochs):
    for x_i, y_i in zip(X, y):
        if y_i * sum(a * b for a, b in zip(x_i, w)) <= 0:
            w = [b + y_i * a for a, b in zip(x_i, w)]
        seen.append(list(w))
return [sum(column) / len(seen) for column in zip(*seen)]""",
    ),
    "in place, the running mean": (
        "averaged_weights",
        """\
w, mean, visits = np.zeros(X.shape[1]), np.zeros(X.shape[1]), 0
for i in list(range(len(X))) * epochs:
    if y[i] * np.dot(X[i], w) <= 0:
        w += y[i] * X[i]
    visits += 1
    mean += (w - mean) / visits
return mean""",
    ),
    "einsum over the mistakes": (
        "weights_from_counts",
        "return np.einsum('i,i,ij->j', counts, y, X)",
    ),
    "the kernel in two loops": (
        "quadratic_kernel",
        "return [[(1 + float(np.dot(a, b))) ** 2 for b in B] for a in A]",
    ),
    "no early stop, a list": (
        "mistake_counts",
        """\
n = len(y)
counts = [0] * n
for _ in range(max_epochs):
    for i in range(n):
        z = sum(counts[j] * y[j] * K[j][i] for j in range(n))
        if y[i] * z <= 0:
            counts[i] += 1
return counts""",
    ),
    "the scores kept up to date": (
        "mistake_counts",
        """\
scores, counts = np.zeros(len(y)), np.zeros(len(y), dtype=int)
for i in list(range(len(y))) * max_epochs:
    if scores[i] * y[i] <= 0:
        counts[i] += 1
        scores = scores + y[i] * K[:, i]
return tuple(counts)""",
    ),
    "no if: the two moves cancel": (
        "many_class_step",
        """\
k = W.shape[1]
move = np.eye(k)[label] - np.eye(k)[np.argmax(x @ W)]
return W + np.outer(x, move)""",
    ),
    "a pocket with a copy": (
        "pocket",
        """\
w = np.zeros(X.shape[1])
best, fewest = w.copy(), len(X)
for i in list(range(len(X))) * epochs:
    if y[i] * np.dot(X[i], w) <= 0:
        w += y[i] * X[i]
        wrong = sum(1 for a, b in zip(X, y) if b * np.dot(a, w) <= 0)
        if wrong < fewest:
            best[:] = w
            fewest = wrong
return best""",
    ),
    "a loop over the losses": (
        "squared_hinge",
        """\
total = 0.0
for x_i, y_i in zip(X, y):
    lacking = 1 - y_i * np.dot(x_i, w)
    if lacking > 0:
        total += lacking**2
return total / len(X)""",
    ),
    "the gradient with a mask": (
        "squared_hinge_gradient",
        """\
m = y * (X @ w)
short = m < 1
return 2 / len(X) * X[short].T @ ((m[short] - 1) * y[short])""",
    ),
    "the gradient, sample by sample, in place": (
        "squared_hinge_gradient",
        """\
grad = np.zeros_like(w)
for x_i, y_i in zip(X, y):
    lacking = max(0.0, 1 - y_i * float(x_i @ w))
    grad -= 2 * lacking * y_i * x_i
grad /= len(y)
return grad""",
    ),
}
