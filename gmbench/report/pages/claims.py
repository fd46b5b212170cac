"""The ledger: what the papers claim, what was measured here, and whether it holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from gmbench.claims.verdicts import AGAINST, AGREES, DEPENDS, NO_DIFFERENCE, NOT_RUN, TOO_FEW, UNDECIDABLE, VERDICTS
from gmbench.report.figures.claims import Row, forest
from gmbench.report.text.markdown import bullets, code, counted, interval, number, table, text
from gmbench.report.text.page import Page, file_of
from gmbench.results import leaderboard as boards
from gmbench.results.frames import NONE
from gmbench.results.headlines import Told, told
from gmbench.results.ledger import LedgerRow, tests_of
from gmbench.results.read import Results

COMMAND = "gmbench run EXPERIMENT --data NAME --budget BUDGET --store STORE"
OPEN = {
    "What differs, or does not hold": (*AGAINST, NO_DIFFERENCE),
    "What stays open": (TOO_FEW, DEPENDS, UNDECIDABLE),
}
FEW = 2  # printed numbers that a summary names
METHOD = (
    "**A printed number** is a sample too: it *agrees* where it lies, with its rounding (half of its last printed "
    "digit, a tenth of it where the paper says about, and the spread that the paper states), in the 95 % prediction "
    "interval for what the paper reports (Spence and Stanley 2016), that is for the mean of as many runs as the paper"
    " has, or for one run where it does not say, and that interval is narrow enough to say something: its half width "
    "is at most the claim's *resolution*, a quarter of the published error, loss or missing accuracy, and never wider"
    " than the difference that the paper makes a point of. It *differs, ours better* or *ours worse*, with the factor"
    " or the difference, where it lies outside (*above* or *below* where neither side is better). Means are "
    "arithmetic, as the papers' are; of mean squares the logarithms are what is normal, and the geometric mean stands"
    " beside.",
    "**An ordering** takes at least six seeds in pairs, and ten where a cell takes less than a minute. The exact test"
    " of all changes of sign decides, two-sided at 5 %: it *holds* or is *reversed*. *No difference*: two one-sided "
    "tests put the difference within the declared margin (a tenth of a decade, or of the other arm's mean). "
    "**Similar, no slower, comparable** are equivalences: one or two one-sided t tests against a declared margin, and"
    " so are limits. The interval that is shown is Student's t.",
    "**A count** of seeds is compared by Fisher's exact test; it *agrees* where the counts that the test does not "
    "tell apart span at most a quarter of the paper's seeds on either side.",
    "**Several parts** are shown one by one. A claim *holds* where all its parts hold, each at 5 % (an "
    "intersection-union test, Berger 1982); it *does not hold* where one is reversed or differs after Holm's "
    "adjustment for their number. What was not run never decides: the claim is *not run* then, and names the cells.",
    "**A seed that diverged**, or never gets there, is in no mean: how many did is a part of its own, by Fisher's "
    "exact test, which may speak against a claim and never for it. In counts it has not reached anything, and loses "
    "its pair.",
    "**Too few seeds**: nothing is decided, and so many would decide if they went on as these; where the paper's own "
    "runs vary too much, no number of ours does. **Depends on a choice**: what the paper leaves open decides it, and "
    "each reading is shown. **Undecidable by runs** says why. **Not run** names the cells that are missing.",
    "How often these rules err was simulated, and tests hold it: where nothing differs an ordering is decided in at "
    "most 6 % of cases for 6 to 20 pairs and never with fewer, a printed number differs in 3 to 7 % (up to 12 % where"
    " values are exponential), and a claim of 24 parts is decided in at most 5 %; where two arms are two deviations "
    "apart, ten pairs find it in 98 %.",
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
    _headlines(found, every)
    _picture(found, every)
    for paper in _papers(every):
        own = [row for row in every if row.paper == paper]
        found.add(f"## Paper {text(paper or NONE)}", compact(own))
        told = [verdict for verdicts in OPEN.values() for verdict in verdicts]
        details = [_behind(row) for row in own if row.verdict not in told]
        if any(details):
            found.add("The numbers behind:", bullets(filter(None, details)))
    protocol = _grouped(every, "protocol")
    if protocol:
        links = [f"[{text(name)}]({file_of(name)}.md)" for name in boards.names(results)]
        found.add("## What had to be decided", "What the papers leave open, and what was chosen here.", protocol)
        found.add(f"The decisions of whole experiments: {', '.join(links)}." if links else "")
    _open(found, every)
    found.add("## How verdicts are made", bullets(METHOD), _discoveries(every))
    commands = list(dict.fromkeys(row.command for row in every))
    found.add("## How to run it again", "The cells, and then these pages:")
    found.add("\n".join(["```", *commands, "gmbench report --store STORE --output FOLDER", "```"]))
    return found


def _headlines(found: Page, every: Sequence[LedgerRow]) -> None:
    """What each paper is remembered for, in its words and as the ledger has it."""
    of_paper: dict[str, list[Told]] = {}
    for each in told(every):
        of_paper.setdefault(each.paper, []).append(each)
    if of_paper:
        found.add(
            "## Headlines",
            "What each paper is remembered for, in its own words; the claims that this rests on; and a reading. Every "
            "number and verdict below is taken from the ledger when the page is made.",
        )
    for paper, headlines in of_paper.items():
        found.add(f"### {text(paper)}")
        for each in headlines:
            found.add(
                f'**{text(each.title)}.** "{text(each.quote)}" ({text(each.source)}). {text(each.reading)}',
                bullets(f"**{name}**: {text(words)}" for name, words in each.notes.items()),
            )


def by_paper(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """The claims of each paper together, and else in their order."""
    return sorted(rows, key=lambda row: row.paper)


def counts(every: Sequence[LedgerRow]) -> str:
    """A table of how many claims have which verdict, a row a paper."""
    lines, kinds = [], [kind for kind in VERDICTS if any(row.verdict == kind for row in every)]
    groups = [(text(paper or NONE), [row for row in every if row.paper == paper]) for paper in _papers(every)]
    for name, own in [*groups, *([("all", list(every))] if len(groups) > 1 else [])]:
        line = {"paper": name, "claims": str(len(own))}
        lines.append(line | {text(kind): str(sum(row.verdict == kind for row in own)) for kind in kinds})
    return table(lines)


def summary(own: Sequence[LedgerRow]) -> str:
    """What holds and what does not, in words: a line for each verdict that was given. Claims in words are named with
    what was found; of more than FEW printed numbers only how many, and the least and the most that ours are of theirs.
    """
    lines = []
    for verdict in VERDICTS:
        found = [row for row in own if row.verdict == verdict]
        if not found:
            continue
        said = verdict[0].upper() + verdict[1:]
        if verdict == NOT_RUN:
            commands = dict.fromkeys(line for row in found for line in row.command.split(" && ") if line)
            parts = [", ".join([*_spans(found), *map(code, commands)])]
        else:
            numbers = [row for row in found if _band(row)]
            exact = [row for row in found if verdict == AGREES and row.found.margin == 0 and row not in numbers]
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
    printed = f", the paper says {says(row)}" if found and _band(row) and says(row) else ""
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
            "verdict": f"**{text(row.found.said)}**",
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
    return _pair(row.found.interval)


def _pair(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return _finite(*(ends or (None, None)))


def _finite(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None or not math.isfinite(low + high) else (low, high)


def _papers(every: Sequence[LedgerRow]) -> list[str]:
    return list(dict.fromkeys(row.paper for row in every))


def _picture(found: Page, every: Sequence[LedgerRow]) -> None:
    lines = [
        Row(
            f"{row.id}  {row.statement}",
            *(*band, row.found.resolution or 0.0, row.found.centre, _pair(row.found.prediction), row.verdict),
            said=f"{says(row)} | {ours(row)}",
        )
        for row in every
        if (band := _band(row)) and row.found.centre is not None
    ]
    figure = forest(lines, "published and measured")
    if figure is None:
        return
    found.show("claims", figure, "published numbers and the intervals in which ours predict them")
    left = len(every) - len(lines)
    more = (
        f" {counted(left, 'claim')} without a published band or a number of ours: in the tables only." if left else ""
    )
    found.add(
        "Each printed number in units of its resolution, the published one at 0: a mark is our mean, a line the 95 % "
        "interval in which the paper's number is expected. It agrees where the line covers 0, with the rounding of the "
        f"print, and reaches no farther than 1 on either side. Arrows: beyond the axis. At the right: published | "
        f"ours.{more}"
    )


def _discoveries(every: Sequence[LedgerRow]) -> str:
    """What the false discovery rate of the whole ledger leaves of its tests."""
    seen = tests_of(every)
    if not seen.number:
        return ""
    lost = f" Those that it loses are of {text(', '.join(seen.lost))}." if seen.lost else ""
    return (
        f"All {counted(seen.number, 'test')} of the ledger together: {seen.alone} decide at 5 % each alone, "
        f"{seen.after} after Benjamini and Hochberg (1995) at a false discovery rate of 5 %.{lost} No verdict rests on "
        "this."
    )


def _grouped(every: Sequence[LedgerRow], key: str) -> str:
    """One of a claim's texts as a list, each once, after the claims that have it."""
    found: dict[str, list[str]] = {}
    for row in every:
        if words := getattr(row, key):
            found.setdefault(words, []).append(row.id)
    return bullets(f"**{text(', '.join(ids))}**: {text(words)}" for words, ids in found.items())


def _open(found: Page, every: Sequence[LedgerRow]) -> None:
    for heading, verdicts in OPEN.items():
        own = [row for row in every if row.verdict in verdicts]
        if own:
            found.add(f"## {heading}")
            for row in own:
                found.add(_paragraph(row), bullets(map(text, _parts(row))))


def _paragraph(row: LedgerRow) -> str:
    source = f" ({text(row.source)})" if row.source else ""
    stated = _sentence(text(row.statement[:1].upper() + row.statement[1:]) + source)
    said = f"**{text(row.id)}**, {text(row.found.said)}. {stated}"
    if says(row):
        margin = f" (margin {text(_margin(row))})" if _band(row) and row.found.margin else ""
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
    return [f"{part.shown}: {part.said}" for part in row.parts if part.shown]


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
