"""What is timed of a layer type: its sizes, and the training step of its stack. The lengths stand in its contract."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from gmbench.contract import ContractError, LayerType

PASSES = ("forward", "forward+backward")
STEP = "training step"
ALLOCATORS = ("default", "retained")  # glibc's as it is, or told to keep freed blocks
NO_OP = "no-op"  # a workload of every measuring process: what it takes is the way there and back


@dataclass(frozen=True)
class Size:
    """Length of every axis of a layer type, and the batch; for a stack the feature counts ``widths`` too."""

    axes: dict[str, int]
    batch: int
    label: str
    widths: tuple[int, ...] = ()
    everyday: bool = True

    @property
    def passes(self) -> tuple[str, ...]:
        """What is timed at this size; backward means the gradients of the input and of every parameter."""
        return (STEP,) if self.widths else PASSES

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.label} x {self.batch}"


def sizes(kind: LayerType, full: bool = False) -> list[Size]:
    """The everyday sizes of a layer type, the stack last, or all of them."""
    found = []
    for timed in kind.timed:
        axes = {**timed.axes, **kind.fixed}
        label = f"{axes[kind.in_features]}-{axes[kind.out_features]}"
        found.append(Size(axes, timed.batch, label, everyday=timed.everyday))
    if (stack := kind.stack) is not None:
        label = "-".join(map(str, stack.widths))
        found.append(Size(dict(stack.axes), stack.batch, label, tuple(stack.widths), stack.everyday))
    return [size for size in found if full or size.everyday]


def layer_axes(kind: LayerType, size: Size) -> list[dict[str, int]]:
    """Length of every axis of each layer of a size, the first layer first."""
    if not size.widths:
        return [size.axes]
    pairs = itertools.pairwise(size.widths)
    return [{**size.axes, kind.in_features: before, kind.out_features: after} for before, after in pairs]


def select_sizes(
    kind: LayerType, labels: Iterable[str] = (), batches: Iterable[int] = (), full: bool = False
) -> list[Size]:
    """Sizes by label and by batch, of the whole grid as soon as one is named or where none is for every day.

    :raises ContractError: if none is like that, with those that are there
    """
    labels, batches = set(labels), set(batches)
    every = sizes(kind, full or bool(labels or batches)) or sizes(kind, full=True)
    found = [s for s in every if (not labels or s.label in labels) and (not batches or s.batch in batches)]
    if not found:
        known = ", ".join(size.text for size in every)
        raise ContractError(f"{kind.name} has no such size; it has {known}")
    return found
