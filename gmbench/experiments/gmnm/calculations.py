"""Calculations that decide statements of the GMNM paper without a run; each is made once."""

from __future__ import annotations

import functools
import math

import torch

from gmbench.nn import GMNM, initialise

D = torch.float64


def _unit(reading: str, n: int | None = None, d: int = 6, seed: int = 0) -> tuple[GMNM, torch.Tensor]:
    layer = GMNM(d, 1, 1, reading=reading, projections=None if reading == "ridge" else n, dtype=D)
    g = torch.Generator().manual_seed(seed)
    initialise(layer, "uniform", torch.randn(500, d, generator=g, dtype=D), g)
    with torch.no_grad():
        layer.pi.fill_(1.0)
    return layer, 0.3 * torch.randn(d, generator=g, dtype=D)


@functools.cache
def rank(reading: str, n: int | None = None) -> float:
    """Rank of the Hessian of the logarithm of a unit in 6 dimensions."""
    layer, x = _unit(reading, n)
    H = torch.autograd.functional.hessian(lambda z: layer(z[None]).log().squeeze(), x)
    s = torch.linalg.svdvals(H)
    return float((s > 1e-9 * s[0]).sum())


@functools.cache
@torch.no_grad()
def absorbed() -> float:
    """Largest difference of densities with weights pi, and of the layer with weights pi times constants."""
    g = torch.Generator().manual_seed(0)
    layer = GMNM(2, 1, 50, dtype=D)
    initialise(layer, "uniform", torch.randn(500, 2, generator=g, dtype=D), g)
    x = torch.randn(200, 2, generator=g, dtype=D)
    _, L, _ = layer.tensors()
    P = L.mT @ L
    dense = sum(
        pi * torch.distributions.MultivariateNormal(mu, precision_matrix=p).log_prob(x).exp()
        for pi, mu, p in zip(layer.pi[0], layer.mu, P, strict=True)
    )
    layer.pi.mul_(torch.linalg.det(P).sqrt() / (2 * math.pi))
    return ((layer(x)[:, 0] - dense).abs().max() / dense.abs().max()).item()


@functools.cache
@torch.no_grad()
def largest_unit(reading: str) -> float:
    """The largest value of a unit whose tensors are drawn far apart (at most 1: its form is never negative)."""
    g = torch.Generator().manual_seed(0)
    layer = GMNM(6, 1, 1, reading=reading, dtype=D)
    found = 0.0
    for _ in range(100):
        for tensor in layer.tensors():
            tensor.copy_(3 * torch.randn(tensor.shape, generator=g, dtype=D))
        layer.pi.fill_(1.0)
        found = max(found, layer(torch.randn(200, 6, generator=g, dtype=D)).max().item())
    return found


@functools.cache
@torch.no_grad()
def cholesky_error(n: int = 6) -> float:
    """Largest relative difference of a unit from a factor of a random precision matrix and of the dense form."""
    g = torch.Generator().manual_seed(0)
    layer, x = GMNM(6, 1, 1, projections=n, dtype=D), torch.randn(200, 6, generator=g, dtype=D)
    A = torch.randn(6, 6, generator=g, dtype=D)
    P = A @ A.T + 0.1 * torch.eye(6, dtype=D)
    values, vectors = torch.linalg.eigh(P)
    layer.mu.zero_()
    layer.pi.fill_(1.0)
    layer.tensors()[1].copy_((vectors * values.sqrt()).T.flip(0)[:n])  # the best form of rank n
    q, exact = -2 * layer(x)[:, 0].log(), ((x @ P) * x).sum(1)
    return ((q - exact).abs() / exact).max().item()


@functools.cache
@torch.no_grad()
def bound_held(n: int) -> float:
    """|x'Px - |Lx|^2| over |x|^2 at its worst for the best L of n rows, over the (n+1)-th eigenvalue of P (1)."""
    g = torch.Generator().manual_seed(0)
    A = torch.randn(6, 6, generator=g, dtype=D)
    values, vectors = torch.linalg.eigh(A @ A.T)
    values, vectors = values.flip(0), vectors.flip(1)
    L = (vectors[:, :n] * values[:n].sqrt()).T
    left = torch.linalg.matrix_norm(A @ A.T - L.T @ L, 2)
    return (left / values[n]).item()


@functools.cache
def largest_slope() -> float:
    """The largest |d/dy exp(-y^2 / 2)|, on a fine grid: exp(-1/2), at y = 1."""
    y = torch.linspace(-50, 50, 100_001, dtype=D, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.exp(-y.square() / 2).sum(), y)
    return slope.abs().max().item()
