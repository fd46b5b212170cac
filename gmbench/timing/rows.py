"""What one session says of each implementation: judged outputs, seconds, ratios."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmbench.timing.inputs import kept
from gmbench.timing.outputs import Mismatch, Undecided, worst
from gmbench.timing.statistics import ratio, summary


@dataclass(frozen=True)
class Found:
    """Rows, and seconds of the yardsticks of the first run by pass and name."""

    rows: list[dict[str, Any]]
    yardsticks: dict[str, dict[str, list[float]]]


def _judged(candidate, kind, size, dtype, claim, direction, inputs, folder) -> dict[str, Any]:
    """Whether the outputs of its timed calls are right, and by how much."""
    if candidate.error:
        return {"status": "failed", "message": candidate.error}
    calls = set(candidate.files.values())
    if not calls:
        return {"status": "failed", "message": "no timed call kept its outputs"}
    try:
        ulps = [
            worst(kind, size, dtype, claim, direction, inputs[call], kept(folder, candidate.number, call))
            for call in calls
        ]
    except Undecided as error:
        return {"status": "inconclusive", "message": str(error)}
    except (Mismatch, OSError, ValueError, KeyError) as error:  # the last three: what it wrote is no result
        return {"status": "failed", "message": str(error)}
    if candidate.doubt:
        return {"status": "failed", "message": candidate.doubt}
    return {"status": "passed", "message": "", "ulps": max(ulps), "claim": claim, "verified": len(calls)}


def _figures(candidate, right) -> dict[str, Any]:
    """What one run says of one candidate's speed, beside everything that is right."""
    median, low, high = map(sharp, summary(list(candidate.seconds.values())))
    ratios = {o.key: [sharp(r) for r in ratio(candidate.seconds, o.seconds)] for o in right if o is not candidate}
    return {
        "samples": [[sharp(s) for s in candidate.seconds.values()]],
        "median": median,
        "low": low,
        "high": high,
        "ratios": ratios,
        "ratio": ratios["floor"][0],
        **{_column(o.key): sharp(summary(list(o.seconds.values()))[0]) for o in right if not o.kept},
        "peak_bytes": candidate.peak,
        "dropped": len(candidate.disturbed) if candidate.seconds is candidate.quiet else 0,
        "disturbed": candidate.seconds is not candidate.quiet,
    }


def _merged(parts: list[dict]) -> dict[str, Any]:
    """Several runs as one row: the first that did not pass, else medians over the runs with their interval."""
    for part in parts:
        if part["status"] != "passed":
            return part
    first = parts[0] | {"runs": len(parts)}
    if len(parts) == 1:
        return first
    median, low, high = summary([part["median"] for part in parts])
    shared = [name for name in first["ratios"] if all(name in part["ratios"] for part in parts)]
    ratios = {name: list(summary([part["ratios"][name][0] for part in parts])) for name in shared}
    peaks = [part["peak_bytes"] for part in parts if part["peak_bytes"] is not None]
    loads = [load for part in parts for load in part["load"]]
    return first | {
        "samples": [samples for part in parts for samples in part["samples"]],
        "median": median,
        "low": low,
        "high": high,
        "ratios": ratios,
        "ratio": ratios["floor"][0],
        **{_column(name): summary([part[_column(name)] for part in parts])[0] for name in shared if "/" not in name},
        "ulps": max(part["ulps"] for part in parts),
        "verified": sum(part["verified"] for part in parts),
        "peak_bytes": max(peaks) if peaks else None,
        "dropped": sum(part["dropped"] for part in parts),
        "disturbed": any(part["disturbed"] for part in parts),
        "load": [min(loads), max(loads)],
    }


def _column(name: str) -> str:
    """The column of a yardstick's seconds."""
    return name.replace("-", "_")


def sharp(number: float) -> float:
    """Four digits: more would be noise in the store."""
    return float(f"{number:.4g}")


def store(found: list[dict[str, Any]], folder: str | os.PathLike | None = None) -> Path:
    """Write rows to ``timings/`` of a store, beside what they were measured with; returns the file.

    :raises ContractError: if it cannot be written
    """
    from gmbench.store.files import SCHEMA, store_folder, write_json
    from gmbench.store.provenance import provenance

    content = {"schema": SCHEMA, "kind": "timings", **provenance(), "rows": found}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return write_json(store_folder(folder) / "timings" / f"{digest}.json", content)


def _base(subject, size, dtype, device, allocator, direction):
    return {
        "implementation": subject.key,
        "layer_type": subject.layer_type,
        **size.axes,
        "batch": size.batch,
        "size": size.label,
        "dtype": dtype,
        "device": device,
        "allocator": allocator if device == "cpu" else None,
        "source": subject.source,
        "pass": direction,
    }
