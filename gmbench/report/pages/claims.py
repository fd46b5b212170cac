"""The ledger: what the papers claim, what was measured here, and whether it holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from gmbench.claims.claim import NOT_RUN, VERDICTS
from gmbench.report.figures import claims as figures_claims
from gmbench.report.text.markdown import bullets, code, counted, interval, number, table, text
from gmbench.report.text.page import Page, file_of
from gmbench.results import leaderboard as boards
from gmbench.results.frames import NONE
from gmbench.results.ledger import LedgerRow
from gmbench.results.read import Results

COMMAND = "gmbench run EXPERIMENT --data NAME --budget BUDGET --store STORE"
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
    every = by_paper(results.claims)
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
        own = [row for row in every if row.paper == paper]
        found.add(f"## Paper {text(paper or NONE)}", compact(own))
        details = [_behind(row) for row in own if row.verdict not in OPEN]
        if any(details):
            found.add("The numbers behind:", bullets(filter(None, details)))
    protocol = _grouped(every, "protocol")
    if protocol:
        links = [f"[{text(name)}]({file_of(name)}.md)" for name in boards.names(results)]
        found.add("## What had to be decided", "What the papers leave open, and what was chosen here.", protocol)
        found.add(f"The decisions of whole experiments: {', '.join(links)}." if links else "")
    _open(found, every)
    found.add("## How verdicts are made", bullets(METHOD))
    commands = list(dict.fromkeys(row.command for row in every))
    found.add("## How to run it again", "The cells, and then these pages:")
    found.add("\n".join(["```", *commands, "gmbench report --store STORE --output FOLDER", "```"]))
    return found


def by_paper(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """The claims of each paper together, and else in their order."""
    return sorted(rows, key=lambda row: row.paper)


def counts(every: Sequence[LedgerRow]) -> str:
    """A table of how many claims have which verdict, a row a paper."""
    lines = []
    groups = [(text(paper or NONE), [row for row in every if row.paper == paper]) for paper in _papers(every)]
    for name, own in [*groups, *([("all", list(every))] if len(groups) > 1 else [])]:
        line = {"paper": name, "claims": str(len(own))}
        lines.append(line | {text(kind): str(sum(row.verdict == kind for row in own)) for kind in VERDICTS})
    return table(lines)


def summary(own: Sequence[LedgerRow]) -> str:
    """What holds and what does not, in words: a line for each verdict that was given. Claims in words are named with
    what was found; of more than FEW printed numbers only how many, and the least and the most that ours are of theirs.
    """
    lines = []
    for verdict, said in SAID.items():
        found = [row for row in own if row.verdict == verdict]
        if not found:
            continue
        if verdict == NOT_RUN:
            commands = dict.fromkeys(line for row in found for line in row.command.split(" && ") if line)
            parts = [", ".join([*_spans(found), *map(code, commands)])]
        else:
            numbers = [row for row in found if _band(row)]
            exact = [row for row in found if row.found.margin == 0 and row not in numbers]
            many = [group for group in (exact, numbers) if len(group) > FEW]
            parts = [_named(row) for row in found if not any(row in group for group in many)]
            parts += [
                f"{len(group)} {'exact' if group is exact else 'printed'} numbers{_ratios(group)} "
                f"({', '.join(_spans(group))})"
                for group in many
            ]
        lines.append(f"**{said}, {len(found)} of {len(own)}**: {'; '.join(parts)}.")
    return bullets(lines)


def _named(row: LedgerRow) -> str:
    """What is stated, what was found, and what the paper says where that is a number."""
    found = ours(row)
    printed = f", the paper says {says(row)}" if found and _margin(row) and says(row) else ""
    return f"{text(row.statement)} ({text(row.id)}{': ' + text(found + printed) if found else ''})"


def _ratios(numbers: Sequence[LedgerRow]) -> str:
    """The least and the most that our numbers are of the published ones, where all have a ratio."""
    pairs = [(row.found.centre, sum(band) / 2) for row in numbers if (band := _band(row))]
    if len(pairs) < len(numbers) or any(mine is None or mine * theirs <= 0 for mine, theirs in pairs):
        return ""
    least, most = (number(end(mine / theirs for mine, theirs in pairs if mine is not None)) for end in (min, max))
    return f", ours {least if least == most else f'{least} to {most}'} times theirs"


def _spans(numbers: Sequence[LedgerRow]) -> list[str]:
    """Ids, with those that follow each other as ``A01 to A04``."""
    found: list[list[str]] = []
    for name in (row.id for row in numbers):
        stem = name.rstrip("0123456789")
        digits = name.removeprefix(stem)
        if found and digits and int(digits) > 0 and found[-1][-1] == f"{stem}{int(digits) - 1:0{len(digits)}d}":
            found[-1].append(name)
        else:
            found.append([name])
    return [text(ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}") for ids in found]


def compact(own: Sequence[LedgerRow]) -> str:
    """A table of claims: what the paper says, what was measured, the verdict."""
    lines = [
        {
            "claim": text(row.id),
            "statement": text(row.statement) + (f" ({text(row.source)})" if row.source else ""),
            "paper says": text(says(row)) or NONE,
            "margin": text(_margin(row)) or NONE,
            "ours": text(ours(row)) or NONE,
            "seeds": NONE if row.verdict == NOT_RUN else str(row.found.seeds),
            "verdict": f"**{text(row.verdict)}**",
        }
        for row in own
    ]
    return "\n\n".join(filter(None, [table(lines), _where(own)]))


def _where(own: Sequence[LedgerRow]) -> str:
    """Which cells the claims are judged by: those of most of them, and then the exceptions."""
    groups: dict[str, list[str]] = {}
    for row in own:
        groups.setdefault(f"{_listed(row.datasets)}, budget {row.budget}", []).append(row.id)
    usual = max(groups, key=lambda place: len(groups[place]), default="")
    others = [f"; {text(', '.join(ids))} on {text(place)}" for place, ids in groups.items() if place != usual]
    return f"By cells on {text(usual)}{''.join(others)}." if usual else ""


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def says(row: LedgerRow) -> str:
    """What the paper says, as it is printed."""
    return row.printed or _with_unit(_words(row.published), row.unit)


def ours(row: LedgerRow) -> str:
    """What was measured; a plain number with its unit and interval."""
    shown, ends = row.found.shown or _words(row.found.measured), _interval(row)
    if shown.removesuffix(row.unit).strip(" +-.,0123456789"):
        return shown  # in words, which say all
    return _with_unit(shown, row.unit) + (f" ({_ends(ends)})" if ends else "")


def _margin(row: LedgerRow) -> str:
    return _words(row.found.margin)


def _band(row: LedgerRow) -> tuple[float, float] | None:
    """What is published, with its margin, where that is two numbers."""
    return _finite(row.found.low, row.found.high)


def _interval(row: LedgerRow) -> tuple[float, float] | None:
    """Ours, where that is two numbers."""
    return _finite(*(row.found.interval or (None, None)))


def _finite(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None or not math.isfinite(low + high) else (low, high)


def _papers(every: Sequence[LedgerRow]) -> list[str]:
    return list(dict.fromkeys(row.paper for row in every))


def _picture(found: Page, every: Sequence[LedgerRow]) -> None:
    lines = [
        figures_claims.Row(
            f"{row.id}  {row.statement}",
            *(*band, row.found.centre, _interval(row), row.verdict),
            said=f"{says(row)} | {ours(row)}",
        )
        for row in every
        if (band := _band(row)) and row.found.centre is not None
    ]
    figure = figures_claims.forest(lines, "published and measured")
    if figure is None:
        return
    found.show("claims", figure, "published bands and measured intervals of the numeric claims")
    left = len(every) - len(lines)
    more = (
        f" {counted(left, 'claim')} without a published band or a number of ours: in the tables only." if left else ""
    )
    found.add(
        "Each claim in units of its own margin: the band from -1 to 1 is what is published, give or take the margin; a "
        "mark is our mean, a line its 95 % interval. Arrows: beyond the axis. Where the margin is 0, only a mark at 0 "
        f"agrees. At the right: published | ours.{more}"
    )


def _grouped(every: Sequence[LedgerRow], key: str) -> str:
    """One of a claim's texts as a list, each once, after the claims that have it."""
    found: dict[str, list[str]] = {}
    for row in every:
        if words := getattr(row, key):
            found.setdefault(words, []).append(row.id)
    return bullets(f"**{text(', '.join(ids))}**: {text(words)}" for words, ids in found.items())


