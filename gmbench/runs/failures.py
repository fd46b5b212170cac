"""Which cells failed, and why: ``failed/<id>.json`` stays in the store until the cell succeeds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gmbench.runs.spec import Spec
from gmbench.store.reading import Kind, Store
from gmbench.store.typed import typed


@dataclass(frozen=True)
class Failure:
    """A cell that failed.

    :param error: the reason in one line, then the end of what it said
    :param again: the command that runs it again
    :param when: UTC, ISO 8601, to the second
    """

    id: str
    spec: Spec
    error: str
    tries: int
    again: str
    when: str

    def as_dict(self) -> dict[str, Any]:
        """What stands in its file."""
        return {**vars(self), "spec": self.spec.identity}


FAILED = Kind[Failure]("failed", lambda found: typed(Failure, found))


def failure_path(ident: str, store: str | os.PathLike | None = None) -> Path:
    """Where the failure of a cell is kept."""
    return FAILED.path(store, ident)


def note(spec: Spec, error: str, tries: int, again: str = "", store: str | os.PathLike | None = None) -> Path:
    """Write down that a cell failed; the words are those of :class:`Failure`.

    :raises ContractError: if that cannot be written
    """
    when = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    return FAILED.write(Failure(spec.id, spec, error, tries, again, when).as_dict(), store, spec.id)


def failures(store: Store | str | os.PathLike | None = None) -> list[Failure]:
    """The cells that failed and have not succeeded since."""
    return [failure for _, failure in Store.of(store).read(FAILED)]
