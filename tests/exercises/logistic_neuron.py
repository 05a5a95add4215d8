"""Answers to the logistic-neuron exercise: misconceptions, and other right styles.

Each wrong answer must lose exactly the listed test cells.
"""

UPDATE = {"update_one_result", "update_many_results"}
BIAS = {"bias_by_hand", "bias_moves_the_odds"}
DECIDE = {"decide_above_the_threshold", "decide_at_the_edges"}
FOCAL = {"focal_value", "focal_gradient"}
TOURNAMENT = {"tournament_value", "tournament_gradient"}
SHARPNESS = {"sharpness_by_hand", "sharpness_found"}

WRONG = {
    # name of the misconception: (solution cell, body, test cells that must fail)
    "ratio multiplied onto the probability": (
        "update",
        "return min(1.0, prior * np.exp(np.sum(np.log(ratios))))\n",
        UPDATE,
    ),
    "product instead of logarithms": (
        "update",
        "odds = prior / (1 - prior)\n"
        "for ratio in ratios:\n"
        "    odds = odds * ratio\n"
        "return odds / (1 + odds)\n",
        {"update_many_results"},
    ),
    "only the first result": (
        "update",
        "z = np.log(prior / (1 - prior)) + np.log(ratios[0])\nreturn sigmoid(z)\n",
        {"update_many_results"},
    ),
    "shares instead of odds": (
        "move_bias",
        "return b + np.log(real / trained)\n",
        BIAS,
    ),
    "moved the wrong way": (
        "move_bias",
        "return b + np.log(trained / (1 - trained)) - np.log(real / (1 - real))\n",
        BIAS,
    ),
    "trained on one half, always": (
        "move_bias",
        "return b + np.log(real / (1 - real))\n",
        {"bias_moves_the_odds"},
    ),
    "one half, whatever it costs": (
        "decide",
        "return (p > 0.5).astype(int)\n",
        DECIDE,
    ),
    "ratio of the costs as threshold": (
        "decide",
        "return (p * miss > alarm).astype(int)\n",
        DECIDE,
    ),
    "ring at a tie": (
        "decide",
        "return (p * miss >= (1 - p) * alarm).astype(int)\n",
        {"decide_at_the_edges"},
    ),
    "costs exchanged": (
        "decide",
        "return (p * alarm > (1 - p) * miss).astype(int)\n",
        DECIDE,
    ),
    "power of q": (
        "focal",
        "t = 2 * y - 1\n"
        "q, log_q = sigmoid(t * z), -np.logaddexp(0, -t * z)\n"
        "slope = t * q**gamma * (-gamma * (1 - q) * log_q - (1 - q))\n"
        "return np.mean(-(q**gamma) * log_q), slope / len(z)\n",
        FOCAL,
    ),
    "factor held constant": (
        "focal",
        "t = 2 * y - 1\n"
        "rest, log_q = sigmoid(-t * z), -np.logaddexp(0, -t * z)\n"
        "slope = -t * rest**gamma * rest\n"
        "return np.mean(-(rest**gamma) * log_q), slope / len(z)\n",
        {"focal_gradient"},
    ),
    "class 0 forgotten in the slope": (
        "focal",
        "t = 2 * y - 1\n"
        "rest, log_q = sigmoid(-t * z), -np.logaddexp(0, -t * z)\n"
        "slope = rest**gamma * (gamma * (1 - rest) * log_q - rest)\n"
        "return np.mean(-(rest**gamma) * log_q), slope / len(z)\n",
        {"focal_gradient"},
    ),
    "gamma of two, always": (
        "focal",
        "t = 2 * y - 1\n"
        "rest, log_q = sigmoid(-t * z), -np.logaddexp(0, -t * z)\n"
        "slope = t * rest**2 * (2 * (1 - rest) * log_q - rest)\n"
        "return np.mean(-(rest**2) * log_q), slope / len(z)\n",
        FOCAL,
    ),
    "logarithm of a rounded probability": (
        "focal",
        "t = 2 * y - 1\n"
        "q = sigmoid(t * z)\n"
        "log_q = np.log(q)\n"
        "slope = t * (1 - q) ** gamma * (gamma * q * log_q - (1 - q))\n"
        "return np.mean(-((1 - q) ** gamma) * log_q), slope / len(z)\n",
        FOCAL,
    ),
    "a power below zero": (
        "focal",
        "t = 2 * y - 1\n"
        "rest, log_q = sigmoid(-t * z), -np.logaddexp(0, -t * z)\n"
        "power = gamma * rest ** (gamma - 1) * log_q * (1 - rest) * rest\n"
        "slope = t * (power - rest**gamma * rest)\n"
        "return np.mean(-(rest**gamma) * log_q), slope / len(z)\n",
        {"focal_gradient"},
    ),
    "measured, not derived": (
        "focal",
        "def cost(z):\n"
        "    z = (2 * y - 1) * z\n"
        "    return sigmoid(-z) ** gamma * np.logaddexp(0, -z) / len(z)\n"
        "return cost(z).sum(), (cost(z + 1e-6) - cost(z)) / 1e-6\n",
        {"focal_gradient"},
    ),
    "a step instead of a slope": (
        "tournament",
        "z = ratings[winners] - ratings[losers]\n"
        "gradient = np.zeros(len(ratings))\n"
        "np.add.at(gradient, winners, (sigmoid(z) - 1) / len(z))\n"
        "np.add.at(gradient, losers, (1 - sigmoid(z)) / len(z))\n"
        "ratings -= gradient\n"
        "return np.mean(np.logaddexp(0, -z)), gradient\n",
        {"tournament_gradient"},
    ),
    "twice the winner counts once": (
        "tournament",
        "z = ratings[winners] - ratings[losers]\n"
        "pull = (sigmoid(z) - 1) / len(z)\n"
        "gradient = np.zeros(len(ratings))\n"
        "gradient[winners] += pull\n"
        "gradient[losers] -= pull\n"
        "return np.mean(np.logaddexp(0, -z)), gradient\n",
        {"tournament_gradient"},
    ),
    "mean over the players": (
        "tournament",
        "z = ratings[winners] - ratings[losers]\n"
        "gradient = np.zeros(len(ratings))\n"
        "np.add.at(gradient, winners, sigmoid(z) - 1)\n"
        "np.add.at(gradient, losers, 1 - sigmoid(z))\n"
        "return np.logaddexp(0, -z).mean(), gradient / len(ratings)\n",
        {"tournament_gradient"},
    ),
    "winner and loser exchanged": (
        "tournament",
        "z = ratings[losers] - ratings[winners]\n"
        "pull = (sigmoid(z) - 1) / len(z)\n"
        "gradient = np.zeros(len(ratings))\n"
        "np.add.at(gradient, losers, pull)\n"
        "np.add.at(gradient, winners, -pull)\n"
        "return np.mean(np.logaddexp(0, -z)), gradient\n",
        TOURNAMENT,
    ),
    "right value, zero gradient": (
        "tournament",
        "z = ratings[winners] - ratings[losers]\n"
        "return np.mean(np.logaddexp(0, -z)), 0 * ratings\n",
        {"tournament_gradient"},
    ),
    "the temperature": (
        "sharpness",
        "low, high = 1e-3, 1e3\n"
        "for _ in range(100):\n"
        "    middle = (low + high) / 2\n"
        "    if np.sum((sigmoid(z / middle) - y) * z) > 0:\n"
        "        low = middle\n"
        "    else:\n"
        "        high = middle\n"
        "return middle\n",
        SHARPNESS,
    ),
    "log-odds of the accuracy": (
        "sharpness",
        "q = np.mean((z > 0) == y)\nreturn np.log(q / (1 - q)) / np.mean(np.abs(z))\n",
        {"sharpness_found"},
    ),
    "a coarse grid": (
        "sharpness",
        "grid = np.geomspace(1e-3, 1e3, 2001)\n"
        "costs = [np.mean(np.logaddexp(0, (1 - 2 * y) * g * z)) for g in grid]\n"
        "return grid[np.argmin(costs)]\n",
        SHARPNESS,
    ),
    "the visible answer": (
        "sharpness",
        "return np.log(3) / 2\n",
        {"sharpness_found"},
    ),
}