def _open(found: Page, every: Sequence[LedgerRow]) -> None:
    for verdict, heading in OPEN.items():
        own = [row for row in every if row.verdict == verdict]
        if own:
            found.add(f"## {heading}")
            for row in own:
                found.add(_paragraph(row), bullets(map(text, _parts(row))))


def _paragraph(row: LedgerRow) -> str:
    source = f" ({text(row.source)})" if row.source else ""
    said = f"**{text(row.id)}**. {_sentence(text(row.statement[:1].upper() + row.statement[1:]) + source)}"
    if says(row):
        margin = f" (margin {text(_margin(row))})" if _margin(row) else ""
        said += f" The paper says: {text(says(row))}{margin}."
    if ours(row):
        said += f" Here: {text(ours(row))}, {counted(row.found.seeds, 'seed')}."
    return " ".join([said, *(_sentence(text(words)) for words in (row.remark, row.detail) if words)])


def _behind(row: LedgerRow) -> str:
    """What a decided verdict rests on."""
    said = "; ".join(filter(None, [*_parts(row), row.detail]))
    return f"**{text(row.id)}**: {text(said)}" if said else ""


def _parts(row: LedgerRow) -> list[str]:
    """What was found of each part; of one without cells the detail says which."""
    return [f"{part.shown}: {part.verdict}" for part in row.parts if part.shown]


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?")) else f"{words}."


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
    """A number, a pair of them or a text as words; empty for None."""
    if isinstance(value, list | tuple):
        return " to ".join(map(_words, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
