"""The store: one folder of JSON files, from which alone the reports are made.

``checks/``, ``timings/`` and ``cells/`` hold one file a result, or packs of many (:mod:`gmbench.store.pack`);
``failed/`` one a cell that failed, ``running/`` one a cell that runs. Each file has ``"schema": 1`` and its
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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gmbench.contract import ContractError

SCHEMA = 1
VARIABLE = "GMBENCH_STORE"
DEFAULT = "gmbench-results"
TEMPORARY = ".tmp"  # suffix of a file that is being written, or whose writer was killed


class FullError(ContractError):
    """The disk is full: what somebody else may change, so that trying again makes sense."""


def store_folder(store: str | os.PathLike | None = None) -> Path:
    """The store: the argument, else ``$GMBENCH_STORE``, else ``gmbench-results`` in the working folder."""
    return Path(os.path.expanduser(store or os.environ.get(VARIABLE) or DEFAULT))


def write(path: str | os.PathLike, content: bytes) -> Path:
    """Write a file that appears under its name whole or not at all; folders are made as needed.

    :raises ContractError: if it cannot be written, in one line; nothing is left behind then
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # in the same folder, because a rename is atomic only within one file system
        descriptor, temporary = tempfile.mkstemp(TEMPORARY, f".{path.name}.", path.parent)
        with open(descriptor, "wb") as file:
            file.write(content)
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


def write_json(path: str | os.PathLike, obj: Mapping[str, Any]) -> Path:
    """The same for JSON. Numbers that are not finite are written as Python writes them (``NaN``, ``Infinity``).

    :raises ContractError: as :func:`write`
    """
    return write(path, encoded(json.dumps(obj, indent=1, ensure_ascii=False) + "\n"))


def encoded(text: str) -> bytes:
    """The UTF-8 of a text of JSON. Half a surrogate pair, which has none, becomes the escape that JSON has for it."""
    return text.encode("utf-8", "backslashreplace")


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

    :raises ContractError: if it is unreadable, cut short, or not a file of this kind and schema
    """
    path = Path(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ContractError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (RecursionError, ValueError):
        raise ContractError(f"{path}: not a whole JSON file") from None
    return checked(found, kind, path)


def checked(found: Any, kind: str, where: str | os.PathLike) -> dict[str, Any]:
    """What was found somewhere, if it is the contents of a result file.

    :raises ContractError: if it is not of this kind and schema
    """
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or found.get("kind") != kind:
        raise ContractError(f"{os.fspath(where)}: not a file of kind {kind!r}, schema {SCHEMA}")
    return found


def warn(line: str) -> None:
    """Say in one line that something in a store is not taken."""
    logging.getLogger("gmbench").warning("gmbench: ignored %s", line)
