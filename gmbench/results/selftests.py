"""What gmbench itself was put to: wrong implementations, cheats and faults, a file each in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gmbench.store.provenance import Commit, Made
from gmbench.store.reading import Kind
from gmbench.store.typed import typed


@dataclass(frozen=True)
class WrongRun:
    """With what and when a wrong implementation was checked."""

    profile: str | None = None
    commit: Commit | None = None
    when: str | None = None


@dataclass(frozen=True)
class WrongRow:
    """A wrong implementation.

    :param first: the check that catches it first, or None; ``all``: those that do
    :param run: where it is not that of the whole file
    """

    implementation: str
    mistake: str
    first: str | None
    all: Sequence[str]
    run: WrongRun | None = None


@dataclass(frozen=True, kw_only=True)
class Wrong(Made):
    """Which check catches which wrong implementation."""

    rows: tuple[WrongRow, ...]
    profile: str | None = None


@dataclass(frozen=True)
class CheatRow:
    """An implementation that only looks fast; ``caught_by`` None where nothing catches it."""

    cheat: str
    what: str
    caught_by: str | None
    message: str


@dataclass(frozen=True, kw_only=True)
class Cheats(Made):
    """What catches implementations that only look fast, and what is ``undefended`` against."""

    rows: tuple[CheatRow, ...]
    undefended: Sequence[str] = ()


@dataclass(frozen=True)
class FaultRow:
    """A kind of fault: how many were ``injected`` in so many ``trials``; cells ``lost``, and files ``half``-read."""

    what: str
    trials: int
    injected: int
    lost: int
    half: int
    problems: Sequence[str]
    commit: Commit | None = None


@dataclass(frozen=True, kw_only=True)
class Faults(Made):
    """What was done to runs, and what they lost by it; ``not_tried``: kinds, with what they take."""

    rows: tuple[FaultRow, ...]
    not_tried: Mapping[str, str] = field(default_factory=dict)


WRONG = Kind[Wrong]("wrong", lambda found: typed(Wrong, found))
CHEATS = Kind[Cheats]("cheats", lambda found: typed(Cheats, found))
FAULTS = Kind[Faults]("faults", lambda found: typed(Faults, found))
