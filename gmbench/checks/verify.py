"""``gmbench verify``: check implementations in a child process, under limits of time and memory.

This process never imports an outside file. It believes a verdict only when the records of every check that the
declaration asks for have arrived: a crash, a hang, an early exit or a missing record is never a pass. There is no
sandbox: code that sets out to forge records can.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gmbench.checks.plan import titles
from gmbench.checks.records import APPROXIMATE, Record
from gmbench.contract import ContractError, Implementation
from gmbench.processes.child import Child, fate

RIGHT, WRONG, NOTHING = 0, 1, 2  # exit codes
TIME_LIMITS = {"smoke": 55.0, "ci": 55.0, "deep": 12 * 3600.0}  # seconds, by profile
COMPILING = 6  # times the limit, where something is compiled for each shape
SILENCE = 20.0  # seconds without a word, after which a child beyond its limit is not thought to be merely waiting


@dataclass
class Verdict:
    """What a verification showed: the exit code, the declared implementations, the records, and what went wrong."""

    code: int = RIGHT
    implementations: list[dict[str, Any]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    not_run: int = 0
    seconds: float = 0.0


def verify(
    files: Sequence[str | os.PathLike] = (),
    name: str | None = None,
    profile: str = "ci",
    device: str = "cpu",
    only: Collection[str] = (),
    case: str | None = None,
    keep_going: bool = False,
    threads: int = 1,
    seconds: float | None = None,
    memory: float | None = 8.0,
    watch: Callable[[str, Any], None] = lambda event, data: None,
) -> Verdict:
    """Check the implementations of files, or a registered name.

    :param keep_going: run every check; otherwise the first failing one ends the run
    :param seconds: time limit of the child (default: 55 s, deep profile 12 h, more for what is compiled). On a busy
        machine a child that goes on reporting is given the time it waited for a processor, fourfold at the most
    :param memory: address space of the child in GiB, None for no limit
    :param watch: is told of each event as it arrives
    """
    started = time.monotonic()
    verdict = Verdict()
    limit = TIME_LIMITS[profile] if seconds is None else seconds
    request = {
        "files": [os.path.abspath(os.path.expanduser(path)) for path in files],
        "name": name,
        "profile": profile,
        "device": device,
        "only": list(only),
        "case": case,
        "keep_going": keep_going,
        "threads": threads,
        "memory": memory * 2**30 if memory and device != "cuda" else None,  # CUDA reserves far more than it uses
    }
    expected: list[str] = []
    running = ""
    ended = None
    environment = {"OMP_NUM_THREADS": str(threads), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    with Child("gmbench.checks.worker", environment=environment) as child:
        child.send(json.dumps(request))
        child.end_input()
        clock = _Clock(child.pid, started, limit)
        for message in clock.messages(child):
            try:
                event = message.pop("event")
                if event == "plan":
                    verdict.implementations = message["implementations"]
                    verdict.unavailable = message["unavailable"]
                    expected = _expected(verdict.implementations, device, only, case)
                    if seconds is None and any(entry["compiled"] for entry in verdict.implementations):
                        clock.limit *= COMPILING
                elif event == "begin":
                    running = message["check"]
                elif event == "record":
                    message = Record(**message["record"])
                    verdict.records.append(message)
                elif event == "end":
                    ended = message
                    break
                elif event == "refused":
                    verdict.code, verdict.problem = NOTHING, message["reason"]
            except (ValueError, KeyError, TypeError, AttributeError, ContractError):
                verdict.problem = "the child sent something other than records"
                break
            watch(event, message)
        if clock.over:
            verdict.problem = f"took more than {clock.limit:g} s{_during(running)}; --time-limit gives it more"
        status = None
        if ended is None and not verdict.problem:  # it closed its end: what became of it?
            status = child.wait(2)
    verdict.seconds = time.monotonic() - started
    if verdict.code == NOTHING:
        return verdict
    if ended is None and not verdict.problem:
        how = fate(status, sentence=True) if status else "ended"
        last = f": {child.last_line}" if child.last_line else ""
        verdict.problem = f"the child {how}{_during(running)} without a verdict{last}"
    if not verdict.implementations and not verdict.unavailable and not running:
        verdict.code = NOTHING
        verdict.problem = verdict.problem if ended is None else "no implementation is declared here"
        return verdict
    done = [f"{r.implementation}-{r.dtype}-{r.device}-{r.check}" for r in verdict.records]
    missing = [key for key in expected if key not in done]
    verdict.not_run = len(missing)
    failed = [record for record in verdict.records if not record.ok]
    if verdict.problem or failed:
        verdict.code = WRONG
    elif missing or len(done) != len(set(done)):
        verdict.code, verdict.problem = WRONG, f"{len(missing)} records are missing"
    elif not verdict.records:
        verdict.code = NOTHING
        verdict.problem = "nothing to check" + "".join(f"; {k}: {r}" for k, r in verdict.unavailable.items())
    elif any(record.status == APPROXIMATE for record in verdict.records):
        verdict.code = WRONG
        verdict.problem = "declared approximate: its errors are shown, and it is never passed as right"
    return verdict


def _expected(declared: Iterable[Mapping[str, Any]], device: str, only: Collection[str], case: Any) -> list[str]:
    """Keys of all the records that must arrive, worked out here from the declaration."""
    keys = []
    for entry in declared:
        known = Implementation(
            layer_type=entry["layer_type"],
            name=entry["name"],
            function=verify,
            derivatives=entry["derivatives"],
        )
        for dtype in entry["dtypes"]:
            for title in titles(known, dtype):
                key = f"{entry['key']}-{dtype}-{device}-{title}"
                if (not only or title in only) and (not case or key in entry["checks"]):
                    keys.append(key)
    return keys


def _during(check: str) -> str:
    return f" during {check}" if check else " while it was imported"


class _Clock:
    """When a child's time is over: by the wall clock, less what it waited for a processor while it made progress."""

    def __init__(self, pid: int, started: float, limit: float):
        self.pid, self.started, self.limit, self.heard = pid, started, limit, started
        self.over = False

    def messages(self, child: Child) -> Iterator[Any]:
        """What a child says, until its time is over or there is no more to come."""
        while not child.mute and not self.over:
            left = self.left()
            self.over = left <= 0
            for message in child.listen(left):
                self.heard = time.monotonic()
                yield message

    def left(self) -> float:
        """Seconds until it is worth asking again; 0 or less when the time is over."""
        now = time.monotonic()
        wall = now - self.started
        if wall < self.limit:
            return self.limit - wall
        if wall > 4 * self.limit or now - self.heard > SILENCE:
            return 0.0
        return 1.0 if self._processor_seconds() < self.limit else 0.0

    def _processor_seconds(self) -> float:
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # its own and its children's
        except (OSError, ValueError):
            return float("inf")
