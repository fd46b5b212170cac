"""Numbers and tables as Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas
from gmbench.results.frames import NONE, absent

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$&#]|(?<!\w)_|_(?!\w)")
# a number, maybe bold, maybe with a unit or more words behind it; or a word in place of one
_NUMBER = re.compile(
    rf"(\*\*)?[-+]?[\d,.]+(e[-+]\d+)?(\*\*)?( (?!UTC).*)?$|(> |-?inf|never|no record|\*\*failed|{NONE}).*"
)


def number(value: float | None, digits: int = 3) -> str:
    """A number of so many digits, without an exponent where it can be read without one."""
    if absent(value):
        return NONE
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value and not 1e-3 <= abs(value) < 10 ** (digits + 3):
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    shown = f"{value:,.{decimals}f}"
    return shown.rstrip("0").rstrip(".") if abs(value) >= 10**digits and "." in shown else shown


def count(value: float | None) -> str:
    """A whole number with thousands set apart."""
    return NONE if absent(value) else f"{int(value):,}"


def fixed(value: float | None, decimals: int = 2) -> str:
    """A number with so many decimals."""
    return NONE if absent(value) else f"{value:,.{decimals}f}" if math.isfinite(value) else number(value)


def exact(value: float | None) -> str:
    """A number that somebody chose, as it was written."""
    return NONE if absent(value) else f"{value:g}"


def interval(ends: tuple[float, float] | None, decimals: int = 2) -> str:
    """The ends of an interval."""
    return NONE if ends is None else f"{fixed(ends[0], decimals)} to {fixed(ends[1], decimals)}"


def text(value: Any) -> str:
    """Any text so that Markdown shows it as it is, on one line."""
    return NONE if absent(value) else _SPECIAL.sub(r"\\\g<0>", " ".join(str(value).split()))


def shortened(words: str, most: int) -> str:
    """The beginning of a text, on one line."""
    said = " ".join(words.split())
    return said if len(said) <= most else said[: most - 1].rstrip() + "…"


def code(value: Any) -> str:
    """Any text in a code span, on one line, also in a table."""
    shown = " ".join(str(value).split()).replace("|", "\\|")
    longest = max(map(len, re.findall("`+", shown)), default=0)
    mark, space = "`" * (longest + 1), " " if longest else ""
    return f"{mark}{space}{shown}{space}{mark}"


def table(rows: pandas.DataFrame | Iterable[Mapping[str, str]]) -> str:
    """A Markdown table of cells that are Markdown already; columns of numbers are set to the right."""
    import pandas

    frame = rows if isinstance(rows, pandas.DataFrame) else pandas.DataFrame(list(rows))
    columns = [[str(value) for value in frame[name]] for name in frame.columns]
    right = [re.search(r"\d", "".join(c)) and all(not v.strip() or _NUMBER.match(v) for v in c) for c in columns]
    lines = [list(map(str, frame.columns)), ["---:" if r else "---" for r in right]]
    lines += map(list, zip(*columns, strict=True))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bullets(lines: Iterable[str]) -> str:
    """A list, one item a line."""
    return "\n".join(f"- {line}" for line in lines)


def counted(how_many: int, noun: str) -> str:
    """``1 seed``, ``2 seeds``."""
    return f"{how_many:,} {noun}{'' if how_many == 1 else 's'}"
