"""Results as tidy frames."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gmbench.contract import ContractError

if TYPE_CHECKING:
    import pandas
from gmbench.store.files import KINDS, _warn, read_all

NONE = "–"


def absent(value: Any) -> bool:
    """Whether there is no value: None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


# The columns that a frame has even when it is empty.
_MADE = ("machine", "torch", "commit", "when")


COLUMNS = {
    "checks": ("layer_type", "implementation", "profile", *_MADE),
    "timings": ("layer_type", "implementation", *_MADE),
    "cells": (
        *(
            "cell",
            "experiment",
            "version",
            "data",
            "budget",
            "arm",
            "seed",
            "implementation",
            "initialisation",
            "implementation_sha256",
            "initialisation_sha256",
        ),
        *("device", "epoch", "step", "test_error", "test_loss", "train_loss", *_MADE),
    ),
    "claims": (
        *("id", "paper", "experiment", "statement", "published", "margin", "measured", "interval", "seeds"),
        *("dataset", "budget", "verdict"),
    ),
}


def load(kind: str, store: str | os.PathLike | None = None) -> pandas.DataFrame:
    """All results of a kind as a tidy frame.

    ``cells``: one row per cell and epoch, with the spec's fields and the cell's measures as columns.
    ``checks`` and ``timings``: one row per record. ``claims``: one row per claim.

    :raises ContractError: if there is no such kind, with the nearest one
    """
    import pandas

    if kind not in KINDS:
        from gmbench.names import nearest

        raise ContractError(f"there are no results of kind {kind!r}{nearest(str(kind), KINDS)}")
    rows: list[dict[str, Any]] = []
    for path, file in read_all(kind, store) if kind in _ROWS else ():
        try:
            rows += _ROWS[kind](file)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            _warn(f"{path}: not a file of kind {kind!r} ({type(error).__name__}: {error})")
    frame = pandas.DataFrame(rows)
    missing = [column for column in COLUMNS[kind] if column not in frame]
    return frame.reindex(columns=[*frame.columns, *missing]) if missing else frame


def _made(file: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance in a row: the machine and the commit each as one text."""
    machine, commit = file.get("machine") or {}, file.get("commit") or {}
    words = [
        machine.get("cpu"),
        f"{machine.get('cores')} cores" if "cores" in machine else None,
        machine.get("gpu"),
    ]
    return {
        "machine": ", ".join(filter(None, words)) or None,
        "torch": (file.get("versions") or {}).get("torch"),
        "commit": commit["hash"] + ("-dirty" if commit.get("dirty") else "") if "hash" in commit else None,
        "when": file.get("when"),
    }


def _implementation(file: Mapping[str, Any]) -> dict[str, Any]:
    record = file.get("implementation")
    if not isinstance(record, Mapping):
        return {"implementation": record} if record else {}
    kind, name = record.get("layer_type"), record.get("name")
    return {"layer_type": kind, "implementation": record.get("key") or f"{kind}/{name}"}


def _records(key: str):
    def rows(file):
        shared = {"profile": file["profile"]} if "profile" in file else {}
        return [_implementation(file) | shared | record | _made(file) for record in file.get(key, [])]

    return rows


def _cells(file: Mapping[str, Any]) -> list[dict[str, Any]]:
    spec = dict(file["spec"])
    for part in ("implementation", "initialisation"):
        found = spec.get(part) or {}
        spec[part], spec[f"{part}_sha256"] = found.get("name"), found.get("sha256")
    shared = {"cell": file["id"], **spec, **file.get("measures", {}), "cell_seconds": file.get("seconds")}
    shared["cell_cpu_seconds"] = file.get("cpu_seconds")
    return [shared | epoch | _made(file) for epoch in file["epochs"]]


_ROWS = {"checks": _records("records"), "timings": _records("rows"), "cells": _cells}
