"""How an implementation or an initialisation travels inside a spec.

A built-in one by its ``name``; one from an installed package by its name and ``origin``; one from a file
by its name, the ``sha256`` of that file and the ``source`` itself, never a path, so that the cell can run
anywhere.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gmbench import registry
from gmbench.contract import ContractError, Implementation, Initialisation
from gmbench.names import choose


def pack(record: Implementation | Initialisation) -> dict[str, str]:
    """A record as it stands in a spec.

    :raises ContractError: if its file can no longer be read
    """
    part = {"name": record.key}
    if approximate := getattr(record, "approximate", None):
        part["approximate"] = approximate
    if not record.source.endswith(".py"):
        return part if record.source == "built in" else {**part, "origin": record.source}
    try:
        source = Path(os.path.expanduser(record.source)).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ContractError(f"{record.source}: cannot be read ({error})") from None
    return {**part, "sha256": _digest(source), "source": source}


def unpack(part: Mapping[str, str], kind: type) -> Any:
    """The record that a spec's part means; ``kind`` is :class:`Implementation` or :class:`Initialisation`.

    :raises ContractError: if there is none of that name, or the source is missing or not the one it names
    """
    if "sha256" not in part:
        known = registry.load()
        table = known.implementations if kind is Implementation else known.initialisations
        return choose(kind.__name__.lower(), part["name"], table)
    source = part.get("source", "")
    if _digest(source) != part["sha256"]:
        raise ContractError(f"{part['name']}: its source is not in the spec, or not the one that the spec names")
    module = registry.load_file(_write(source))
    for record in registry.records(module, f"sha256 {part['sha256'][:12]}"):
        if isinstance(record, kind) and record.key == part["name"]:
            return _guarded(record) if isinstance(record, Implementation) else record
    raise ContractError(f"{part['name']}: its source declares no such {kind.__name__.lower()}")


def start_of(spec: Mapping[str, Any], usual: str) -> Initialisation | str:
    """The initialisation that a spec brings, else the usual one's name."""
    return unpack(spec["initialisation"], Initialisation) if spec["initialisation"] else usual


def _guarded(record: Implementation) -> Implementation:
    """The same record; what its function returns is looked at, so that a wrong shape is told where it arises."""
    kind = registry.layer_type(record.layer_type)

    @functools.wraps(record.function)
    def function(x: Any, *parameters: Any) -> Any:
        result = record.function(x, *parameters)
        sizes = dict(kind.fixed)
        for parameter, given in zip(kind.parameters, parameters, strict=True):
            sizes |= zip(parameter.shape, getattr(given, "shape", ()), strict=False)
        if not hasattr(result, "shape"):
            raise ContractError(f"{record.key} returned {type(result).__name__}, not a tensor")
        shape, wanted = tuple(result.shape), (*x.shape[:-1], sizes[kind.out_features])
        if shape != wanted:
            raise ContractError(f"{record.key} returned the shape {shape} for x {tuple(x.shape)}; expected {wanted}")
        return result

    return replace(record, function=function)


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def _write(source: str) -> Path:
    # kept until the process ends: torch.compile and tracebacks read sources again
    folder = Path(tempfile.mkdtemp(prefix="gmbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "carried.py"
    path.write_text(source, encoding="utf-8")
    return path