RIGHT = {
    "evidence in a loop": (
        "update",
        "import math\n"
        "z = math.log(prior / (1 - prior))\n"
        "for ratio in ratios:\n"
        "    z += math.log(ratio)\n"
        "return 1 / (1 + math.exp(-z))\n",
    ),
    "the odds moved": (
        "move_bias",
        "factor = real * (1 - trained) / ((1 - real) * trained)\n"
        "return float(np.log(np.exp(b) * factor))\n",
    ),
    "expected costs, one by one": (
        "decide",
        "choices = []\n"
        "for chance in p:\n"
        "    quiet, ring = chance * miss, (1 - chance) * alarm\n"
        "    choices.append(1 if ring < quiet else 0)\n"
        "return choices\n",
    ),
    "a threshold": (
        "decide",
        "return p > alarm / (alarm + miss)\n",
    ),
    "np.where on the class": (
        "focal",
        "q = np.where(y == 1, sigmoid(z), sigmoid(-z))\n"
        "log_q = np.where(y == 1, -np.logaddexp(0, -z), -np.logaddexp(0, z))\n"
        "slope = (1 - q) ** gamma * (gamma * q * log_q - (1 - q))\n"
        "slope[y == 0] *= -1\n"
        "return (-((1 - q) ** gamma) * log_q).mean(), slope / z.size\n",
    ),
    "one sample at a time": (
        "focal",
        "total, slopes = 0.0, []\n"
        "for z_i, y_i in zip(z, y):\n"
        "    sign = 1.0 if y_i else -1.0\n"
        "    q = float(sigmoid(sign * z_i))\n"
        "    log_q = float(-np.logaddexp(0, -sign * z_i))\n"
        "    total -= (1 - q) ** gamma * log_q\n"
        "    slope = sign * (1 - q) ** gamma * (gamma * q * log_q - (1 - q))\n"
        "    slopes.append(slope / len(z))\n"
        "return [total / len(z), slopes]\n",
    ),
    "a design matrix": (
        "tournament",
        "k = len(ratings)\n"
        "X = np.eye(k)[winners] - np.eye(k)[losers]\n"
        "z = X @ ratings\n"
        "gradient = np.einsum('ij,i->j', X, sigmoid(z) - 1) / len(X)\n"
        "return float(np.logaddexp(0, -z).mean()), gradient\n",
    ),
    "match by match": (
        "tournament",
        "total, g = 0.0, [0.0] * len(ratings)\n"
        "for i, j in zip(winners, losers):\n"
        "    z = ratings[i] - ratings[j]\n"
        "    total += np.logaddexp(0, -z) / len(winners)\n"
        "    g[i] -= sigmoid(-z) / len(winners)\n"
        "    g[j] += sigmoid(-z) / len(winners)\n"
        "return total, g\n",
    ),
    "a root finder": (
        "sharpness",
        "from scipy.optimize import brentq\n"
        "return brentq(lambda b: np.mean((sigmoid(b * z) - y) * z), 1e-3, 1e3,\n"
        "              xtol=1e-12, rtol=1e-10)\n",
    ),
    "plain halving": (
        "sharpness",
        "low, high = 0.001, 1000.0\n"
        "while high - low > 1e-10:\n"
        "    middle = (low + high) / 2\n"
        "    if np.mean((sigmoid(middle * z) - y) * z) > 0:\n"
        "        high = middle\n"
        "    else:\n"
        "        low = middle\n"
        "return np.array([low])\n",
    ),
}

# Mutants of the reference solution that no test needs to catch, and why.
ACCEPTED = {
    "sharpness": {
        "-> low, high = (0.002, 1000.0)": "any wide range will do",
        "-> low, high = (0.001, 2000.0)": "any wide range will do",
        "* z) <= 0:": "equal only where every z is 0",
    },
}
