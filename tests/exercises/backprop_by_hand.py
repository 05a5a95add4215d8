"""What students hand in on the twin network: caught on its cell, or full marks."""

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "no shortcut": (
        "score",
        "return np.tanh(X @ W1 + b1) @ w2",
        {"score_by_hand", "score_of_a_batch"},
    ),
    "a sigmoid, as in the chapter": (
        "score",
        "return 1 / (1 + np.exp(-(X @ W1 + b1))) @ w2 + X @ s",
        {"score_by_hand", "score_of_a_batch"},
    ),
    "the hidden bias forgotten": (
        "score",
        "return np.tanh(X @ W1) @ w2 + X @ s",
        {"score_of_a_batch"},
    ),
    "the sum instead of the mean": (
        "dscore",
        "da = 2 * (score_a - score_b - gap)\nreturn da, -da",
        {"dscore_by_hand", "dscore_measured"},
    ),
    "the 2 of the square forgotten": (
        "dscore",
        "da = (score_a - score_b - gap) / len(gap)\nreturn da, -da",
        {"dscore_by_hand", "dscore_measured"},
    ),
    "both scores pull the same way": (
        "dscore",
        "da = 2 / len(gap) * (score_a - score_b - gap)\nreturn da, da",
        {"dscore_measured"},
    ),
    "w2 through house A only": (
        "dw2",
        "return Ha.T @ da",
        {"dw2_by_hand", "dw2_of_a_batch"},
    ),
    "w2 with the minus counted twice": (
        "dw2",
        "return Ha.T @ da - Hb.T @ db",
        {"dw2_by_hand", "dw2_of_a_batch"},
    ),
    "db taken for −da": (
        "dw2",
        "return (Ha - Hb).T @ da",
        {"dw2_of_a_batch"},
    ),
    "the shortcut overwritten by the second path": (
        "dshortcut",
        "ds = Xa.T @ da\nds = Xb.T @ db\nreturn ds",
        {"dshortcut_by_hand"},
    ),
    "the answer of the visible test typed in": (
        "dshortcut",
        "return np.array([1.5, -1.5, 0.0])",
        {"dshortcut_by_hand"},
    ),
    "1 − H for 1 − H²": (
        "through_tanh",
        "return np.outer(d, w2) * (1 - H)",
        {"through_tanh_by_hand", "through_tanh_measured"},
    ),
    "the slope of the activation": (
        "through_tanh",
        "return np.outer(d, w2) * (1 - np.tanh(H) ** 2)",
        {"through_tanh_by_hand", "through_tanh_measured"},
    ),
    "w2 left out on the way back": (
        "through_tanh",
        "return d[:, None] * (1 - H**2)",
        {"through_tanh_by_hand", "through_tanh_measured"},
    ),
    "W1 transposed": (
        "dW1",
        "return dUa.T @ Xa + dUb.T @ Xb",
        {"dW1_measured"},
    ),
    "W1 reshaped until it fits": (
        "dW1",
        "return (dUa.T @ Xa + dUb.T @ Xb).reshape(Xa.shape[1], dUa.shape[1])",
        {"dW1_measured"},
    ),
    "b1 as a mean": (
        "db1",
        "return dUa.mean(axis=0) + dUb.mean(axis=0)",
        {"db1_values"},
    ),
    "b1 summed over the neurons": (
        "db1",
        "return dUa.sum(axis=1) + dUb.sum(axis=1)",
        {"db1_values"},
    ),
    "the twins counted twice": (
        "count",
        "return 2 * (d * h + 2 * h + d)",
        {"count_smallest", "count_any"},
    ),
    "the score given a bias": (
        "count",
        "return d * h + 2 * h + d + 1",
        {"count_smallest", "count_any"},
    ),
    "a shortcut from every neuron": (
        "count",
        "return d * h + 3 * h",
        {"count_any"},
    ),
    "uphill": (
        "one_step",
        """\
return {
    k: p if k in frozen else p + learning_rate * gradients[k]
    for k, p in parameters.items()
}
""",
        {"one_step_values", "one_step_keeps_the_old"},
    ),
    "the learning rate of the visible test": (
        "one_step",
        """\
return {
    k: p if k in frozen else p - 0.5 * gradients[k] for k, p in parameters.items()
}
""",
        {"one_step_values", "one_step_keeps_the_old"},
    ),
    "nothing is frozen": (
        "one_step",
        "return {k: p - learning_rate * gradients[k] for k, p in parameters.items()}",
        {"one_step_values"},
    ),
    "the frozen blocks left out": (
        "one_step",
        """\
return {
    k: p - learning_rate * gradients[k]
    for k, p in parameters.items()
    if k not in frozen
}
""",
        {"one_step_values"},
    ),
    "the old parameters overwritten": (
        "one_step",
        """\
for name in parameters:
    if name not in frozen:
        parameters[name] -= learning_rate * gradients[name]
return parameters
""",
        {"one_step_keeps_the_old"},
    ),
    "only the mean mended": (
        "mended",
        """\
t = np.tanh(w * x + b)
r = w * t - y
dw = 2 * r * w * (1 - t) * x
db = 2 * r * w * (1 - t)
return dw.mean(), db.mean()
""",
        {"mended_dw", "mended_db"},
    ),
    "the first path still overwritten": (
        "mended",
        """\
t = np.tanh(w * x + b)
r = w * t - y
inner = 2 * r * w * (1 - t**2)
return np.mean(inner * x), np.mean(inner)
""",
        {"mended_dw"},
    ),
    "divided by the 4 of the visible test": (
        "mended",
        """\
t = np.tanh(w * x + b)
r = w * t - y
inner = 2 * r * w * (1 - t**2)
return np.sum(2 * r * t + inner * x) / 4, np.mean(inner)
""",
        {"mended_dw"},
    ),
    "db still a sum": (
        "mended",
        """\
t = np.tanh(w * x + b)
r = w * t - y
inner = 2 * r * w * (1 - t**2)
return np.mean(2 * r * t + inner * x), np.sum(inner)
""",
        {"mended_db"},
    ),
}

