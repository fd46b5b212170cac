"""The sizes that are timed, for every layer type: the two layers of the stack 784-100-10, at batch 64.

A layer of more than ``LARGEST`` parameters is left out: drawing them anew for every call, and the reference for
the verified calls, would take minutes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from gmbench.contract import LayerType

STACK = (784, 100, 10)
OTHER_AXES = 10  # components, units, projections
BATCH = 64
LARGEST = 2**21  # parameters
PASSES = ("forward", "forward+backward")


@dataclass(frozen=True)
class Size:
    """Length of every axis of a layer type and the batch, and whether the input needs a gradient."""

    axes: dict[str, int]
    batch: int
    input_gradient: bool
    label: str


def sizes(kind: LayerType) -> list[Size]:
    """The timed sizes of a layer type, the large layer first; only its input needs no gradient."""
    axes = dict.fromkeys((axis for parameter in kind.parameters for axis in parameter.shape), OTHER_AXES)
    found = []
    for position, (width, out) in enumerate(itertools.pairwise(STACK)):
        lengths = {**axes, kind.in_features: width, kind.out_features: out, **kind.fixed}
        if sum(math.prod(shape) for shape in kind.shapes(lengths).values()) > LARGEST:
            continue
        label = f"{lengths[kind.in_features]}-{lengths[kind.out_features]}"
        found.append(Size(lengths, BATCH, position > 0, label))
    return found
