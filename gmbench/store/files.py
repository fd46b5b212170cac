"""The store: one folder of JSON files, from which alone the reports are made.

``checks/``, ``timings/`` and ``cells/`` hold one file a result, ``failed/`` one a cell that failed, ``running/`` one a
cell that runs. Each file has ``"schema": 1`` and its
``"kind"``, beside what :func:`gmbench.store.provenance.provenance` says. A file appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmbench.contract import ContractError

if TYPE_CHECKING:
    pass

SCHEMA = 1
VARIABLE = "GMBENCH_STORE"
DEFAULT = "gmbench-results"
KINDS = ("checks", "timings", "cells", "claims")
TEMPORARY = ".tmp"  # suffix of a file that is being written, or whose writer was killed


SPEC = {  # of a cell
    **{"experiment": str, "version": int, "data": str, "digest": str, "budget": str, "epochs": int},
    **{"arm": str, "seed": int, "device": str},
}

# What a file of a kind has at least, by the names of its parts: whoever reads it may rely on that.
_PARTS: dict[str, dict[str, Any]] = {
    "cells": {"id": str, "spec": dict, "epochs": list, "measures": dict},
    "failed": {"id": str, "spec": dict, "error": str, "again": str, "when": str},
}


class FullError(ContractError):
    """The disk is full: what somebody else may change, so that trying again makes sense."""


def store_folder(store: str | os.PathLike | None = None) -> Path:
    """The store: the argument, else ``$GMBENCH_STORE``, else ``gmbench-results`` in the working folder."""
    return Path(os.path.expanduser(store or os.environ.get(VARIABLE) or DEFAULT))


def write_json(path: str | os.PathLike, obj: Mapping[str, Any]) -> Path:
    """Write a JSON file that appears under its name whole or not at all; folders are made as needed.

    Numbers that are not finite are written as Python writes them (``NaN``, ``Infinity``).

    :raises ContractError: if it cannot be written, in one line; nothing is left behind then
    """
    path = Path(path)
    text = json.dumps(obj, indent=1, ensure_ascii=False) + "\n"
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # in the same folder, because a rename is atomic only within one file system
        descriptor, temporary = tempfile.mkstemp(TEMPORARY, f".{path.name}.", path.parent)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's 0600 is for secrets; a result is to be shared
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        kind = FullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else ContractError
        raise kind(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
    return path


def check_writable(kind: str, store: str | os.PathLike | None = None) -> None:
    """Find out before the work whether results of a kind can be written to the store; makes no folder.

    :raises ContractError: if they cannot, in one line
    """
    folder = store_folder(store)
    wanted = folder.absolute() / kind
    try:
        there = next(path for path in (wanted, *wanted.parents) if path.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ContractError(f"the store {folder} cannot be written ({error.strerror or error})") from None


def sweep(kind: str, store: str | os.PathLike | None = None, age: float = 86400) -> None:
    """Remove what writers that were killed left behind, once it is a day old."""
    for path in (store_folder(store) / kind).glob(f".*{TEMPORARY}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > age:
                path.unlink()


def read_json(path: str | os.PathLike, kind: str) -> dict[str, Any]:
    """One result file.

    :raises ContractError: if it is unreadable, cut short, or not a file of this kind and schema, or lacks a part of one
    """
    path = Path(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ContractError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (RecursionError, ValueError):
        raise ContractError(f"{path}: not a whole JSON file") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or found.get("kind") != kind:
        raise ContractError(f"{path}: not a file of kind {kind!r}, schema {SCHEMA}")
    wrong = [name for name, wanted in _PARTS.get(kind, {}).items() if not isinstance(found.get(name), wanted)]
    if kind == "cells" and not wrong:
        wrong = _wrong_in_cell(found)
    if wrong:
        raise ContractError(f"{path}: not a whole file of kind {kind!r}; missing or of wrong type: {', '.join(wrong)}")
    return found


def _wrong_in_cell(found: Mapping[str, Any]) -> list[str]:
    """What is wrong inside the parts of a cell's file."""
    epochs, spec = found["epochs"], found["spec"]
    good = epochs and all(isinstance(e, dict) and isinstance(e.get("test_error"), int | float) for e in epochs)
    wrong = [] if good else ["epochs"]
    wrong += [name for name in ("seconds", "cpu_seconds") if not isinstance(found.get(name, 0.0), int | float)]
    return wrong + [name for name, kind in SPEC.items() if type(spec.get(name)) is not kind]


def read_all(
    kind: str, store: str | os.PathLike | None = None, quietly: bool = False
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every file of a kind, by name; what is unreadable or foreign is passed over with one warning line, or quietly."""
    for path in sorted(store_folder(store).joinpath(kind).glob("*.json")):
        if path.name.startswith("."):
            continue
        try:
            yield path, read_json(path, kind)
        except ContractError as error:
            if not quietly:
                _warn(str(error))


def _warn(line: str) -> None:
    logging.getLogger("gmbench").warning("gmbench: ignored %s", line)
