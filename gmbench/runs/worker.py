"""A cell from inside its process: ``gmbench cell SPEC``, which an engine drives or somebody calls alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gmbench.contract import ContractError
from gmbench.processes.limits import follow, limit
from gmbench.runs import cell
from gmbench.runs.running import hold
from gmbench.runs.spec import Spec


def read_argument(argument: str, driven: bool = False) -> Spec:
    """The spec that is meant.

    :param argument: a JSON file, JSON itself, or - for standard input
    :param driven: of standard input one line: an engine closes the rest to end the cell
    :raises ContractError: if it cannot be read, or is none
    """
    if argument.lstrip().startswith("{"):
        return Spec.read(argument)
    read = sys.stdin.buffer.readline if driven else sys.stdin.buffer.read
    try:
        return Spec.read(read() if argument == "-" else Path(argument).read_bytes())
    except OSError as error:
        raise ContractError(f"{argument}: cannot be read ({error.strerror})") from None


def run(
    spec: Spec,
    experiment: Callable[[str], Any],
    store: str | os.PathLike | None = None,
    memory: float | None = None,
    driven: bool = False,
    fresh: bool = False,
) -> Path | None:
    """Run a cell in this process, which is for nothing else; the file of its result.

    :param experiment: finds an experiment by its name
    :param memory: bytes of address space that it may take
    :param driven: report to the engine that started this process, and end with it
    :param fresh: run it even if another run has done it meanwhile; otherwise there is no file of it then
    :raises BusyError: if another process runs it
    :raises ContractError: if it cannot be run here, or the result cannot be written
    """
    tell = follow() if driven else lambda **progress: None
    limit(memory)
    with hold(spec, store) as note:
        # its engine has looked into the pack; what came since is a file of its own
        if driven and not fresh and cell.finished(spec, store, packed=False):
            return None
        chosen = experiment(spec.experiment)
        if spec.version != chosen.version:
            versions = f"version {spec.version} of {chosen.name}, not {chosen.version}"
            raise ContractError(f"the spec is for {versions}")
        chosen.accept(spec.as_dict())

        def report(**progress: Any) -> None:
            tell(**progress)
            note(**progress)

        cell.prepare()
        return cell.run_cell(spec, chosen.cell, store, report)
