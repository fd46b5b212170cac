"""What an outside file declares, read in a process of its own, so that importing it can end or hang only that one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from gmbench import registry
from gmbench.contract import ContractError, Implementation, Initialisation
from gmbench.processes.child import Child, fate
from gmbench.processes.limits import answering, limit

TIME_LIMIT = 120.0  # seconds that a file may take to be imported
KINDS = {kind.__name__: kind for kind in (Implementation, Initialisation)}


def declared(path: str | os.PathLike, seconds: float = TIME_LIMIT) -> list[Implementation | Initialisation]:
    """The records of a Python file; each is whole but for its function, which is in the other process.

    :param seconds: after which that process is ended
    :raises ContractError: if the file cannot be imported, or its process dies, hangs or says nothing, in one line
    """
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        raise ContractError(f"{path}: there is no such file")
    # no outside file but this one
    with Child("gmbench.processes.outside", str(path), environment={registry.VARIABLE: None}) as child:
        child.end_input()
        status = child.wait(seconds)
        answers = child.listen()
    if status is None:
        raise ContractError(f"{path}: its import did not end within {seconds:g} s")
    try:
        (answer,) = answers
        found = answer or {}
        reason = found.get("error")
        records = [] if reason else [_record(record) for record in found["records"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        how, last = fate(status, sentence=True), f": {child.last_line}" if child.last_line else ""
        raise ContractError(f"{path}: the process that imports it {how} and declared nothing{last}") from None
    if reason:
        raise ContractError(reason)
    return records


def _record(plain: dict[str, Any]) -> Implementation | Initialisation:
    known: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in plain.items() if n != "key"}
    return KINDS[known.pop("kind")](function=_elsewhere, **known)


def _elsewhere(*_: object, **__: object) -> None:
    raise ContractError("this function was declared in another process, and cannot be called here")


def main() -> None:
    """Answer with the records of the file, or why there are none."""
    answer, path = answering(), sys.argv[1]
    limit()
    try:
        found = registry.records(registry.load_file(path), path)
        answer({"records": [{"kind": type(record).__name__, **record.as_dict()} for record in found]})
    except ContractError as error:
        answer({"error": str(error)})


if __name__ == "__main__":
    main()
