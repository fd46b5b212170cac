"""What layer types want their implementations to reach, and whether measured rows reach it.

The goals are for two cores with AVX-512; elsewhere they are only reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gmbench import registry
from gmbench.contract import Goal, LayerType
from gmbench.timing.sizes import STEP

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2}

VERDICTS = ("reached", "reached, narrowly", "not reached, narrowly", "not reached", "not measured")


def text(goal: Goal) -> str:
    """A goal in words."""
    if goal.against is None:
        most = f"at most {goal.at_most / 1e6:g} MB of temporaries"
    elif goal.against == "floor":
        most = f"at most {goal.at_most:g} x the floor"
    elif goal.at_most < 1:
        most = f"at least {1 / goal.at_most:g} times faster than {goal.against}"
    else:
        most = f"at most {goal.at_most:g} x the time of {goal.against}"
    dtype = "" if goal.dtype == "float32" else f", {goal.dtype}"
    return f"{goal.implementation}, {goal.size} x {goal.batch}, {goal.direction}{dtype}: {most}"


def concerns(kind: LayerType, goal: Goal, row: Mapping[str, Any]) -> bool:
    """Whether a row, passed or not, is of what a goal is about."""
    wanted = {
        "implementation": f"{kind.name}/{goal.implementation}",
        "size": goal.size,
        "batch": goal.batch,
        "pass": goal.direction,
        "dtype": goal.dtype,
        "device": "cpu",
    }
    return goal.allocator in (None, row.get("allocator")) and all(row.get(key) == wanted[key] for key in wanted)


def rival(kind: LayerType, goal: Goal) -> str | None:
    """What a goal's ratio is to, as rows name it."""
    return goal.against if goal.against in ("floor", None) else f"{kind.name}/{goal.against}"


def measured(kind: LayerType, goal: Goal, row: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """What a row says of a goal: the ratio or the bytes, and their interval; None if it is of something else."""
    if row.get("status") != "passed" or not concerns(kind, goal, row):
        return None
    if goal.against is None:
        found = temporaries(kind, row)
        return None if found is None else (found, found, found)
    ratio = row["ratios"].get(rival(kind, goal))
    return tuple(ratio) if ratio else None


def temporaries(kind: LayerType, row: Mapping[str, Any]) -> float | None:
    """Bytes at the peak of a call beside what it returned: the value and, with backward, every gradient."""
    peak = row.get("peak_bytes")
    if peak is None or peak != peak:
        return None
    names = dict.fromkeys([kind.in_features, kind.out_features, *(a for p in kind.parameters for a in p.shape)])
    lengths: dict[str, Any] = {axis: kind.fixed.get(axis, row.get(axis)) for axis in names}
    if row["pass"] == STEP or any(length is None or length != length for length in lengths.values()):
        return float(peak)  # of a training step nothing is kept
    axes = {axis: int(length) for axis, length in lengths.items()}
    numbers = row["batch"] * axes[kind.out_features]
    if row["pass"] != "forward":
        numbers += row["batch"] * axes[kind.in_features]
        for shape in kind.shapes(axes).values():
            numbers += math.prod(shape)
    return max(0.0, peak - numbers * BYTES[row["dtype"]])


def verdict(at_most: float, found: tuple[float, float | None, float | None] | None) -> str:
    """One of :data:`VERDICTS`: the median decides, narrowly where the interval holds the limit or is not known."""
    if found is None:
        return "not measured"
    median, low, high = found
    word = "reached" if median <= at_most else "not reached"
    clear = low is not None and high is not None and (high <= at_most or low > at_most)
    return word if clear else f"{word}, narrowly"


def select_goals(names: Iterable[str] = ()) -> list[dict[str, Any]]:
    """What has to be timed for the goals of the layer types of some implementations (of all without names): arguments
    of :func:`gmbench.timing.session.measure_all`.
    """
    from gmbench.timing.gate import select_implementations

    found = []
    for kind_name in dict.fromkeys(implementation.layer_type for implementation in select_implementations(names)):
        by_size: dict[tuple[str, int], list[Goal]] = {}
        for goal in registry.layer_type(kind_name).goals:
            by_size.setdefault((goal.size, goal.batch), []).append(goal)
        for (size, batch), goals in by_size.items():
            named = {g.implementation for g in goals} | {g.against for g in goals if g.against not in ("floor", None)}
            found.append(
                {
                    "names": [f"{kind_name}/{name}" for name in sorted(map(str, named))],
                    "labels": [size],
                    "batches": [batch],
                    "passes": sorted({g.direction for g in goals}),
                    "further": False,  # a goal has no use for a KAN, whose calls take seconds
                }
            )
    return found
