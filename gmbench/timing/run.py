"""The parent of a timing: selects, gates, starts measuring processes, verifies their outputs, makes rows."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gmbench import registry
from gmbench.contract import ContractError, Implementation
from gmbench.runs.declared import declared, environment
from gmbench.timing.measure import BUDGET, ROUNDS, summary
from gmbench.timing.sizes import PASSES, Size, sizes

MEMORY = 8 * 2**30  # bytes of address space of a child
SECONDS = 600.0  # of a child


@dataclass(frozen=True)
class Subject:
    """What the parent knows of an implementation, without having imported it where it comes from a file."""

    key: str
    layer_type: str
    file: str | None
    source: str
    quantity: str
    dtypes: tuple[str, ...]
    derivatives: int
    ulps: dict[str, float]
    approximate: str | None
    devices: tuple[str, ...]
    requires: tuple[str, ...]

    def obstacle(self, dtype: str, device: str, direction: str = "forward") -> str | None:
        """Why it cannot be timed so, or None."""
        if self.quantity != "value":
            return f"computes the {self.quantity}"
        if dtype not in self.dtypes:
            return f"does not declare {dtype}"
        if direction != "forward" and not self.derivatives:
            return "declares no derivatives"
        return registry.unavailable(self, device)  # reads devices and requires alone


@dataclass(frozen=True)
class Verdict:
    """What the gate says: ``passed``, or why there is no time."""

    status: str
    message: str = ""


def subjects(names: Iterable[str] = ()) -> list[Subject]:
    """Implementations by name, or of a Python file that a child imports; every exact one without names.

    :raises ContractError: if there is none, in one line
    """
    from gmbench.timing.child import description

    chosen: dict[str, Subject] = {}
    names = list(names)
    known = registry.load()
    if not names:
        exact = [i for i in known.implementations.values() if not i.approximate]
        chosen = {i.key: _subject(description(i)) for i in exact}
    for name in names:
        if name.endswith(".py"):
            for subject in _of_file(name):
                owner = known.implementations.get(subject.key)
                if subject.key in chosen or (owner and not _same(owner.source, name)):
                    raise ContractError(f"{name}: the name {subject.key!r} is taken; give yours another name")
                chosen[subject.key] = subject
        else:
            chosen |= {i.key: _subject(description(i)) for i in known.select(name)}
    return list(chosen.values())


def _same(source: str, path: str) -> bool:
    return os.path.realpath(source) == os.path.realpath(path)


def _subject(record: dict) -> Subject:
    return Subject(**{k: tuple(v) if isinstance(v, list) else v for k, v in record.items()})


def _of_file(path: str) -> list[Subject]:
    from gmbench.timing.child import description

    found = [description(record) for record in declared(path) if isinstance(record, Implementation)]
    if not found:
        raise ContractError(f"{path}: declares no implementation")
    return [_subject(record) for record in found]


_verdicts: dict[tuple, Verdict] = {}


def gate(subject: Subject, dtype: str = "float32", device: str = "cpu") -> Verdict:
    """Whether an implementation may be timed: its smoke checks of this dtype, in a process of their own.

    The verdict is remembered for as long as this process lives.
    """
    if subject.approximate:
        return Verdict("approximate", subject.approximate)
    question = (subject.key, subject.file, dtype, device)
    if question not in _verdicts:
        task = {"do": "check", "file": subject.file, "key": subject.key, "dtype": dtype, "device": device}
        lines, reason = _child(task)
        answer = {"status": "failed", "message": f"its checks: {reason or 'no result'}"}
        _verdicts[question] = Verdict(**(lines[-1] if lines and not reason else answer))
    return _verdicts[question]


def rows(
    subject: Subject,
    size: Size,
    dtype: str = "float32",
    device: str = "cpu",
    passes: Iterable[str] = PASSES,
    *,
    verdict: Verdict | None = None,
    rounds: int = ROUNDS,
    budget: float = BUDGET,
    memory: int = MEMORY,
    seconds: float = SECONDS,
) -> list[dict[str, Any]]:
    """Time one implementation at one size: a row a pass, without a time where something is wrong.

    A row has ``samples`` (seconds), ``median``, ``low`` and ``high`` (its 95 % interval), ``floor`` and
    ``linear`` (medians of the same run), ``ratio`` (to the floor), ``ulps`` (the worst of the ``verified``
    timed calls), ``claim``, ``peak_bytes`` of one call, the number of ``dropped`` samples, ``disturbed``
    (nearly all were interrupted, none was dropped), ``threads``, and the ``load`` before and after. Its
    ``status`` is passed, failed, inconclusive, unsupported or approximate, with a ``message``.

    :param verdict: of the gate, which is asked where it is None
    :param rounds: undisturbed samples wanted
    :param budget: seconds of measuring a pass
    :param memory: bytes of address space of the measuring process, on a CPU
    :param seconds: after which that process is ended
    """
    base = _base(subject.key, subject.layer_type, subject.source, size, dtype, device)
    done, able = {}, []
    for name in passes:
        obstacle = subject.obstacle(dtype, device, name)
        found = Verdict("unsupported", obstacle) if obstacle else verdict or gate(subject, dtype, device)
        done[name] = base | {"pass": name} | asdict(found)
        if found.status == "passed":
            done[name] |= {"status": "failed", "message": "no result"}  # until there is one
            able.append(name)
    if not able:
        return list(done.values())
    task = _task(subject.layer_type, subject.key, subject.file, size, dtype, device, able, rounds, budget, memory)
    with tempfile.TemporaryDirectory(prefix="gmbench-") as folder:
        with _locked():
            lines, reason = _child(task | {"folder": folder}, seconds)
        for line in lines:
            done[line["pass"]] = base | _judged(subject, size, dtype, task["seed"], line, Path(folder))
        for name in able[len(lines) :]:
            done[name]["message"] = reason or "no result"
    return list(done.values())


def yardsticks(
    layer_type: str,
    size: Size,
    dtype: str = "float32",
    device: str = "cpu",
    *,
    rounds: int = ROUNDS,
    budget: float = BUDGET,
) -> dict[str, dict[str, list[float]]]:
    """Samples in seconds of ``floor`` and ``linear`` alone, for each pass.

    :raises ContractError: if they cannot be measured
    """
    task = _task(layer_type, None, None, size, dtype, device, PASSES, rounds, budget, MEMORY)
    with _locked():
        lines, reason = _child(task)
    reason = reason or next((line["error"] for line in lines if "error" in line), None)
    if reason or len(lines) < len(PASSES):
        raise ContractError(f"the floor cannot be measured: {reason or 'no result'}")
    return {line["pass"]: {which: line[which] for which in ("floor", "linear")} for line in lines}


def timings(names=(), dtype="float32", device="cpu", **limits) -> Iterator[dict[str, Any]]:
    """Rows of the named implementations (see :func:`subjects`) at every timed size, as they come."""
    for subject in subjects(names):
        for size in sizes(registry.layer_type(subject.layer_type)):
            yield from rows(subject, size, dtype, device, **limits)


def store(found: list[dict[str, Any]], folder: str | os.PathLike | None = None) -> Path:
    """Write rows to ``timings/`` of a store, beside what they were measured with; returns the file.

    :raises ContractError: if it cannot be written
    """
    from gmbench.runs.provenance import provenance
    from gmbench.runs.store import SCHEMA, store_folder, write_json

    content = {"schema": SCHEMA, "kind": "timings", **provenance(), "rows": found}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return write_json(store_folder(folder) / "timings" / f"{digest}.json", content)


def _base(key, layer_type, source, size, dtype, device):
    where = {"dtype": dtype, "device": device, "source": source}
    return {
        "implementation": key,
        "layer_type": layer_type,
        **size.axes,
        "batch": size.batch,
        "size": size.label,
        **where,
    }


def _task(layer_type, key, file, size, dtype, device, passes, rounds, budget, memory):
    return {
        "do": "time",
        "layer_type": layer_type,
        "key": key,
        "file": file,
        "size": asdict(size),
        "dtype": dtype,
        "device": device,
        "passes": passes,
        "seed": secrets.randbits(64),  # drawn now: no implementation can know it
        "rounds": rounds,
        "budget": budget,
        "memory": memory,
    }


def _judged(subject, size, dtype, seed, line, folder):
    """The part of a row that one pass gives: its statistics, if the outputs of its timed calls are right."""
    from gmbench.timing.verify import Mismatch, Undecided, worst

    name = line["pass"]
    known = {"pass": name, "load": line["load"]}
    if "error" in line:
        return known | {"status": "failed", "message": line["error"]}
    kind = registry.layer_type(subject.layer_type)
    claim = subject.ulps[dtype]
    try:
        ulps = [worst(kind, size, dtype, claim, seed, call, folder / f"{name}-{call}.npz") for call in line["kept"]]
    except Undecided as error:
        return known | {"status": "inconclusive", "message": str(error)}
    except (Mismatch, OSError, ValueError) as error:  # the last two: what it wrote is no result
        return known | {"status": "failed", "message": str(error)}
    if not ulps:
        return known | {"status": "failed", "message": "no timed call kept its outputs"}
    median, low, high = summary(line["samples"])
    floor, linear = (summary(line[which])[0] for which in ("floor", "linear"))
    return known | {
        "status": "passed",
        "message": "",
        "samples": line["samples"],
        "median": median,
        "low": low,
        "high": high,
        "floor": floor,
        "linear": linear,
        "ratio": median / floor,
        "ulps": max(ulps),
        "claim": claim,
        "verified": len(ulps),
        **{key: line[key] for key in ("peak_bytes", "dropped", "disturbed", "threads")},
    }


@contextlib.contextmanager
def _locked():
    from gmbench.runs.lock import timing_lock

    with timing_lock():
        yield


def _child(task: dict, seconds: float = SECONDS) -> tuple[list[dict], str | None]:
    """The lines that a child wrote, and the reason if it did not end well; it and all it started are gone."""
    task = {"memory": MEMORY, **task}
    process = subprocess.Popen(
        [sys.executable, "-m", "gmbench.timing.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    try:
        out, errors = process.communicate(json.dumps(task), timeout=seconds)
        late = False
    except subprocess.TimeoutExpired:
        late = True
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a group of its own: this child's, and nothing else
    if late:
        out, errors = process.communicate()
    lines = [json.loads(line) for line in out.splitlines() if line.endswith("}")]
    if late:
        return lines, f"did not end within {seconds:g} s"
    if process.returncode:
        last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "")
        how = f"killed by signal {-process.returncode}" if process.returncode < 0 else "died"
        return lines, f"{how} {last[:300]}".strip()
    return lines, None
