"""The inputs on which `ugmm` and `ugmm-tied` must be right, the relations that must hold there, and their limits.

Entries of x and mu are 0 or of size 1e-4 to 1e4, log sigma lies in +-15, logits in +-1e4. A logit may also be
-infinity, which drops its component; one component of every neuron stays.
"""

import numpy as np

from gmbench.layers import relations
from gmbench.layers.draws import clip_sizes, entries, strew_zeros

REGIMES = {
    "bulk": "z = (x - mu)/sigma of order 1",
    "both": "near and far components in one neuron: z of 1e-3 to 1e8",
    "far": "every component far away, |z| of 10 to 1e8, none of them negligible",
    "balanced": "unequal weights against unequal densities: none of the products negligible",
    "dominant": "one component holds all but e^-5 to e^-60 of the sum",
    "equal": "components that are all the same: ties in the maximum",
    "cancelling": "x and mu agree to 1e-7 to 1e-2 of their size",
    "offset": "a large offset shared by all of x and mu",
    "wide": "deviations of e^8 to e^15",
    "narrow": "deviations of e^-15 to e^-8",
    "logits": "logits to +-1e4: a single weight counts",
    "means": "inputs that lie on the means: z = 0",
}
SIZES = {"d": (1, 2, 3, 5, 8, 17, 40, 127, 400), "C": (1, 2, 3, 5, 7)}
WIDE = {"d": (2, 3, 30, 300, 2100), "C": (1, 5, 33, 150)}
LARGE = (
    ({"d": 784, "C": 128}, 4, "bulk"),
    ({"d": 128, "C": 10}, 64, "balanced"),
    ({"d": 300, "C": 33}, 5, "far"),
    ({"d": 64, "C": 20}, 130, "both"),
    ({"d": 32, "C": 1100}, 3, "dominant"),
    ({"d": 48, "C": 2}, 1100, "offset"),
    ({"d": 1500, "C": 4}, 3, "balanced"),
    ({"d": 784, "C": 128}, 4, "cancelling"),
)
BATCHES = (1, 2, 3, 5)
LOG_SIGMA, LOGIT = 15.0, 1e4
REACH = {"float64": 2.0**30, "float32": 2.0**10, "bfloat16": 1.0}  # of shifts


def draw(sizes, batch, regime, spread, zeros, rng, tied=False):
    """One input of the regime: float64 arrays x (batch, d), mu (C, d), or (d,) where tied, log_sigma, logits."""
    d, C = sizes["d"], sizes["C"]
    x = entries(rng, (batch, d), spread)
    mu = entries(rng, (d,) if tied else (C, d), spread)
    log_sigma = rng.standard_normal((C, d)) if spread == 0 else rng.uniform(-spread, spread, (C, d)) * np.log(10)
    logits = entries(rng, (C, d), spread)
    strew_zeros(rng, (x, mu, log_sigma, logits), zeros)
    if regime == "both":
        log_sigma = deviations(x[0] - mu, 10 ** rng.uniform(-3, 8, (C, d)), log_sigma)
        logits = entries(rng, (C, d), min(spread, 1))
    elif regime == "far":
        x, mu = apart(x, mu, rng)
        farthest = np.log(np.abs(x[0] - mu)).min(-1, keepdims=True) + 14  # where log sigma reaches -14
        z = np.exp(rng.uniform(np.log(10), np.broadcast_to(farthest, (C, 1))))
        z = z + rng.uniform(-2, 2, (C, d)) / z
        log_sigma = deviations(x[0] - mu, z, log_sigma)
        logits = log_sigma + rng.standard_normal((C, d))
        x = nearby(x, z, log_sigma, rng)
    elif regime == "balanced":
        x, mu = apart(x, mu, rng)
        z = 10 ** rng.uniform(-1, 2, (C, d))
        log_sigma = deviations(x[0] - mu, z, log_sigma)
        logits = z**2 / 2 + log_sigma + rng.standard_normal((C, d))
        x = nearby(x, z, log_sigma, rng)
    elif regime == "dominant":
        z = rng.standard_normal((C, d))
        log_sigma = deviations(x[0] - mu, z, log_sigma)
        logits = log_sigma + rng.standard_normal((C, d)) - rng.uniform(5, 60, (C, d))
        chosen = np.arange(C), rng.integers(d, size=C)
        logits[chosen] = log_sigma[chosen]
    elif regime == "equal":
        x[:], mu[...] = x[:, :1], mu[..., :1]
        log_sigma[:], logits[:] = log_sigma[:, :1], logits[:, :1]
    elif regime == "cancelling":
        centre = entries(rng, (d,), 0) * 10 ** rng.uniform(-2, 4)
        size = 10 ** rng.uniform(-7, -2)
        x, mu = (centre * (1 + size * rng.standard_normal(tensor.shape)) for tensor in (x, mu))
        log_sigma = np.log(size * np.abs(centre)) + rng.standard_normal((C, d))
    elif regime == "offset":
        offset = 10 ** rng.uniform(1, 3.9)
        x, mu = (tensor / 10.0**spread + offset for tensor in (x, mu))
        log_sigma = rng.standard_normal((C, d))
    elif regime == "wide":
        log_sigma = rng.uniform(8, 15, (C, d))
    elif regime == "narrow":
        log_sigma = rng.uniform(-15, -8, (C, d))
    elif regime == "logits":
        logits = entries(rng, (C, d), 0) * 10 ** rng.uniform(1, 4)
    elif regime == "means":
        x = np.where(rng.random((batch, d)) < 0.5, mu if tied else mu[rng.integers(C)], x)
    return {
        "x": clip_sizes(x),
        "mu": clip_sizes(mu),
        "log_sigma": np.clip(log_sigma, -LOG_SIGMA, LOG_SIGMA),
        "logits": np.clip(logits, -LOGIT, LOGIT),
    }


