"""The parent's side of the measuring processes: starting them, giving them turns, and not trusting them."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NoReturn

import numpy as np

from gmbench import registry
from gmbench.contract import LayerType
from gmbench.processes.child import RETAINED, Child, fate
from gmbench.timing.inputs import draw, kept, write
from gmbench.timing.sizes import NOTHING, Size
from gmbench.timing.statistics import FEW

ROUNDS = 40  # undisturbed samples wanted of each candidate
PATIENCE = 3  # at most so many times as many rounds
BUDGET = 10.0  # seconds of rounds a pass, but at least FEW rounds
WARM_UPS = 3
SECONDS = 600.0  # that one process may take in all
MEMORY = 8 * 2**30  # bytes of address space of one process
SLACK = 1e-4  # seconds, and
SHARE = 0.15  # of what the child says: how far the parent's clock may be beyond it


class Gone(Exception):  # noqa: N818 (it is a finding)
    """A process that cannot go on; the text says why."""


class Process:
    """One measuring process, and all that it started.

    :param task: what it does
    :param allocator: ``retained``: glibc keeps freed blocks
    :param memory: bytes of address space that it may take, on a CPU
    :param seconds: that it may take in all
    """

    def __init__(self, task: dict, allocator: str | None, memory: int = MEMORY, seconds: float = SECONDS):
        self.left = self.seconds = seconds
        self.gone = ""  # why it cannot go on
        self._answers: list[dict | None] = []
        regime = {name: text if allocator == "retained" else None for name, text in RETAINED.items()}
        # no outside file but the one that the task names
        self._child = Child("gmbench.timing.worker", environment={registry.VARIABLE: None, **regime})
        # CUDA reserves far more than it uses
        self.send(json.dumps({**task, "memory": memory if task["device"] == "cpu" else None}))

    def send(self, *words: object) -> None:
        """Write one command."""
        if self.gone:
            raise Gone(self.gone)
        self._child.send("\t".join(map(str, words)))

    def answer(self) -> dict:
        """Its next answer, at the latest when its seconds are used up.

        :raises Gone: if there is none, or it is none of ours
        """
        begin = time.perf_counter()
        try:
            while not self._answers:
                left = self.left - (time.perf_counter() - begin)
                if left <= 0:
                    self._end(f"did not end within {self.seconds:g} s")
                self._answers += self._child.listen(left)
                if not self._answers and self._child.mute:
                    self._end(self._death())
        finally:
            self.left -= time.perf_counter() - begin
        found = self._answers.pop(0)
        if found is None:
            self._end("wrote something that is no answer")
        return found

    def ask(self, *words: object) -> dict:
        """A command and its answer."""
        self.send(*words)
        return self.answer()

    def spent(self) -> tuple[float, dict[str, float]]:
        """Seconds that its main thread has waited for a core, and that each of the others has run."""
        pid = str(self._child.pid)
        found = {}
        with contextlib.suppress(OSError):
            found = {tid: _scheduled(f"/proc/{pid}/task/{tid}/schedstat") for tid in os.listdir(f"/proc/{pid}/task")}
        return found.pop(pid, (0.0, 0.0))[1], {tid: ran for tid, (ran, _) in found.items()}

    def _end(self, why: str) -> NoReturn:
        self.gone = why
        self.close()
        raise Gone(why)

    def close(self) -> None:
        """End it and whatever it started."""
        self._child.close()

    def _death(self) -> str:
        status = self._child.wait(10)
        if status is None:
            return "closed its pipe"
        how = fate(status) if status < 0 else "died"
        last = self._child.last_line
        return f"{how}: {last}" if last else how if status else "ended without an answer"


def _scheduled(path: str) -> tuple[float, float]:
    """Seconds that a thread has run and has waited for a core, from Linux's scheduler; elsewhere 0."""
    try:
        ran, waited, _ = Path(path).read_text().split()
    except (OSError, ValueError):
        return 0.0, 0.0
    return int(ran) / 1e9, int(waited) / 1e9


@dataclass
class Candidate:
    """One thing to time, in one pass: whose process, its name there, and what was seen of it."""

    key: str
    name: str
    process: Process
    kept: bool  # whether outputs are wanted
    quiet: dict[int, float] = field(default_factory=dict)  # seconds by round
    disturbed: dict[int, float] = field(default_factory=dict)
    walls: list[float] = field(default_factory=list)  # seconds by the parent's clock, the way there and back included
    worked: list[float] = field(default_factory=list)  # the same without what was waited for a core
    doubt: str = ""  # where that clock and its own do not tell the same
    files: dict[str, int] = field(default_factory=dict)  # calls whose outputs are kept, by why
    peak: int | None = None
    error: str = ""
    number: int = field(default_factory=itertools.count().__next__)  # no two have the same

    @property
    def seconds(self) -> dict[int, float]:
        """Seconds by round of the calls that nothing interrupted; of all if these are too few."""
        return self.quiet if len(self.quiet) >= FEW else {**self.quiet, **self.disturbed}

    def fail(self, why: object) -> None:
        """It has no time, for the first reason that was seen."""
        self.error = self.error or str(why)


