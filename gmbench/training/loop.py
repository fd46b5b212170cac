"""What every training shares: the order of the data and its batches, evaluation, and the record that it leaves."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

ORDER = 1_000_000  # added to a seed for the data order, so that no arm's initialisation shifts it


def order_of(seed: int) -> torch.Generator:
    """The generator of the data order: the same for all arms of a seed."""
    return torch.Generator().manual_seed(ORDER + seed)


def batches(tensors: Sequence[torch.Tensor], size: int, order: torch.Generator) -> Iterator[tuple[torch.Tensor, ...]]:
    """Rows of tensors ``(n, ...)`` together, without end: each epoch in an order of its own; the last, partial batch
    is kept.

    :param size: rows of a batch
    """
    while True:
        chosen = torch.randperm(len(tensors[0]), generator=order).to(tensors[0].device)
        for rows in chosen.split(size):
            yield tuple(each[rows] for each in tensors)


@contextlib.contextmanager
def evaluated(network: torch.nn.Module) -> Iterator[None]:
    """A network as it is evaluated: no dropout, no gradients; afterwards as it was."""
    before = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(before)


def outputs(network: torch.nn.Module, x: torch.Tensor, chunk: int | None = None) -> torch.Tensor:
    """What a network that is evaluated gives of ``x (n, ...)``.

    :param chunk: rows evaluated at once (default: all)
    """
    with evaluated(network):
        return torch.cat([network(part) for part in x.split(chunk or len(x))])


def finite(number: float | None) -> float | None:
    """The number, or None where it is not finite: a result file is to be plain JSON."""
    return number if number is not None and math.isfinite(number) else None


@dataclass
class Trained:
    """What training left, written down as it goes.

    :param steps: of the whole training
    :param report: is told of every test: ``report(step=, steps=, epoch=, test_error=)``, and more if a test says more
    :param epochs: one row each, the first (epoch 0) before training: ``epoch``, ``step``, ``test_error``,
        ``test_loss``, ``train_loss``, ``seconds`` since training began, and what else is measured in each
    :param measures: of the whole, such as ``diverged``: the step whose loss was not finite, None if that did not happen
    :param tests: all pairs of a step and the test error there
    """

    steps: int = 0
    report: Callable[..., None] = lambda **progress: None
    epochs: list[dict[str, Any]] = field(default_factory=list)
    measures: dict[str, int | None] = field(default_factory=dict)
    tests: list[tuple[int, float]] = field(default_factory=list)
    begun: float = field(default_factory=time.perf_counter)

    def result(self, measures: Mapping[str, Any], **kept: Any) -> dict[str, Any]:
        """A cell's result: what training left, other measures, and what else its file is to keep."""
        return {"epochs": self.epochs, "measures": {**measures, **self.measures}, "tests": self.tests, **kept}

    def test(self, step: int, error: float, **said: str) -> None:
        """Write down a test error, and tell of it; the test at the end of an epoch comes before its row."""
        self.tests.append((step, error))
        self.report(step=step, steps=self.steps, epoch=len(self.epochs), test_error=error, **said)

    def row(self, step: int, error: float, loss: float | None, train_loss: float | None, /, **measured: float) -> None:
        """Write down the end of an epoch, or the state before the first; what is not finite becomes None."""
        self.epochs.append(
            {
                "epoch": len(self.epochs),
                "step": step,
                "test_error": error,
                "test_loss": finite(loss),
                "train_loss": finite(train_loss),
                **{name: finite(value) for name, value in measured.items()},
                "seconds": round(time.perf_counter() - self.begun, 3),
            }
        )
