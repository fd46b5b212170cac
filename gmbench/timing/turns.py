"""The parent's side of the measuring processes: starting them, giving them turns, and not trusting them."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NoReturn

import numpy as np

from gmbench import registry
from gmbench.contract import LayerType
from gmbench.processes.child import RETAINED, Child, fate
from gmbench.timing.inputs import draw, outputs_path, write
from gmbench.timing.sizes import NO_OP, Size
from gmbench.timing.statistics import MIN_SAMPLES

ROUNDS = 40  # undisturbed samples wanted of each candidate
PATIENCE = 3  # at most so many times as many rounds
BUDGET = 10.0  # seconds of rounds a pass, but at least MIN_SAMPLES rounds
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


@dataclass(frozen=True)
class TimingLimits:
    """How much is measured, and what a measuring process may take."""

    rounds: int = ROUNDS  # undisturbed samples wanted of each candidate
    budget: float = BUDGET  # seconds of a pass after which no further round is begun
    memory: int = MEMORY  # bytes of address space of a process, on a CPU
    seconds: float = SECONDS  # after which a process is ended


@dataclass
class Candidate:
    """One thing to time, in one pass: whose process, its name there, and what was seen of it."""

    key: str  # of an implementation, or the name of a yardstick
    workload: str  # what its process calls it
    process: Process
    yardstick: bool = False  # one of ours: its outputs are not verified
    undisturbed: dict[int, float] = field(default_factory=dict)  # seconds by round
    disturbed: dict[int, float] = field(default_factory=dict)
    walls: list[float] = field(default_factory=list)  # seconds by the parent's clock, the way there and back included
    worked: list[float] = field(default_factory=list)  # the same without what was waited for a core
    doubt: str = ""  # where that clock and its own do not tell the same
    saved: dict[str, int] = field(default_factory=dict)  # rounds whose outputs are saved, by the reason
    peak: int | None = None  # bytes
    error: str = ""
    number: int = field(default_factory=itertools.count().__next__)  # no two have the same

    @property
    def interrupted(self) -> bool:
        """Whether too few calls were undisturbed, so that all of them count."""
        return len(self.undisturbed) < MIN_SAMPLES

    @property
    def seconds(self) -> dict[int, float]:
        """Seconds by round of the calls that nothing interrupted; of all if these are too few."""
        return {**self.undisturbed, **self.disturbed} if self.interrupted else self.undisturbed

    def fail(self, why: object) -> None:
        """It has no time, for the first reason that was seen."""
        self.error = self.error or str(why)


@dataclass
class Rounds:
    """The rounds of one pass: fresh inputs for each, in the folder that the processes share, and a call of everybody.

    Only the latest round has its inputs there. Of each implementation the outputs of two timed calls are saved, chosen
    when the clock has stopped: a random one, and the fastest, since a call that does nothing is fast.
    """

    kind: LayerType
    size: Size
    dtype: str
    direction: str
    folder: str
    candidates: Sequence[Candidate] = ()
    rng: np.random.Generator = field(default_factory=np.random.default_rng)  # seeded by the system
    chance: random.Random = field(default_factory=random.SystemRandom)
    number: int = 0  # of the latest round
    timed: int = 0  # how many rounds are no warm-up
    drawn: dict[str, np.ndarray] = field(default_factory=dict)  # the inputs of the latest round
    inputs: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)  # of rounds of which outputs are saved
    load: list[float] = field(default_factory=list)  # load average of the machine before and behind, the lower first

    def begin(self, timed: bool = False) -> None:
        """Draw the inputs of the next round."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(Path(self.folder, f"{self.number}.npz"))
        self.number += 1
        self.timed += timed
        self.drawn = draw(self.kind, self.size, self.dtype, self.rng)
        write(Path(self.folder, f"{self.number}.npz"), self.drawn)

    def call(self, candidate: Candidate) -> bool:
        """One call of a candidate, which is told what was seen of it; whether it went well."""
        try:
            _ask(candidate.process, "prepare", candidate.workload, self.number)
            wall, worked, said = self._go(candidate.process)
            seconds, undisturbed = float(said["seconds"]), bool(said["undisturbed"])
            reasons = self._reasons(candidate, wall)
            file = outputs_path(self.folder, candidate.number, self.number)
            _ask(candidate.process, *(("save", file) if reasons else ("discard",)))
        except (Gone, KeyError, TypeError, ValueError) as error:
            candidate.fail(error if isinstance(error, Gone) else "wrote something that is no answer")
            return False
        if not seconds > 0:
            candidate.fail("its clock stood still")
            return False
        for reason in reasons:
            self._saved(candidate, reason)
        if self.timed:
            (candidate.undisturbed if undisturbed else candidate.disturbed)[self.number] = seconds
            candidate.walls.append(wall)
            candidate.worked.append(worked)
        return True

    @staticmethod
    def _go(process: Process) -> tuple[float, float, dict]:
        """Run what is prepared: the seconds by the parent's clock; those without what both sides waited for a core,
        unless another thread of the process was at work meanwhile; and the answer.
        """
        waited, ran = process.spent()
        begin, mine = time.perf_counter(), _scheduled("/proc/thread-self/schedstat")[1]
        said = _ask(process, "go")
        wall, mine = time.perf_counter() - begin, _scheduled("/proc/thread-self/schedstat")[1] - mine
        after, then = process.spent()
        busiest = max((seconds - ran.get(tid, 0.0) for tid, seconds in then.items()), default=0.0)
        return wall, max(wall - mine - (after - waited), min(busiest, wall)), said

    def _reasons(self, candidate: Candidate, wall: float) -> list[str]:
        """Why the outputs of a call are to be saved, if at all."""
        if candidate.yardstick or not self.timed:
            return []
        fastest = wall < min(candidate.walls, default=math.inf)
        return ["fastest"] * fastest + ["random"] * (self.chance.randrange(self.timed) == 0)

    def _saved(self, candidate: Candidate, reason: str) -> None:
        """Remember what is saved, and remove what was saved for the same reason before."""
        old = candidate.saved.pop(reason, self.number)
        candidate.saved[reason] = self.number
        self.inputs[self.number] = self.drawn
        if old not in candidate.saved.values():
            with contextlib.suppress(FileNotFoundError):
                outputs_path(self.folder, candidate.number, old).unlink()
            if not any(old in other.saved.values() for other in self.candidates):
                del self.inputs[old]


