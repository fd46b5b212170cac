"""Calculations that decide statements of the KUMAR note without a run; each is made once."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch

from gmbench.layers.gm.initial import draw
from gmbench.layers.gm.module import GMLayer

D = torch.float64


def _gm(d: int = 6, C: int = 3, K: int = 4, gamma: float = 0.5, seed: int = 0) -> tuple[GMLayer, torch.Tensor]:
    layer = GMLayer(d, C, K, dtype=D)
    with torch.no_grad():
        draw(layer, gamma, torch.Generator().manual_seed(seed))
    return layer, torch.randn(64, d, generator=torch.Generator().manual_seed(seed), dtype=D)


@functools.cache
@torch.no_grad()
def small_sigma() -> float:
    """Largest difference, over the largest value, of sigma = 1e-6 and (1/K) sum (U mu + v) relu(<mu, x>)."""
    layer, x = _gm()
    layer.sigma.fill_(1e-6)
    c = torch.einsum("kcd,kd->kc", layer.U, layer.mu) + layer.v
    block = (x @ layer.mu.T).relu() @ c / len(layer.mu)
    return ((layer(x) - block).abs().max() / block.abs().max()).item()


@functools.cache
@torch.no_grad()
def sampled(m: int) -> float:
    """The root mean square error, over that of the values, of m sampled neurons a component."""
    layer, x = _gm()
    g = torch.Generator().manual_seed(1)
    beta = layer.mu + layer.sigma * torch.randn(m, *layer.mu.shape, generator=g, dtype=D)
    omega = torch.einsum("kcd,mkd->mkc", layer.U, beta) + layer.v
    block = torch.einsum("mkc,mkb->bc", omega, torch.einsum("mkd,bd->mkb", beta, x).relu()) / (m * len(layer.mu))
    exact = layer(x)
    return ((block - exact).square().mean() / exact.square().mean()).sqrt().item()


@functools.cache
def sampling_slope() -> float:
    """The slope of log error over log m, m = 100 and 10,000 (-1/2: a finite block is a sample of the layer)."""
    return math.log10(sampled(10_000) / sampled(100)) / 2


@functools.cache
@torch.no_grad()
def closed_form_error() -> float:
    """Largest difference, over the largest value, of the layer and Gauss-Hermite quadrature over t = <beta, x>.

    Of E[(U beta + v) relu(t)] with E[beta | t] = mu + sigma^2 x (t - m) / s^2; the kink is split at t = 0 by Legendre.
    """
    layer, x = _gm()
    nodes, weights = map(torch.tensor, np.polynomial.legendre.leggauss(200))
    m, s = x @ layer.mu.T, (x.square() @ layer.sigma.square().T).sqrt()  # (b, k)
    top = (m + 12 * s).clamp_min(1e-12)
    t = top[..., None] * (nodes + 1) / 2  # from 0 to 12 deviations above the mean
    density = torch.exp(-0.5 * ((t - m[..., None]) / s[..., None]).square()) / (s[..., None] * math.sqrt(2 * math.pi))
    w = density * weights * top[..., None] / 2 * t
    A, B = w.sum(-1), (w * (t - m[..., None]) / s[..., None].square()).sum(-1)
    c = torch.einsum("kcd,kd->kc", layer.U, layer.mu) + layer.v
    tilt = torch.einsum("kcd,kd,bd->bkc", layer.U, layer.sigma.square(), x)
    found = (torch.einsum("bk,kc->bc", A, c) + torch.einsum("bk,bkc->bc", B, tilt)) / len(layer.mu)
    return ((found - layer(x)).abs().max() / found.abs().max()).item()
