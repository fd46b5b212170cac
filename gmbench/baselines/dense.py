"""Networks of linear layers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch

from gmbench.contract import ContractError

ACTIVATIONS = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}


def dense(
    widths: Sequence[int],
    activation: str,
    generator: torch.Generator,
    *,
    bias: bool = True,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> torch.nn.Sequential:
    """Linear layers with an activation between them, ``(..., widths[0]) -> (..., widths[-1])``.

    Weights and biases start as those of ``torch.nn.Linear``, uniform up to 1 / sqrt(inputs), but from a generator.

    :param widths: feature counts, at least two
    :param activation: one of :data:`ACTIVATIONS`
    :param generator: of the CPU
    :param bias: whether the last layer has one; all others do
    :raises ContractError: if there is no such activation, or fewer than two widths
    """
    if activation not in ACTIVATIONS:
        raise ContractError(f"there is no activation {activation!r}; there is {', '.join(ACTIVATIONS)}")
    if len(widths) < 2:
        raise ContractError(f"a dense network has at least two widths, not {list(widths)}")
    layers: list[torch.nn.Module] = []
    for place, (wide, narrow) in enumerate(itertools.pairwise(widths), 2):
        linear = torch.nn.Linear(wide, narrow, bias or place < len(widths), dtype=dtype)
        with torch.no_grad():
            for parameter in linear.parameters():
                drawn = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_((2 * drawn - 1) / math.sqrt(wide))
        layers += [linear, ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*layers[:-1]).to(device)
