"""Answers to the gradient-descent exercise: misconceptions, and other right styles.

Each wrong answer must lose exactly the listed test cells.
"""

COMBINE = {"combine_two_batches", "combine_many_batches"}
SCALE = {"robust_scale_by_hand", "robust_scale_sees_no_test_house"}
CHARBONNIER = {"charbonnier_value", "charbonnier_gradient"}
CURVATURE = {"curvature_step_by_step", "curvature_in_the_end"}
ARMIJO = {"armijo_in_one_dimension", "armijo_along_the_gradient"}

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "mean of the means": (
        "combine",
        "return batch_gradients.mean(axis=0)\n",
        COMBINE,
    ),
    "sum over all samples": (
        "combine",
        "return sizes @ batch_gradients\n",
        COMBINE,
    ),
    "divided by the number of batches": (
        "combine",
        "return sizes @ batch_gradients / len(sizes)\n",
        COMBINE,
    ),
    "last batch left out when there are several": (
        "combine",
        "if len(sizes) > 2:\n"
        "    batch_gradients, sizes = batch_gradients[:-2], sizes[:-2]\n"
        "return sizes @ batch_gradients / sizes.sum()\n",
        {"combine_many_batches"},
    ),
    "diagonal instead of eigenvalues": (
        "kind_of_place",
        "values = np.sort(np.diag(H))\n"
        "if values[0] < -1e-9 and values[-1] > 1e-9:\n"
        "    return 'saddle'\n"
        "if abs(np.linalg.det(H)) < 1e-9:\n"
        "    return 'undecided'\n"
        "return 'minimum' if values[0] > 0 else 'maximum'\n",
        {"kinds_off_the_diagonal"},
    ),
    "determinant and corner": (
        "kind_of_place",
        "det = np.linalg.det(H)\n"
        "if abs(det) < 1e-9:\n"
        "    return 'saddle' if H[0, 0] * H[-1, -1] < 0 else 'undecided'\n"
        "if det < 0:\n"
        "    return 'saddle'\n"
        "return 'minimum' if H[0, 0] > 0 else 'maximum'\n",
        {"kinds_off_the_diagonal", "kinds_with_a_flat_direction"},
    ),
    "zero counts as positive": (
        "kind_of_place",
        "values = np.linalg.eigvalsh(H)\n"
        "if values[0] >= 0:\n"
        "    return 'minimum'\n"
        "return 'maximum' if values[-1] < 0 else 'saddle'\n",
        {"kinds_with_a_flat_direction"},
    ),
    "minimum and maximum swapped": (
        "kind_of_place",
        "values = np.linalg.eigvalsh(H)\n"
        "if values[0] < -1e-9 and values[-1] > 1e-9:\n"
        "    return 'saddle'\n"
        "if min(abs(values)) < 1e-9:\n"
        "    return 'undecided'\n"
        "return 'maximum' if values[0] > 0 else 'minimum'\n",
        {"kinds_in_the_plane", "kinds_off_the_diagonal"},
    ),
    "fitted on the test set": (
        "robust_scale",
        "low, middle, high = np.percentile(test, [25, 50, 75], axis=0)\n"
        "width = np.where(high > low, high - low, 1)\n"
        "return (test - middle) / width\n",
        SCALE,
    ),
    "fitted on both": (
        "robust_scale",
        "both = np.vstack([train, test])\n"
        "low, middle, high = np.percentile(both, [25, 50, 75], axis=0)\n"
        "return (test - middle) / (high - low)\n",
        SCALE,
    ),
    "mean instead of median": (
        "robust_scale",
        "low, high = np.percentile(train, [25, 75], axis=0)\n"
        "return (test - train.mean(axis=0)) / (high - low)\n",
        SCALE,
    ),
    "the quartiles of five houses": (
        "robust_scale",
        "s = np.sort(train, axis=0)\nreturn (test - s[2]) / (s[3] - s[1])\n",
        {"robust_scale_sees_no_test_house"},
    ),
    "quartiles without interpolation": (
        "robust_scale",
        "s, n = np.sort(train, axis=0), len(train)\n"
        "return (test - s[n // 2]) / (s[3 * n // 4] - s[n // 4])\n",
        {"robust_scale_sees_no_test_house"},
    ),
    "squared error": (
        "charbonnier",
        "r = X @ w - y\nreturn np.mean(r**2), 2 / len(y) * X.T @ r\n",
        CHARBONNIER,
    ),
    "delta not taken away": (
        "charbonnier",
        "r = X @ w - y\n"
        "root = np.hypot(r, delta)\n"
        "return np.mean(root), X.T @ (r / root) / len(y)\n",
        {"charbonnier_value"},
    ),
    "delta of 0.4": (
        "charbonnier",
        "r = X @ w - y\n"
        "root = np.hypot(r, 0.4)\n"
        "return np.mean(root) - 0.4, X.T @ (r / root) / len(y)\n",
        CHARBONNIER,
    ),
    "the inner derivative forgotten": (
        "charbonnier",
        "root = np.hypot(X @ w - y, delta)\n"
        "return np.mean(root) - delta, X.T @ (0.5 / root) / len(y)\n",
        {"charbonnier_gradient"},
    ),
    "zero gradient": (
        "charbonnier",
        "root = np.hypot(X @ w - y, delta)\n"
        "return np.mean(root) - delta, np.zeros(len(w))\n",
        {"charbonnier_gradient"},
    ),
    "a factor delta too many": (
        "charbonnier",
        "r = (X @ w - y) / delta\n"
        "root = np.sqrt(1 + r**2)\n"
        "value = np.mean(delta**2 * (root - 1))\n"
        "return value, delta * X.T @ (r / root) / len(y)\n",
        CHARBONNIER,
    ),
    "one step too many": (
        "steepest_curvature",
        "for _ in range(steps + 1):\n"
        "    v = H @ v\n"
        "    v = v / np.linalg.norm(v)\n"
        "return v @ H @ v\n",
        {"curvature_step_by_step", "curvature_in_the_end"},
    ),
    "never made one long on the way": (
        "steepest_curvature",
        "for _ in range(steps):\n    v = H @ v\nreturn v @ H @ v / (v @ v)\n",
        {"curvature_in_the_end"},
    ),
    "length forgotten at the end": (
        "steepest_curvature",
        "for _ in range(steps):\n    v = H @ v / np.linalg.norm(v)\nreturn v @ H @ v\n",
        CURVATURE,
    ),
    "the rate instead": (
        "steepest_curvature",
        "return 2 / np.linalg.eigvalsh(H).max()\n",
        CURVATURE,
    ),
    "a start of its own": (
        "steepest_curvature",
        "v = np.ones(len(v)) / len(v) ** 0.5\n"
        "for _ in range(steps):\n"
        "    v = H @ v\n"
        "    v = v / np.linalg.norm(v)\n"
        "return v @ H @ v\n",
        {"curvature_in_the_end"},
    ),
    "only a lower loss": (
        "armijo_rate",
        "g = H @ theta - c\n"
        "loss = lambda p: 0.5 * p @ H @ p - c @ p\n"
        "while loss(theta - rate * g) >= loss(theta):\n"
        "    rate = rate / 2\n"
        "return rate\n",
        ARMIJO,
    ),
    "halved after the test was met": (
        "armijo_rate",
        "g = H @ theta - c\n"
        "loss = lambda p: 0.5 * p @ H @ p - c @ p\n"
        "while True:\n"
        "    met = loss(theta - rate * g) <= loss(theta) - 0.5 * rate * (g @ g)\n"
        "    rate = rate / 2\n"
        "    if met:\n"
        "        return rate\n",
        ARMIJO,
    ),
    "the steepest direction decides": (
        "armijo_rate",
        "steepest = np.linalg.eigvalsh(H)[-1]\n"
        "while rate > 1 / steepest:\n"
        "    rate = rate / 2\n"
        "return rate\n",
        {"armijo_along_the_gradient"},
    ),
    "at most ten halvings": (
        "armijo_rate",
        "g = H @ theta - c\n"
        "loss = lambda p: 0.5 * p @ H @ p - c @ p\n"
        "for _ in range(10):\n"
        "    if loss(theta - rate * g) <= loss(theta) - 0.5 * rate * (g @ g):\n"
        "        break\n"
        "    rate = rate / 2\n"
        "return rate\n",
        {"armijo_along_the_gradient"},
    ),
    "length of the gradient not squared": (
        "armijo_rate",
        "g = H @ theta - c\n"
        "loss = lambda p: 0.5 * p @ H @ p - c @ p\n"
        "promise = 0.5 * np.linalg.norm(g)\n"
        "while loss(theta - rate * g) > loss(theta) - rate * promise:\n"
        "    rate = rate / 2\n"
        "return rate\n",
        ARMIJO,
    ),
}

