"""The parent of a timing: selects, gates, starts measuring processes, verifies their outputs, makes rows."""

from __future__ import annotations

import contextlib
import os
import platform
import random
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gmbench import registry
from gmbench.contract import ContractError
from gmbench.timing.rows import Found, _base, _figures, _judged, _merged, sharp
from gmbench.timing.sizes import ALLOCATORS, Size, select
from gmbench.timing.subjects import Subject, Verdict, gate, subjects
from gmbench.timing.turns import BUDGET, MEMORY, ROUNDS, SECONDS, Candidate, Gone, Process, Table, take_turns
from gmbench.timing.yardsticks import NAMES, beside


def measure(
    implementations: Iterable[Subject | str],
    size: Size,
    dtype: str = "float32",
    device: str = "cpu",
    passes: Iterable[str] | None = None,
    *,
    allocator: str = "default",
    runs: int = 1,
    verdicts: Mapping[str, Verdict] | None = None,
    rounds: int = ROUNDS,
    budget: float = BUDGET,
    memory: int = MEMORY,
    seconds: float = SECONDS,
    further: bool = False,
) -> list[dict[str, Any]]:
    """Time implementations of one layer type at one size, interleaved with each other and with the yardsticks.

    Each has a process of its own. One that is wrong, dies or exceeds a limit has a row that says so, and the others go
    on.

    :param implementations: names, Python files, or what :func:`subjects` gave for them
    :param passes: of those of the size; all of them by default
    :param allocator: ``default``, or ``retained``: glibc keeps freed blocks (on a GPU it makes no difference)
    :param runs: how often all is begun anew; with several, medians and intervals are of the runs
    :param verdicts: what the gate says, by key, where that is known already
    :param rounds: undisturbed samples wanted of each
    :param budget: seconds of a pass after which no further round is begun
    :param memory: bytes of address space of a measuring process, on a CPU
    :param seconds: after which a measuring process is ended
    :param further: also the layer type's further yardsticks, such as a KAN, where they are installed
    :return: a row for each implementation and pass, as :func:`gmbench.load` returns them: ``status``, ``message``,
        and where it passed ``samples`` (seconds, a list a run), ``median``, ``low``, ``high`` (its 95 % interval),
        ``ratios`` to the yardsticks and to the other implementations (median and interval), ``ratio`` (to the
        floor), ``floor``, ``linear`` and ``linear_matched`` (seconds of the yardsticks), ``ulps`` of ``claim`` as
        measured on ``verified`` timed outputs, ``peak_bytes``, ``dropped`` and ``disturbed`` (interrupted calls),
        ``threads``, ``capability`` (of the CPU, as torch names it), ``load``
    :raises ContractError: if the subjects are of several layer types, or the yardsticks cannot be measured
    """
    options = {"rounds": rounds, "budget": budget, "memory": memory, "seconds": seconds, "verdicts": verdicts}
    where = (size, dtype, device, passes)
    given = [one for each in implementations for one in ([each] if isinstance(each, Subject) else subjects([each]))]
    return interleaved(given, *where, allocator=allocator, runs=runs, always=False, further=further, **options).rows


def interleaved(
    subjects: Iterable[Subject],
    size: Size,
    dtype: str = "float32",
    device: str = "cpu",
    passes: Iterable[str] | None = None,
    *,
    allocator: str = "default",
    runs: int = 1,
    verdicts: Mapping[str, Verdict] | None = None,
    always: bool = True,
    further: bool = False,
    **limits,
) -> Found:
    """:func:`measure`, and the samples of the yardsticks; ``always``: also where nothing else can be measured."""
    limits = {"rounds": ROUNDS, "budget": BUDGET, "memory": MEMORY, "seconds": SECONDS} | limits
    chosen = list(passes or size.passes)
    verdicts = dict(verdicts or {})
    subjects = list(subjects)
    kinds = {subject.layer_type for subject in subjects}
    if len(kinds) != 1:
        raise ContractError(f"one layer type at a time, not {', '.join(sorted(kinds)) or 'none'}")
    kind = registry.layer_type(kinds.pop())
    base: dict[tuple[str, str], dict] = {}
    able: list[tuple[Subject, list[str]]] = []
    for subject in subjects:
        mine = []
        for direction in chosen:
            obstacle = subject.obstacle(dtype, device, direction)
            if not obstacle and subject.key not in verdicts:
                verdicts[subject.key] = gate(subject, dtype, device, memory=limits["memory"], seconds=limits["seconds"])
            verdict = Verdict("unsupported", obstacle) if obstacle else verdicts[subject.key]
            row = _base(subject, size, dtype, device, allocator, direction)
            base[subject.key, direction] = row | asdict(verdict)
            if verdict.status == "passed":
                mine.append(direction)
        if mine:
            able.append((subject, mine))
    if not able and not always:
        return Found(list(base.values()), {})
    with _locked():
        yardsticks = [*NAMES, *(beside(kind, size) if further else ())]
        found = [_run(kind, able, size, dtype, device, allocator, chosen, limits, yardsticks) for _ in range(runs)]
    group = secrets.token_hex(8)
    for key, row in base.items():
        parts = [run[key] for run, _ in found if key in run]
        if parts:
            base[key] = row | _merged(parts) | {"group": group}
    return Found(list(base.values()), found[0][1])


