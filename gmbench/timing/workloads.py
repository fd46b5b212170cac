"""An implementation as a workload: the value, the gradients, or the training step of a stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from gmbench.contract import Implementation, LayerType
from gmbench.timing.sizes import STEP, Size

RATE = 1e-3  # learning rate of a timed training step
# bound before an implementation is imported
_grad, _tensor = torch.autograd.grad, torch.tensor
_cross_entropy = torch.nn.functional.cross_entropy


Arrays = dict[str, np.ndarray]  # float64, by name
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Workload:
    """What a measuring process times: ``run(*prepare(inputs))``, of which only ``run`` is inside the clock.

    ``prepare`` takes float64 arrays by name, as :func:`gmbench.timing.inputs.draw` gives them; ``run`` returns tensors,
    or None for a gradient that autograd leaves out.
    """

    name: str
    prepare: Callable[[Arrays], tuple]
    run: Callable[..., tuple]


def workload(
    implementation: Implementation, kind: LayerType, size: Size, dtype: str, device: str, direction: str
) -> Workload:
    """One pass of an implementation at a size; see :func:`output_names` for what it returns."""
    make = _step if direction == STEP else _layer
    return make(implementation.function, kind, size, dtype, device, direction)


def output_names(kind: LayerType, size: Size, direction: str) -> list[str]:
    """Names of the outputs of an implementation's workload, in order.

    ``value`` and the gradients of ``sum(G * value)``: ``x`` and the parameters. Of a training step, for each layer
    ``i``: its value ``i.value``, the gradient of the loss there ``i.G``, the gradients ``i.mu`` and so on, and the
    parameters after the update ``i.mu.after``.
    """
    if direction == "forward":
        return ["value"]
    if direction != STEP:
        return ["value", "x", *kind.names]
    places = range(len(size.widths) - 1)
    values = [f"{i}.{what}" for i in places for what in ("value", "G")]
    gradients = [f"{i}.{name}" for i in places for name in kind.names]
    return [*values, *gradients, *(f"{name}.after" for name in gradients)]


def _layer(
    function: Callable[..., torch.Tensor], kind: LayerType, size: Size, dtype: str, device: str, direction: str
) -> Workload:
    """One layer, forward or forward and backward."""
    backward = direction != "forward"

    def prepare(inputs: Arrays) -> tuple:
        given = _tensors(inputs, dtype, device)
        G = given.pop("G")
        for tensor in given.values():
            tensor.requires_grad_(backward)
        return given["x"], {name: given[name] for name in kind.names}, G

    def run(x: torch.Tensor, parameters: Tensors, G: torch.Tensor) -> tuple:
        with torch.set_grad_enabled(backward):
            out = function(x, **parameters)
        return (out, *_grad(out, [x, *parameters.values()], G, allow_unused=True)) if backward else (out,)

    return Workload("implementation", prepare, run)


def _step(
    function: Callable[..., torch.Tensor], kind: LayerType, size: Size, dtype: str, device: str, direction: str
) -> Workload:
    """A stack of layers: forward, cross entropy, the gradients of every parameter, and the update in place."""

    def prepare(inputs: Arrays) -> tuple:
        given = _tensors(inputs, dtype, device)
        labels = given.pop("labels").long()
        places = range(len(size.widths) - 1)
        stack = [{name: given[f"{i}.{name}"].requires_grad_() for name in kind.names} for i in places]
        return given["x"], labels, stack

    def run(x: torch.Tensor, labels: torch.Tensor, stack: list[Tensors]) -> tuple:
        values, out = [], x
        for parameters in stack:
            out = function(out, **parameters)
            values.append(out)
        loss = _cross_entropy(out, labels)
        flat = [tensor for parameters in stack for tensor in parameters.values()]
        found = _grad(loss, [*values, *flat], allow_unused=True)
        between, gradients = found[: len(values)], found[len(values) :]
        update(flat, gradients)
        pairs = [tensor for pair in zip(values, between, strict=True) for tensor in pair]
        return (*pairs, *gradients, *flat)

    return Workload("implementation", prepare, run)


@torch.no_grad()
def update(parameters: Iterable[torch.Tensor], gradients: Iterable[torch.Tensor | None]) -> None:
    """One step of gradient descent, in place; what has no gradient stays."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if gradient is not None:
            parameter.sub_(gradient, alpha=RATE)


def _tensors(inputs: Arrays, dtype: str, device: str) -> Tensors:
    """Fresh tensors of float64 arrays."""
    return {name: _tensor(array, dtype=getattr(torch, dtype), device=device) for name, array in inputs.items()}
