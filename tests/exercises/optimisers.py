"""Answers to the optimisers exercise: misconceptions, and other right styles.

Each wrong answer must lose exactly the listed test cells.
"""

AVERAGE = {"average_by_hand", "average_of_a_noisy_walk"}
CYCLE = {"cycle_with_the_peak_in_the_middle", "cycle_with_the_peak_elsewhere"}
LAYERS = {"layers_by_hand", "layers_without_a_length"}
ADAMAX = {"adamax_two_steps", "adamax_many_steps"}
LOOKAHEAD = {"lookahead_by_hand", "lookahead_for_several_rounds"}

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "first place left out": (
        "late_average",
        "later = path[first + 1 :]\n"
        "return later.mean(axis=0) if len(later) else path[-1]\n",
        AVERAGE,
    ),
    "mean of everything": ("late_average", "return path.mean(axis=0)\n", AVERAGE),
    "the last three places": (
        "late_average",
        "return path[-3:].mean(axis=0)\n",
        {"average_of_a_noisy_walk"},
    ),
    "starts at zero": (
        "one_cycle",
        "top = part * steps\n"
        "way = step / top if step <= top else (steps - step) / (steps - top)\n"
        "return peak * way\n",
        CYCLE,
    ),
    "peak always in the middle": (
        "one_cycle",
        "way = 1 - abs(2 * step / steps - 1)\nreturn low + (peak - low) * way\n",
        {"cycle_with_the_peak_elsewhere"},
    ),
    "down as steeply as up": (
        "one_cycle",
        "top = part * steps\n"
        "way = step / top if step <= top else max(0, 2 - step / top)\n"
        "return low + (peak - low) * way\n",
        {"cycle_with_the_peak_elsewhere"},
    ),
    "sign forgotten": (
        "lion_step",
        "d = beta1 * m + (1 - beta1) * g\n"
        "return theta - rate * (d + decay * theta), beta2 * m + (1 - beta2) * g\n",
        {"lion_moves_theta"},
    ),
    "sign of the new memory": (
        "lion_step",
        "m = beta2 * m + (1 - beta2) * g\n"
        "return theta - rate * (np.sign(m) + decay * theta), m\n",
        {"lion_moves_theta"},
    ),
    "decay through the sign": (
        "lion_step",
        "d = np.sign(beta1 * m + (1 - beta1) * g + decay * theta)\n"
        "return theta - rate * d, beta2 * m + (1 - beta2) * g\n",
        {"lion_moves_theta"},
    ),
    "one beta for both": (
        "lion_step",
        "m = beta1 * m + (1 - beta1) * g\n"
        "return theta - rate * (np.sign(m) + decay * theta), m\n",
        {"lion_remembers"},
    ),
    "beta exchanged in the memory": (
        "lion_step",
        "d = np.sign(beta1 * m + (1 - beta1) * g)\n"
        "return theta - rate * (d + decay * theta), (1 - beta2) * m + beta2 * g\n",
        {"lion_remembers"},
    ),
    "sign of 0 taken for 1": (
        "lion_step",
        "d = np.where(beta1 * m + (1 - beta1) * g >= 0, 1, -1)\n"
        "return theta - rate * (d + decay * theta), beta2 * m + (1 - beta2) * g\n",
        {"lion_moves_theta"},
    ),
    "one length for all layers": (
        "layerwise_step",
        "a = sum(np.sum(p**2) for p in parameters.values()) ** 0.5\n"
        "b = sum(np.sum(g**2) for g in gradients.values()) ** 0.5\n"
        "r = a / b if a and b else 1\n"
        "return {k: p - rate * r * gradients[k] for k, p in parameters.items()}\n",
        LAYERS,
    ),
    "no ratio": (
        "layerwise_step",
        "return {k: p - rate * gradients[k] for k, p in parameters.items()}\n",
        LAYERS,
    ),
    "nothing said of zero": (
        "layerwise_step",
        "new = {}\n"
        "for k, p in parameters.items():\n"
        "    g = gradients[k]\n"
        "    with np.errstate(all='ignore'):\n"
        "        r = np.sqrt(np.sum(p**2)) / np.sqrt(np.sum(g**2))\n"
        "        new[k] = p - rate * r * g\n"
        "return new\n",
        {"layers_without_a_length"},
    ),
    "largest entry for a length": (
        "layerwise_step",
        "new = {}\n"
        "for k, p in parameters.items():\n"
        "    g = gradients[k]\n"
        "    a, b = abs(p).max(), abs(g).max()\n"
        "    new[k] = p - rate * (a / b if a and b else 1) * g\n"
        "return new\n",
        {"layers_by_hand"},
    ),
    "a small number below": (
        "layerwise_step",
        "new = {}\n"
        "for k, p in parameters.items():\n"
        "    g = gradients[k]\n"
        "    r = np.sqrt(np.sum(p**2)) / (np.sqrt(np.sum(g**2)) + 1e-8)\n"
        "    new[k] = p - rate * r * g\n"
        "return new\n",
        LAYERS,
    ),
    "mean not corrected": (
        "adamax",
        "m, u = np.zeros(len(theta)), np.zeros(len(theta))\n"
        "for g in gradients:\n"
        "    m = beta1 * m + (1 - beta1) * g\n"
        "    u = np.maximum(beta2 * u, abs(g))\n"
        "    theta = theta - rate * m / np.where(u > 0, u, 1)\n"
        "return theta\n",
        ADAMAX,
    ),
    "maximum corrected, too": (
        "adamax",
        "m, u = np.zeros(len(theta)), np.zeros(len(theta))\n"
        "for t, g in enumerate(gradients, start=1):\n"
        "    m = beta1 * m + (1 - beta1) * g\n"
        "    u = np.maximum(beta2 * u, abs(g))\n"
        "    s = np.where(u > 0, u, 1) / (1 - beta2**t)\n"
        "    theta = theta - rate * m / (1 - beta1**t) / s\n"
        "return theta\n",
        ADAMAX,
    ),
    "quiet parameters divided by zero": (
        "adamax",
        "m, u = np.zeros(len(theta)), np.zeros(len(theta))\n"
        "for t, g in enumerate(gradients, start=1):\n"
        "    m = beta1 * m + (1 - beta1) * g\n"
        "    u = np.maximum(beta2 * u, abs(g))\n"
        "    with np.errstate(all='ignore'):\n"
        "        theta = theta - rate * m / (1 - beta1**t) / u\n"
        "return theta\n",
        {"adamax_many_steps"},
    ),
    "no step where the gradient is 0": (
        "adamax",
        "m, u = np.zeros(len(theta)), np.zeros(len(theta))\n"
        "for t, g in enumerate(gradients, start=1):\n"
        "    m = beta1 * m + (1 - beta1) * g\n"
        "    u = np.maximum(beta2 * u, abs(g))\n"
        "    step = rate * m / (1 - beta1**t) / np.where(u > 0, u, 1)\n"
        "    theta = theta - np.where(g == 0, 0, step)\n"
        "return theta\n",
        {"adamax_many_steps"},
    ),
    "maximum that never fades": (
        "adamax",
        "m, u = np.zeros(len(theta)), np.zeros(len(theta))\n"
        "for t, g in enumerate(gradients, start=1):\n"
        "    m = beta1 * m + (1 - beta1) * g\n"
        "    u = np.maximum(u, abs(g))\n"
        "    theta = theta - rate * m / (1 - beta1**t) / np.where(u > 0, u, 1)\n"
        "return theta\n",
        ADAMAX,
    ),
    "the slow weights become the scout": (
        "lookahead",
        "for _ in range(rounds * k):\n    theta = theta - rate * H @ theta\n"
        "return theta\n",
        LOOKAHEAD,
    ),
    "alpha is what is kept": (
        "lookahead",
        "for _ in range(rounds):\n"
        "    scout = theta\n"
        "    for _ in range(k):\n"
        "        scout = scout - rate * H @ scout\n"
        "    theta = alpha * theta + (1 - alpha) * scout\n"
        "return theta\n",
        LOOKAHEAD,
    ),
    "scout never called back": (
        "lookahead",
        "scout = theta\n"
        "for _ in range(rounds):\n"
        "    for _ in range(k):\n"
        "        scout = scout - rate * H @ scout\n"
        "    theta = theta + alpha * (scout - theta)\n"
        "return theta\n",
        {"lookahead_for_several_rounds"},
    ),
    "gradient of all k steps at the start": (
        "lookahead",
        "for _ in range(rounds):\n"
        "    theta = theta - alpha * k * rate * H @ theta\n"
        "return theta\n",
        LOOKAHEAD,
    ),
}

