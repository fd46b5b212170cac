"""Calculations that decide statements of the uGMM paper without a run; each is made once."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch

from gmbench.nn import UGMMLayer, initialise, stack

D = torch.float64


def _neuron(
    d: int = 8, start: str = "unit-sigma", seed: int = 0, dtype: torch.dtype = D, **options: Any
) -> tuple[UGMMLayer, torch.Tensor]:
    layer = UGMMLayer(d, 1, dtype=dtype, **options)
    initialise(layer, start, None, torch.Generator().manual_seed(seed))
    return layer, torch.rand(64, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@functools.cache
def direct_value(deviations: float = 20.0) -> float:
    """1 if float32 exp, sum and log lose a value that log-sum-exp has, all means so far away; else 0."""
    terms = torch.full((8,), -0.5 * deviations**2 - math.log(8) - 0.5 * math.log(2 * math.pi))
    return float(terms.exp().sum().log().isinf() and terms.logsumexp(0).isfinite())


@functools.cache
def flowing(seed: int = 0) -> float:
    """The smallest share, over mu, log_sigma and logits of 784-128-64-10 from the authors' start, of gradients
    of the cross-entropy that are finite and not 0."""
    net = stack("ugmm", [784, 128, 64, 10])
    g = torch.Generator().manual_seed(seed)
    initialise(net, "authors", None, g)
    x, y = torch.rand(64, 784, generator=g), torch.randint(10, (64,), generator=g)
    torch.nn.functional.cross_entropy(net(x), y).backward()
    slopes = [p.grad for p in net.parameters() if p.grad is not None]
    return min((slope.isfinite() & (slope != 0)).float().mean().item() for slope in slopes)


@functools.cache
def lost(log_sigma: float, dtype: torch.dtype = torch.float32, floor: float | None = None) -> float:
    """1 if gradients are not finite with one deviation a neuron this small."""
    layer, x = _neuron(4, dtype=dtype, variance_floor=floor)
    with torch.no_grad():
        layer.log_sigma[:, 0] = log_sigma
    layer(x).sum().backward()
    return float(not all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters()))


@functools.cache
def gradient_ratio(log_sigma: float, whole: bool, name: str = "mu", floor: float | None = None) -> float:
    """The gradient of a component (or of a whole neuron) at this deviation over that at sigma = 1."""

    def size(value: float) -> float:
        layer, x = _neuron(variance_floor=floor)
        with torch.no_grad():
            layer.log_sigma[:, slice(None) if whole else 0] = value
        x.requires_grad_()
        found = torch.autograd.grad(layer(x).sum(), [x, layer.mu, layer.log_sigma])
        place = slice(None) if whole else 0
        return found[("x", "mu", "log_sigma").index(name)][:, place].abs().mean().item()

    return size(log_sigma) / size(0.0)


@functools.cache
def same_direction(normalised: bool) -> float:
    """The cosine of the gradients of cross-entropy and of the negative output of the true class."""
    g = torch.Generator().manual_seed(0)
    net = stack("ugmm", [8, 6, 3], dtype=D)
    initialise(net, "authors", None, g)
    x, y = torch.rand(64, 8, generator=g, dtype=D), torch.randint(3, (64,), generator=g)
    out = net(x)
    other = out - out.logsumexp(1, keepdim=True) if normalised else out
    losses = torch.nn.functional.cross_entropy(out, y), -other[range(64), y].mean()
    one, two = (
        torch.cat([v.flatten() for v in torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)])
        for loss in losses
    )
    return torch.nn.functional.cosine_similarity(one, two, 0).item()


@functools.cache
@torch.no_grad()
def mass(inputs: int, box: float) -> float:
    """The integral of exp(output) over [-box, box]^inputs, of one neuron (sigma 1, by the midpoint rule)."""
    layer, _ = _neuron(inputs)
    n = 400
    line = (torch.arange(n, dtype=D) + 0.5) * (2 * box / n) - box
    x = torch.cartesian_prod(*[line] * inputs).view(-1, inputs)
    return (layer(x).exp().sum() * (2 * box / n) ** inputs).item()


@functools.cache
def stationary(inputs: int = 3, starts: int = 200) -> float:
    """How many different maxima ascent of one unit's output finds from random starts (the gradient by x_k is
    0 at mu_k alone, since each term sees one input: there is one)."""
    layer, _ = _neuron(inputs)
    g = torch.Generator().manual_seed(0)
    x = (layer.mu.detach() + 2 * (2 * torch.rand(starts, inputs, generator=g, dtype=D) - 1)).requires_grad_()
    optimiser = torch.optim.LBFGS(
        [x], max_iter=500, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = -layer(x).sum()
        value.backward()
        return value

    optimiser.step(loss)
    return float(len({tuple(row) for row in x.detach().round(decimals=3).tolist()}))