RIGHT = {
    "the score in loops": (
        "score",
        """\
scores = []
for x in X:
    total = sum(x[i] * s[i] for i in range(len(x)))
    for j in range(len(b1)):
        u = b1[j] + sum(x[i] * W1[i, j] for i in range(len(x)))
        total += w2[j] * np.tanh(u)
    scores.append(total)
return scores
""",
    ),
    "a list of two arrays": (
        "dscore",
        """\
residual = score_a - score_b - gap
return [2 * residual / residual.size, -2 * residual / residual.size]
""",
    ),
    "einsum": (
        "dw2",
        'return np.einsum("mh,m->h", Ha, da) + np.einsum("mh,m->h", Hb, db)',
    ),
    "the twins stacked": (
        "dshortcut",
        "return np.concatenate([da, db]) @ np.vstack([Xa, Xb])",
    ),
    "in place": (
        "through_tanh",
        """\
slope = H * H
slope *= -1
slope += 1
slope *= w2
slope *= d[:, None]
return slope
""",
    ),
    "in place, on the array that was given": (
        "through_tanh",
        "H *= H\nH -= 1\nH *= -np.outer(d, w2)\nreturn H",
    ),
    "lists of lists": (
        "through_tanh",
        """\
return [
    [d_i * w * (1 - h * h) for w, h in zip(w2.tolist(), row)]
    for d_i, row in zip(d.tolist(), H.tolist())
]
""",
    ),
    "a sum of outer products": (
        "dW1",
        """\
total = np.zeros((Xa.shape[1], dUa.shape[1]))
for X, dU in ((Xa, dUa), (Xb, dUb)):
    for x, du in zip(X, dU):
        total += np.outer(x, du)
return total
""",
    ),
    "ones times": ("db1", "return np.ones(len(dUa)) @ (dUa + dUb)"),
    "a NumPy integer": (
        "count",
        "return np.sum([d * h, h, h, d])",
    ),
    "copies changed in place": (
        "one_step",
        """\
new = {name: array.copy() for name, array in parameters.items()}
for name in new:
    if name not in frozen:
        new[name] -= learning_rate * gradients[name]
return new
""",
    ),
    "a loop over the samples": (
        "mended",
        """\
dw = db = 0.0
for x_i, y_i in zip(x, y):
    t = np.tanh(w * x_i + b)
    r = w * t - y_i
    dw += 2 * r * (t + w * (1 - t * t) * x_i) / len(x)
    db += 2 * r * w * (1 - t * t) / len(x)
return dw, db
""",
    ),
}
