"""What learners hand in for the exercise on losses: wrong answers and right ones.

Each body replaces the reference solution in its cell. A wrong one loses its points on
exactly the named test cells, a right one on none.
"""

REPORT = {"report_from_a_table", "report_under_three_costs"}
PINBALL = {"pinball_value", "pinball_gradient"}
POISSON = {"poisson_value", "poisson_gradient"}
DIVERGENCE = {"divergence_by_hand", "divergence_at_the_edges"}
LOG_COSH = {"log_cosh_of_small_residuals", "log_cosh_of_huge_residuals"}
SMOOTHED = {"smoothed_value", "smoothed_gradient"}
ENSEMBLE = {"ensemble_value", "ensemble_gradient"}

WRONG = {
    "the report closest to her belief": (
        "best_report",
        "return reports[np.argmin(abs(reports - p))]\n",
        REPORT,
    ),
    "the place of the report": (
        "best_report",
        "return np.argmin(p * cost_if_rain + (1 - p) * cost_if_dry)\n",
        REPORT,
    ),
    "the reports put in order first": (
        "best_report",
        "expected = p * cost_if_rain + (1 - p) * cost_if_dry\n"
        "return np.sort(reports)[np.argmin(expected)]\n",
        {"report_under_three_costs"},
    ),
    "the price of too low and too high exchanged": (
        "pinball",
        "r = predictions - targets\n"
        "slope = np.where(r < 0, -(1 - q), q)\n"
        "return np.mean(slope * r), slope / len(r)\n",
        PINBALL,
    ),
    "the gradient by the targets": (
        "pinball",
        "e = targets - predictions\n"
        "slope = np.where(e > 0, q, q - 1)\n"
        "return np.mean(slope * e), slope / len(e)\n",
        {"pinball_gradient"},
    ),
    "three quarters, whatever q is": (
        "pinball",
        "r = predictions - targets\n"
        "slope = np.where(r < 0, -0.75, 0.25)\n"
        "return np.mean(slope * r), slope / len(r)\n",
        PINBALL,
    ),
    "pinball, sum for the mean": (
        "pinball",
        "r = predictions - targets\n"
        "slope = np.where(r < 0, -q, 1 - q)\n"
        "return np.sum(slope * r), slope\n",
        PINBALL,
    ),
    "four predictions taken for granted": (
        "pinball",
        "r = predictions - targets\n"
        "slope = np.where(r < 0, -q, 1 - q)\n"
        "return np.sum(slope * r) / 4, slope / 4\n",
        {"pinball_gradient"},
    ),
    "gradient by the rate": (
        "poisson",
        "rate = np.exp(z)\n"
        "return np.mean(rate - counts * z), (1 - counts / rate) / len(z)\n",
        {"poisson_gradient"},
    ),
    "z taken for the rate": (
        "poisson",
        "rate = np.maximum(z, 1e-9)\n"
        "return np.mean(rate - counts * np.log(rate)), (1 - counts / rate) / len(z)\n",
        POISSON,
    ),
    "a constant with a zero gradient": (
        "poisson",
        "return 0.0, np.zeros(len(z))\n",
        POISSON,
    ),
    "truth and belief exchanged": (
        "divergence",
        "seen = q > 0\n"
        "if np.any(p[seen] == 0):\n"
        "    return np.inf\n"
        "return np.sum(q[seen] * np.log(q[seen] / p[seen]))\n",
        DIVERGENCE,
    ),
    "nothing said about zeros": (
        "divergence",
        "return np.sum(p * np.log(p / q))\n",
        {"divergence_at_the_edges"},
    ),
    "a small number inside the logarithms": (
        "divergence",
        "return np.sum(p * np.log((p + 1e-12) / (q + 1e-12)))\n",
        {"divergence_at_the_edges"},
    ),
    "as it is written": (
        "log_cosh",
        "r = predictions - targets\n"
        "return np.mean(np.log(np.cosh(r))), np.tanh(r) / len(r)\n",
        {"log_cosh_of_huge_residuals"},
    ),
    "a straight line as soon as one residual is large": (
        "log_cosh",
        "r = predictions - targets\n"
        "if abs(r).max() > 20:\n"
        "    return np.mean(abs(r)) - np.log(2), np.sign(r) / len(r)\n"
        "return np.mean(np.log(np.cosh(r))), np.tanh(r) / len(r)\n",
        {"log_cosh_of_huge_residuals"},
    ),
    "the half of cosh forgotten": (
        "log_cosh",
        "r = predictions - targets\n"
        "return np.mean(np.logaddexp(r, -r)), np.tanh(r) / len(r)\n",
        LOG_COSH,
    ),
    "epsilon shared among the others only": (
        "smoothed",
        "n, k = Z.shape\n"
        "T = np.full((n, k), epsilon / (k - 1))\n"
        "T[np.arange(n), labels] = 1 - epsilon\n"
        "log_p = Z - np.logaddexp.reduce(Z, axis=1, keepdims=True)\n"
        "return -np.sum(T * log_p) / n, (np.exp(log_p) - T) / n\n",
        SMOOTHED,
    ),
    "logarithm of a rounded probability": (
        "smoothed",
        "n, k = Z.shape\n"
        "T = (1 - epsilon) * np.eye(k)[labels] + epsilon / k\n"
        "P = np.exp(Z - Z.max(axis=1, keepdims=True))\n"
        "P = P / P.sum(axis=1, keepdims=True)\n"
        "return -np.sum(T * np.log(P)) / n, (P - T) / n\n",
        {"smoothed_value"},
    ),
    "smooth cost, hard gradient": (
        "smoothed",
        "n, k = Z.shape\n"
        "hard = np.eye(k)[labels]\n"
        "T = (1 - epsilon) * hard + epsilon / k\n"
        "log_p = Z - np.logaddexp.reduce(Z, axis=1, keepdims=True)\n"
        "return -np.sum(T * log_p) / n, (np.exp(log_p) - hard) / n\n",
        {"smoothed_gradient"},
    ),
    "mean over all entries": (
        "smoothed",
        "n, k = Z.shape\n"
        "T = (1 - epsilon) * np.eye(k)[labels] + epsilon / k\n"
        "log_p = Z - np.logaddexp.reduce(Z, axis=1, keepdims=True)\n"
        "return -np.mean(T * log_p), (np.exp(log_p) - T) / (n * k)\n",
        SMOOTHED,
    ),
    "one largest logit for the whole batch": (
        "smoothed",
        "n, k = Z.shape\n"
        "T = (1 - epsilon) * np.eye(k)[labels] + epsilon / k\n"
        "Z = Z - Z.max()\n"
        "log_p = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))\n"
        "return -np.sum(T * log_p) / n, (np.exp(log_p) - T) / n\n",
        SMOOTHED,
    ),
    "each member once in the double sum": (
        "ensemble_score",
        "n, m = X.shape\n"
        "miss, apart = X - y[:, None], X[:, :, None] - X[:, None]\n"
        "value = np.mean(abs(miss)) - np.mean(abs(apart)) / 2\n"
        "spread = np.sign(apart).sum(axis=2) / (2 * m**2)\n"
        "return value, (np.sign(miss) / m - spread) / n\n",
        {"ensemble_gradient"},
    ),
    "misses only": (
        "ensemble_score",
        "miss = X - y[:, None]\nreturn np.mean(abs(miss)), np.sign(miss) / X.size\n",
        ENSEMBLE,
    ),
    "each pair once, and halved": (
        "ensemble_score",
        "n, m = X.shape\n"
        "miss, apart = X - y[:, None], X[:, :, None] - X[:, None]\n"
        "value = np.mean(abs(miss)) - np.mean(abs(np.triu(apart))) / 2\n"
        "return value, (np.sign(miss) / m - np.sign(apart).sum(2) / m**2) / n\n",
        {"ensemble_value"},
    ),
    "three members taken for granted": (
        "ensemble_score",
        "miss, apart = X - y[:, None], X[:, :, None] - X[:, None]\n"
        "value = abs(miss).sum() / 3 - abs(apart).sum() / 18\n"
        "gradient = np.sign(miss) / 3 - np.sign(apart).sum(axis=2) / 9\n"
        "return value / len(y), gradient / len(y)\n",
        ENSEMBLE,
    ),
}

