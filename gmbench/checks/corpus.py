"""Shrunk counter-examples: replayed against every implementation before the random search.

Those that ship with a layer type lie in its folder (``corpus.json``); new ones join the local corpus, a folder of
small files: ``$GMBENCH_CORPUS``, else the user's data folder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from pathlib import Path

import platformdirs

from gmbench.checks.cases import Case, few_shapes, parse
from gmbench.contract import ContractError, Implementation
from gmbench.registry import folder_of, layer_type
from gmbench.store.files import write_json

VARIABLE = "GMBENCH_CORPUS"


def folder() -> Path:
    """Where new counter-examples are kept, a folder a layer type: ``$GMBENCH_CORPUS``, else the user's data folder."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else Path(platformdirs.user_data_dir("gmbench")) / "corpus"


def cases(implementation: Implementation) -> list[Case]:
    """What an implementation meets first: the cases that its layer type ships, then the local ones.

    A compiled implementation gets those of its few shapes alone.
    """
    found = [*_shipped(implementation.layer_type), *_local(implementation.layer_type, folder())]
    if implementation.compiled:
        shapes = few_shapes(layer_type(implementation.layer_type))
        found = [case for case in found if dict(case.sizes) in shapes and case.batch == 3]
    return list(dict.fromkeys(found))


def shipped_file(name: str) -> Path:
    """The file of the corpus that ships with a layer type, and with others that have the same folder."""
    return folder_of(name) / "corpus.json"


@functools.cache
def _shipped(name: str) -> tuple[Case, ...]:
    """The cases that ship with a layer type."""
    path = shipped_file(name)
    if not path.is_file():
        return ()
    found = (parse(entry["case"]) for entry in json.loads(path.read_text("utf-8")))
    return tuple(case for case in found if case.layer_type == name)


def _local(name: str, where: Path) -> list[Case]:
    """The cases of a layer type in a folder of them, at most 200."""
    found = []
    for path in sorted((where / name).glob("*.json"))[:200]:
        try:
            found.append(parse(json.loads(path.read_text("utf-8"))["case"]))
        except (OSError, ValueError, KeyError, ContractError):
            continue  # of another version, or torn: a corpus is a help, never a hindrance
    return found


def add(case: Case, implementation: Implementation, check: str) -> None:
    """Add a shrunk case to the local corpus; where that cannot be written, nothing happens.

    :param implementation: the one that failed
    :param check: the name of the check that it failed
    """
    if case in cases(implementation):
        return
    path = folder() / case.layer_type / f"{hashlib.sha256(str(case).encode()).hexdigest()[:16]}.json"
    with contextlib.suppress(ContractError):
        write_json(path, {"case": case.as_dict(), "implementation": implementation.key, "check": check})
