"""Which cells failed, and why: ``failed/<id>.json`` stays in the store until the cell succeeds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gmbench.runs.spec import cell_id, identity
from gmbench.store.files import SCHEMA, read_all, store_folder, write_json


def failure_path(ident: str, store: str | os.PathLike | None = None) -> Path:
    """Where the failure of a cell is kept."""
    return store_folder(store) / "failed" / f"{ident}.json"


def keep(
    spec: Mapping[str, Any], error: str, tries: int, again: str = "", store: str | os.PathLike | None = None
) -> Path:
    """Write down that a cell failed.

    :param error: the reason in one line, then the end of what it said
    :param again: the command that runs it again
    :raises ContractError: if that cannot be written
    """
    content = {
        "schema": SCHEMA,
        "kind": "failed",
        "id": cell_id(spec),
        "spec": identity(spec),
        "error": error,
        "tries": tries,
        "again": again,
        "when": datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z",
    }
    return write_json(failure_path(cell_id(spec), store), content)


def failures(store: str | os.PathLike | None = None) -> list[dict[str, Any]]:
    """The cells that failed and have not succeeded since."""
    return [found for _, found in read_all("failed", store)]