def deviations(gap, z, otherwise):
    """log sigma for which |gap| is |z| deviations, where there is a gap."""
    gap = np.broadcast_to(np.abs(gap), z.shape)
    return np.where(gap > 0, np.log(np.where(gap > 0, gap, 1.0) / np.abs(z)), otherwise)


def apart(x, mu, rng):
    """x and mu changed where the first row of x lies on a mean, or so near one that no deviation is small enough."""
    x, mu = clip_sizes(x), clip_sizes(mu)
    return x, np.where(np.abs(x[0] - mu) < 1e-3, clip_sizes(mu + rng.uniform(1, 2, mu.shape)), mu)


def nearby(x, z, log_sigma, rng):
    """Rows around the first one of x, so close that what holds of its components holds of theirs."""
    step = (np.exp(log_sigma) / (1 + z)).min(0)
    return x[0] + step * np.concatenate([np.zeros_like(x[:1]), rng.uniform(-1, 1, x[1:].shape)])


def limits(dtype, tied=False):
    """Inputs where the formula degenerates, by name: d = 3, C = 2 and four rows where nothing else is said."""
    rng = np.random.default_rng(20250909)
    x, mu, log_sigma, logits = (entries(rng, shape) for shape in ((4, 3), (2, 3), (2, 3), (2, 3)))
    mu = mu[0] if tied else mu
    long = entries(rng, (4, 4, 200))
    base = {"x": x, "mu": mu, "log_sigma": log_sigma, "logits": logits}
    none = np.zeros_like
    far = {"float64": 1e16, "float32": 1e8, "bfloat16": 1e4}[dtype]  # of -log density
    away = {**base, "x": none(x) + 1e3, "mu": none(mu), "logits": none(logits)}
    first = np.array([True, False, False])
    one = {name: tensor[..., :1] for name, tensor in base.items()}
    return {
        "log sigma = 15": {**base, "log_sigma": none(log_sigma) + LOG_SIGMA},
        "log sigma = -15": {**base, "log_sigma": none(log_sigma) - LOG_SIGMA},
        "log sigma = 15 and -15": {**base, "log_sigma": np.where(first, LOG_SIGMA, -LOG_SIGMA) + none(log_sigma)},
        "a logit of 1e4": {**base, "logits": np.where(first, LOGIT, logits)},
        "a logit of -1e4": {**base, "logits": np.where(first, -LOGIT, logits)},
        "logits of 1e4, all the same": {**base, "logits": none(logits) + LOGIT},
        "logits of -1e4, all the same": {**base, "logits": none(logits) - LOGIT},
        "a component dropped": {**base, "logits": np.where(first, -np.inf, logits)},
        "other components dropped": {**base, "logits": np.where([first, ~first], -np.inf, logits)},
        "a long stretch dropped": {
            "x": long[0],
            "mu": long[1, 0] if tied else long[1, :2],
            "log_sigma": long[2, :2],
            "logits": np.where(np.arange(200) < 150, -np.inf, long[3, :2]),
        },
        "the nearest component dropped": {
            **base,
            "x": np.where(first, mu if tied else mu[0], 100.0) + none(x),
            "logits": np.where(first, -np.inf, logits),
        },
        "x = mu": {**base, "x": np.broadcast_to(mu if tied else mu[0], x.shape)},
        "everything 0": {name: none(tensor) for name, tensor in base.items()},
        "d = 1": one,
        "d = 1, x = mu": {**one, "x": np.broadcast_to(one["mu"] if tied else one["mu"][0], (4, 1))},
        "ties in the maximum": {**base, "x": none(x) + 1, "mu": none(mu), "log_sigma": none(log_sigma) - 1.5},
        f"a log-density of {-far:g}": {**away, "log_sigma": none(log_sigma) + np.log(1e3 / np.sqrt(2 * far))},
        f"log-densities to {-far:g}": {
            **away,
            "log_sigma": np.log(1e3 / np.sqrt(2 * far)) + np.array([[0.0, 1e-3, 3.0], [8.0, 9.0, 8.0]]),
        },
        "the farthest": {**base, "x": none(x) + 1e4, "mu": none(mu) - 1e4, "log_sigma": none(log_sigma) - LOG_SIGMA},
    }


