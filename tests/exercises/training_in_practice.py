"""Answers to the exercise on training in practice: misconceptions, and other styles.

Each wrong answer must lose exactly the listed test cells.
"""

CONFUSED = {"confused_by_hand", "confused_equally_often"}
THRESHOLD = {"threshold_by_hand", "threshold_at_the_edges"}
CALIBRATION = {"calibration_by_hand", "calibration_at_the_borders"}
LUCK = {"luck_by_hand", "luck_of_others"}
COMPLAINTS = {"complaints_about_names_and_shapes", "complaints_about_numbers"}
RADIUS = {"radius_of_two_classes", "radius_is_exact"}
STEPS = {"one_small_step", "many_small_steps"}

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "one direction only": (
        "most_confused",
        "off = C - np.diag(np.diag(C))\n"
        "a, b = np.unravel_index(off.argmax(), off.shape)\n"
        "return min(a, b), max(a, b)\n",
        CONFUSED,
    ),
    "diagonal left in": (
        "most_confused",
        "both = C + C.T\nreturn np.unravel_index(both.argmax(), both.shape)\n",
        CONFUSED,
    ),
    "the last of several": (
        "most_confused",
        "best = (0, 1)\n"
        "for a in range(len(C)):\n"
        "    for b in range(a + 1, len(C)):\n"
        "        if C[a, b] + C[b, a] >= C[best] + C[best[::-1]]:\n"
        "            best = (a, b)\n"
        "return best\n",
        {"confused_equally_often"},
    ),
    "misses and alarms exchanged": (
        "cheapest_threshold",
        "tries = np.append(np.unique(scores), np.inf)\n"
        "cost = [np.sum(alarm * (y == 1) * (scores < t) + miss * (y == 0) "
        "* (scores >= t)) for t in tries]\n"
        "return max(t for t, c in zip(tries, cost) if c == min(cost))\n",
        THRESHOLD,
    ),
    "never yes is not tried": (
        "cheapest_threshold",
        "tries = np.unique(scores)\n"
        "cost = [np.sum(miss * (y == 1) * (scores < t) + alarm * (y == 0) "
        "* (scores >= t)) for t in tries]\n"
        "return max(t for t, c in zip(tries, cost) if c == min(cost))\n",
        {"threshold_at_the_edges"},
    ),
    "the smallest of the cheapest": (
        "cheapest_threshold",
        "tries = np.append(np.unique(scores), np.inf)\n"
        "cost = [np.sum(miss * (y == 1) * (scores < t) + alarm * (y == 0) "
        "* (scores >= t)) for t in tries]\n"
        "return tries[np.argmin(cost)]\n",
        {"threshold_at_the_edges"},
    ),
    "shares of a class instead of mistakes": (
        "cheapest_threshold",
        "tries = np.append(np.unique(scores), np.inf)\n"
        "ill, well = max(np.sum(y), 1), max(np.sum(1 - y), 1)\n"
        "cost = [np.sum(miss / ill * y * (scores < t) + alarm / well * (1 - y) "
        "* (scores >= t)) for t in tries]\n"
        "return max(t for t, c in zip(tries, cost) if c == min(cost))\n",
        {"threshold_at_the_edges"},
    ),
    "threshold from the costs, for true probabilities": (
        "cheapest_threshold",
        "return alarm / (alarm + miss)\n",
        THRESHOLD,
    ),
    "bins not weighed": (
        "calibration_error",
        "which = np.minimum((p * m).astype(int), m - 1)\n"
        "gaps = [abs(np.mean((p - y)[which == b])) for b in np.unique(which)]\n"
        "return np.mean(gaps)\n",
        CALIBRATION,
    ),
    "no bins at all": (
        "calibration_error",
        "return np.mean(np.abs(p - y))\n",
        CALIBRATION,
    ),
    "one is left out": (
        "calibration_error",
        "E = 0\n"
        "for b in range(m):\n"
        "    inside = (p >= b / m) & (p < (b + 1) / m)\n"
        "    if inside.any():\n"
        "        E += inside.mean() * abs(np.mean((p - y)[inside]))\n"
        "return E\n",
        {"calibration_at_the_borders"},
    ),
    "borders to the lower bin": (
        "calibration_error",
        "which = np.maximum(np.ceil(p * m).astype(int) - 1, 0)\n"
        "return sum(abs((p - y)[which == b].sum()) for b in range(m)) / len(p)\n",
        {"calibration_at_the_borders"},
    ),
    "one side only": (
        "sign_flip_p",
        "sums = [0.0]\n"
        "for x in d:\n"
        "    sums = [s + x for s in sums] + [s - x for s in sums]\n"
        "return np.mean(np.array(sums) >= np.sum(d) - 1e-12)\n",
        LUCK,
    ),
    "rounding decides": (
        "sign_flip_p",
        "signs = np.array(np.meshgrid(*[[-1, 1]] * len(d))).reshape(len(d), -1)\n"
        "return np.mean(np.abs(d @ signs) / len(d) >= np.abs(np.mean(d)))\n",
        {"luck_of_others"},
    ),
    "the way with no flip left out": (
        "sign_flip_p",
        "sums = [0.0]\n"
        "for x in d:\n"
        "    sums = [s + x for s in sums] + [s - x for s in sums]\n"
        "return np.mean(np.abs(sums[1:]) >= abs(np.sum(d)) - 1e-12)\n",
        LUCK,
    ),
    "sizes of the differences": (
        "sign_flip_p",
        "d = np.abs(d)\n"
        "sums = [0.0]\n"
        "for x in d:\n"
        "    sums = [s + x for s in sums] + [s - x for s in sums]\n"
        "return np.mean(np.abs(sums) >= abs(np.sum(d)) - 1e-12)\n",
        {"luck_of_others"},
    ),
    "as many entries will do": (
        "complaints",
        "found = ['missing ' + k for k in manifest if k not in arrays]\n"
        "found += ['unknown ' + k for k in arrays if k not in manifest]\n"
        "for k in manifest:\n"
        "    if k in arrays:\n"
        "        if arrays[k].size != np.prod(manifest[k]['shape']):\n"
        "            found.append('shape ' + k)\n"
        "        elif np.isnan(arrays[k]).sum() != manifest[k]['nan']:\n"
        "            found.append('nan ' + k)\n"
        "return sorted(found)\n",
        COMPLAINTS,
    ),
    "infinity is no number": (
        "complaints",
        "found = ['missing ' + k for k in manifest if k not in arrays]\n"
        "found += ['unknown ' + k for k in arrays if k not in manifest]\n"
        "for k in manifest:\n"
        "    if k in arrays:\n"
        "        if arrays[k].shape != tuple(manifest[k]['shape']):\n"
        "            found.append('shape ' + k)\n"
        "        elif (~np.isfinite(arrays[k])).sum() != manifest[k]['nan']:\n"
        "            found.append('nan ' + k)\n"
        "return sorted(found)\n",
        {"complaints_about_numbers"},
    ),
    "any NaN is as good as another": (
        "complaints",
        "found = ['missing ' + k for k in manifest if k not in arrays]\n"
        "found += ['unknown ' + k for k in arrays if k not in manifest]\n"
        "for k in manifest:\n"
        "    if k in arrays:\n"
        "        if arrays[k].shape != tuple(manifest[k]['shape']):\n"
        "            found.append('shape ' + k)\n"
        "        elif np.isnan(arrays[k]).any() != bool(manifest[k]['nan']):\n"
        "            found.append('nan ' + k)\n"
        "return sorted(found)\n",
        {"complaints_about_numbers"},
    ),
    "strangers are welcome": (
        "complaints",
        "found = []\n"
        "for k, want in manifest.items():\n"
        "    if k not in arrays:\n"
        "        found.append('missing ' + k)\n"
        "    elif list(arrays[k].shape) != want['shape']:\n"
        "        found.append('shape ' + k)\n"
        "    elif np.isnan(arrays[k]).sum() != want['nan']:\n"
        "        found.append('nan ' + k)\n"
        "return sorted(found)\n",
        {"complaints_about_names_and_shapes"},
    ),
    "length instead of the sum of sizes": (
        "radius",
        "z = x @ W + b\n"
        "c = z.argmax()\n"
        "return min((z[c] - z[l]) / np.linalg.norm(W[:, c] - W[:, l])\n"
        "           for l in range(len(z)) if l != c)\n",
        RADIUS,
    ),
    "only the runner-up": (
        "radius",
        "z = x @ W + b\n"
        "l, c = np.argsort(z)[-2:]\n"
        "return (z[c] - z[l]) / np.abs(W[:, c] - W[:, l]).sum()\n",
        {"radius_is_exact"},
    ),
    "biases forgotten": (
        "radius",
        "z = x @ W\n"
        "c = z.argmax()\n"
        "return min((z[c] - z[l]) / np.abs(W[:, c] - W[:, l]).sum()\n"
        "           for l in range(len(z)) if l != c)\n",
        RADIUS,
    ),
    "down the slope": (
        "small_steps",
        "A = X\n"
        "for _ in range(steps):\n"
        "    Z = A @ W + b\n"
        "    P = np.exp(Z - Z.max(axis=1, keepdims=True))\n"
        "    P /= P.sum(axis=1, keepdims=True)\n"
        "    G = (P - np.eye(W.shape[1])[labels]) @ W.T\n"
        "    A = np.clip(np.clip(A - rate * np.sign(G), X - size, X + size), 0, 1)\n"
        "return A\n",
        STEPS,
    ),
    "gradient only once": (
        "small_steps",
        "Z = X @ W + b\n"
        "P = np.exp(Z - Z.max(axis=1, keepdims=True))\n"
        "P /= P.sum(axis=1, keepdims=True)\n"
        "G = (P - np.eye(W.shape[1])[labels]) @ W.T\n"
        "A = X\n"
        "for _ in range(steps):\n"
        "    A = np.clip(np.clip(A + rate * np.sign(G), X - size, X + size), 0, 1)\n"
        "return A\n",
        {"many_small_steps"},
    ),
    "projected to the last place": (
        "small_steps",
        "A = X\n"
        "for _ in range(steps):\n"
        "    Z = A @ W + b\n"
        "    P = np.exp(Z - Z.max(axis=1, keepdims=True))\n"
        "    P /= P.sum(axis=1, keepdims=True)\n"
        "    G = (P - np.eye(W.shape[1])[labels]) @ W.T\n"
        "    A = np.clip(np.clip(A + rate * np.sign(G), A - size, A + size), 0, 1)\n"
        "return A\n",
        {"many_small_steps"},
    ),
}

