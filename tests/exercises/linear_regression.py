"""Answers to the linear-regression exercise: misconceptions, and other right styles.

Each wrong answer must lose exactly the listed test cells.
"""

R2 = {"r_squared_value", "r_squared_of_bad_predictions"}
MSE = {"weighted_mse_value", "weighted_mse_counts"}
GRADIENTS = {"weighted_gradient_of_w", "weighted_gradient_of_b"}
FIT = {"weighted_fit_value", "weighted_fit_of_near_copies"}
LEFT_OUT = {"leave_one_out_by_hand", "leave_one_out_of_polynomials"}

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "the unexplained part": (
        "r_squared",
        "return np.sum((predictions - y) ** 2) / np.sum((y - y.mean()) ** 2)\n",
        R2,
    ),
    "spread around zero": (
        "r_squared",
        "return 1 - np.sum((predictions - y) ** 2) / np.sum(y**2)\n",
        R2,
    ),
    "cut off at zero": (
        "r_squared",
        "missed = np.sum((predictions - y) ** 2)\n"
        "return max(0, 1 - missed / np.sum((y - y.mean()) ** 2))\n",
        {"r_squared_of_bad_predictions"},
    ),
    "spread around the median": (
        "r_squared",
        "missed = np.sum((predictions - y) ** 2)\n"
        "return 1 - missed / np.sum((y - np.median(y)) ** 2)\n",
        {"r_squared_of_bad_predictions"},
    ),
    "nothing returned": (
        "r_squared",
        "1 - np.sum((predictions - y) ** 2) / np.sum((y - y.mean()) ** 2)\n",
        R2,
    ),
    "ones first": (
        "polynomial_design",
        "return np.vander(x, degree + 1, increasing=True)\n",
        {"polynomial_columns", "polynomial_other_degrees"},
    ),
    "the highest power missing": (
        "polynomial_design",
        "powers = [x**k for k in range(1, degree)]\n"
        "return np.column_stack([*powers, np.ones(len(x))])\n",
        {"polynomial_columns", "polynomial_other_degrees"},
    ),
    "degree 3 whatever was asked": (
        "polynomial_design",
        "return np.column_stack([x, x**2, x**3, np.ones(len(x))])\n",
        {"polynomial_other_degrees"},
    ),
    "weighted sum divided by n": (
        "weighted_mse",
        "return np.mean(s * (X @ w + b - y) ** 2)\n",
        MSE,
    ),
    "weight inside the square": (
        "weighted_mse",
        "return np.sum((s * (X @ w + b - y)) ** 2) / s.sum()\n",
        MSE,
    ),
    "all houses alike": (
        "weighted_mse",
        "return np.mean((X @ w + b - y) ** 2)\n",
        MSE,
    ),
    "houses listed, whole numbers only": (
        "weighted_mse",
        "listed = np.repeat(X @ w + b - y, s.astype(int))\n"
        "return np.sum(listed**2) / max(1, len(listed))\n",
        {"weighted_mse_counts"},
    ),
    "factor 2 missing": (
        "weighted_mse_gradients",
        "r = s * (X @ w + b - y) / s.sum()\nreturn {'w': X.T @ r, 'b': r.sum()}\n",
        GRADIENTS,
    ),
    "divided by n": (
        "weighted_mse_gradients",
        "r = 2 * s * (X @ w + b - y) / len(y)\nreturn {'w': X.T @ r, 'b': r.sum()}\n",
        GRADIENTS,
    ),
    "target minus prediction": (
        "weighted_mse_gradients",
        "r = 2 * s * (y - X @ w - b) / s.sum()\nreturn {'w': X.T @ r, 'b': r.sum()}\n",
        GRADIENTS,
    ),
    "weights forgotten in one block": (
        "weighted_mse_gradients",
        "r = X @ w + b - y\n"
        "return {'w': 2 * X.T @ (s * r) / s.sum(), 'b': 2 * r.mean()}\n",
        {"weighted_gradient_of_b"},
    ),
    "weights used twice in one block": (
        "weighted_mse_gradients",
        "r = s * (X @ w + b - y)\n"
        "return {'w': 2 * X.T @ (s * r) / s.sum(), 'b': 2 * r.sum() / s.sum()}\n",
        {"weighted_gradient_of_w"},
    ),
    "rows times s, not its root": (
        "fit_weighted",
        "A = np.column_stack([X, np.ones(len(X))])\n"
        "return np.linalg.lstsq(s[:, None] * A, s * y, rcond=None)[0]\n",
        {"weighted_fit_value"},
    ),
    "rows listed, whole numbers only": (
        "fit_weighted",
        "A = np.column_stack([X, np.ones(len(X))])\n"
        "A, y = (np.repeat(v, s.astype(int), axis=0) for v in (A, y))\n"
        "return np.linalg.lstsq(A, y, rcond=None)[0]\n",
        {"weighted_fit_value"},
    ),
    "normal equation and its inverse": (
        "fit_weighted",
        "A = np.column_stack([X, np.ones(len(X))])\n"
        "return np.linalg.inv(A.T @ (s[:, None] * A)) @ (A.T @ (s * y))\n",
        {"weighted_fit_of_near_copies"},
    ),
    "ones not scaled": (
        "fit_weighted",
        "root = np.sqrt(s)\n"
        "A = np.column_stack([root[:, None] * X, np.ones(len(X))])\n"
        "return np.linalg.lstsq(A, root * y, rcond=None)[0]\n",
        FIT,
    ),
    "bias charged": (
        "fit_ridge",
        "n, d = X.shape\n"
        "A = np.column_stack([X, np.ones(n)])\n"
        "A = np.vstack([A, np.sqrt(n * strength) * np.eye(d + 1)])\n"
        "return np.linalg.lstsq(A, np.append(y, np.zeros(d + 1)), rcond=None)[0]\n",
        {"ridge_value", "ridge_with_great_strength"},
    ),
    "charge without n": (
        "fit_ridge",
        "n, d = X.shape\n"
        "A = np.column_stack([X, np.ones(n)])\n"
        "A = np.vstack([A, np.sqrt(strength) * np.eye(d, d + 1)])\n"
        "return np.linalg.lstsq(A, np.append(y, np.zeros(d)), rcond=None)[0]\n",
        {"ridge_value"},
    ),
    "charge without the root": (
        "fit_ridge",
        "n, d = X.shape\n"
        "A = np.column_stack([X, np.ones(n)])\n"
        "A = np.vstack([A, n * strength * np.eye(d, d + 1)])\n"
        "return np.linalg.lstsq(A, np.append(y, np.zeros(d)), rcond=None)[0]\n",
        {"ridge_value"},
    ),
    "the n of the first test": (
        "fit_ridge",
        "n, d = X.shape\n"
        "A = np.column_stack([X, np.ones(n)])\n"
        "A = np.vstack([A, np.sqrt(6 * strength) * np.eye(d, d + 1)])\n"
        "return np.linalg.lstsq(A, np.append(y, np.zeros(d)), rcond=None)[0]\n",
        {"ridge_value"},
    ),
    "bias first": (
        "fit_ridge",
        "n, d = X.shape\n"
        "A = np.column_stack([np.ones(n), X])\n"
        "A = np.vstack([A, np.sqrt(n * strength) * np.eye(d, d + 1, 1)])\n"
        "return np.linalg.lstsq(A, np.append(y, np.zeros(d)), rcond=None)[0]\n",
        {"ridge_value", "ridge_without_strength", "ridge_with_great_strength"},
    ),
    "ordinary residuals": (
        "leave_one_out",
        "A = np.column_stack([X, np.ones(len(X))])\n"
        "return A @ np.linalg.lstsq(A, y, rcond=None)[0] - y\n",
        LEFT_OUT,
    ),
    "no bias": (
        "leave_one_out",
        "result = []\n"
        "for i in range(len(X)):\n"
        "    rest, prices = np.delete(X, i, axis=0), np.delete(y, i)\n"
        "    w = np.linalg.lstsq(rest, prices, rcond=None)[0]\n"
        "    result.append(X[i] @ w - y[i])\n"
        "return result\n",
        LEFT_OUT,
    ),
    "paid minus predicted": (
        "leave_one_out",
        "A = np.column_stack([X, np.ones(len(X))])\n"
        "hat = A @ np.linalg.pinv(A)\n"
        "return (y - hat @ y) / (1 - np.diag(hat))\n",
        LEFT_OUT,
    ),
    "first feature alone": (
        "leave_one_out",
        "x = X[:, 0]\n"
        "result = []\n"
        "for i in range(len(y)):\n"
        "    line = np.polyfit(np.delete(x, i), np.delete(y, i), 1)\n"
        "    result.append(np.polyval(line, x[i]) - y[i])\n"
        "return result\n",
        {"leave_one_out_of_polynomials"},
    ),
}

