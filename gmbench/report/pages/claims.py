"""The ledger: what the papers claim, what was measured here, and whether it holds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas

from gmbench.claims.claim import NOT_RUN, VERDICTS
from gmbench.report.figures.claims import Row, forest
from gmbench.report.text.markdown import bullets, code, counted, interval, number, table, text
from gmbench.report.text.page import Page, file_of
from gmbench.results import leaderboard as boards
from gmbench.results.frames import NONE, absent
from gmbench.results.read import Results

COMMAND = "gmbench run EXPERIMENT --data NAME --budget BUDGET --store STORE"
WORDS = ("id", "paper", "experiment", "source", "statement", "published", "printed", "unit", "margin", "measured")
WORDS += ("shown", "dataset", "budget", "verdict", "protocol", "detail", "remark", "command")
OPEN = {"not reproduced": "What does not reproduce", "inconclusive": "What stays open"}
SAID = {"reproduced": "Holds", "not reproduced": "Does not hold", "inconclusive": "Stays open", NOT_RUN: "Not run"}
FEW = 2  # printed numbers that a summary names
METHOD = (
    "A printed number carries a *margin*: half of its last printed digit, a tenth of it where the paper says about (of "
    "a range: of its middle; of an accuracy: of what it lacks to 100 %), and the spread that the paper states.",
    "**Reproduced**: the 95 % interval over seeds lies inside what is published, give or take the margin. "
    "**Not reproduced**: it lies wholly outside. **Inconclusive**: anything else. **Not run**: there are no cells.",
    "An ordering is reproduced where the 95 % interval of the paired difference over seeds excludes 0 on the side that "
    "the paper states, not reproduced where it does on the other side, and else inconclusive. That interval is a "
    "percentile bootstrap, which is too narrow for few seeds: it excludes 0 as soon as all of three or five agree. The "
    "p beside it is exact (all changes of sign), and cannot be below 0.25 with three seeds or 0.06 with five.",
    "A count is reproduced where ours is all, or none, or the very same, from at least as many seeds, and not "
    "reproduced where Fisher's exact test tells the two shares apart at 5 %. A claim of several parts needs them all.",
    "Fewer than three seeds are inconclusive, except for counts, exact identities, and orderings of what is the same "
    "for any seed, as a number of parameters.",
    "A printed number is compared with the seeds that trained; in orderings and counts a seed that diverged is one at "
    "100 % error.",
    "A seed that never reaches an error counts as the end of its training in a number of steps, if at least three "
    "others do; else the number is inconclusive.",
    "What no run can decide stays inconclusive, and says why.",
    "A claim in words is judged by a measurable proxy, and an open setting is decided, in the experiment's file; its "
    "history, beside the commit of the cells, says which came first.",
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
        "the rules below."
    )
    found.add(counts(every))
    _picture(found, every)
    for paper in _papers(every):
        own = [entry for entry in every if entry["paper"] == paper]
        found.add(f"## Paper {text(paper or NONE)}", compact(own))
        details = [_behind(entry) for entry in own if entry["verdict"] not in OPEN]
        if any(details):
            found.add("The numbers behind:", bullets(filter(None, details)))
    protocol = _grouped(every, "protocol")
    if protocol:
        links = [f"[{text(name)}]({file_of(name)}.md)" for name in boards.names(results)]
        found.add("## What had to be decided", "What the papers leave open, and what was chosen here.", protocol)
        found.add(f"The decisions of whole experiments: {', '.join(links)}." if links else "")
    _open(found, every)
    found.add("## How verdicts are made", bullets(METHOD))
    commands = list(dict.fromkeys(e["command"] or _command(e) for e in every if e["command"] or e["experiment"]))
    found.add("## How to run it again", "The cells, and then these pages:")
    found.add("\n".join(["```", *commands, "gmbench report --store STORE --output FOLDER", "```"]))
    return found


def entries(frame: pandas.DataFrame) -> list[dict[str, Any]]:
    """The claims of a frame, by paper and else in their order; what is absent is an empty text or None.

    Each has the texts :data:`WORDS`, ``datasets`` (one or several), ``interval`` (a pair or None), ``seeds`` (a number
    or None), ``low``, ``high`` (what is published with its margin) and ``centre`` (ours; where the frame has none, what
    is measured if that is a number), which are finite numbers or None.
    """
    found = []
    for row in frame.to_dict("records"):
        entry: dict[str, Any] = {word: _words(row.get(word)) for word in WORDS}
        several = row.get("datasets")
        entry["datasets"] = [_words(name) for name in several] if isinstance(several, list) else [entry["dataset"]]
        entry["interval"] = _pair(row.get("interval"))
        entry |= {key: _finite(row.get(key)) for key in ("low", "high", "centre")}
        if entry["centre"] is None:
            entry["centre"] = _finite(row.get("measured"))
        seeds = _finite(row.get("seeds"))
        entry["seeds"] = None if seeds is None else int(seeds)
        entry["verdict"] = entry["verdict"] or "not run"
        parts = row.get("parts")
        entry["parts"] = [
            f"{_words(part.get('shown'))}: {_words(part.get('verdict'))}"
            for part in (parts if isinstance(parts, list) else ())
            if isinstance(part, Mapping) and part.get("shown")  # of a part without cells the detail says which
        ]
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


def summary(own: Sequence[Mapping[str, Any]]) -> str:
    """What holds and what does not, in words: a line for each verdict that was given. Claims in words are named with
    what was found; of more than FEW printed numbers only how many, and the least and the most that ours are of theirs.
    """
    lines = []
    for verdict, said in SAID.items():
        found = [entry for entry in own if entry["verdict"] == verdict]
        if not found:
            continue
        if verdict == NOT_RUN:
            commands = dict.fromkeys(line for entry in found for line in entry["command"].split(" && ") if line)
            parts = [", ".join([*_spans(found), *map(code, commands)])]
        else:
            numbers = [entry for entry in found if None not in (entry["low"], entry["high"])]
            exact = [entry for entry in found if entry["margin"] == "0" and entry not in numbers]
            many = [group for group in (exact, numbers) if len(group) > FEW]
            parts = [_named(entry) for entry in found if not any(entry in group for group in many)]
            parts += [
                f"{len(group)} {'exact' if group is exact else 'printed'} numbers{_ratios(group)} "
                f"({', '.join(_spans(group))})"
                for group in many
            ]
        lines.append(f"**{said}, {len(found)} of {len(own)}**: {'; '.join(parts)}.")
    return bullets(lines)


def _named(entry: Mapping[str, Any]) -> str:
    """What is stated, what was found, and what the paper says where that is a number."""
    found = ours(entry)
    printed = f", the paper says {says(entry)}" if found and entry["margin"] and says(entry) else ""
    return f"{text(entry['statement'])} ({text(entry['id'])}{': ' + text(found + printed) if found else ''})"


def _ratios(numbers: Sequence[Mapping[str, Any]]) -> str:
    """The least and the most that our numbers are of the published ones, where all have a ratio."""
    if any(None in (entry["centre"], entry["low"], entry["high"]) for entry in numbers):
        return ""
    pairs = [(entry["centre"], (entry["low"] + entry["high"]) / 2) for entry in numbers]
    if any(mine * theirs <= 0 for mine, theirs in pairs):
        return ""
    least, most = (number(end(mine / theirs for mine, theirs in pairs)) for end in (min, max))
    return f", ours {least if least == most else f'{least} to {most}'} times theirs"


def _spans(numbers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids, with those that follow each other as ``A01 to A04``."""
    found: list[list[str]] = []
    for name in (entry["id"] for entry in numbers):
        stem, digits = re.fullmatch(r"(.*?)(\d*)", name).groups()
        if found and digits and int(digits) > 0 and found[-1][-1] == f"{stem}{int(digits) - 1:0{len(digits)}d}":
            found[-1].append(name)
        else:
            found.append([name])
    return [text(ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}") for ids in found]


def compact(own: Sequence[Mapping[str, Any]]) -> str:
    """A table of claims: what the paper says, what was measured, the verdict."""
    rows = []
    for entry in own:
        source = f" ({text(entry['source'])})" if entry["source"] else ""
        row = {
            "claim": text(entry["id"]),
            "statement": text(entry["statement"]) + source,
            "paper says": text(says(entry)) or NONE,
            "margin": text(entry["margin"]) if entry["margin"] else NONE,
            "ours": text(ours(entry)) or NONE,
            "seeds": NONE if entry["seeds"] is None or entry["verdict"] == "not run" else str(entry["seeds"]),
        }
        row["verdict"] = f"**{text(entry['verdict'])}**"
        rows.append(row)
    return "\n\n".join(filter(None, [table(rows), _where(own)]))


def _where(own: Sequence[Mapping[str, Any]]) -> str:
    """Which cells the claims are judged by: those of most of them, and then the exceptions."""
    groups: dict[str, list[str]] = {}
    for entry in own:
        place = _listed(entry["datasets"]) + (f", budget {entry['budget']}" if entry["budget"] else "")
        groups.setdefault(place, []).append(entry["id"])
    usual = max(groups, key=lambda place: len(groups[place]), default="")
    others = [f"; {text(', '.join(ids))} on {text(place)}" for place, ids in groups.items() if place not in ("", usual)]
    return f"By cells on {text(usual)}{''.join(others)}." if usual else ""


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def says(entry: Mapping[str, Any]) -> str:
    """What the paper says, as it is printed."""
    return entry["printed"] or _with_unit(entry["published"], entry["unit"])


def ours(entry: Mapping[str, Any]) -> str:
    """What was measured; a plain number with its unit and interval."""
    shown = entry["shown"] or entry["measured"]
    if not shown and entry["centre"] is not None:
        shown = number(entry["centre"])
    if shown.removesuffix(entry["unit"]).strip(" +-.,0123456789"):
        return shown  # in words, which say all
    return _with_unit(shown, entry["unit"]) + (f" ({_ends(entry['interval'])})" if entry["interval"] else "")


def _papers(every) -> list[str]:
    return list(dict.fromkeys(entry["paper"] for entry in every))


def _picture(found: Page, every) -> None:
    rows = [
        Row(
            f"{entry['id']}  {entry['statement']}",
            *(entry["low"], entry["high"], entry["centre"], entry["interval"], entry["verdict"]),
            said=f"{says(entry)} | {ours(entry)}",
        )
        for entry in every
        if None not in (entry["low"], entry["high"], entry["centre"])
    ]
    figure = forest(rows, "published and measured")
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


def _grouped(every, key: str) -> str:
    """One of a claim's texts as a list, each once, after the claims that have it."""
    found: dict[str, list[str]] = {}
    for entry in every:
        if entry[key]:
            found.setdefault(entry[key], []).append(entry["id"])
    return bullets(f"**{text(', '.join(ids))}**: {text(words)}" for words, ids in found.items())


def _open(found: Page, every) -> None:
    for verdict, heading in OPEN.items():
        own = [entry for entry in every if entry["verdict"] == verdict]
        if own:
            found.add(f"## {heading}")
            for entry in own:
                found.add(_paragraph(entry), bullets(map(text, entry["parts"])))


def _paragraph(entry: Mapping[str, Any]) -> str:
    source = f" ({text(entry['source'])})" if entry["source"] else ""
    said = (
        f"**{text(entry['id'])}**. {_sentence(text(entry['statement'][:1].upper() + entry['statement'][1:]) + source)}"
    )
    if says(entry):
        margin = f" (margin {text(entry['margin'])})" if entry["margin"] else ""
        said += f" The paper says: {text(says(entry))}{margin}."
    if ours(entry):
        seeds = f", {counted(entry['seeds'], 'seed')}" if entry["seeds"] is not None else ""
        said += f" Here: {text(ours(entry))}{seeds}."
    return " ".join([said, *(_sentence(text(entry[key])) for key in ("remark", "detail") if entry[key])])


def _behind(entry: Mapping[str, Any]) -> str:
    """What a decided verdict rests on."""
    said = "; ".join(filter(None, [*entry["parts"], entry["detail"]]))
    return f"**{text(entry['id'])}**: {text(said)}" if said else ""


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _command(entry: Mapping[str, Any]) -> str:
    data = f" --data {entry['dataset']}" if entry["dataset"] else ""
    budget = f" --budget {entry['budget']}" if entry["budget"] else ""
    return f"gmbench run {entry['experiment']}{data}{budget} --store STORE"


def _with_unit(shown: str, unit: str) -> str:
    return shown if not shown or not unit or shown.endswith(unit) else f"{shown} {unit}"


def _ends(ends: tuple[float, float]) -> str:
    """An interval, with as many digits as tell its ends apart."""
    width = ends[1] - ends[0]
    if max(map(abs, ends)) >= 200:
        return f"{number(ends[0])} to {number(ends[1])}"
    decimals = 2 if width <= 0 else min(max(2, 1 - math.floor(math.log10(width))), 6)
    sizes = [abs(end) for end in ends if end]
    # decimals would show one end as nothing, or with a digit or two less than the other
    if sizes and (min(sizes) < 10**-decimals or (ends[0] * ends[1] > 0 and max(sizes) > 10 * min(sizes))):
        return f"{number(ends[0])} to {number(ends[1])}"
    return interval(ends, decimals)


def _words(value: Any) -> str:
    if absent(value) or value is pandas.NA or value is pandas.NaT:
        return ""
    if isinstance(value, list | tuple):
        return " to ".join(filter(None, map(_words, value)))
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
