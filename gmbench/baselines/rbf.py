"""The classic network of radial basis functions."""

from __future__ import annotations

from typing import Any

import torch

from gmbench.contract import ContractError
from gmbench.layers.gmnm.initial import WIDTH, spacing


class RBF(torch.nn.Module):
    """A weighted sum of Gaussians along the axes, ``(n, in_features) -> (n, 1)``, without an output bias.

    The sum over m of weight_m exp(-|(x - centre_m) * scale_m|^2 / 2), after Broomhead and Lowe (1988). All is trained:
    ``centre (M, d)``, ``scale (M, d)``, the inverse widths, and ``weight (M,)``: 2 d + 1 parameters a unit.

    :param units: M
    :raises ContractError: if there is no unit
    """

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        if units < 1:
            raise ContractError(f"RBF: units must be at least 1, not {units}")
        empty: dict[str, Any] = {"device": device, "dtype": dtype}
        self.centre = torch.nn.Parameter(torch.zeros(units, in_features, **empty))
        self.scale = torch.nn.Parameter(torch.ones(units, in_features, **empty))
        self.weight = torch.nn.Parameter(torch.zeros(units, **empty))

    @torch.no_grad()
    def initialise(self, points: torch.Tensor, generator: torch.Generator) -> None:
        """Start as a GMNM does: centres drawn uniformly from the box of ``points (n, d)``, round units as wide as its,
        and weights ~ N(0, 1 / M).

        :param generator: of the CPU
        """
        low, high = points.amin(0), points.amax(0)
        places = torch.rand(self.centre.shape, generator=generator, dtype=torch.float64).to(points)
        self.centre.copy_(low + (high - low) * places)
        self.scale.fill_(1 / (WIDTH * spacing(self.centre, points)))
        drawn = torch.randn(self.weight.shape, generator=generator, dtype=torch.float64)
        self.weight.copy_(drawn / len(self.weight) ** 0.5)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Every unit's value ``(n, M)`` for ``x (n, d)``."""
        # one axis at a time, so that nothing is as large as n M d
        terms = [((x[:, i : i + 1] - self.centre[:, i]) * self.scale[:, i]).square() for i in range(x.shape[1])]
        return torch.exp(-0.5 * sum(terms[1:], terms[0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The network's value ``(n, 1)`` for ``x (n, d)``."""
        return (self.features(x) @ self.weight).unsqueeze(1)
