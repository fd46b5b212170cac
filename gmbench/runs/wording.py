"""How far runs are, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gmbench.runs.spec import Spec


def clock(seconds: float | None) -> str:
    """A time as clocks show it: ``3:07`` or ``1:02:09``; ``?`` if it is not known."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def said(spec: Spec, progress: Mapping[str, Any]) -> str:
    """How far a cell is, in words."""
    error = shown(progress)
    where = f"{spec.title}, epoch {progress.get('epoch', 0)} of {spec.epochs}"
    return f"{where}, {error}" if error else where


def shown(progress: Mapping[str, Any]) -> str:
    """The latest test error of a cell: as it says it itself, or in %."""
    error = progress.get("test_error")
    return progress.get("said") or ("" if error is None else f"{error:.2f} %")
