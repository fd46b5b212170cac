"""What a store holds, read once, and where it was made."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gmbench.contract import ContractError
from gmbench.report.tables import NONE, code, table, text

if TYPE_CHECKING:
    import pandas

WRONG = "wrong.json"  # in the store: which check catches which wrong implementation


@dataclass
class Results:
    """The frames of a store, in an order that does not depend on names of files.

    Each has a column ``run``, which tells machines apart. ``wrong`` is the file of wrong implementations, or None.
    """

    checks: pandas.DataFrame
    timings: pandas.DataFrame
    cells: pandas.DataFrame
    claims: pandas.DataFrame
    wrong: dict[str, Any] | None = None


def read(store: str | os.PathLike | None = None) -> Results:
    """Everything in a store.

    :raises ContractError: if there is no such folder
    """
    import gmbench
    from gmbench.runs.store import read_json, store_folder

    folder = store_folder(store)
    if not folder.is_dir():
        raise ContractError(f"there is no store {folder}; `gmbench verify gm/eager --store {folder}` makes one")
    logger = logging.getLogger("gmbench")
    path, wrong = folder / WRONG, None
    if path.exists():
        try:
            wrong = read_json(path, "wrong")
        except ContractError as error:
            logger.warning("gmbench: ignored %s", error)
    frames = {kind: gmbench.load(kind, store) for kind in ("checks", "timings", "cells", "claims")}
    return Results(
        checks=_latest(frames["checks"], ["layer_type", "implementation", "device", "dtype", "profile"], ["check"]),
        timings=_latest(
            frames["timings"],
            ["layer_type", "dtype", "device", "size", "batch", "pass", "implementation"],
        ),
        cells=_latest(
            frames["cells"],
            [
                *("experiment", "version", "data", "digest", "budget", "epochs", "arm", "implementation"),
                *("initialisation", "device", "seed"),
            ],
            ["epoch"],
            machines=False,
        ),
        claims=frames["claims"],
        wrong=wrong,
    )


def _latest(frame, keys, inner=(), machines=True):
    """The rows of the latest run of each key (on each machine), sorted by it; within a run as they were."""
    keys = [*keys, *(["machine", "torch"] if machines else [])]
    wanted = [*keys, *inner, "when", *([] if machines else ["cell"])]
    frame = frame.reindex(columns=[*frame.columns, *(c for c in wanted if c not in frame)])
    if frame.empty:
        return frame.assign(run="")
    # the latest file of a key, and of two of the same second always the same one
    stamp = frame["when"].astype(str) + frame["commit"].astype(str)
    if not machines:
        stamp += frame["cell"].astype(str)
    newest = stamp.groupby([frame[key] for key in keys], dropna=False, sort=False).transform("max")
    frame = frame[stamp == newest]
    frame = frame.drop_duplicates([*keys, *inner], keep="last")
    order = keys + [c for c in inner if c == "epoch"]
    return _marked(frame.sort_values(order, kind="stable", ignore_index=True))


def runs(frame: pandas.DataFrame) -> dict[tuple[str, str], str]:
    """A letter for every machine and version of torch in a frame."""
    found = sorted(set(zip(frame["machine"].astype(str), frame["torch"].astype(str), strict=True)))
    return {key: _letter(position) for position, key in enumerate(found)}


def _marked(frame: pandas.DataFrame) -> pandas.DataFrame:
    """With a column ``run``: the letter of the machine, or nothing where there is one machine only."""
    letters = runs(frame)
    machines = zip(frame["machine"].astype(str), frame["torch"].astype(str), strict=True)
    return frame.assign(run=[letters[key] if len(letters) > 1 else "" for key in machines])


def made(frame: pandas.DataFrame, noun: str, budget: str | None = None) -> str:
    """A table of what made a frame: machine, torch, commits, when.

    :param noun: what is counted; ``cell`` counts cells, anything else rows
    :param budget: the column that says how much was spent
    """
    rows, letters = [], runs(frame)
    for (machine, torch), letter in letters.items():
        part = frame[(frame["machine"].astype(str) == machine) & (frame["torch"].astype(str) == torch)]
        commits = sorted({str(c) for c in part["commit"].dropna()})
        when = sorted(str(w) for w in part["when"].dropna())
        how_many = part["cell"].nunique() if noun == "cell" else len(part)
        row = {"run": letter} if len(letters) > 1 else {}
        row |= {
            "machine": text(machine),
            "torch": text(torch),
            "commit": ", ".join(code(short(c)) for c in commits) or NONE,
            "when (UTC)": _span(when),
        }
        if budget:
            row[budget] = text(", ".join(sorted({str(b) for b in part[budget].dropna()})) or NONE)
        rows.append(row | {f"{noun}s": f"{how_many:,}"})
    return table(rows) if rows else ""


def dirty(*frames: pandas.DataFrame) -> str:
    """What a reader has to know where a commit is marked as dirty."""
    marked = any(str(commit).endswith("-dirty") for frame in frames for commit in frame["commit"].dropna())
    return "`-dirty`: the code differed from that commit when it ran." if marked else ""


def _span(when: list[str]) -> str:
    """The first and the last of some times, the day once where it is the same."""
    if not when:
        return NONE
    first, last = (stamp.replace("T", " ").rstrip("Z")[:16] for stamp in (when[0], when[-1]))
    return first if first == last else f"{first} to {last[11:] if first[:10] == last[:10] else last}"


def short(commit: str) -> str:
    """A commit as it is usually printed."""
    digest, dash, state = commit.partition("-")
    return digest[:10] + dash + state


def _letter(position: int) -> str:
    return chr(ord("A") + position) if position < 26 else f"run {position + 1}"
