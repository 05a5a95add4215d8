"""What students hand in on parts of an engine: caught on its cell, or full marks."""

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "the exponent taken for a constant": (
        "tower",
        "(x, dx), (k, dk) = a, b\nreturn x**k, k * x ** (k - 1) * dx",
        {"tower_measured"},
    ),
    "the slope of the base left out": (
        "tower",
        """\
(x, dx), (k, dk) = a, b
return x**k, k * x ** (k - 1) + x**k * np.log(x) * dk
""",
        {"tower_by_hand", "tower_measured"},
    ),
    "a function that calls itself": (
        "operands_first",
        """\
order = []

def visit(name):
    if name not in order:
        for operand in graph[name]:
            visit(operand)
        order.append(name)

for name in graph:
    visit(name)
return order
""",
        {"order_deep"},
    ),
    "as the dictionary comes": (
        "operands_first",
        "return list(graph)",
        {"order_small", "order_deep"},
    ),
    "the dictionary the other way round": (
        "operands_first",
        "return list(graph)[::-1]",
        {"order_small", "order_deep"},
    ),
    "paths overwritten": (
        "count_paths",
        """\
paths = {name: 0 for name in order}
paths[end] = 1
for name in reversed(order):
    for operand in graph[name]:
        paths[operand] = paths[name]
return paths
""",
        {"paths_by_hand", "paths_doubling"},
    ),
    "two arrows taken for one": (
        "count_paths",
        """\
paths = {name: 0 for name in order}
paths[end] = 1
for name in reversed(order):
    for operand in set(graph[name]):
        paths[operand] += paths[name]
return paths
""",
        {"paths_doubling"},
    ),
    "the last of the order taken for the end": (
        "count_paths",
        """\
paths = {name: 0 for name in order}
paths[order[-1]] = 1
for name in reversed(order):
    for operand in graph[name]:
        paths[operand] += paths[name]
return paths
""",
        {"paths_doubling"},
    ),
    "names off the way left out": (
        "count_paths",
        """\
paths = {end: 1}
for name in reversed(order):
    for operand in graph[name] if name in paths else []:
        paths[operand] = paths.get(operand, 0) + paths[name]
return paths
""",
        {"paths_doubling"},
    ),
    "forward and reverse exchanged": (
        "bill",
        """\
pairs = [p * q for p, q in zip(sizes, sizes[1:])]
return sizes[-1] * sum(pairs[:-1]), sizes[0] * sum(pairs[1:])
""",
        {"bill_by_hand", "bill_any"},
    ),
    "the first matrix multiplied, too": (
        "bill",
        """\
pairs = [p * q for p, q in zip(sizes, sizes[1:])]
return sizes[0] * sum(pairs), sizes[-1] * sum(pairs)
""",
        {"bill_by_hand", "bill_any"},
    ),
    "the answers of the visible tests": (
        "bill",
        "return (32, 18) if len(sizes) == 4 else (0, 0)",
        {"bill_any"},
    ),
    "summed from the wrong end": (
        "pull_running_sum",
        "return np.cumsum(g)",
        {"running_sum_by_hand", "running_sum_measured"},
    ),
    "turned round once too few": (
        "pull_running_sum",
        "return np.cumsum(g[::-1])",
        {"running_sum_by_hand", "running_sum_measured"},
    ),
    "all sums but its own": (
        "pull_running_sum",
        "return np.cumsum(g[::-1])[::-1] - g",
        {"running_sum_by_hand", "running_sum_measured"},
    ),
    "all of the ties get all": (
        "pull_largest",
        "return (A == A.max(axis=1, keepdims=True)) * g[:, None]",
        {"largest_ties"},
    ),
    "the first of the ties gets all": (
        "pull_largest",
        """\
back = np.zeros_like(A)
back[np.arange(len(A)), A.argmax(axis=1)] = g
return back
""",
        {"largest_ties"},
    ),
    "the gradient left out": (
        "pull_largest",
        """\
largest = A == A.max(axis=1, keepdims=True)
return largest / largest.sum(axis=1, keepdims=True)
""",
        {"largest_by_hand", "largest_ties"},
    ),
    "one factor stands still": (
        "push_neighbours",
        "return v[:-1] * x[1:]",
        {"push_values"},
    ),
    "the middle overwritten": (
        "pull_neighbours",
        """\
g = np.zeros(len(x))
g[:-1] = u * x[1:]
g[1:] = u * x[:-1]
return g
""",
        {"pull_by_hand", "pull_identity"},
    ),
    "three inputs assumed": (
        "pull_neighbours",
        """\
g = np.zeros(len(x))
g[0], g[1], g[2] = u[0] * x[1], u[0] * x[0] + u[1] * x[2], u[1] * x[1]
return g
""",
        {"pull_identity"},
    ),
    "the root, rounded": (
        "best_stretch",
        "return max(1, round(K**0.5))",
        {"stretch_by_hand", "stretch_any"},
    ),
    "rounded down": (
        "best_stretch",
        "return min(range(1, K + 1), key=lambda s: K // s + s)",
        {"stretch_by_hand", "stretch_any"},
    ),
    "the greatest of several": (
        "best_stretch",
        "return min(range(K, 0, -1), key=lambda s: -(-K // s) + s)",
        {"stretch_by_hand", "stretch_any"},
    ),
    "no cross term": (
        "multiply_triples",
        "return a[0] * b[0], a[1] * b[0] + a[0] * b[1], a[2] * b[0] + a[0] * b[2]",
        {"triples_by_hand", "triples_measured"},
    ),
    "a cross term that is right for equal factors only": (
        "multiply_triples",
        """\
return (
    a[0] * b[0],
    a[1] * b[0] + a[0] * b[1],
    a[2] * b[0] + a[1] ** 2 + b[1] ** 2 + a[0] * b[2],
)
""",
        {"triples_measured"},
    ),
}

