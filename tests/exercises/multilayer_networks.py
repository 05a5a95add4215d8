"""What students hand in for the exercise on networks of many neurons.

Each wrong answer is caught on its cells alone; each right one gets full marks.
"""

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "the biases are free": (
        "widest",
        """\
h = 0
while True:
    h += 1
    if inputs * h + (hidden_layers - 1) * h * h + h * outputs > budget:
        return h - 1""",
        {"widest_with_one_hidden_layer", "widest_with_many_hidden_layers"},
    ),
    "below the budget, not at it": (
        "widest",
        """\
h = 0
while True:
    h += 1
    middle = (hidden_layers - 1) * (h + 1) * h
    if (inputs + 1) * h + middle + (h + 1) * outputs >= budget:
        return h - 1""",
        {"widest_with_one_hidden_layer", "widest_with_many_hidden_layers"},
    ),
    "the hidden layers counted as one": (
        "widest",
        "return max(0, (budget - outputs) // (inputs + 1 + outputs))",
        {"widest_with_many_hidden_layers"},
    ),
    "the mean forgotten in the bias": (
        "absorb_scaling",
        "return W / sd[:, None], b",
        {"scaling_by_hand", "scaling_changes_no_prediction"},
    ),
    "the neurons scaled, not the features": (
        "absorb_scaling",
        "return W / sd, b - mean @ (W / sd)",
        {"scaling_by_hand", "scaling_changes_no_prediction"},
    ),
    "the weights changed in place": (
        "absorb_scaling",
        """\
W /= sd[:, None]
return W, b - mean @ W""",
        {"scaling_changes_no_prediction"},
    ),
    "any side will do": (
        "box_network",
        """\
W1 = np.array([[1.0, -1, 0, 0], [0, 0, 1, -1]])
b1 = np.array([-left, right, -bottom, top])
return {"W1": W1, "b1": b1, "W2": np.ones((4, 1)), "b2": np.array([-2.5])}""",
        {"box_inside_and_outside", "box_anywhere_and_its_edge"},
    ),
    "the edge belongs to the box": (
        "box_network",
        """\
W1 = np.array([[-1.0, 1, 0, 0], [0, 0, -1, 1]])
b1 = np.array([left, -right, bottom, -top])
return {"W1": W1, "b1": b1, "W2": -np.ones((4, 1)), "b2": np.array([0.5])}""",
        {"box_anywhere_and_its_edge"},
    ),
    "a margin inside the fence": (
        "box_network",
        """\
W1 = np.array([[1.0, -1, 0, 0], [0, 0, 1, -1]])
b1 = np.array([-left, right, -bottom, top]) - 0.05
return {"W1": W1, "b1": b1, "W2": np.ones((4, 1)), "b2": np.array([-3.5])}""",
        {"box_anywhere_and_its_edge"},
    ),
    "the second number must be positive": (
        "maximum_network",
        """\
W1 = np.array([[1.0, 0], [-1, 1]])
return {"W1": W1, "b1": np.zeros(2), "W2": np.ones((2, 1)), "b2": np.zeros(1)}""",
        {"maximum_of_any_numbers"},
    ),
    "the second number must be above -50": (
        "maximum_network",
        """\
W1, b1 = np.array([[1.0, 0], [-1, 1]]), np.array([0, 50.0])
return {"W1": W1, "b1": b1, "W2": np.ones((2, 1)), "b2": np.array([-50.0])}""",
        {"maximum_of_any_numbers"},
    ),
    "the distance instead": (
        "maximum_network",
        """\
W1 = np.array([[1.0, -1], [-1, 1]])
return {"W1": W1, "b1": np.zeros(2), "W2": np.ones((2, 1)), "b2": np.zeros(1)}""",
        {"maximum_of_positive_numbers", "maximum_of_any_numbers"},
    ),
    "a bend of one where two are needed": (
        "parity_network",
        """\
v = np.array([(-1.0) ** j for j in range(d)])
W1, b1 = np.ones((d, d)), -np.arange(d)
return {"W1": W1, "b1": b1, "W2": v[:, None], "b2": np.zeros(1)}""",
        {"parity_of_two_bits", "parity_of_many_bits"},
    ),
    "the chapter's fold, for two bits only": (
        "parity_network",
        """\
W1, v = np.array([[1.0, -1], [-1, 1]]), np.ones((2, 1))
return {"W1": W1, "b1": np.zeros(2), "W2": v, "b2": np.zeros(1)}""",
        {"parity_of_many_bits"},
    ),
    "one kink for every unit": (
        "count_bends",
        "return sum(low < -q / p < high for p, q in zip(w, b))",
        {"bends_that_meet_or_cancel"},
    ),
    "pieces instead of bends": (
        "count_bends",
        """\
places = {-q / p for p, q in zip(w, b) if p != 0}
return 1 + sum(low < place < high for place in places)""",
        {"bends_in_sight", "bends_that_meet_or_cancel"},
    ),
    "the sign of w kept in the change of slope": (
        "count_bends",
        """\
bends = {}
for p, q, r in zip(w, b, v):
    if p != 0 and low < -q / p < high:
        place = round(float(-q / p), 9)
        bends[place] = bends.get(place, 0) + p * r
return sum(abs(change) > 1e-9 for change in bends.values())""",
        {"bends_that_meet_or_cancel"},
    ),
    "places compared to the last bit": (
        "count_bends",
        """\
bends = {}
for p, q, r in zip(w, b, v):
    if p != 0 and low < -q / p < high:
        bends[-q / p] = bends.get(-q / p, 0) + abs(p) * r
return sum(abs(change) > 1e-9 for change in bends.values())""",
        {"bends_that_meet_or_cancel"},
    ),
    "what leads out is not turned": (
        "undisguised",
        """\
sign, order = np.sign(b1), np.argsort(np.abs(b1))
return (W1 * sign)[:, order], np.abs(b1)[order], W2[order]""",
        {"undisguised_by_hand", "undisguised_computes_the_same"},
    ),
    "sorted in place": (
        "undisguised",
        """\
sign = np.sign(b1)
W1 *= sign
b1 *= sign
W2 *= sign[:, None]
order = np.argsort(b1)
return W1[:, order], b1[order], W2[order]""",
        {"undisguised_computes_the_same"},
    ),
    "the logarithm of a rounded share": (
        "class_loss",
        """\
P = np.exp(A @ W + b)
P = P / P.sum(axis=1, keepdims=True)
return -np.mean(np.log(P[np.arange(len(A)), labels]))""",
        {"class_loss_of_the_very_certain"},
    ),
    "the bias of the head forgotten": (
        "class_loss",
        """\
Z = A @ W
Z = Z - Z.max(axis=1, keepdims=True)
return np.mean(np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(len(A)), labels])""",
        {"class_loss_of_the_very_certain"},
    ),
    "one maximum for the whole batch": (
        "class_loss",
        """\
Z = A @ W + b
Z = Z - Z.max()
return np.mean(np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(len(A)), labels])""",
        {"class_loss_of_the_very_certain"},
    ),
    "the sum of the losses": (
        "class_loss",
        """\
Z = A @ W + b
Z = Z - Z.max(axis=1, keepdims=True)
return np.sum(np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(len(A)), labels])""",
        {"class_loss_by_hand", "class_loss_of_the_very_certain"},
    ),
    "the 2 of the squared error": (
        "class_gradients",
        """\
P = np.exp(A @ W + b)
P = P / P.sum(axis=1, keepdims=True)
R = 2 / len(A) * (P - np.eye(len(b))[labels])
return A.T @ R, R.sum(axis=0)""",
        {"class_gradients_measured", "class_gradients_of_one_sample"},
    ),
    "measured, not derived": (
        "class_gradients",
        """\
def slope(place, nudge=1e-5):
    costs = []
    for moved in (nudge, -nudge):
        flat = np.append(W, b)
        flat[place] += moved
        Z = A @ flat[: W.size].reshape(W.shape) + flat[W.size :]
        cost = np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(len(A)), labels]
        costs.append(cost.mean() / (2 * nudge))
    return costs[0] - costs[1]

slopes = np.array([slope(place) for place in range(W.size + b.size)])
return slopes[: W.size].reshape(W.shape), slopes[W.size :]""",
        {"class_gradients_of_one_sample"},
    ),
}

