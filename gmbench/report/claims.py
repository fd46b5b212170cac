"""The ledger: what the papers claim, what was measured here, and whether it holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas

from gmbench.report import figures_claims
from gmbench.report.page import Page
from gmbench.report.results import Results
from gmbench.report.tables import NONE, absent, bullets, counted, interval, number, table, text

VERDICTS = ("reproduced", "not reproduced", "inconclusive", "not run")
COMMAND = "gmbench run EXPERIMENT --data NAME --budget BUDGET --store STORE"
WORDS = ("id", "paper", "experiment", "source", "statement", "published", "unit", "margin", "measured", "dataset")
WORDS += ("budget", "verdict", "decided", "detail", "remark", "command")
METHOD = (
    "Each claim carries a *margin*, declared before the runs: half of its last printed digit and the spread that the "
    "paper states (10 % where it says about).",
    "**Reproduced**: the 95 % interval over seeds lies inside what is published, give or take the margin. "
    "**Not reproduced**: it lies wholly outside. **Inconclusive**: anything else. **Not run**: there are no cells.",
    "An ordering is reproduced where the 95 % interval of the paired difference over seeds excludes 0 on the side that "
    "the paper states, not reproduced where it does on the other side, and else inconclusive.",
    "Fewer than three seeds are inconclusive, except for counts and exact identities.",
    "A claim in words is judged by a measurable proxy, which was declared before the runs.",
)


def page(results: Results) -> Page:
    """The page, also where there is nothing to show."""
    found = Page("claims", "Claims: what holds")
    every = entries(results.claims)
    if not every:
        found.add(f"No claims are in this store. Cells make them: `{COMMAND}`")
        return found
    found.add(
        "What the papers state, what the runs here gave, and a verdict, which follows from the cells in the store by "
        "rules that were set before the runs."
    )
    found.add(counts(every))
    _picture(found, every)
    for paper in _papers(every):
        own = [entry for entry in every if entry["paper"] == paper]
        found.add(f"## Paper {text(paper or NONE)}", compact(own))
        details = [f"**{text(e['id'])}**: {text(e['detail'])}" for e in own if e["detail"]]
        if details:
            found.add("The numbers behind:", bullets(details))
    _decided(found, every)
    _open(found, every)
    found.add("## How verdicts are made", bullets(METHOD))
    commands = list(dict.fromkeys(e["command"] or _command(e) for e in every if e["command"] or e["experiment"]))
    found.add("## How to run it again", "The cells, and then these pages:")
    found.add("\n".join(["```", *commands, "gmbench report --store STORE --output FOLDER", "```"]))
    return found


def entries(frame: pandas.DataFrame) -> list[dict[str, Any]]:
    """The claims of a frame, by paper and else in their order; what is absent is an empty text or None.

    Each has the texts :data:`WORDS`, ``interval`` (a pair or None), ``seeds`` (a number or None), ``low``, ``high``
    (what is published with its margin) and ``centre`` (ours), which are finite numbers or None.
    """
    found = []
    for row in frame.to_dict("records"):
        entry: dict[str, Any] = {word: _words(row.get(word)) for word in WORDS}
        entry["interval"] = _pair(row.get("interval"))
        entry |= {key: _finite(row.get(key)) for key in ("low", "high", "centre")}
        seeds = _finite(row.get("seeds"))
        entry["seeds"] = None if seeds is None else int(seeds)
        entry["verdict"] = entry["verdict"] or "not run"
        found.append(entry)
    return sorted(found, key=lambda entry: entry["paper"])


def counts(every: Sequence[Mapping[str, Any]]) -> str:
    """A table of how many claims have which verdict, a row a paper."""
    kinds = list(dict.fromkeys([*VERDICTS, *(entry["verdict"] for entry in every)]))
    rows = []
    groups = [(text(paper or NONE), [e for e in every if e["paper"] == paper]) for paper in _papers(every)]
    for name, own in [*groups, *([("all", list(every))] if len(groups) > 1 else [])]:
        row = {"paper": name, "claims": str(len(own))}
        rows.append(row | {text(kind): str(sum(e["verdict"] == kind for e in own)) for kind in kinds})
    return table(rows)


def compact(own: Sequence[Mapping[str, Any]]) -> str:
    """A table of claims: what the paper says, what was measured, the verdict."""
    where = {(entry["dataset"], entry["budget"]) for entry in own}
    budgets = len({entry["budget"] for entry in own}) > 1
    rows = []
    for entry in own:
        source = f" ({text(entry['source'])})" if entry["source"] else ""
        row = {
            "claim": text(entry["id"]),
            "statement": text(entry["statement"]) + source,
            "paper says": _with_unit(entry["published"], entry["unit"]),
            "margin": text(entry["margin"]) if entry["margin"] else NONE,
            "ours": ours(entry),
            "seeds": NONE if entry["seeds"] is None else str(entry["seeds"]),
        }
        row["verdict"] = f"**{text(entry['verdict'])}**"
        if len(where) > 1:
            row["cells"] = text(", ".join(filter(None, (entry["dataset"], entry["budget"] if budgets else "")))) or NONE
        rows.append(row)
    said = ", budget ".join(text(word) for word in next(iter(where)) if word) if len(where) == 1 else ""
    return table(rows) + (f"\n\nAll from cells on {said}." if said else "")


def ours(entry: Mapping[str, Any]) -> str:
    """What was measured, with its interval."""
    shown = entry["measured"] or number(entry["centre"])
    if shown == NONE or not entry["interval"]:
        return text(shown)
    return f"{_with_unit(shown, entry['unit'])} ({_ends(entry['interval'])})"


def _papers(every) -> list[str]:
    return list(dict.fromkeys(entry["paper"] for entry in every))


def _picture(found: Page, every) -> None:
    rows = [
        figures_claims.Row(
            entry["id"],
            *(entry["low"], entry["high"], entry["centre"], entry["interval"], entry["verdict"]),
            said=f"{entry['published']} | {entry['measured'] or number(entry['centre'])}",
        )
        for entry in every
        if None not in (entry["low"], entry["high"], entry["centre"])
    ]
    figure = figures_claims.forest(rows, "published and measured")
    if figure is None:
        return
    found.show("claims", figure, "published bands and measured intervals of the numeric claims")
    left = len(every) - len(rows)
    more = (
        f" {counted(left, 'claim')} without a published band or a number of ours: in the tables only." if left else ""
    )
    found.add(
        "Each claim in units of its own margin: the band from -1 to 1 is what is published, give or take the margin; a "
        "mark is our mean, a line its 95 % interval. Arrows: beyond the axis. Where the margin is 0, only a mark at 0 "
        f"agrees. At the right: published | ours.{more}"
    )


def _decided(found: Page, every) -> None:
    by_text: dict[str, list[str]] = {}
    for entry in every:
        if entry["decided"]:
            by_text.setdefault(entry["decided"], []).append(entry["id"])
    if by_text:
        found.add("## What had to be decided", "What the papers leave open, as it was set before the runs.")
        found.add(bullets(f"**{text(', '.join(ids))}**: {text(decided)}" for decided, ids in by_text.items()))


def _open(found: Page, every) -> None:
    for verdict, heading in (("not reproduced", "What does not reproduce"), ("inconclusive", "What stays open")):
        own = [entry for entry in every if entry["verdict"] == verdict]
        if own:
            found.add(f"## {heading}")
            found.add(*(_paragraph(entry) for entry in own))


def _paragraph(entry: Mapping[str, Any]) -> str:
    source = f" ({text(entry['source'])})" if entry["source"] else ""
    said = (
        f"**{text(entry['id'])}**. {_sentence(text(entry['statement'][:1].upper() + entry['statement'][1:]) + source)}"
    )
    if entry["published"]:
        margin = f" (margin {text(entry['margin'])})" if entry["margin"] else ""
        said += f" The paper says {_with_unit(entry['published'], entry['unit'])}{margin};"
        seeds = f", {counted(entry['seeds'], 'seed')}" if entry["seeds"] is not None else ""
        said += f" here it is {ours(entry)}{seeds}."
    return " ".join([said, *(_sentence(text(entry[key])) for key in ("detail", "remark") if entry[key])])


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _command(entry: Mapping[str, Any]) -> str:
    data = f" --data {entry['dataset']}" if entry["dataset"] else ""
    budget = f" --budget {entry['budget']}" if entry["budget"] else ""
    return f"gmbench run {entry['experiment']}{data}{budget} --store STORE"


def _with_unit(shown: str, unit: str) -> str:
    if not shown:
        return NONE
    return text(shown if not unit or shown.rstrip().endswith(unit) else f"{shown} {unit}")


def _ends(ends: tuple[float, float]) -> str:
    """An interval, with as many digits as tell its ends apart."""
    width = ends[1] - ends[0]
    if max(map(abs, ends)) >= 1000:
        return f"{number(ends[0])} to {number(ends[1])}"
    decimals = 2 if width <= 0 else min(max(2, 1 - math.floor(math.log10(width))), 6)
    return interval(ends, decimals)


def _words(value: Any) -> str:
    if absent(value) or value is pandas.NA or value is pandas.NaT:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value).strip()


def _finite(value: Any) -> float | None:
    try:
        converted = float(value)
    except (TypeError, ValueError):
        return None
    return converted if math.isfinite(converted) else None


def _pair(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list | tuple | np.ndarray) or len(value) != 2:
        return None
    low, high = _finite(value[0]), _finite(value[1])
    return None if low is None or high is None else (low, high)
