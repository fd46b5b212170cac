"""Whether rows are computed each by itself, however many there are."""

from __future__ import annotations

import torch

from gmbench.checks.behaviour.subject import Subject


def batch_split(subject: Subject):
    """A row's result does not depend on the others: a large batch against its uneven parts, a very large one against
    even ones, a huge row, a NaN.
    """
    yield from _many_rows(subject)
    case = subject.case(batch=131, regime="both" if "both" in subject.kind.domain.regimes else "bulk")
    given, G = subject.tensors(case, gradients=True)
    S = subject.bound(case)
    want = subject.run(given, G)
    for cut in (64, 127):
        fault = subject.differ(want, _piecewise(subject, given, G, (cut, 131 - cut)), S)
        if fault:
            yield f"131 rows against {cut} and {131 - cut}: {fault}"
            return
    huge = 2.0 ** {"float64": 400, "float32": 50, "bfloat16": 50}[subject.dtype]
    for name, factor in (("multiplied by a huge number", huge), ("that is NaN", float("nan"))):
        loud = given["x"].detach().clone()
        loud[0] *= factor
        out = subject({**given, "x": loud.requires_grad_(subject.differentiable)})
        fault = subject.differ({"value": out[1:]}, {"value": want["value"][1:]}, {"value": S["value"][1:]})
        if fault:
            yield f"one row {name} changes the others: {fault}"


def _piecewise(subject, given, G, sizes):
    """Value and gradients from pieces of so many rows each."""
    parts = []
    for rows, cotangent in zip(given["x"].detach().split(sizes), G.split(sizes), strict=True):
        parts.append(subject.run({**given, "x": rows.clone().requires_grad_(subject.differentiable)}, cotangent))
    return {
        name: torch.cat([part[name] for part in parts]) if name in ("value", "x") else sum(p[name] for p in parts)
        for name in parts[0]
    }


PIECE, PIECES = 131, 31  # rows together: more than a few blocks of a thousand, and no whole number of them


def _many_rows(subject: Subject):
    """Faults where as many rows as in earnest give something else than they do piece by piece."""
    case = subject.case(batch=PIECE * PIECES)
    given, G = subject.tensors(case, gradients=True)
    S, want = subject.bound(case), subject.run(given, G)
    fault = subject.differ(want, _piecewise(subject, given, G, (PIECE,) * PIECES), S)
    if fault:
        yield f"{PIECE * PIECES} rows against {PIECES} pieces of {PIECE}: {fault}"
    with torch.no_grad():
        fault = subject.differ({"value": subject(given)}, want, S)
    if fault:
        yield f"{PIECE * PIECES} rows under no_grad: {fault}"
