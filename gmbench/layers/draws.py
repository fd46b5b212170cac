"""What the domains of several families draw alike."""

import numpy as np


def entries(rng, shape, spread=0):
    """Numbers with full mantissas and random signs; sizes 10^-spread to 10^spread, or normal for spread 0."""
    if spread == 0:
        return rng.standard_normal(shape)
    return rng.choice([-1.0, 1.0], shape) * 10 ** rng.uniform(-spread, spread, shape)


def steer(mu, x, sigma, z):
    """mu moved along the rows of x as little as needed for <mu_k, x_b> = z_kb s_kb, rows of x permitting."""
    s = np.sqrt(sigma**2 @ (x**2).T)
    return mu + (z * s - mu @ x.T) @ np.linalg.pinv(x.T, rcond=1e-6)


def clip(tensor):
    """Into the domain: entries 0 or of size 1e-4 to 1e4."""
    size = np.clip(np.abs(tensor), 1e-4, 1e4)
    return np.where(tensor == 0, 0.0, np.copysign(size, tensor))


def steps(inputs, place, tau):
    """Terms whose sum is the mean over Gaussian steps of deviation tau of one input: Gauss-Hermite nodes."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    weights = weights / np.sqrt(2 * np.pi)
    return [(w, moved(inputs, place, tau * node)) for node, w in zip(nodes, weights, strict=True)]


def line(inputs, place, width):
    """Terms whose sum is the integral over one input: the trapezoid rule, which for a Gaussian of this width, with its
    centre at x, is right to the last digit.
    """
    step = 0.7 * width
    return [(step, moved(inputs, place, step * k)) for k in range(-13, 14)]


def moved(inputs, place, step):
    """One input moved."""
    x = inputs["x"].copy()
    x[:, place] += step
    return {**inputs, "x": x}