RIGHT = {
    "the widths tried from above": (
        "widest",
        """\
for h in range(budget, 0, -1):
    sizes = [inputs] + [h] * hidden_layers + [outputs]
    cost = 0
    for d_in, d_out in zip(sizes, sizes[1:]):
        cost += d_in * d_out + d_out
    if cost <= budget:
        return h
return 0""",
    ),
    "loops over the weights": (
        "absorb_scaling",
        """\
d, h = W.shape
W_new = [[W[i][j] / sd[i] for j in range(h)] for i in range(d)]
b_new = [b[j] - sum(mean[i] * W_new[i][j] for i in range(d)) for j in range(h)]
return W_new, b_new""",
    ),
    "units that shout when outside": (
        "box_network",
        """\
W1 = 8 * np.array([[0, 1, 0, -1], [1, 0, -1, 0]])
b1 = 8 * np.array([-bottom, -left, top, right])
W2 = [[1], [2], [1], [2]]
return {"W1": W1, "b1": b1, "W2": W2, "b2": [-5.5]}""",
    ),
    "the first, and what the second has more": (
        "maximum_network",
        """\
W1 = np.array([[-1, 1, -1], [1, 0, 0]])
return {"W1": W1, "b1": [0, 0, 0], "W2": [[1], [1], [-1]], "b2": [0]}""",
    ),
    "a zigzag by solving for the bends": (
        "parity_network",
        """\
ones = np.arange(1, d + 1)
ramps = np.maximum(0, ones[:, None] - np.arange(d))
v = np.linalg.solve(ramps, ones % 2)
net = {"W1": np.ones((d, d)), "b1": -np.arange(d), "b2": np.zeros(1)}
net["W2"] = v.reshape(-1, 1)
return net""",
    ),
    "slopes measured on either side": (
        "count_bends",
        """\
def slope(x):
    return sum(p * r for p, q, r in zip(w, b, v) if p * x + q > 0)

places = sorted({round(float(-q / p), 10) for p, q in zip(w, b) if p != 0})
places = [x for x in places if low < x < high]
return sum(1 for x in places if abs(slope(x + 1e-6) - slope(x - 1e-6)) > 1e-9)""",
    ),
    "neuron by neuron, as lists": (
        "undisguised",
        """\
neurons = []
for column, bias, row in zip(W1.T, b1, W2):
    s = 1 if bias > 0 else -1
    neurons.append((s * bias, (s * column).tolist(), (s * row).tolist()))
neurons.sort()
columns = [column for _, column, _ in neurons]
return np.array(columns).T, [n[0] for n in neurons], [n[2] for n in neurons]""",
    ),
    "logaddexp, row by row": (
        "class_loss",
        """\
total = 0.0
for a, c in zip(A, labels):
    z = a @ W + b
    total += np.logaddexp.reduce(z) - z[c]
return np.array([total / len(A)])""",
    ),
    "sample by sample, in place": (
        "class_gradients",
        """\
dW, db = np.zeros(W.shape), np.zeros(b.shape)
for a, c in zip(A, labels):
    z = a @ W + b
    p = np.exp(z - z.max())
    p /= p.sum()
    p[c] -= 1
    dW += np.outer(a, p) / len(A)
    db += p / len(A)
return dW, db""",
    ),
    "einsum with one-hot rows": (
        "class_gradients",
        """\
P = np.exp(A @ W + b)
P /= P.sum(axis=-1, keepdims=True)
R = P - (np.arange(len(b)) == np.asarray(labels)[:, None])
return np.einsum("nh,nk->hk", A, R) / len(A), np.einsum("nk->k", R) / len(A)""",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "box_network": {
        "the result doubled": "twice the weights: the same classes",
    },
    "undisguised": {
        "W1 / sign": "signs are ±1",
        "b1 / sign": "signs are ±1",
        "W2 / sign": "signs are ±1",
    },
}