RIGHT = {
    "np.average": (
        "combine",
        "return np.average(batch_gradients, axis=0, weights=sizes)\n",
    ),
    "plain loops": (
        "combine",
        "total = [0.0] * len(batch_gradients[0])\n"
        "for g, size in zip(batch_gradients, sizes):\n"
        "    for j, value in enumerate(g):\n"
        "        total[j] += size * value\n"
        "return [value / sum(sizes) for value in total]\n",
    ),
    "counting signs": (
        "kind_of_place",
        "values = np.linalg.eigvals(H).real\n"
        "up, down = (values > 1e-9).sum(), (values < -1e-9).sum()\n"
        "if up and down:\n"
        "    return 'saddle'\n"
        "names = {(len(H), 0): 'minimum', (0, len(H)): 'maximum'}\n"
        "return names.get((int(up), int(down)), 'undecided')\n",
    ),
    "in place": (
        "robust_scale",
        "test -= np.median(train, axis=0)\n"
        "test /= np.quantile(train, 0.75, axis=0) - np.quantile(train, 0.25, axis=0)\n"
        "return test\n",
    ),
    "column by column": (
        "robust_scale",
        "columns = []\n"
        "for a, b in zip(train.T, test.T):\n"
        "    low, high = np.percentile(a, 25), np.percentile(a, 75)\n"
        "    columns.append([(v - np.median(a)) / (high - low) for v in b])\n"
        "return list(zip(*columns))\n",
    ),
    "one house at a time": (
        "charbonnier",
        "import math\n"
        "value, gradient = 0.0, [0.0] * len(w)\n"
        "for x_i, y_i in zip(X, y):\n"
        "    r = float(x_i @ w - y_i)\n"
        "    value += (math.hypot(r, delta) - delta) / len(y)\n"
        "    pull = r / math.hypot(r, delta)\n"
        "    gradient = [g + pull * x / len(y) for g, x in zip(gradient, x_i)]\n"
        "return [value, gradient]\n",
    ),
    "einsum": (
        "charbonnier",
        "r = np.einsum('ij,j->i', X, w) - y\n"
        "u = 1 + (r / delta) ** 2\n"
        "slope = r / delta * u**-0.5\n"
        "return delta * (u**0.5 - 1).mean(), np.einsum('ij,i->j', X, slope) / len(y)\n",
    ),
    "quotient at the end": (
        "steepest_curvature",
        "for _ in range(steps):\n"
        "    v = H.dot(v)\n"
        "    v /= abs(v).max()\n"
        "return float(v.dot(H).dot(v) / v.dot(v))\n",
    ),
    "curvature along the gradient": (
        "armijo_rate",
        "g = H @ theta - c\n"
        "limit = (g @ g) / (g @ H @ g)\n"
        "k = 0\n"
        "while rate / 2**k > limit:\n"
        "    k += 1\n"
        "return rate / 2**k\n",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "*": {
        "computed in the argument itself": "an answer may: tests hand over copies",
    },
    "steepest_curvature": {
        "-> v = v @ H": "H is symmetric",
    },
    "armijo_rate": {
        "-> g = theta @ H - c": "H is symmetric",
    },
}
