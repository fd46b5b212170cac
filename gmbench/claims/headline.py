"""What a paper is remembered for: a statement in its own words, the claims it rests on, and how we read them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CITED = re.compile(r"\{([^.\[}]+)[^}]*\}")


@dataclass(frozen=True)
class Headline:
    """A main statement of a paper, and a reading of it that its authors would call fair.

    All numbers and verdicts in our prose are placeholders, which the ledger fills: ``{KUM-16}`` is what the paper
    prints, what was found and the verdict; ``{KUM-16.printed}``, ``.ours`` and ``.verdict`` are one of them, and
    ``.parts[1]`` is the same of a part, from 1. So the prose says what is compared and never how it came out.

    :param quote: the paper's own words
    :param source: where they stand, as a claim has it
    :param claims: ids of those that it rests on
    :param reading: what was looked at, and what was found
    :param caveats: what the paper leaves open here, and how it was read
    :param change: what would change our mind
    """

    title: str
    quote: str
    source: str
    claims: tuple[str, ...]
    reading: str
    caveats: str
    change: str

    @property
    def prose(self) -> dict[str, str]:
        """Our own words, by name."""
        return {name: getattr(self, name) for name in ("title", "reading", "caveats", "change")}

    @property
    def cited(self) -> set[str]:
        """The claims that our own words name."""
        return {name for words in self.prose.values() for name in _CITED.findall(words)}
