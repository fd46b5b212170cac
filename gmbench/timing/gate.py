"""What is to be timed, and whether it may be: the gate."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from gmbench import registry
from gmbench.contract import ContractError, Implementation
from gmbench.processes.outside import declared
from gmbench.timing.records import TimingStatus
from gmbench.timing.turns import MEMORY, SECONDS, Gone, Process


def select_implementations(names: Iterable[str] = ()) -> list[Implementation]:
    """Implementations by name, or of a Python file that a child imports; every exact one without names.

    :raises ContractError: if there is none, in one line
    """
    known, names = registry.load(), list(names)
    if not names:
        return [i for i in known.implementations.values() if not i.approximate]
    chosen: dict[str, Implementation] = {}
    for name in names:
        if not name.endswith(".py"):
            chosen |= {i.key: i for i in known.select(name)}
            continue
        found = [record for record in declared(name) if isinstance(record, Implementation)]
        if not found:
            raise ContractError(f"{name}: declares no implementation")
        for implementation in found:
            owner = chosen.get(implementation.key) or known.implementations.get(implementation.key)
            if owner and (implementation.key in chosen or file_of(owner) != file_of(implementation)):
                raise ContractError(f"{name}: {registry.taken(implementation.key, owner.source)}")
            chosen[implementation.key] = implementation
    return list(chosen.values())


def file_of(implementation: Implementation) -> str | None:
    """The path of the Python file that an implementation comes from; None of what is built in or installed."""
    return os.path.realpath(implementation.source) if implementation.source.endswith(".py") else None


def obstacle(implementation: Implementation, dtype: str, device: str, direction: str = "forward") -> str | None:
    """Why an implementation cannot be timed so, or None."""
    if dtype not in implementation.dtypes:
        return f"does not declare {dtype}"
    if direction != "forward" and not implementation.derivatives:
        return "declares no derivatives"
    return registry.unavailable(implementation, device)


_remembered: dict[tuple, TimingStatus] = {}


def gate(
    implementation: Implementation,
    dtype: str = "float32",
    device: str = "cpu",
    *,
    memory: int = MEMORY,
    seconds: float = SECONDS,
) -> TimingStatus:
    """Whether an implementation may be timed: its smoke checks of this dtype, in a process of their own.

    What came of them is remembered for as long as this process lives.

    :param memory: bytes of address space of that process, on a CPU
    :param seconds: after which it is ended
    """
    if implementation.approximate:
        return TimingStatus("approximate", implementation.approximate)
    task = {"do": "check", "key": implementation.key, "file": file_of(implementation), "dtype": dtype, "device": device}
    question = tuple(task.values())
    if question not in _remembered:
        _remembered[question] = _ask(task, memory, seconds)
    return _remembered[question]


def _ask(task: dict[str, Any], memory: int, seconds: float) -> TimingStatus:
    """What a child says of the checks; a child that says nothing has failed them."""
    process = Process(task, None, memory, seconds)
    try:
        said = process.answer()
        return TimingStatus(str(said["status"]), str(said["message"]))
    except (Gone, KeyError) as error:
        return TimingStatus("failed", f"its checks: {error if isinstance(error, Gone) else 'no result'}")
    finally:
        process.close()