RIGHT = {
    "one report at a time": (
        "best_report",
        "best = None\n"
        "for r, wet, dry in zip(reports, cost_if_rain, cost_if_dry):\n"
        "    cost = float(p * wet + (1 - p) * dry)\n"
        "    if best is None or cost < best[0]:\n"
        "        best = cost, r\n"
        "return best[1]\n",
    ),
    "the larger of two lines": (
        "pinball",
        "e = targets - predictions\n"
        "gradient = ((e < 0) - q) / e.size\n"
        "return np.maximum(q * e, (q - 1) * e).mean(), gradient.tolist()\n",
    ),
    "goal by goal": (
        "poisson",
        "import math\n"
        "value, gradient = 0.0, []\n"
        "for z_i, y_i in zip(z, counts):\n"
        "    value += (math.exp(z_i) - y_i * z_i) / len(z)\n"
        "    gradient.append((math.exp(z_i) - y_i) / len(z))\n"
        "return [value, gradient]\n",
    ),
    "np.where over warnings": (
        "divergence",
        "return np.where(p > 0, p * np.log(p / q), 0).sum()\n",
    ),
    "term by term": (
        "divergence",
        "import math\n"
        "total = 0\n"
        "for a, b in zip(p, q):\n"
        "    if a > 0:\n"
        "        total += a * math.log(a / b) if b > 0 else math.inf\n"
        "return total\n",
    ),
    "logaddexp": (
        "log_cosh",
        "r = predictions - targets\n"
        "return np.mean(np.logaddexp(r, -r) - np.log(2)), np.tanh(r) / r.size\n",
    ),
    "two kinds of residual": (
        "log_cosh",
        "predictions -= targets\n"
        "r = np.clip(predictions, -20, 20)\n"
        "value = np.log(np.cosh(r)) + abs(predictions - r)\n"
        "return np.sum(value) / len(r), np.tanh(predictions) / len(r)\n",
    ),
    "two cross-entropies mixed": (
        "smoothed",
        "n, k = Z.shape\n"
        "top = np.max(Z, axis=1)\n"
        "Z -= top[:, None]\n"
        "powers = np.exp(Z)\n"
        "total = powers.sum(axis=1)\n"
        "own = np.log(total) - Z[range(n), labels]\n"
        "all_classes = np.log(total) - Z.mean(axis=1)\n"
        "gradient = powers / total[:, None] - epsilon / k\n"
        "gradient[range(n), labels] -= 1 - epsilon\n"
        "gradient /= n\n"
        "return np.mean((1 - epsilon) * own + epsilon * all_classes), gradient\n",
    ),
    "places in the order": (
        "ensemble_score",
        "n, m = X.shape\n"
        "place = 2 * X.argsort(axis=1).argsort(axis=1) + 1 - m\n"
        "side = np.where(X > y.reshape(-1, 1), 1, -1)\n"
        "value = sum((side * (X - y[:, None])).mean(1) - (place * X).sum(1) / m**2)\n"
        "return value / n, ((side - place / m) / m / n).tolist()\n",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "*": {
        "computed in the argument itself": "an answer may: tests hand over copies",
    },
    "pinball": {
        "r <= 0, -q": "at the kink any slope in between will do",
    },
    "divergence": {
        "-> if np.all(q[seen] == 0):": "log(p/0) is inf by itself",
    },
}