def interleave(rounds: Rounds, limits: TimingLimits) -> None:
    """Time candidates round by round, in a random order each, everybody on the same fresh inputs.

    A sample during which the process was interrupted (an involuntary context switch) does not count, unless too few
    are left.
    """
    candidates, before = rounds.candidates, os.getloadavg()[0]
    # all at once: the first call may compile
    for _ in range(WARM_UPS):
        rounds.begin()
        for candidate in _alive(candidates):
            rounds.call(candidate)
    start = time.perf_counter()
    for count in range(PATIENCE * limits.rounds):
        alive = _alive(candidates)
        enough = all(len(candidate.undisturbed) >= limits.rounds for candidate in alive)
        if not alive or enough or (count >= MIN_SAMPLES and time.perf_counter() - start > limits.budget):
            break
        rounds.begin(timed=True)
        for candidate in rounds.chance.sample(alive, len(alive)):
            rounds.call(candidate)
    ways = [way for candidate in _alive(candidates) if (way := _way(rounds, candidate)) is not None]
    for candidate in _alive(candidates):
        _finish(rounds, candidate, min(ways))
    rounds.load = sorted(round(load, 2) for load in (before, os.getloadavg()[0]))


def _ask(process: Process, *words: object) -> dict:
    """A command and its answer.

    :raises Gone: also if the answer is that it went wrong
    """
    said = process.ask(*words)
    if "error" in said:
        raise Gone(said["error"])
    return said


def _alive(candidates: Iterable[Candidate]) -> list[Candidate]:
    return [candidate for candidate in candidates if not candidate.error]


def _way(rounds: Rounds, candidate: Candidate) -> float | None:
    """Seconds that the way to a candidate's process and back takes, beside the call."""
    nothing = Candidate(candidate.key, NO_OP, candidate.process, yardstick=True)
    for _ in range(MIN_SAMPLES):
        rounds.call(nothing)
    if nothing.error:
        candidate.fail(nothing.error)
        return None
    return median(nothing.walls)


def _finish(rounds: Rounds, candidate: Candidate, way: float) -> None:
    """Its memory, torch's settings, and whether its clock and the parent's tell the same."""
    try:
        candidate.peak = _ask(candidate.process, "finish", candidate.workload, rounds.number).get("peak")
    except Gone as error:
        candidate.fail(error)
        return
    # The typical call cannot be much faster than the fastest that the parent saw, nor, where the machine is so busy
    # that every one was held up, than the typical one without the waiting. The way is the shortest of all, for a
    # process can make its own look longer.
    told, seen = median(candidate.seconds.values()), min(candidate.walls) - way
    most = (1 + SHARE) * told + SLACK
    if not candidate.yardstick and seen > most and median(candidate.worked) - way > most:
        candidate.doubt = f"its clock says {told:.3g} s, by the parent's no call took less than {seen:.3g} s"
