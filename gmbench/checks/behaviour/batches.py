"""Whether rows are computed each by itself, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from gmbench.checks.behaviour.probe import Probe
from gmbench.checks.errors import Tensors


def batch_split(probe: Probe) -> Iterator[str]:
    """A row's result does not depend on the others: a large batch against its uneven parts, a very large one against
    even ones, a huge row, a NaN.
    """
    yield from _many_rows(probe)
    case = probe.case(batch=131, regime="both" if "both" in probe.kind.domain.regimes else "bulk")
    given, G = probe.tensors(case, gradients=True)
    S = probe.bound(case)
    want = probe.run(given, G)
    for cut in (64, 127):
        fault = probe.differ(want, _piecewise(probe, given, G, (cut, 131 - cut)), S)
        if fault:
            yield f"131 rows against {cut} and {131 - cut}: {fault}"
            return
    huge = 2.0 ** {"float64": 400, "float32": 50, "bfloat16": 50}[probe.dtype]
    for name, factor in (("multiplied by a huge number", huge), ("that is NaN", float("nan"))):
        loud = given["x"].detach().clone()
        loud[0] *= factor
        out = probe({**given, "x": loud.requires_grad_(probe.differentiable)})
        fault = probe.differ({"value": out[1:]}, {"value": want["value"][1:]}, {"value": S["value"][1:]})
        if fault:
            yield f"one row {name} changes the others: {fault}"


def _piecewise(probe: Probe, given: Tensors, G: torch.Tensor, sizes: Sequence[int]) -> Tensors:
    """Value and gradients from pieces of so many rows each."""
    parts = []
    for rows, cotangent in zip(given["x"].detach().split(sizes), G.split(sizes), strict=True):
        parts.append(probe.run({**given, "x": rows.clone().requires_grad_(probe.differentiable)}, cotangent))
    first, *others = parts
    return {
        name: torch.cat([part[name] for part in parts])
        if name in ("value", "x")
        else sum((part[name] for part in others), value)
        for name, value in first.items()
    }


PIECE, PIECES = 131, 31  # rows together: more than a few blocks of a thousand, and no whole number of them


def _many_rows(probe: Probe) -> Iterator[str]:
    """Faults where as many rows as in earnest give something else than they do piece by piece."""
    case = probe.case(batch=PIECE * PIECES)
    given, G = probe.tensors(case, gradients=True)
    S, want = probe.bound(case), probe.run(given, G)
    fault = probe.differ(want, _piecewise(probe, given, G, (PIECE,) * PIECES), S)
    if fault:
        yield f"{PIECE * PIECES} rows against {PIECES} pieces of {PIECE}: {fault}"
    with torch.no_grad():
        fault = probe.differ({"value": probe(given)}, want, S)
    if fault:
        yield f"{PIECE * PIECES} rows under no_grad: {fault}"