RIGHT = {
    "running mean": (
        "late_average",
        "mean, n = 0 * path[0], 0\n"
        "for place in path[first:]:\n"
        "    n += 1\n"
        "    mean += (place - mean) / n\n"
        "return mean\n",
    ),
    "interpolation": (
        "one_cycle",
        "return np.interp(step, [0, part * steps, steps], [low, peak, low])\n",
    ),
    "the lower of two lines": (
        "one_cycle",
        "up = step / (part * steps)\n"
        "down = (steps - step) / ((1 - part) * steps)\n"
        "return low + (peak - low) * min(up, down)\n",
    ),
    "in place": (
        "lion_step",
        "d = np.sign(m + (1 - beta1) * (g - m))\n"
        "theta *= 1 - rate * decay\n"
        "theta -= rate * d\n"
        "m += (1 - beta2) * (g - m)\n"
        "return [theta, m]\n",
    ),
    "plain loop": (
        "lion_step",
        "new, memory = [], []\n"
        "for a, b, c in zip(theta.tolist(), m.tolist(), g.tolist()):\n"
        "    mixed = beta1 * b + (1 - beta1) * c\n"
        "    d = (mixed > 0) - (mixed < 0)\n"
        "    new.append(a - rate * d - rate * decay * a)\n"
        "    memory.append(beta2 * b + (1 - beta2) * c)\n"
        "return new, memory\n",
    ),
    "norms of flat blocks, in place": (
        "layerwise_step",
        "for k, g in gradients.items():\n"
        "    a = np.linalg.norm(np.ravel(parameters[k]))\n"
        "    b = np.linalg.norm(np.ravel(g))\n"
        "    parameters[k] = parameters[k] - rate * (a / b if a * b > 0 else 1) * g\n"
        "return parameters\n",
    ),
    "one parameter at a time": (
        "adamax",
        "new = []\n"
        "for j, x in enumerate(theta.tolist()):\n"
        "    m = u = 0.0\n"
        "    for t, g in enumerate(gradients[:, j].tolist(), start=1):\n"
        "        m = beta1 * m + (1 - beta1) * g\n"
        "        u = max(beta2 * u, abs(g))\n"
        "        x -= rate * m / (1 - beta1**t) / u if u else 0\n"
        "    new.append(x)\n"
        "return new\n",
    ),
    "corrected by a fair weight": (
        "adamax",
        "m, u, weight = 0 * theta, 0 * theta, 0.0\n"
        "for g in gradients:\n"
        "    weight = beta1 * weight + 1 - beta1\n"
        "    m += (1 - beta1) * (g - m)\n"
        "    u = np.maximum(u * beta2, np.abs(g))\n"
        "    step = np.divide(m, u, out=np.zeros_like(m), where=u > 0)\n"
        "    theta -= rate / weight * step\n"
        "return theta\n",
    ),
    "matrix power": (
        "lookahead",
        "one = np.eye(len(H)) - rate * H\n"
        "fast = np.linalg.matrix_power(one, k)\n"
        "whole = (1 - alpha) * np.eye(len(H)) + alpha * fast\n"
        "return np.linalg.matrix_power(whole, rounds) @ theta\n",
    ),
    "in place, with a copied scout": (
        "lookahead",
        "for _ in range(rounds):\n"
        "    scout = theta.copy()\n"
        "    for _ in range(k):\n"
        "        scout -= rate * np.einsum('ij,j->i', H, scout)\n"
        "    theta *= 1 - alpha\n"
        "    theta += alpha * scout\n"
        "return theta\n",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "*": {
        "computed in the argument itself": "an answer may: tests hand over copies",
    },
    "one_cycle": {
        "another comparison": "at the peak both ways meet; part is below 1",
    },
    "adamax": {
        "copy forgotten": "the exercise allows to change what is given",
    },
    "lookahead": {
        "scout @ (rate * H)": "H is symmetric",
    },
}
