"""The yardsticks: what no implementation can do without, as bare torch calls, and dense layers.

``floor``: the matrix products and the exponentials. Backward adds, for every product, the one for its weights and the
one for its input; only the first layer of a stack needs no gradient of its input. Exponentials are counted again only
where the layer type says that they are too many to be saved. They are torch's own, in a block that stays in the cache:
a kernel that has its own can be below this floor. ``linear``: ``torch.nn.functional.linear`` of the same shape, by
autograd. ``linear-matched``: of as many parameters. In a stack the dense layers stand one behind the other, with their
cross entropy, gradients and update.

Beside them, for the layer types that ask for it: ``kan``, a Kolmogorov-Arnold network of pykan with one hidden layer
and about as many parameters, where it is installed; of a Laplacian its own, by double backward.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch

from gmbench import registry
from gmbench.baselines import lacking
from gmbench.contract import LayerType
from gmbench.layers import autograd
from gmbench.timing.sizes import STEP, Size, layer_axes
from gmbench.timing.workloads import Arrays, Workload, update

NAMES = ("floor", "linear", "linear-matched")
BESIDE = {"kan": "kan"}  # and the optional extra that each needs
GRID, ORDER = 5, 3  # of a KAN's splines, pykan's own
Random = Callable[..., torch.Tensor]
BLOCK = {"cpu": 2**17, "cuda": 2**22}  # exponentials a call


def yardstick(name: str, kind: LayerType, size: Size, dtype: str, device: str, direction: str) -> Workload:
    """One of :data:`NAMES` or :data:`BESIDE` as a workload; it draws inputs of its own."""
    random = _random(dtype, device)
    if name == "kan":
        return _kan(kind, size, direction, random)
    if name == "floor":
        return _floor(kind, size, direction, random, BLOCK[device])
    return _dense(kind, size, direction, random, name == "linear-matched")


def beside(kind: LayerType, size: Size) -> list[str]:
    """The further yardsticks of a layer type that can be had here; a stack has none."""
    return [name for name in kind.beside if not size.widths and not lacking(BESIDE[name])]


def _floor(kind: LayerType, size: Size, direction: str, random: Random, block: int) -> Workload:
    """The bare products and exponentials: powers of 2, which are the fastest of torch's."""
    backward = direction != "forward"
    parts: list[tuple[int, int, bool]] = []  # (inner, columns, whether the input needs a gradient)
    exponentials = 0
    for place, axes in enumerate(layer_axes(kind, size)):
        work = kind.work(axes, size.batch, 4)
        parts += [(d, N, direction != STEP or place > 0) for d, N in work.products]
        exponentials += work.exponentials + (work.backward_exponentials if backward else 0)
    block = min(block, max(1, exponentials))

    def prepare(_inputs: Arrays) -> tuple:
        products = [(random(size.batch, d), random(N, d), random(size.batch, N), grad) for d, N, grad in parts]
        return products, random(block)

    def run(products: list[tuple], e: torch.Tensor) -> tuple:
        with torch.no_grad():
            power = torch.empty_like(e)
            for start in range(0, exponentials, block):
                rest = min(block, exponentials - start)
                torch.exp2(e[:rest], out=power[:rest])
            results = [power]
            for x, W, dy, grad in products:
                results.append(x @ W.mT)
                if backward:
                    results.append(dy.mT @ x)
                    if grad:
                        results.append(dy @ W)
        return tuple(results)

    return Workload("floor", prepare, run)


def _dense(kind: LayerType, size: Size, direction: str, random: Random, matched: bool = False) -> Workload:
    """Dense layers of the same shape, or of as many parameters."""
    widths = _matched(kind, size) if matched else _widths(kind, size)
    step = direction == STEP
    backward = direction != "forward"
    linear = torch.nn.functional.linear

    def prepare(_inputs: Arrays) -> tuple:
        x = random(size.batch, widths[0]).requires_grad_(backward and not step)
        shapes = [shape for d, C in itertools.pairwise(widths) for shape in ((C, d), (C,))]
        weights = [random(*shape).requires_grad_(backward) for shape in shapes]
        return x, weights, random(size.batch, widths[-1]), torch.zeros(size.batch, dtype=torch.long, device=x.device)

    def run(x: torch.Tensor, weights: list[torch.Tensor], G: torch.Tensor, labels: torch.Tensor) -> tuple:
        with torch.set_grad_enabled(backward):
            out = x
            for W, b in zip(weights[::2], weights[1::2], strict=True):
                out = linear(out, W, b)
            if not step:
                return (out, *torch.autograd.grad(out, [x, *weights], G)) if backward else (out,)
            loss = torch.nn.functional.cross_entropy(out, labels)
        gradients = torch.autograd.grad(loss, weights)
        update(weights, gradients)
        return out, *gradients

    return Workload("linear-matched" if matched else "linear", prepare, run)


def _kan(kind: LayerType, size: Size, direction: str, random: Random) -> Workload:
    """A KAN between the same features, with one hidden layer of such a width that it has as many parameters."""
    from gmbench.baselines.kan import kan
    from gmbench.baselines.kan import size as count

    d, C = _widths(kind, size)
    wanted = sum(math.prod(shape) for shape in kind.shapes(size.axes).values())
    hidden = max(1, round(wanted / count([d, 1, C], GRID, ORDER)))
    backward = direction != "forward"
    laplacian = registry.value_of(kind.name) != kind.name  # the one quantity beside the value
    sample = random(1)
    network = kan([d, hidden, C], GRID, ORDER, (-1.0, 1.0), 0, device=sample.device, dtype=sample.dtype)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]

    def prepare(_inputs: Arrays) -> tuple:
        return random(size.batch, d).clamp(-1, 1).requires_grad_(backward), random(size.batch, C)

    def run(x: torch.Tensor, G: torch.Tensor) -> tuple:
        with torch.set_grad_enabled(backward):
            out = autograd.laplacian(network, x) if laplacian else network(x)
        # the Laplacian does not depend on what is linear in x
        return (out, *torch.autograd.grad(out, [x, *parameters], G, allow_unused=True)) if backward else (out,)

    return Workload("kan", prepare, run)


def _widths(kind: LayerType, size: Size) -> list[int]:
    """Feature counts of the layers, the input first."""
    return list(size.widths) or [size.axes[kind.in_features], size.axes[kind.out_features]]


def _matched(kind: LayerType, size: Size) -> list[int]:
    """Feature counts of dense layers with as many parameters: of one layer the output is changed, of a stack what is
    between the layers.
    """
    from scipy.optimize import brentq  # slow to import, and needed once

    wanted = sum(math.prod(shape) for axes in layer_axes(kind, size) for shape in kind.shapes(axes).values())
    widths = _widths(kind, size)
    free = range(1, max(2, len(widths) - 1))

    def scaled(factor: float) -> list[int]:
        return [max(1, round(factor * w)) if place in free else w for place, w in enumerate(widths)]

    def excess(factor: float) -> int:
        return sum((d + 1) * C for d, C in itertools.pairwise(scaled(factor))) - wanted

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return scaled(brentq(excess, 0.0, high)) if excess(0.0) < 0 else scaled(0.0)


def _random(dtype: str, device: str) -> Random:
    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, dtype=getattr(torch, dtype), device=device)

    return random