RIGHT = {
    "through exp and log": (
        "tower",
        """\
log = np.log(a[0])
exponent, slope = b[0] * log, b[1] * log + b[0] * a[1] / a[0]
return [np.exp(exponent), np.exp(exponent) * slope]
""",
    ),
    "a stack of one's own": (
        "operands_first",
        """\
order, done = [], set()
for start in graph:
    stack = [start]
    while stack:
        name = stack[-1]
        waiting = [o for o in graph[name] if o not in done]
        if waiting:
            stack.extend(waiting)
        else:
            stack.pop()
            if name not in done:
                done.add(name)
                order.append(name)
return order
""",
    ),
    "each asks its users": (
        "count_paths",
        """\
paths = {}
for name in order[::-1]:
    users = sum(graph[u].count(name) * paths[u] for u in paths)
    paths[name] = users + (name == end)
return paths
""",
    ),
    "products one after the other": (
        "bill",
        """\
forward = reverse = 0
for i in range(2, len(sizes)):
    forward += sizes[i] * sizes[i - 1] * sizes[0]
    reverse += sizes[-1] * sizes[i - 1] * sizes[i - 2]
return np.array([forward, reverse])
""",
    ),
    "a triangular matrix": (
        "pull_running_sum",
        "return np.tril(np.ones((len(g), len(g)))).T @ g",
    ),
    "in place, on what was given": (
        "pull_running_sum",
        "for i in range(len(g) - 2, -1, -1):\n    g[i] += g[i + 1]\nreturn g",
    ),
    "row by row": (
        "pull_largest",
        """\
rows = []
for row, gradient in zip(A.tolist(), g.tolist()):
    top = max(row)
    rows.append([gradient / row.count(top) if a == top else 0 for a in row])
return rows
""",
    ),
    "the matrix after all": (
        "push_neighbours",
        "J = np.diag(x[1:], 0) @ np.eye(len(x))[:-1]\n"
        "return (J + np.diag(x[:-1]) @ np.eye(len(x))[1:]) @ v",
    ),
    "padded with zeros": (
        "pull_neighbours",
        "return np.append(u * x[1:], 0) + np.append(0, u * x[:-1])",
    ),
    "a loop over s": (
        "best_stretch",
        """\
best, least = 1, 1 + K
for s in range(2, K + 1):
    held = int(np.ceil(K / s)) + s
    if held < least:
        best, least = s, held
return np.int64(best)
""",
    ),
}
