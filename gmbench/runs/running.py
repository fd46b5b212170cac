"""Which cells run at this moment: the process of each holds a lock on a file that says how far it is.

``running/<id>.json`` is locked by the process that runs the cell, so that two runs on one store share their cells
rather than run them twice, and so that ``gmbench status`` can tell what runs from what was killed: a lock ends with
its process, whatever ended that. The file's contents are for reading alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmbench.runs.spec import Spec
from gmbench.store.files import SCHEMA, store_folder
from gmbench.store.typed import typed

EVERY = 2.0  # seconds between two times that a cell writes down how far it is
ATTEMPTS = 5  # someone who only asks whether a cell runs holds its lock for a moment too


class BusyError(Exception):
    """Another process runs this cell."""


@dataclass(frozen=True)
class Running:
    """A cell that runs.

    :param begun: seconds since the epoch, by the clock of the machine that runs it
    :param progress: what the cell said last: ``step``, ``steps``, ``epoch``, ``test_error``
    """

    spec: Spec
    begun: float
    progress: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return max(0.0, time.time() - self.begun)

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON, with the seconds so far."""
        return {"spec": self.spec.as_dict(), "progress": self.progress, "seconds": self.seconds}


def running_path(ident: str, store: str | os.PathLike | None = None) -> Path:
    """The file of a cell that runs."""
    return store_folder(store) / "running" / f"{ident}.json"


@contextlib.contextmanager
def hold(spec: Spec, store: str | os.PathLike | None = None) -> Iterator[Callable[..., None]]:
    """Be the one who runs a cell; gives a ``report`` that keeps its progress in the file.

    Where the store knows no locks, or cannot be written at this moment, the cell runs all the same.

    :raises BusyError: if another process runs it
    """
    path = running_path(spec.id, store)
    descriptor = _lock(path)
    if descriptor is None:
        yield lambda **progress: None
        return
    told, begun = 0.0, time.time()

    def report(**progress: Any) -> None:
        nonlocal told
        if time.monotonic() - told >= EVERY:
            told = time.monotonic()
            _write(descriptor, spec, begun, progress)

    _write(descriptor, spec, begun, {})
    try:
        yield report
    finally:
        path.unlink(missing_ok=True)  # before the lock is gone: afterwards it may be another's
        os.close(descriptor)


def held(ident: str, store: str | os.PathLike | None = None) -> bool:
    """Whether another process runs this cell; whoever asks need not be allowed to write."""
    try:
        descriptor = os.open(running_path(ident, store), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def running(store: str | os.PathLike | None = None) -> list[Running]:
    """What runs now; files that killed processes left are removed."""
    found = []
    for path in sorted((store_folder(store) / "running").glob("*.json")):
        if not held(path.stem, store):
            _remove(path)
        elif about := _read(path):
            found.append(about)
    return found


def progress_of(ident: str, store: str | os.PathLike | None = None) -> dict[str, Any]:
    """How far a cell is that runs elsewhere; empty if nothing is known of that."""
    about = _read(running_path(ident, store))
    return dict(about.progress) if about else {}


def _lock(path: Path) -> int | None:
    for _ in range(ATTEMPTS):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            return None
        try:
            # a record lock: a process that this one forks does not inherit it, and so cannot keep it alive
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BlockingIOError:
            time.sleep(0.05)
        except OSError:
            os.close(descriptor)
            return None
        os.close(descriptor)
    raise BusyError


def _write(descriptor: int, spec: Spec, begun: float, progress: Mapping[str, Any]) -> None:
    about = {"schema": SCHEMA, "kind": "running", "spec": spec.identity, "begun": begun, "progress": progress}
    text = json.dumps(about).encode() + b"\n"
    with contextlib.suppress(OSError):  # a full disk, say: the lock is what counts
        os.ftruncate(descriptor, os.pwrite(descriptor, text, 0))


def _read(path: Path) -> Running | None:
    """What the file says, or None: it is written in place, so a reader may see it half."""
    try:
        return typed(Running, json.loads(path.read_text()))
    except (OSError, RecursionError, ValueError):
        return None


def _remove(path: Path) -> None:
    """Remove what a killed process left, unless someone runs the cell again meanwhile."""
    with contextlib.suppress(BusyError):
        descriptor = _lock(path)
        if descriptor is not None:
            path.unlink(missing_ok=True)
            os.close(descriptor)
