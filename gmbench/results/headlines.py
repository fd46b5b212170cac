"""The headlines of the papers, told with the numbers and verdicts of a ledger and with no others."""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from gmbench.claims.claim import short
from gmbench.claims.headline import Headline
from gmbench.claims.verdicts import DEPENDS, NOT_RUN, TOO_FEW, UNDECIDABLE, VERDICTS
from gmbench.experiments import headlines
from gmbench.results.ledger import Finding, LedgerRow


@dataclass(frozen=True)
class Cited:
    """A claim, or a part of one, as prose cites it.

    :param name: its id; empty for a part
    :param printed: what the paper prints; empty for a part
    :param ours: what was measured, with its interval
    :param verdict: with its size, or the seeds that would decide
    :param number: whether a number is printed
    :param parts: by number, from 1
    """

    name: str
    printed: str
    ours: str
    verdict: str
    number: bool
    parts: Mapping[int, Cited]

    def __str__(self) -> str:
        theirs = f"the paper {self.printed}, here " if self.printed and self.number else ""
        return f"{theirs}{self.ours} [{f'{self.name} {self.verdict}'.strip()}]".strip()

    @classmethod
    def of(
        cls, found: Finding, name: str = "", printed: str = "", unit: str = "", parts: Iterable[Finding] = ()
    ) -> Cited:
        """From what was found."""
        shown = found.shown
        if shown and found.centre is not None and not any(c.isalpha() for c in shown.removesuffix(unit)):
            ends = f" ({' to '.join(map(short, found.interval))})" if found.interval else ""
            shown = f"{shown.removesuffix(unit).strip()} {unit}".strip() + ends
        of_parts = defaultdict(lambda: NOTHING, {i: cls.of(part) for i, part in enumerate(parts, 1)})
        if found.verdict == NOT_RUN:
            return cls(name, printed, "", NOT_RUN, number=False, parts=of_parts)
        return cls(name, printed, shown, found.said, found.low is not None, of_parts)


NOTHING = Cited("", "", "", NOT_RUN, number=False, parts={})


@dataclass(frozen=True)
class Told:
    """A headline with what the ledger has of it; all of it text.

    :param found: its claims by verdict
    :param open: what is not decided, and what would decide it
    """

    paper: str
    quote: str
    source: str
    claims: tuple[str, ...]
    found: str
    open: str
    title: str
    reading: str
    caveats: str
    change: str

    @property
    def notes(self) -> dict[str, str]:
        """What stands beside the reading, under the words that introduce it."""
        return {
            f"The {len(self.claims)} claims": self.found,
            "Open": self.open,
            "How it was read": self.caveats,
            "What would change our mind": self.change,
        }

    def as_dict(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def told(rows: Iterable[LedgerRow]) -> list[Told]:
    """Every headline of every paper whose claims are in a ledger."""
    every = {row.id: row for row in rows}
    return [
        _told(paper, headline, every)
        for paper, declared in headlines().items()
        for headline in declared
        if set(headline.claims) <= set(every)
    ]


def _told(paper: str, headline: Headline, every: Mapping[str, LedgerRow]) -> Told:
    own = [every[name] for name in headline.claims]
    cited = {row.id: Cited.of(row.found, row.id, row.printed, row.unit, row.parts) for row in own}
    prose = {name: string.Formatter().vformat(words, (), cited) for name, words in headline.prose.items()}
    return Told(paper, headline.quote, headline.source, headline.claims, _counted(own), _open(own), **prose)


def _counted(own: Sequence[LedgerRow]) -> str:
    """How many have which verdict, and their ids."""
    ids = {verdict: [row.id for row in own if row.verdict == verdict] for verdict in VERDICTS}
    return "; ".join(f"{verdict}: {len(names)} ({', '.join(names)})" for verdict, names in ids.items() if names)


def _open(own: Sequence[LedgerRow]) -> str:
    """Of each claim that is not decided what would decide it."""
    said: dict[str, list[str]] = {}
    for row in own:
        if row.verdict == TOO_FEW and row.found.needed:
            said.setdefault("decided by more seeds", []).append(f"{row.id} ({row.found.needed} in all)")
        elif row.verdict == TOO_FEW:
            said.setdefault("not by more seeds of ours", []).append(row.id)
        elif row.verdict == DEPENDS:
            choice = "; ".join(f"{part.shown}: {part.said}" for part in row.parts if part.shown) or row.protocol
            said.setdefault("by a choice that the paper leaves open", []).append(f"{row.id} ({choice})")
        elif row.verdict == UNDECIDABLE:
            said.setdefault("by no run", []).append(row.id)
        elif row.verdict == NOT_RUN:
            said.setdefault("not run", []).append(row.id)
    return "; ".join(f"{how}: {', '.join(names)}" for how, names in said.items()) or "nothing"
