"""The parent of a timing: gates, starts the measuring processes, has their outputs verified, makes rows.

:func:`measure_all` goes through sizes and allocators; :func:`measure` takes one of each, with as many sessions as there
are runs; a session is one start of all processes, which are timed pass by pass and round by round.
"""

from __future__ import annotations

import contextlib
import os
import platform
import random
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gmbench import registry
from gmbench.contract import ContractError, Implementation, LayerType
from gmbench.timing.gate import file_of, gate, obstacle, select_implementations
from gmbench.timing.outputs import Mismatch, Undecided, verify
from gmbench.timing.records import Timing, TimingStatus
from gmbench.timing.sizes import ALLOCATORS, Size, select_sizes
from gmbench.timing.statistics import four_digits, median_interval, merge, ratio_interval
from gmbench.timing.turns import MEMORY, SECONDS, Candidate, Gone, Process, Rounds, TimingLimits, interleave
from gmbench.timing.yardsticks import NAMES, beside

Passed = list[tuple[Implementation, list[str]]]  # the gate, and in which passes each is timed
Rows = dict[tuple[str, str], Timing]  # by key and pass


@dataclass(frozen=True)
class Measurement:
    """A row for each implementation and pass, and of the yardsticks the seconds of the first run, by pass and name."""

    rows: list[Timing]
    yardsticks: dict[str, dict[str, list[float]]] = field(default_factory=dict)


