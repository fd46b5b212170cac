"""What is to be run: the spec of a cell, and the name that it gives its result."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gmbench.contract import ContractError
from gmbench.store.files import store_folder
from gmbench.store.typed import FieldsError, typed

PARTS = ("implementation", "initialisation")  # the fields that hold one, as :mod:`gmbench.runs.carry` packs it


@dataclass(frozen=True)
class Spec:
    """One cell: one arm of an experiment on one data set with one seed, for so many epochs.

    :param version: of the experiment
    :param digest: of the data, or of the words that define a problem
    :param implementation: of the arm's layers, as :func:`gmbench.runs.carry.pack` has it; None where it has none
    :param initialisation: alike, where it is not the arm's own

    :raises ValueError: if one of these has no name
    """

    experiment: str
    version: int
    data: str
    digest: str
    budget: str
    epochs: int
    arm: str
    seed: int
    device: str
    implementation: Mapping[str, str] | None = None
    initialisation: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        found = {part: getattr(self, part) for part in PARTS}
        if nameless := [part for part, each in found.items() if each is not None and "name" not in each]:
            raise FieldsError(*nameless)

    @classmethod
    def of(cls, found: Any) -> Spec:
        """A spec from a dict, or what is one already.

        :raises ContractError: if a field is missing or of the wrong type, or one that no spec has is there
        """
        if isinstance(found, cls):
            return found
        if not isinstance(found, dict):
            raise ContractError("the spec is not a JSON object")
        if unknown := found.keys() - {field.name for field in fields(cls)}:
            raise ContractError(f"no spec has {', '.join(sorted(unknown))}")
        try:
            return typed(cls, found)
        except FieldsError as error:
            raise ContractError(f"the spec lacks {', '.join(error.args)}, or has them of another type") from None

    @classmethod
    def read(cls, text: str | bytes) -> Spec:
        """A spec from JSON.

        :raises ContractError: if it is not JSON, or as :meth:`of`
        """
        try:
            found = json.loads(text)
        except ValueError:
            raise ContractError("the spec is not JSON") from None
        return cls.of(found)

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """What it says, without the text of a source, for which its digest stands."""
        found = self.as_dict()
        for part in PARTS:
            if found[part]:
                found[part] = {name: text for name, text in found[part].items() if name != "source"}
        return found

    @functools.cached_property
    def id(self) -> str:
        """The name of its result: sha256 of the one JSON text of its identity."""
        text = json.dumps(self.identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def layer(self) -> str:
        """The name of the implementation; empty where there is none."""
        return (self.implementation or {}).get("name", "")

    @property
    def title(self) -> str:
        """The cell in a few words."""
        return f"{self.arm} seed {self.seed}" + (f" ({self.layer})" if self.layer else "")


def cell_path(spec: Spec, store: str | os.PathLike | None = None) -> Path:
    """Where the result of a cell is, or will be, until it is packed."""
    return store_folder(store) / "cells" / f"{spec.id}.json"