# Properties: relations as in gmbench.layers.relations.


def permutation(inputs, dtype, rng):
    """The order of the inputs does not matter."""
    order = rng.permutation(inputs["x"].shape[1])
    return [(1.0, inputs), (-1.0, {name: tensor[..., order] for name, tensor in inputs.items()})], None


def logit_offset(inputs, dtype, rng):
    """A constant added to the logits of a neuron does not matter."""
    constants = rng.choice([-1e3, -1.0, 1.0, 1e3], (len(inputs["logits"]), 1)) * rng.random()
    return [(1.0, inputs), (-1.0, {**inputs, "logits": inputs["logits"] + constants})], None


def shift(inputs, dtype, rng):
    """x and mu moved together do not matter."""
    return relations.shift(inputs, dtype, rng, REACH)


def scale(inputs, dtype, rng):
    """x, mu and sigma times 2^n shift the layer by -n log 2."""
    n = int(rng.choice([-8, -1, 1, 8]))
    changed = {**inputs, "x": inputs["x"] * 2.0**n, "mu": inputs["mu"] * 2.0**n}
    changed["log_sigma"] = inputs["log_sigma"] + n * np.log(2)
    return [(1.0, inputs), (-1.0, changed)], np.full(1, n * np.log(np.longdouble(2)))


def dropped(inputs, dtype, rng):
    """What a dropped component holds does not matter, even where a whole stretch of them is dropped."""
    logits = inputs["logits"]
    stays = rng.integers(logits.shape[1])
    gone = rng.random(logits.shape) < 0.5
    gone[:, :stays] |= rng.random() < 0.5
    gone[:, stays] = False
    fixed = {**inputs, "logits": np.where(gone, -np.inf, logits)}
    return [(1.0, fixed), (-1.0, {**fixed, "log_sigma": np.where(gone, 0.0, inputs["log_sigma"])})], None


def one_component(inputs, dtype, rng):
    """With a single component it is the normal log-density."""
    i = rng.integers(inputs["x"].shape[1])
    alone = {name: tensor[..., i : i + 1] for name, tensor in inputs.items()}
    x, mu, log_sigma = (alone[name].astype(np.longdouble) for name in ("x", "mu", "log_sigma"))
    z = (x - mu[..., 0]) * np.exp(-log_sigma[:, 0])
    return [(1.0, alone)], -log_sigma[:, 0] - np.log(2 * np.longdouble(np.pi)) / 2 - z**2 / 2


def upper_bound(inputs, dtype, rng):
    """At most max(-log sigma) - log sqrt(2 pi), which is reached where the narrowest component holds all weight."""
    mu, log_sigma, logits = (inputs[name] for name in ("mu", "log_sigma", "logits"))
    means = np.broadcast_to(mu, logits.shape)
    x = means[rng.integers(len(means), size=len(inputs["x"]))]
    narrowest = log_sigma == log_sigma.min(1, keepdims=True)
    most = -log_sigma.min(1).astype(np.longdouble) - np.log(2 * np.longdouble(np.pi)) / 2
    return [(1.0, {**inputs, "x": x, "logits": np.where(narrowest, logits + 50, logits)})], most, "at most"


PROPERTIES = {
    "permutation": permutation,
    "logit-offset": logit_offset,
    "shift": shift,
    "scale": scale,
    "dropped": dropped,
    "one-component": one_component,
    "upper-bound": upper_bound,
}