def measure_all(
    names: Iterable[str] = (),
    dtype: str = "float32",
    device: str = "cpu",
    *,
    labels: Iterable[str] = (),
    batches: Iterable[int] = (),
    passes: Iterable[str] = (),
    allocators: Iterable[str] | None = None,
    full: bool = False,
    alone: bool = False,
    further: bool = True,
    announce: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Iterator[list[Timing]]:
    """The rows of the named implementations, a list for each size and allocator, as they come.

    :param names: see :func:`gmbench.timing.gate.select_implementations`
    :param labels, batches, passes: what to time; everything of an everyday size by default
    :param allocators: both by default where the C library can be told so, on a CPU
    :param full: the sizes of the whole grid
    :param alone: without the fastest built-in implementation as a rival of what comes from a file
    :param further: see :func:`measure`
    :param announce: told what is begun
    :param options: passed to :func:`measure`
    :raises ContractError: if there is no such implementation or size, in one line
    """
    wanted = set(passes)
    allocators = list(allocators or allocators_here(device))
    work: list[tuple] = []
    absent: list[str] = []
    every = select_implementations(names)
    for name in dict.fromkeys(implementation.layer_type for implementation in every):
        kind = registry.layer_type(name)
        together = [implementation for implementation in every if implementation.layer_type == name]
        if any(map(file_of, together)) and not alone:
            keys = {implementation.key for implementation in together}
            together += [rival for rival in _rival(kind, dtype, device) if rival.key not in keys]
        try:
            sizes = select_sizes(kind, labels, batches, full)
        except ContractError as error:
            absent.append(str(error))
            continue
        for size in sizes:
            chosen = [direction for direction in size.passes if not wanted or direction in wanted]
            work += [(together, size, chosen, allocator) for allocator in allocators if chosen]
    if not work and absent:
        raise ContractError("; ".join(absent))
    if not work:
        raise ContractError(f"no size has the pass {' or '.join(sorted(wanted))}")
    for place, (together, size, chosen, allocator) in enumerate(work, 1):
        where = f"{allocator} allocator" if device == "cpu" else device
        what = f"{together[0].layer_type} {size.text}, {dtype}, {where}"
        announce(f"{place}/{len(work)} {what}: {len(together)} to time")
        found = measure(together, size, dtype, device, chosen, allocator=allocator, further=further, **options)
        yield found.rows


def measure(
    implementations: Iterable[Implementation | str],
    size: Size,
    dtype: str = "float32",
    device: str = "cpu",
    passes: Iterable[str] | None = None,
    *,
    allocator: str = "default",
    runs: int = 1,
    statuses: Mapping[str, TimingStatus] | None = None,
    limits: TimingLimits | None = None,
    further: bool = False,
    always: bool = False,
) -> Measurement:
    """Time implementations of one layer type at one size, interleaved with each other and with the yardsticks.

    Each has a process of its own. One that is wrong, dies or exceeds a limit has a row that says so, and the others go
    on.

    :param implementations: names, Python files, or what :func:`~gmbench.timing.gate.select_implementations` gave for
        them
    :param passes: of those of the size; all of them by default
    :param allocator: ``default``, or ``retained``: glibc keeps freed blocks (on a GPU it makes no difference)
    :param runs: how often all is begun anew; with several, medians and intervals are of the runs
    :param statuses: what the gate says, by key, where that is known already
    :param limits: :class:`~gmbench.timing.turns.TimingLimits` by default
    :param further: also the layer type's further yardsticks, such as a KAN, where they are installed
    :param always: measure the yardsticks also where nothing else can be measured
    :raises ContractError: if the implementations are of several layer types, or the yardsticks cannot be measured
    """
    chosen = list(passes or size.passes)
    limits, statuses = limits or TimingLimits(), dict(statuses or {})
    given: list[Implementation] = []
    for each in implementations:
        given += select_implementations([each]) if isinstance(each, str) else [each]
    kinds = {implementation.layer_type for implementation in given}
    if len(kinds) != 1:
        raise ContractError(f"one layer type at a time, not {', '.join(sorted(kinds)) or 'none'}")
    setup = _Setup(registry.layer_type(kinds.pop()), size, dtype, device, allocator, chosen, limits)
    rows: Rows = {}
    passed: Passed = []
    for implementation in given:
        key = implementation.key
        timed = []
        for direction in chosen:
            reason = obstacle(implementation, dtype, device, direction)
            if not reason and key not in statuses:
                statuses[key] = gate(implementation, dtype, device, memory=limits.memory, seconds=limits.seconds)
            status = TimingStatus("unsupported", reason) if reason else statuses[key]
            source = "file" if file_of(implementation) else implementation.source
            rows[key, direction] = Timing(
                implementation=key,
                layer_type=setup.kind.name,
                axes=size.axes,
                batch=size.batch,
                size=size.label,
                dtype=dtype,
                device=device,
                allocator=allocator if device == "cpu" else None,
                source=source,
                direction=direction,
                status=status.status,
                message=status.message,
            )
            if status.status == "passed":
                timed.append(direction)
        if timed:
            passed.append((implementation, timed))
    if not passed and not always:
        return Measurement(list(rows.values()))
    with _locked():
        yardsticks = [*NAMES, *(beside(setup.kind, size) if further else ())]
        sessions = [_session(setup, passed, yardsticks, rows) for _ in range(runs)]
    group = secrets.token_hex(8)
    for place in sessions[0][0]:
        rows[place] = replace(merge([results[place] for results, _ in sessions]), group=group)
    return Measurement(list(rows.values()), sessions[0][1])


def allocators_here(device: str) -> tuple[str, ...]:
    """The allocator regimes that can be told apart here: both with the GNU C library on a CPU."""
    return ALLOCATORS if device == "cpu" and platform.libc_ver()[0] == "glibc" else ALLOCATORS[:1]


def _rival(kind: LayerType, dtype: str, device: str) -> list[Implementation]:
    """The fastest implementation of a layer type that runs here."""
    known = registry.load().implementations
    fastest = [known[key] for name in kind.fastest if (key := f"{kind.name}/{name}") in known]
    return [implementation for implementation in fastest if not obstacle(implementation, dtype, device)][:1]


@dataclass(frozen=True)
class _Setup:
    """What all that is timed together shares."""

    kind: LayerType
    size: Size
    dtype: str
    device: str
    allocator: str
    passes: list[str]
    limits: TimingLimits


def _session(
    setup: _Setup, passed: Passed, yardsticks: list[str], rows: Rows
) -> tuple[Rows, dict[str, dict[str, list[float]]]]:
    """One start of everything: the rows of what was timed, and seconds of the yardsticks by pass."""
    results: Rows = {}
    seconds: dict[str, dict[str, list[float]]] = {}
    claims = {implementation.key: implementation.ulps[setup.dtype] for implementation, _ in passed}
    with tempfile.TemporaryDirectory(prefix="gmbench-") as folder:
        machine, passes = _timed(setup, passed, yardsticks, folder)
        for rounds in passes:
            right = [candidate for candidate in rounds.candidates if candidate.yardstick and not candidate.error]
            errors: dict[str, list[float]] = {}
            seconds[rounds.direction] = {yardstick.key: _samples(yardstick) for yardstick in right}
            for candidate in rounds.candidates[len(yardsticks) :]:
                try:
                    errors[candidate.key] = verify(candidate, rounds, claims[candidate.key])
                    right.append(candidate)
                except (Mismatch, Undecided) as error:
                    place = candidate.key, rounds.direction
                    results[place] = replace(rows[place], status=error.status, message=str(error))
            for candidate in right:
                if not candidate.yardstick:
                    place = candidate.key, rounds.direction
                    known = {"claim": claims[candidate.key], "load": rounds.load, **machine}
                    known |= _figures(candidate, right, errors[candidate.key])
                    results[place] = replace(rows[place], message="", runs=1, **known)
    return results, seconds


def _samples(candidate: Candidate) -> list[float]:
    return [four_digits(seconds) for seconds in candidate.seconds.values()]


def _figures(candidate: Candidate, right: Sequence[Candidate], errors: list[float]) -> dict[str, Any]:
    """What one session says of a candidate, beside everything that is right."""
    median, low, high = map(four_digits, median_interval(list(candidate.seconds.values())))
    ratios = {}
    for other in right:
        if other is not candidate:
            middle, least, most = map(four_digits, ratio_interval(candidate.seconds, other.seconds))
            ratios[other.key] = (middle, least, most)
    return dict(
        ulps=max(errors),
        verified=len(errors),
        samples=[_samples(candidate)],
        median=median,
        low=low,
        high=high,
        ratios=ratios,
        ratio=ratios["floor"][0],
        yardsticks={
            other.key.replace("-", "_"): four_digits(median_interval(list(other.seconds.values()))[0])
            for other in right
            if other.yardstick
        },
        peak_bytes=candidate.peak,
        dropped=0 if candidate.interrupted else len(candidate.disturbed),
        disturbed=candidate.interrupted,
    )


def _timed(setup: _Setup, passed: Passed, yardsticks: list[str], folder: str) -> tuple[dict[str, Any], list[Rounds]]:
    """Start a process for the yardsticks and one for each implementation, and let them take turns, pass by pass.

    What it gives first are torch's ``threads`` and the CPU's ``capability``.
    """
    task = {
        "do": "time",
        "layer_type": setup.kind.name,
        "size": asdict(setup.size),
        "dtype": setup.dtype,
        "device": setup.device,
        "passes": setup.passes,
        "folder": folder,
        "cores": _cores(),
    }
    limits = setup.limits
    with contextlib.ExitStack() as stack:

        def start(
            memory: int,
            seconds: float,
            key: str | None = None,
            file: str | None = None,
            yardsticks: Iterable[str] = (),
        ) -> Process:
            mine = {**task, "key": key, "file": file, "yardsticks": list(yardsticks)}
            process = Process(mine, setup.allocator, memory, seconds)
            stack.callback(process.close)
            return process

        ours = start(max(limits.memory, MEMORY), max(limits.seconds, SECONDS), yardsticks=yardsticks)
        theirs = {i.key: start(limits.memory, limits.seconds, i.key, file_of(i)) for i, _ in passed}
        machine = _ready(ours)
        broken = {}
        for key, process in theirs.items():
            try:
                _ready(process)
            except ContractError as error:
                broken[key] = str(error)
        passes = []
        for direction in setup.passes:
            candidates = [Candidate(name, f"{direction} {name}", ours, yardstick=True) for name in yardsticks]
            candidates += [Candidate(i.key, direction, theirs[i.key]) for i, timed in passed if direction in timed]
            for candidate in candidates:
                if candidate.key in broken:
                    candidate.fail(broken[candidate.key])
            rounds = Rounds(setup.kind, setup.size, setup.dtype, direction, folder, candidates)
            interleave(rounds, limits)
            for candidate in candidates:
                if candidate.key in NAMES and candidate.error:
                    raise ContractError(f"{candidate.key} cannot be measured: {candidate.error}")
            passes.append(rounds)
    return machine, passes


def _cores() -> list[int] | None:
    """The cores of every process, as many as torch's threads where their number is given: more gain nothing then."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if not given.isdecimal() or not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    return random.sample(cores, int(given)) if 0 < int(given) < len(cores) else None


def _ready(process: Process) -> dict[str, Any]:
    """Wait until it has imported everything; torch's ``threads`` and the CPU's ``capability``.

    :raises ContractError: if it cannot
    """
    try:
        said = process.answer()
    except Gone as error:
        raise ContractError(str(error)) from None
    if "error" in said:
        raise ContractError(said["error"])
    return said


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    from gmbench.processes.lock import timing_lock

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(timing_lock())
        except OSError as error:
            raise ContractError(f"the timing lock cannot be had: {error}") from None
        yield
