"""The process of one cell, on the machine where an engine put it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gmbench
from gmbench.processes.lock import POLL, timing_now

PATIENCE = 5  # seconds that a cell has to end when asked to
TAIL = 2000  # bytes of standard error that are kept
MOST = 2**20  # bytes of each stream that are taken in at one look: a cell that prints on and on is slowed down by that
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
RETAINED = {  # freed blocks stay with the process, which pays for their pages once; glibc's own names
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
}
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
        return f"killed by {signal.Signals(-self.status).name}" if self.status < 0 else f"exit status {self.status}"


class Child:
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
        self.slow, self.rest, self.said = False, b"", b""
        words = ["cell", "-", "--driven", "--store", str(store)]
        words += ["--fresh"] * fresh
        if limits.memory and spec["device"] == "cpu":
            words += ["--memory-limit", str(limits.memory / 2**30)]
        # a pipe rather than a file: whoever prints megabytes fills no disk
        self.errors, errors = os.pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "gmbench", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                env={**RETAINED, **os.environ, **dict.fromkeys(THREADS, "1"), **slot, "PYTHONPATH": _python_path()},
                process_group=0,  # a terminal's Ctrl-C reaches the engine alone, which then ends its children
            )
        finally:
            os.close(errors)
        assert self.process.stdin and self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), False)
        os.set_blocking(self.errors, False)
        with contextlib.suppress(BrokenPipeError):  # it died at once; its exit status will say so
            self.process.stdin.write(json.dumps(spec).encode() + b"\n")

    @property
    def seconds(self) -> float:
        """How long it has run, without the time that it was suspended."""
        now = time.monotonic()
        return now - self.begun - self.paused - (now - self.stopped if self.stopped else 0)

    def suspend(self, yes: bool) -> None:
        """Let it stand still, with all that it started, or go on."""
        if yes and not self.stopped:
            self.stopped = time.monotonic()
            self._signal(signal.SIGSTOP)
        elif self.stopped and not yes:
            self._signal(signal.SIGCONT)
            self.paused += time.monotonic() - self.stopped
            self.stopped = 0.0

    def ended(self) -> Ending | None:
        """Take in what it said; how it ended, or None while it runs."""
        over = self.process.poll() is not None
        self._listen()
        if not over:
            if self.limits.seconds and self.seconds > self.limits.seconds:
                self.slow = True
                self._signal(signal.SIGKILL)
            return None
        ending = Ending(self.process.returncode, self.said.decode(errors="replace").strip(), self.slow)
        self.close()
        return ending

    def ask(self) -> None:
        """Ask it to end; one that is suspended would not notice otherwise."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.suspend(False)

    def close(self) -> None:
        """See to it that it has ended, and all that it started."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._signal(signal.SIGKILL)
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            stream.close()
        if self.errors >= 0:
            os.close(self.errors)
            self.errors = -1

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)  # a group of its own: this child's, and nothing else

    def _listen(self) -> None:
        assert self.process.stdout
        self.said = (self.said + _drained(self.errors))[-TAIL:]
        *lines, self.rest = (self.rest + _drained(self.process.stdout.fileno())).split(b"\n")
        self.rest = self.rest[-MOST:]
        for line in lines:
            if not line.startswith(b"{"):
                continue  # an implementation may print
            with contextlib.suppress(ValueError):
                report = json.loads(line)
                if "step" in report:
                    self.progress.update(report)


def _drained(pipe: int) -> bytes:
    """What is in a pipe at this moment, if it is not too much."""
    found = b""
    with contextlib.suppress(BlockingIOError):
        while len(found) < MOST and (part := os.read(pipe, MOST)):
            found += part
    return found


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
    child, told = Child(spec, store, slot, limits, fresh), time.monotonic()
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
        if child.errors >= 0:  # whoever listened has gone
            child.ask()
            child.close()


def _python_path() -> str:
    """``$PYTHONPATH`` by which a child imports this very gmbench, wherever it was started."""
    root = Path(gmbench.__file__).resolve().parent.parent
    paths = [] if root.name in ("site-packages", "dist-packages") else [str(root)]
    return os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])
