"""A recurrent network that sees a window of a series and gives one number of its last hidden state."""

from __future__ import annotations

import math

import torch


class LastHidden(torch.nn.Module):
    """An LSTM's hidden state after the last step: ``(..., steps, features) -> (..., hidden)``, in (-1, 1)."""

    def __init__(self, features: int, hidden: int, device: torch.device | str | None = None):
        super().__init__()
        self.lstm = torch.nn.LSTM(features, hidden, batch_first=True, device=device)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The hidden state ``(..., hidden)`` after the last step of ``x (..., steps, features)``."""
        return self.lstm(x)[1][0][0]


def network(
    features: int,
    hidden: int,
    generator: torch.Generator,
    head: torch.nn.Module | None = None,
    device: torch.device | str | None = None,
) -> torch.nn.Sequential:
    """An LSTM and a head of its last hidden state: ``(..., steps, features)`` in, what the head makes of it out.

    LSTM and dense layer start as torch starts them, uniformly within 1 / sqrt(hidden), drawn from the generator.

    :param generator: of the CPU
    :param head: of ``(..., hidden)``, used as it is; where None, a dense layer with one output
    """
    last = torch.nn.Linear(hidden, 1, device=device) if head is None else head
    front = LastHidden(features, hidden, device)
    bound = 1 / math.sqrt(hidden)
    with torch.no_grad():
        for parameter in (*front.parameters(), *(last.parameters() if head is None else ())):
            drawn = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(bound * (2 * drawn - 1))
    return torch.nn.Sequential(front, last)
