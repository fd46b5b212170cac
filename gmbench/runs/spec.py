"""What is to be run: the spec of a cell, and the name that it gives its result."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gmbench.contract import ContractError
from gmbench.runs.carry import PARTS
from gmbench.store.files import SPEC, store_folder


def identity(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a spec says, without the text of a source, for which its digest stands."""
    parts = {name: dict(spec[name]) for name in PARTS if spec.get(name)}
    for part in parts.values():
        part.pop("source", None)
    return {**spec, **parts}


def canonical(spec: Mapping[str, Any]) -> str:
    """The one JSON text of a spec's identity."""
    return json.dumps(identity(spec), sort_keys=True, separators=(",", ":"))


def cell_id(spec: Mapping[str, Any]) -> str:
    """The name of a cell: sha256 of the canonical JSON."""
    return hashlib.sha256(canonical(spec).encode()).hexdigest()


def cell_path(spec: Mapping[str, Any], store: str | os.PathLike | None = None) -> Path:
    """Where the result of a cell is, or will be."""
    return store_folder(store) / "cells" / f"{cell_id(spec)}.json"


def read_spec(text: str | bytes) -> dict[str, Any]:
    """A spec from JSON.

    :raises ContractError: if it is not JSON, or a field is missing or of the wrong type
    """
    try:
        spec = json.loads(text)
    except ValueError:
        raise ContractError("the spec is not JSON") from None
    if not isinstance(spec, dict):
        raise ContractError("the spec is not a JSON object")
    wrong = [name for name, kind in SPEC.items() if type(spec.get(name)) is not kind]
    if wrong:
        raise ContractError(f"the spec lacks {', '.join(wrong)}, or has them of another type")
    return spec
