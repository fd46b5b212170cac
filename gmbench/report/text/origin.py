"""Where and when results were made, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gmbench.report.text.markdown import code, table, text
from gmbench.results.frames import NONE

if TYPE_CHECKING:
    import pandas

    from gmbench.store.provenance import Commit
from gmbench.results.read import known, machines


def made(frame: pandas.DataFrame, noun: str, budget: str | None = None) -> str:
    """A table of what made a frame: machine, torch, commits, when.

    :param noun: what is counted; ``cell`` counts cells, anything else rows
    :param budget: the column that says how much was spent
    """
    rows, letters = [], machines(frame)
    for (machine, torch), letter in letters.items():
        part = frame[(known(frame, "machine") == machine) & (known(frame, "torch") == torch)]
        commits = sorted({str(c) for c in part["commit"].dropna()})
        when = sorted(str(w) for w in part["when"].dropna())
        how_many = part["cell"].nunique() if noun == "cell" else len(part)
        row = {"run": letter} if len(letters) > 1 else {}
        row |= {
            "machine": text(machine or NONE),
            "torch": text(torch or NONE),
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


def stamp(commit: Commit | None, when: str | None = None) -> str:
    """The commit and the time of a single file, in words; empty where it has neither."""
    words = [f"commit {short(str(commit))}"] if commit else []
    return ", ".join(words + ([f"{_span([when])} UTC"] if when else []))


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
