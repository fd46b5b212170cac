"""GMLayer and stacks of it, over any registered implementation."""

from __future__ import annotations

import itertools

import torch

from gmbench.contract import ContractError, Implementation
from gmbench.layers.modules import Layer, initialise

__all__ = ["GMLayer", "initialise", "stack"]


class GMLayer(Layer):
    """A GM layer ``(..., in_features) -> (..., out_features)`` with ``components`` Gaussians.

    Parameters (shapes with K components, d = in_features, C = out_features): ``mu (K, d)``, ``sigma (K, d)``
    (standard deviations, trained as they are, of any sign), ``U (K, C, d)``, ``v (K, C)``; no bias. The parameters
    are allocated, not drawn: fill them by :func:`initialise`.

    :param implementation: a record, or the name of a registered implementation of ``gm``
    :raises ContractError: if there is no such implementation, or a size is not at least 1
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        components: int = 10,
        implementation: str | Implementation = "eager",
        device=None,
        dtype=None,
    ):
        if components < 1:
            raise ContractError(f"GMLayer: components must be at least 1, not {components}")
        super().__init__("gm", in_features, out_features, implementation, device, dtype, K=components)
        self.components = components

    def forward(self, x):
        """The layer's value for ``x (..., in_features)``."""
        return self.value(x, self.mu, self.sigma, self.U, self.v)

    def extra_repr(self) -> str:
        return (
            f"{self.in_features}, {self.out_features}, components={self.components}, "
            f"implementation={self.implementation.name!r}"
        )


def stack(widths, components: int = 10, **options) -> torch.nn.Sequential:
    """GM layers one behind the other, ``widths[0] -> widths[1] -> ...``, nothing between them.

    :param widths: at least two feature counts
    :param options: passed to every :class:`GMLayer`
    """
    if len(widths) < 2:
        raise ContractError("a stack needs at least two widths, such as [784, 100, 10]")
    return torch.nn.Sequential(*(GMLayer(i, o, components, **options) for i, o in itertools.pairwise(widths)))
