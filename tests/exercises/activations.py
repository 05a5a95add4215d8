"""What students hand in on soft and hard functions: caught, or full marks."""

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "softplus as it is printed": (
        "softplus",
        "return np.log(1 + np.exp(beta * z)) / beta",
        {"softplus_far_out"},
    ),
    "softplus with the tail rounded away": (
        "softplus",
        """\
t = beta * z
return (np.maximum(t, 0) + np.log(1 + np.exp(-abs(t)))) / beta
""",
        {"softplus_far_out"},
    ),
    "not divided by beta": (
        "softplus",
        "return np.logaddexp(0, beta * z)",
        {"softplus_by_hand", "softplus_far_out"},
    ),
    "beta ignored": (
        "softplus",
        "return np.logaddexp(0, z)",
        {"softplus_by_hand", "softplus_far_out"},
    ),
    "the hard ReLU": (
        "softplus",
        "return np.maximum(0, z)",
        {"softplus_by_hand", "softplus_far_out"},
    ),
    "half of the product rule": (
        "silu_slope",
        "return 0.5 * (1 + np.tanh(0.5 * z))",
        {"silu_slope_by_hand", "silu_slope_measured"},
    ),
    "the pre-activation for the gate": (
        "silu_slope",
        """\
gate = 0.5 * (1 + np.tanh(0.5 * z))
return gate + z * gate * (1 - z)
""",
        {"silu_slope_by_hand", "silu_slope_measured"},
    ),
    "an exponential that overflows": (
        "silu_slope",
        """\
gate = 1 / (1 + np.exp(-z))
return gate + z * gate * (1 - gate)
""",
        {"silu_slope_measured"},
    ),
    "measured, not derived": (
        "silu_slope",
        """\
def silu(z):
    return z * 0.5 * (1 + np.tanh(0.5 * z))

return (silu(z + 1e-5) - silu(z - 1e-5)) / 2e-5
""",
        {"silu_slope_measured"},
    ),
    "the colleague's mask": (
        "hard_sigmoid_backward",
        "return d * ((a >= 0) & (a <= 1)) / 6",
        {"hard_sigmoid_by_hand", "hard_sigmoid_measured"},
    ),
    "the slope of z/6 forgotten": (
        "hard_sigmoid_backward",
        "return d * ((a > 0) & (a < 1))",
        {"hard_sigmoid_by_hand", "hard_sigmoid_measured"},
    ),
    "the answer of the visible test typed in": (
        "hard_sigmoid_backward",
        "return np.array([0.0, 1.0, 0.0])",
        {"hard_sigmoid_measured"},
    ),
    "the sum overflows": (
        "soft_maximum",
        "return T * np.log(np.exp(Z / T).sum(axis=1))",
        {"soft_maximum_far_out"},
    ),
    "one maximum for all rows": (
        "soft_maximum",
        "return Z.max() + T * np.log(np.exp((Z - Z.max()) / T).sum(axis=1))",
        {"soft_maximum_far_out"},
    ),
    "no T in front": (
        "soft_maximum",
        "return np.logaddexp.reduce(Z / T, axis=1)",
        {"soft_maximum_by_hand", "soft_maximum_far_out"},
    ),
    "three logits assumed": (
        "soft_maximum",
        """\
first, second, third = Z[:, 0] / T, Z[:, 1] / T, Z[:, 2] / T
return T * np.logaddexp(first, np.logaddexp(second, third))
""",
        {"soft_maximum_far_out"},
    ),
    "shifted by the first logit": (
        "entropy_slope",
        """\
p = np.exp((z - z[0]) / T)
p /= p.sum()
return p @ (z - p @ z) ** 2 / T**3
""",
        {"entropy_slope_measured"},
    ),
    "one factor 1/T lost": (
        "entropy_slope",
        """\
p = np.exp((z - z.max()) / T)
p /= p.sum()
return p @ (z - p @ z) ** 2 / T**2
""",
        {"entropy_slope_by_hand", "entropy_slope_measured"},
    ),
    "a variance without weights": (
        "entropy_slope",
        "return np.var(z) / T**3",
        {"entropy_slope_by_hand", "entropy_slope_measured"},
    ),
    "a softmax at temperature 1": (
        "entropy_slope",
        """\
p = np.exp(z - z.max())
p /= p.sum()
return p @ (z - p @ z) ** 2 / T**3
""",
        {"entropy_slope_by_hand", "entropy_slope_measured"},
    ),
    "the gradient to every equal winner": (
        "maxout_backward",
        "return d[..., None] * (Z == Z.max(axis=2, keepdims=True))",
        {"maxout_with_ties"},
    ),
    "the gradient times the winner's value": (
        "maxout_backward",
        """\
winner = Z.argmax(axis=2)[..., None] == np.arange(Z.shape[2])
return d[..., None] * winner * Z
""",
        {"maxout_by_hand", "maxout_with_ties"},
    ),
    "three sums assumed": (
        "maxout_backward",
        "return d[..., None] * (Z.argmax(axis=2)[..., None] == np.arange(3))",
        {"maxout_with_ties"},
    ),
    "the halves exchanged": (
        "glu_backward",
        """\
V, G = np.split(U, 2, axis=1)
gate = 0.5 * (1 + np.tanh(0.5 * G))
return np.hstack([d * V * gate * (1 - gate), d * gate])
""",
        {"glu_by_hand", "glu_measured"},
    ),
    "the slope of the gates forgotten": (
        "glu_backward",
        """\
V, G = np.split(U, 2, axis=1)
return np.hstack([d * 0.5 * (1 + np.tanh(0.5 * G)), d * V])
""",
        {"glu_by_hand", "glu_measured"},
    ),
    "two values assumed": (
        "glu_backward",
        """\
V, G = U[:, :2], U[:, 2:]
gate = 0.5 * (1 + np.tanh(0.5 * G))
return np.hstack([d * gate, d * V * gate * (1 - gate)])
""",
        {"glu_measured"},
    ),
}

