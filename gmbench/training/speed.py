"""How long training steps take, and the layout that convolutions are fast in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

Network = TypeVar("Network", bound=torch.nn.Module)
WARM = 5  # steps before any is timed: memory and caches find their places
MEASURES = {
    "step_ms": "median training step, milliseconds",
    "step_ratio": "median ratio of a training step to that of the plain network, in turns with it",
}


def in_turns(
    networks: tuple[torch.nn.Module, torch.nn.Module],
    losses: Sequence[Callable[[], torch.Tensor]],
    turns: int,
    device: str,
) -> dict[str, float]:
    """How long a training step of a network takes, beside another's; their parameters stay as they are.

    They take turns in going first.

    :param losses: of each network, on data of its own choice
    :param turns: timed steps of each
    :return: ``step_ms``, the median step of the first in milliseconds; ``step_ratio``, the median ratio to the second's
        step next to it
    """
    taken: list[list[float]] = [[], []]
    # a rate of 0: what was trained stays as it is
    optimisers = [torch.optim.Adam(network.parameters(), lr=0.0) for network in networks]
    for turn in range(turns + WARM):
        sides = list(zip(optimisers, losses, taken, strict=True))
        for optimiser, loss, seconds in sides if turn % 2 else reversed(sides):
            _wait(device)
            begun = time.perf_counter()
            optimiser.zero_grad()
            loss().backward()
            optimiser.step()
            _wait(device)
            if turn >= WARM:
                seconds.append(time.perf_counter() - begun)
    own, other = map(torch.tensor, taken)
    return {"step_ms": 1e3 * own.median().item(), "step_ratio": (own / other).median().item()}


def channels_last(network: Network, device: str) -> Network:
    """A network on a device, in the layout that convolutions are twice as fast in on a CPU."""
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
