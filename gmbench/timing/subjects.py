"""What is to be timed, and whether it may be: the gate."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from gmbench import registry
from gmbench.contract import ContractError, Implementation
from gmbench.processes.outside import declared
from gmbench.timing.turns import MEMORY, SECONDS, Gone, Process


@dataclass(frozen=True)
class Subject:
    """What the parent knows of an implementation, without having imported it where it comes from a file."""

    key: str
    layer_type: str
    file: str | None
    source: str
    dtypes: tuple[str, ...]
    derivatives: int
    ulps: dict[str, float]
    approximate: str | None
    devices: tuple[str, ...]
    requires: tuple[str, ...]

    def obstacle(self, dtype: str, device: str, direction: str = "forward") -> str | None:
        """Why it cannot be timed so, or None."""
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
    from gmbench.timing.worker import description

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
    from gmbench.timing.worker import description

    found = [description(record) for record in declared(path) if isinstance(record, Implementation)]
    if not found:
        raise ContractError(f"{path}: declares no implementation")
    return [_subject(record) for record in found]


_verdicts: dict[tuple, Verdict] = {}


def gate(
    subject: Subject, dtype: str = "float32", device: str = "cpu", *, memory: int = MEMORY, seconds: float = SECONDS
) -> Verdict:
    """Whether an implementation may be timed: its smoke checks of this dtype, in a process of their own.

    The verdict is remembered for as long as this process lives.
    """
    if subject.approximate:
        return Verdict("approximate", subject.approximate)
    question = (subject.key, subject.file, dtype, device)
    if question not in _verdicts:
        task = {"do": "check", "file": subject.file, "key": subject.key, "dtype": dtype, "device": device}
        _verdicts[question] = _asked(task, memory, seconds)
    return _verdicts[question]


def _asked(task: dict, memory: int, seconds: float) -> Verdict:
    """What a child says of the checks; a child that says nothing has failed them."""
    process = Process(task, None, memory, seconds)
    try:
        said = process.answer()
        return Verdict(str(said["status"]), str(said["message"]))
    except (Gone, KeyError) as error:
        return Verdict("failed", f"its checks: {error if isinstance(error, Gone) else 'no result'}")
    finally:
        process.close()