RIGHT = {
    "pairs in a loop": (
        "most_confused",
        "pairs = [(a, b) for a in range(len(C)) for b in range(a + 1, len(C))]\n"
        "return max(pairs, key=lambda ab: C[ab] + C[ab[::-1]])\n",
    ),
    "a list": (
        "most_confused",
        "C += C.T.copy()\n"
        "C[np.tril_indices(len(C))] = -1\n"
        "return list(np.argwhere(C == C.max())[0])\n",
    ),
    "thresholds from above": (
        "cheapest_threshold",
        "best, least = np.inf, miss * sum(y)\n"
        "for t in sorted(set(scores.tolist()), reverse=True):\n"
        "    cost = 0.0\n"
        "    for s, yes in zip(scores, y):\n"
        "        if yes != (s >= t):\n"
        "            cost += miss if yes else alarm\n"
        "    if cost < least:\n"
        "        best, least = t, cost\n"
        "return best\n",
    ),
    "digitize": (
        "calibration_error",
        "which = np.digitize(p, np.arange(1, m) / m)\n"
        "return sum(\n"
        "    np.mean(which == b) * abs(p[which == b].mean() - y[which == b].mean())\n"
        "    for b in set(which.tolist())\n"
        ")\n",
    ),
    "doubling the list of sums": (
        "sign_flip_p",
        "sums = np.zeros(1)\n"
        "for x in d:\n"
        "    sums = np.concatenate([sums + x, sums - x])\n"
        "return float((abs(sums / len(d)) >= abs(d.sum()) / len(d) - 1e-12).mean())\n",
    ),
    "by the other side": (
        "sign_flip_p",
        "from itertools import product\n"
        "found = abs(sum(d) / len(d))\n"
        "ways = [abs(sum(s * x for s, x in zip(w, d)) / len(d))\n"
        "        for w in product([1, -1], repeat=len(d))]\n"
        "return 1 - sum(w < found - 1e-12 for w in ways) / len(ways)\n",
    ),
    "name by name": (
        "complaints",
        "out = []\n"
        "for k in {**manifest, **arrays}:\n"
        "    if k not in arrays:\n"
        "        out += [f'missing {k}']\n"
        "    elif k not in manifest:\n"
        "        out += [f'unknown {k}']\n"
        "    elif arrays[k].shape != tuple(manifest[k]['shape']):\n"
        "        out += [f'shape {k}']\n"
        "    elif np.sum(arrays[k] != arrays[k]) != manifest[k]['nan']:\n"
        "        out += [f'nan {k}']\n"
        "out.sort()\n"
        "return out\n",
    ),
    "plain loop": (
        "radius",
        "z = list(b)\n"
        "for l in range(len(b)):\n"
        "    for j in range(len(x)):\n"
        "        z[l] += x[j] * W[j, l]\n"
        "c = z.index(max(z))\n"
        "least = float('inf')\n"
        "for l in range(len(z)):\n"
        "    if l != c:\n"
        "        reach = sum(abs(W[j, c] - W[j, l]) for j in range(len(x)))\n"
        "        least = min(least, (z[c] - z[l]) / reach)\n"
        "return least\n",
    ),
    "in place, row by row": (
        "small_steps",
        "start = X.copy()\n"
        "for i in range(len(X)):\n"
        "    for _ in range(steps):\n"
        "        z = X[i] @ W + b\n"
        "        p = np.exp(z - np.logaddexp.reduce(z))\n"
        "        p[labels[i]] -= 1\n"
        "        X[i] += rate * np.sign(W @ p / len(X))\n"
        "        X[i] = start[i] + np.clip(X[i] - start[i], -size, size)\n"
        "        np.clip(X[i], 0, 1, out=X[i])\n"
        "return X\n",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "small_steps": {
        "rate / np.sign(P @ W.T)": "signs are ±1, but where W is 0",
    },
}