@dataclass
class Table:
    """Where turns are taken: the folder that the processes share, and how inputs are drawn."""

    kind: LayerType
    size: Size
    dtype: str
    folder: str
    rng: np.random.Generator = field(default_factory=np.random.default_rng)  # seeded by the system
    inputs: dict[int, dict] = field(default_factory=dict)  # of the calls that are kept
    call: int = 0

    def deal(self) -> dict:
        """Fresh inputs for the next call of everybody."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(Path(self.folder, f"{self.call}.npz"))
        self.call += 1
        drawn = draw(self.kind, self.size, self.dtype, self.rng)
        write(Path(self.folder, f"{self.call}.npz"), drawn)
        return drawn

    def turn(self, candidate: Candidate, keep: Callable[[float], set[str]] | None = None) -> tuple[float, bool] | None:
        """One call of a candidate: its seconds, and whether nothing interrupted it; None if it went wrong.

        :param keep: tells, from the seconds by the parent's clock, why its outputs are to be kept, if at all
        """
        try:
            said = candidate.process.ask("prepare", candidate.name, self.call)
            if "error" in said:
                raise Gone(said["error"])
            wall, worked, said = self._go(candidate.process)
            if "error" in said:
                raise Gone(said["error"])
            seconds, quiet = float(said["seconds"]), bool(said["quiet"])
            whys = keep(wall) if keep else set()
            file = kept(self.folder, candidate.number, self.call)
            said = candidate.process.ask("keep", file) if whys else candidate.process.ask("drop")
            if "error" in said:
                raise Gone(said["error"])
        except (Gone, KeyError, TypeError, ValueError) as error:
            candidate.fail(error if isinstance(error, Gone) else "wrote something that is no answer")
            return None
        if not seconds > 0:
            candidate.fail("its clock stood still")
            return None
        for why in whys:
            self._forget(candidate, why)
            candidate.files[why] = self.call
        candidate.walls.append(wall)
        candidate.worked.append(worked)
        return seconds, quiet

    @staticmethod
    def _go(process) -> tuple[float, float, dict]:
        """Run what is prepared: the seconds by the parent's clock; those without what both sides waited for a core,
        unless another thread of the process was at work meanwhile; and the answer.
        """
        waited, ran = process.spent()
        begin, mine = time.perf_counter(), _scheduled("/proc/thread-self/schedstat")[1]
        said = process.ask("go")
        wall, mine = time.perf_counter() - begin, _scheduled("/proc/thread-self/schedstat")[1] - mine
        after, then = process.spent()
        busiest = max((seconds - ran.get(tid, 0.0) for tid, seconds in then.items()), default=0.0)
        return wall, max(wall - mine - (after - waited), min(busiest, wall)), said

    def _forget(self, candidate, why):
        """Remove the outputs that were kept for the same reason before."""
        old = candidate.files.pop(why, None)
        if old is not None and old not in candidate.files.values():
            with contextlib.suppress(FileNotFoundError):
                kept(self.folder, candidate.number, old).unlink()


def take_turns(table: Table, candidates: Sequence[Candidate], rounds: int = ROUNDS, budget: float = BUDGET) -> None:
    """Time candidates in turns, in a random order each round, everybody on the same fresh inputs.

    A sample during which the process was interrupted (an involuntary context switch) does not count, unless too few
    are left. Of each candidate the outputs of two calls are kept, chosen when the clock has stopped: a random one,
    and the fastest, since a call that does nothing is fast.
    """
    chance = random.SystemRandom()
    table.deal()
    # all at once: the first call may compile
    for _ in range(WARM_UPS):
        for candidate in _alive(candidates):
            table.turn(candidate)
        table.deal()
    for candidate in candidates:
        candidate.walls.clear()
        candidate.worked.clear()
    start = time.perf_counter()
    for count in range(PATIENCE * rounds):
        alive = _alive(candidates)
        enough = all(len(candidate.quiet) >= rounds for candidate in alive)
        if not alive or enough or (count >= FEW and time.perf_counter() - start > budget):
            break
        drawn = table.deal()
        for candidate in chance.sample(alive, len(alive)):

            def wanted(wall, candidate=candidate, count=count):
                if not candidate.kept:
                    return set()
                fastest = wall < min(candidate.walls, default=math.inf)
                whys = {"fastest": fastest, "random": chance.randrange(count + 1) == 0}
                return {why for why, holds in whys.items() if holds}

            found = table.turn(candidate, wanted)
            if found:
                seconds, quiet = found
                (candidate.quiet if quiet else candidate.disturbed)[count] = seconds
                if table.call in candidate.files.values():
                    table.inputs[table.call] = drawn
        used = {call for candidate in candidates for call in candidate.files.values()}
        table.inputs = {call: drawn for call, drawn in table.inputs.items() if call in used}
    ways = [way for candidate in _alive(candidates) if (way := _way(table, candidate)) is not None]
    for candidate in _alive(candidates):
        _finish(table, candidate, min(ways))


def _alive(candidates):
    return [candidate for candidate in candidates if not candidate.error]


def _way(table, candidate) -> float | None:
    """Seconds that the way to a candidate's process and back takes, beside the call."""
    nothing = Candidate(candidate.key, NOTHING, candidate.process, False)
    for _ in range(FEW):
        table.turn(nothing)
    if nothing.error:
        candidate.fail(nothing.error)
        return None
    return median(nothing.walls)


def _finish(table, candidate, way):
    """Its memory, torch's settings, and whether its clock and the parent's tell the same."""
    try:
        said = candidate.process.ask("finish", candidate.name, table.call)
    except Gone as error:
        said = {"error": str(error)}
    if "error" in said:
        candidate.fail(said["error"])
        return
    candidate.peak = said.get("peak")
    # The typical call cannot be much faster than the fastest that the parent saw, nor, where the machine is so busy
    # that every one was held up, than the typical one without the waiting. The way is the shortest of all, for a
    # process can make its own look longer.
    told, seen = median(candidate.seconds.values()), min(candidate.walls) - way
    most = (1 + SHARE) * told + SLACK
    if candidate.kept and seen > most and median(candidate.worked) - way > most:
        candidate.doubt = f"its clock says {told:.3g} s, by the parent's no call took less than {seen:.3g} s"
