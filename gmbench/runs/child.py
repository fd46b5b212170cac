"""The process of one cell, on the machine where an engine put it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gmbench.processes.child import RETAINED, THREADS, Child, fate
from gmbench.processes.lock import POLL, timing_now

GRACE = 5.0  # seconds that a cell has to end when asked to
REFUSED = 2  # the exit status of a cell that cannot be run here, however often
BUSY = 75  # of one that another process runs at this moment (EX_TEMPFAIL)


@dataclass(frozen=True)
class Limits:
    """What one cell may take: ``seconds``, not counting those when a timing suspends it; ``memory`` in bytes."""

    seconds: float | None = None
    memory: int | None = None  # of address space; on a CPU alone, for a GPU's driver reserves more than there is


UNLIMITED = Limits()


@dataclass(frozen=True)
class Ending:
    """How a cell's process ended: its exit status (None: its machine was lost), and the end of what it said."""

    status: int | None
    errors: str = ""
    slow: bool = False  # it was ended at its limit of time

    @property
    def reason(self) -> str:
        """The same in words."""
        if self.slow:
            return "took longer than its limit of time"
        if self.status is None:
            return "lost with the worker that ran it"
        return fate(self.status)


class CellChild(Child):
    """It ends itself when its standard input closes or its parent dies, so it never outlives an engine.

    :param slot: environment variables of its place, such as ``CUDA_VISIBLE_DEVICES``
    :param fresh: run it even if its result appears before it has begun
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        store: str | os.PathLike,
        slot: Mapping[str, str],
        limits: Limits = UNLIMITED,
        fresh: bool = False,
    ):
        self.slot, self.limits, self.progress = slot, limits, dict[str, Any]()
        self.begun, self.paused, self.stopped = time.monotonic(), 0.0, 0.0
        self.slow = False
        words = ["cell", "-", "--driven", "--store", str(store)]
        words += ["--fresh"] * fresh
        if limits.memory and spec["device"] == "cpu":
            words += ["--memory-limit", str(limits.memory / 2**30)]
        super().__init__(
            "gmbench", *words, environment={**RETAINED, **os.environ, **dict.fromkeys(THREADS, "1"), **slot}
        )
        self.send(json.dumps(spec))

    @property
    def seconds(self) -> float:
        """How long it has run, without the time that it was suspended."""
        now = time.monotonic()
        return now - self.begun - self.paused - (now - self.stopped if self.stopped else 0)

    def suspend(self, yes: bool) -> None:
        """Let it stand still, with all that it started, or go on."""
        if yes and not self.stopped:
            self.stopped = time.monotonic()
            self.signal(signal.SIGSTOP)
        elif self.stopped and not yes:
            self.signal(signal.SIGCONT)
            self.paused += time.monotonic() - self.stopped
            self.stopped = 0.0

    def ended(self) -> Ending | None:
        """Take in what it said; how it ended, or None while it runs."""
        status = self.status
        for report in self.listen():
            if report and "step" in report:
                self.progress.update(report)
        if status is None:
            if self.limits.seconds and self.seconds > self.limits.seconds:
                self.slow = True
                self.signal(signal.SIGKILL)
            return None
        self.close()
        return Ending(status, self.printed, self.slow)

    def ask(self) -> None:
        """Ask it to end; one that is suspended would not notice otherwise."""
        if self.status is None:
            super().ask()
            self.suspend(False)

    def close(self, patience: float = GRACE) -> None:
        super().close(patience)


def supervise(
    spec: Mapping[str, Any],
    store: str | os.PathLike,
    slot: Mapping[str, str],
    limits: Limits = UNLIMITED,
    fresh: bool = False,
    every: float = 1.0,
) -> Iterator[dict[str, Any] | Ending]:
    """Run one cell to its end, here; yields its progress from time to time, and at last how it ended.

    It stands still while something is timed on this machine.
    """
    child, told = CellChild(spec, store, slot, limits, fresh), time.monotonic()
    try:
        while not (ending := child.ended()):
            child.suspend(timing_now())
            time.sleep(POLL)
            if time.monotonic() - told >= every:
                told = time.monotonic()
                yield dict(child.progress)
        yield dict(child.progress)
        yield ending
    finally:
        child.ask()  # where whoever listened has gone
        child.close()