RIGHT = {
    "log1p on the side that is small": (
        "softplus",
        """\
t = beta * z
return (np.maximum(t, 0) + np.log1p(np.exp(-abs(t)))) / beta
""",
    ),
    "a loop with two cases": (
        "silu_slope",
        """\
out = np.empty(z.shape)
for place, x in np.ndenumerate(z):
    if x >= 0:
        s = 1 / (1 + np.exp(-x))
    else:
        s = np.exp(x) / (1 + np.exp(x))
    out[place] = s * (1 + x * (1 - s))
return out
""",
    ),
    "where": (
        "hard_sigmoid_backward",
        "return np.where((a <= 0) | (a >= 1), 0.0, d / 6)",
    ),
    "in place, on the array that was given": (
        "hard_sigmoid_backward",
        "d[(a == 0) | (a == 1)] = 0\nd /= 6\nreturn d",
    ),
    "logaddexp, one column after the other": (
        "soft_maximum",
        """\
total = Z[:, 0] / T
for column in Z.T[1:]:
    total = np.logaddexp(total, column / T)
return T * total
""",
    ),
    "a list of numbers": (
        "soft_maximum",
        """\
return [
    max(row) + T * np.log(sum(np.exp((x - max(row)) / T) for x in row))
    for row in Z.tolist()
]
""",
    ),
    "the mean of squares minus the square of the mean": (
        "entropy_slope",
        """\
u = (z - z.max()) / T
p = np.exp(u) / np.exp(u).sum()
return (np.sum(p * u**2) - np.sum(p * u) ** 2) / T
""",
    ),
    "put along the axis": (
        "maxout_backward",
        """\
out = np.zeros(Z.shape)
np.put_along_axis(out, Z.argmax(axis=2)[..., None], d[..., None], axis=2)
return out
""",
    ),
    "three loops": (
        "maxout_backward",
        """\
n, h, m = Z.shape
out = [[[0.0] * m for _ in range(h)] for _ in range(n)]
for i in range(n):
    for j in range(h):
        best = max(range(m), key=lambda p: Z[i, j, p])
        out[i][j][best] = d[i, j]
return out
""",
    ),
    "written into an empty array": (
        "glu_backward",
        """\
h = d.shape[1]
out = np.empty(U.shape)
with np.errstate(over="ignore"):
    gate = 1 / (1 + np.exp(-U[:, h:]))
out[:, :h] = d * gate
out[:, h:] = d * U[:, :h] * gate * (1 - gate)
return out
""",
    ),
}