RIGHT = {
    "two variances": (
        "r_squared",
        "return 1 - float(np.mean(np.square(y - predictions)) / np.var(y))\n",
    ),
    "loops over plain numbers": (
        "r_squared",
        "mean = sum(y) / len(y)\n"
        "missed = sum((p - t) ** 2 for p, t in zip(predictions, y))\n"
        "return 1 - missed / sum((t - mean) ** 2 for t in y)\n",
    ),
    "rows of a list": (
        "polynomial_design",
        "return [[v**k for k in range(1, degree + 1)] + [1] for v in x]\n",
    ),
    "vander turned round": (
        "polynomial_design",
        "return np.roll(np.vander(x, degree + 1, increasing=True), -1, axis=1)\n",
    ),
    "einsum": (
        "weighted_mse",
        "r = np.einsum('ij,j->i', X, w) + b - y\n"
        "return np.einsum('i,i,i->', s, r, r) / s.sum()\n",
    ),
    "inputs changed in place": (
        "weighted_mse",
        "y -= X @ w\ny -= b\ny *= y\ny *= s\nreturn y.sum() / s.sum()\n",
    ),
    "one house at a time": (
        "weighted_mse_gradients",
        "dw, db = np.zeros(len(w)), 0.0\n"
        "for x_i, y_i, s_i in zip(X, y, s):\n"
        "    r = x_i @ w + b - y_i\n"
        "    dw += 2 * s_i * r * x_i / sum(s)\n"
        "    db += 2 * s_i * r / sum(s)\n"
        "return {'w': list(dw), 'b': db}\n",
    ),
    "ones appended, einsum": (
        "weighted_mse_gradients",
        "A = np.c_[X, np.ones(len(X))]\n"
        "r = A @ np.append(w, b) - y\n"
        "g = np.einsum('i,i,ij->j', s, r, A) / (0.5 * sum(s))\n"
        "return dict(b=float(g[-1]), w=g[:-1].tolist())\n",
    ),
    "QR": (
        "fit_weighted",
        "A = np.sqrt(s)[:, None] * np.c_[X, np.ones(len(X))]\n"
        "Q, R = np.linalg.qr(A)\n"
        "return np.linalg.solve(R, Q.T @ (np.sqrt(s) * y))\n",
    ),
    "means taken out first": (
        "fit_ridge",
        "n, d = X.shape\n"
        "Xc, yc = X - X.mean(axis=0), y - y.mean()\n"
        "w = np.linalg.solve(Xc.T @ Xc / n + strength * np.eye(d), Xc.T @ yc / n)\n"
        "return [*w, y.mean() - X.mean(axis=0) @ w]\n",
    ),
    "deleted one by one, as a tuple": (
        "leave_one_out",
        "def miss(i):\n"
        "    A, left = np.c_[X, np.ones(len(X))], np.delete(range(len(y)), i)\n"
        "    theta, *_ = np.linalg.lstsq(A[left], y[left], rcond=None)\n"
        "    return float(np.dot(A[i], theta) - y[i])\n"
        "return tuple(miss(i) for i in range(len(y)))\n",
    ),
    "a single fit": (
        "leave_one_out",
        "A = np.column_stack([X, np.ones(len(X))])\n"
        "Q = np.linalg.qr(A)[0]\n"
        "return (Q @ (Q.T @ y) - y) / (1 - (Q**2).sum(axis=1))\n",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "*": {
        "computed in the argument itself": "an answer may: tests hand over copies",
    },
}