def timings(
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
    **options,
) -> Iterator[list[dict[str, Any]]]:
    """The rows of the named implementations (see :func:`subjects`), a list for each size and allocator, as they come.

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
    regimes = list(allocators or regimes_here(device))
    work: list[tuple] = []
    absent: list[str] = []
    every = subjects(names)
    for kind_name in dict.fromkeys(subject.layer_type for subject in every):
        kind = registry.layer_type(kind_name)
        own = [subject for subject in every if subject.layer_type == kind_name]
        if any(subject.file for subject in own) and not alone:
            own += [rival for rival in _rival(kind, dtype, device) if rival.key not in {s.key for s in own}]
        try:
            found = select(kind, labels, batches, full)
        except ContractError as error:
            absent.append(str(error))
            continue
        for size in found:
            chosen = [direction for direction in size.passes if not wanted or direction in wanted]
            work += [(own, size, chosen, regime) for regime in regimes if chosen]
    if not work and absent:
        raise ContractError("; ".join(absent))
    if not work:
        raise ContractError(f"no size has the pass {' or '.join(sorted(wanted))}")
    for place, (own, size, chosen, regime) in enumerate(work, 1):
        where = f"{regime} allocator" if device == "cpu" else device
        announce(f"{place}/{len(work)} {own[0].layer_type} {size.text}, {dtype}, {where}: {len(own)} to time")
        yield measure(own, size, dtype, device, chosen, allocator=regime, further=further, **options)


def regimes_here(device: str) -> tuple[str, ...]:
    """The allocator regimes that can be told apart here: both with the GNU C library on a CPU."""
    return ALLOCATORS if device == "cpu" and platform.libc_ver()[0] == "glibc" else ALLOCATORS[:1]


def _rival(kind, dtype, device) -> list[Subject]:
    """The fastest implementation of a layer type that runs here."""
    known = {subject.key: subject for subject in subjects([kind.name])}
    named = [known[f"{kind.name}/{name}"] for name in kind.fastest if f"{kind.name}/{name}" in known]
    return [subject for subject in named if not subject.obstacle(dtype, device)][:1]


@dataclass
class _Interleaved:
    """What one start of all processes gave: candidates by pass, inputs of the kept calls by pass, the machine, load."""

    candidates: dict[str, list[Candidate]]
    inputs: dict[str, dict[int, dict]]
    machine: dict[str, Any]
    load: dict[str, list[float]]


def _interleaved(kind, able, size, dtype, device, allocator, passes, limits, yardsticks, folder) -> _Interleaved:
    """Start a process for the yardsticks and one for each subject, and let them take turns, pass by pass."""
    task = {
        "do": "time",
        "layer_type": kind.name,
        "size": asdict(size),
        "dtype": dtype,
        "device": device,
        "passes": passes,
        "yardsticks": [],
        "cores": _cores(),
    }
    rounds, budget = limits["rounds"], limits["budget"]
    with contextlib.ExitStack() as stack:
        own = {**task, "folder": folder}

        def start(**more):
            memory, seconds = limits["memory"], limits["seconds"]
            if more["yardsticks"]:  # these are ours
                memory, seconds = max(memory, MEMORY), max(seconds, SECONDS)
            process = Process({**own, **more}, allocator, memory, seconds)
            stack.callback(process.close)
            return process

        ours = start(key=None, file=None, yardsticks=yardsticks)
        processes = {subject.key: start(key=subject.key, file=subject.file, yardsticks=[]) for subject, _ in able}
        machine = _ready(ours)
        broken = {}
        for key, process in processes.items():
            try:
                _ready(process)
            except ContractError as error:
                broken[key] = str(error)
        found = _Interleaved({}, {}, machine, {})
        for direction in passes:
            candidates = [Candidate(name, f"{direction} {name}", ours, False) for name in yardsticks]
            candidates += [Candidate(s.key, direction, processes[s.key], True) for s, mine in able if direction in mine]
            for candidate in candidates:
                if candidate.key in broken:
                    candidate.fail(broken[candidate.key])
            table = Table(kind, size, dtype, folder)
            before = os.getloadavg()[0]
            take_turns(table, candidates, rounds, budget)
            for candidate in candidates:
                if candidate.key in NAMES and candidate.error:
                    raise ContractError(f"{candidate.key} cannot be measured: {candidate.error}")
            found.candidates[direction], found.inputs[direction] = candidates, table.inputs
            found.load[direction] = sorted((round(before, 2), round(os.getloadavg()[0], 2)))
    return found


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


def _run(kind, able, size, dtype, device, allocator, passes, limits, names):
    """One start of everything: the parts of the rows by implementation and pass, and seconds of the yardsticks."""
    rows: dict[tuple[str, str], dict] = {}
    yardsticks: dict[str, dict[str, list[float]]] = {}
    claims = {subject.key: subject.ulps[dtype] for subject, _ in able}
    with tempfile.TemporaryDirectory(prefix="gmbench-") as folder:
        found = _interleaved(kind, able, size, dtype, device, allocator, passes, limits, names, folder)
        for direction, candidates in found.candidates.items():
            more = {"load": found.load[direction], **found.machine}
            judged = {
                c.key: _judged(c, kind, size, dtype, claims[c.key], direction, found.inputs[direction], folder)
                for c in candidates
                if c.kept
            }
            right = [c for c in candidates if (judged[c.key]["status"] == "passed" if c.kept else not c.error)]
            for candidate in right:
                if candidate.kept:
                    judged[candidate.key] |= more | _figures(candidate, right)
            rows |= {(key, direction): row for key, row in judged.items()}
            own = {c.key: [sharp(s) for s in c.seconds.values()] for c in right if not c.kept}
            yardsticks[direction] = own
    return rows, yardsticks


@contextlib.contextmanager
def _locked():
    from gmbench.processes.lock import timing_lock

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(timing_lock())
        except OSError as error:
            raise ContractError(f"the timing lock cannot be had: {error}") from None
        yield
