"""UGMMLayer, over any registered implementation."""

from __future__ import annotations

import functools
import math

import torch

from gmbench.contract import ContractError, Implementation
from gmbench.layers.modules import Layer


class UGMMLayer(Layer):
    """A uGMM layer ``(..., in_features) -> (..., out_features)``: each neuron's log score of a mixture with one
    component an input.

    Parameters (shapes with d = in_features, C = out_features): ``mu (C, d)``, or ``(d,)`` if tied, ``log_sigma (C, d)``
    (logarithms of standard deviations) and ``logits (C, d)`` of the weights; no bias. They are allocated, not drawn:
    fill them by :func:`gmbench.nn.initialise`::

        layer = UGMMLayer(784, 128, dropout=0.3, implementation="compiled")
        initialise(layer, "unit-sigma")  # or "authors"

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

    mu: torch.nn.Parameter
    log_sigma: torch.nn.Parameter
    logits: torch.nn.Parameter
    shown = ("tied", "dropout", "variance_floor")

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
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        if not 0 <= dropout < 1:
            raise ContractError(f"UGMMLayer: dropout must be at least 0 and below 1, not {dropout}")
        if variance_floor is not None and not 0 < variance_floor < math.inf:
            raise ContractError(f"UGMMLayer: variance_floor must be positive and finite, or None, not {variance_floor}")
        super().__init__("ugmm-tied" if tied else "ugmm", in_features, out_features, implementation, device, dtype)
        self.tied, self.dropout, self.variance_floor, self.generator = tied, dropout, variance_floor, generator

    def tensors(self) -> list[torch.Tensor]:
        """mu; log sigma, above the floor; and the logits: -infinity where they are dropped in this call."""
        logits: torch.Tensor = self.logits
        if self.training and self.dropout > 0:
            logits = logits.masked_fill(self.mask().to(logits.device), -math.inf)
        return [self.mu, self.log_deviations(), logits]

    def log_deviations(self) -> torch.Tensor:
        """log sigma ``(C, d)``, above the floor if there is one."""
        if self.variance_floor is None:
            return self.log_sigma
        doubled = 2 * self.log_sigma
        return torch.logaddexp(doubled, torch.full_like(doubled, math.log(self.variance_floor))) / 2

    def mask(self) -> torch.Tensor:
        """A fresh mask ``(C, d)``, on the CPU: True where a component is dropped, and nowhere a whole row."""
        # drawn on the CPU, so that a seed means the same masks on every device
        mask = torch.rand(self.logits.shape, generator=self.generator) < self.dropout
        empty = mask.all(1).nonzero().squeeze(1)
        if len(empty):
            mask[empty, torch.randint(self.in_features, (len(empty),), generator=self.generator)] = False
        return mask


MODULES = {"ugmm": UGMMLayer, "ugmm-tied": functools.partial(UGMMLayer, tied=True)}
