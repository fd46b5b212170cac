"""UGMMLayer and stacks of it, over any registered implementation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch

from gmbench.contract import ContractError, Implementation
from gmbench.layers.modules import Layer, initialise

__all__ = ["NORMS", "UGMMLayer", "initialise", "stack"]

NORMS = ("none", "hidden", "all")


class UGMMLayer(Layer):
    """A uGMM layer ``(..., in_features) -> (..., out_features)``: each neuron's log score of a mixture with one
    component an input.

    Parameters (shapes with d = in_features, C = out_features): ``mu (C, d)``, or ``(d,)`` if tied, ``log_sigma (C, d)``
    (logarithms of standard deviations) and ``logits (C, d)`` of the weights; no bias. They are allocated, not drawn:
    fill them by :func:`initialise`.

    In training mode (``train()``, not ``eval()``), each component of each neuron is dropped with probability
    ``dropout``: one mask ``(C, d)`` a call, shared by the whole batch; the surviving weights are renormalised and
    nothing is rescaled. A neuron that would lose all its components keeps one of them, chosen uniformly. (Drawing its
    mask again instead would keep more on average.)

    :param tied: the means are shared by the neurons (layer type ``ugmm-tied``)
    :param implementation: a record, or the name of a registered implementation of the layer type
    :param variance_floor: added to every variance, so that none is below it: smooth, and the gradient of
        ``log_sigma`` fades out as sigma^2 falls below it; None for none
    :param generator: the :class:`torch.Generator` (of the CPU) that masks are drawn from; None for the global one
    :raises ContractError: if there is no such implementation, or an argument is out of its range
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        tied: bool = False,
        implementation: str | Implementation = "eager",
        dropout: float = 0.0,
        variance_floor: float | None = None,
        generator: torch.Generator | None = None,
        device=None,
        dtype=None,
    ):
        if not 0 <= dropout < 1:
            raise ContractError(f"UGMMLayer: dropout must be at least 0 and below 1, not {dropout}")
        if variance_floor is not None and not 0 < variance_floor < math.inf:
            raise ContractError(f"UGMMLayer: variance_floor must be positive and finite, or None, not {variance_floor}")
        super().__init__("ugmm-tied" if tied else "ugmm", in_features, out_features, implementation, device, dtype)
        self.tied, self.dropout, self.variance_floor, self.generator = tied, dropout, variance_floor, generator

    def forward(self, x):
        """The layer's value for ``x (..., in_features)``."""
        logits = self.logits
        if self.training and self.dropout > 0:
            logits = logits.masked_fill(self.mask().to(logits.device), -math.inf)
        return self.value(x, self.mu, self.log_deviations(), logits)

    def log_deviations(self):
        """log sigma ``(C, d)``, above the floor if there is one."""
        if self.variance_floor is None:
            return self.log_sigma
        doubled = 2 * self.log_sigma
        return torch.logaddexp(doubled, torch.full_like(doubled, math.log(self.variance_floor))) / 2

    def mask(self):
        """A fresh mask ``(C, d)``, on the CPU: True where a component is dropped, and nowhere a whole row."""
        # drawn on the CPU, so that a seed means the same masks on every device
        mask = torch.rand(self.logits.shape, generator=self.generator) < self.dropout
        empty = mask.all(1).nonzero().squeeze(1)
        if len(empty):
            mask[empty, torch.randint(self.in_features, (len(empty),), generator=self.generator)] = False
        return mask

    def extra_repr(self) -> str:
        shown = [f"{self.in_features}, {self.out_features}"]
        shown += ["tied=True"] if self.tied else []
        shown += [f"dropout={self.dropout}"] if self.dropout else []
        shown += [f"variance_floor={self.variance_floor}"] if self.variance_floor is not None else []
        return ", ".join([*shown, f"implementation={self.implementation.name!r}"])


def stack(
    widths: Sequence[int], *, dropout: float | Sequence[float] = 0.0, layer_norm: str = "none", **options
) -> torch.nn.Sequential:
    """uGMM layers one behind the other, ``widths[0] -> widths[1] -> ...``.

    :param widths: at least two feature counts
    :param dropout: of every layer, or one number a layer from the first on, 0 for the rest: ``(0.3,)`` is the authors'
    :param layer_norm: where a :class:`torch.nn.LayerNorm` over the neurons (with gain and offset) follows a layer:
        ``"none"``, ``"hidden"`` (all layers but the last) or ``"all"``
    :param options: passed to every :class:`UGMMLayer`
    :raises ContractError: if an argument is out of its range
    """
    pairs = list(itertools.pairwise(widths))
    if not pairs:
        raise ContractError("a stack needs at least two widths, such as [784, 128, 10]")
    if layer_norm not in NORMS:
        raise ContractError(f"layer_norm is {', '.join(NORMS[:-1])} or {NORMS[-1]}, not {layer_norm!r}")
    rates = [dropout] * len(pairs) if isinstance(dropout, int | float) else list(dropout)
    if len(rates) > len(pairs):
        raise ContractError(f"{len(rates)} rates of dropout for {len(pairs)} layers")
    rates += [0.0] * (len(pairs) - len(rates))
    placed = {name: options.get(name) for name in ("device", "dtype")}
    modules: list[torch.nn.Module] = []
    for number, ((wide, narrow), rate) in enumerate(zip(pairs, rates, strict=True), 1):
        modules.append(UGMMLayer(wide, narrow, dropout=rate, **options))
        if layer_norm == "all" or (layer_norm == "hidden" and number < len(pairs)):
            modules.append(torch.nn.LayerNorm(narrow, **placed))
    return torch.nn.Sequential(*modules)
