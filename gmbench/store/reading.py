"""An opened store: each of its files is read, checked and parsed once, whoever asks for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from gmbench.contract import ContractError
from gmbench.store import pack
from gmbench.store.files import SCHEMA, read_json, store_folder, warn, write_json

LOOKS = 5  # at a folder in which files are packed or unpacked meanwhile
T = TypeVar("T")
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of result file: the folder that it lies in, and how its contents become a record.

    :param parse: raises ValueError, in one line, for what is no such record
    """

    name: str
    parse: Callable[[Mapping[str, Any]], T]

    def path(self, store: str | os.PathLike | None, name: str = "") -> Path:
        """The file of a record; without a name that of which a store has one."""
        folder = store_folder(store)
        return folder / self.name / f"{name}.json" if name else folder / f"{self.name}.json"

    def write(
        self, content: Mapping[str, Any], store: str | os.PathLike | None, name: str = "", what: str = ""
    ) -> Path:
        """Write the file of a record.

        :param what: what its content is, in words
        :raises ContractError: if it is no whole record, so that nobody could read it, or it cannot be written
        """
        content, path = {"schema": SCHEMA, "kind": self.name, **content}, self.path(store, name)
        self.of(json.loads(json.dumps(content)), what or path)
        return write_json(path, content)

    def of(self, found: Mapping[str, Any], where: str | os.PathLike) -> T:
        """The record of what was found somewhere.

        :raises ContractError: if it is no whole one
        """
        try:
            return self.parse(found)
        except ValueError as error:
            raise ContractError(f"{os.fspath(where)}: not a whole file of kind {self.name!r}; {error}") from None


@dataclass
class _File:
    """What was last seen of a file: its records by name, or why there are none."""

    stamp: Stamp
    records: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    told: bool = False


class Store:
    """The results in a folder. A file that has changed since it was read is read again.

    :param folder: default: as :func:`~gmbench.store.files.store_folder` says
    """

    def __init__(self, folder: str | os.PathLike | None = None):
        self.folder = store_folder(folder)
        self._files: dict[Path, _File] = {}

    def __fspath__(self) -> str:
        return str(self.folder)

    @classmethod
    def of(cls, store: Store | str | os.PathLike | None) -> Store:
        """A store that is open already, or that in a folder."""
        return store if isinstance(store, cls) else cls(store)

    def exists(self) -> bool:
        """Whether there is such a folder."""
        return self.folder.is_dir()

    def read(self, kind: Kind[T], quietly: bool = False) -> list[tuple[Path, T]]:
        """Every record of a kind by the name of its file, with that file or its pack; a file beside a pack goes before
        one of its name in there.

        What is unreadable or foreign is passed over with one warning line, or quietly.
        """
        folder, found = self.folder / kind.name, dict[str, tuple[Path, T]]()
        for _ in range(LOOKS):
            packed = pack.packs(folder)
            loose = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
            seen = [(path, self._read(kind, path)) for path in loose]
            # files are packed, and unpacked, beside this: what went away between two looks is looked for again
            later = pack.packs(folder)
            seen = [(path, self._read(kind, path)) for path in later] + seen
            if set(packed) <= set(later) and all(file or path not in later for path, file in seen):
                break
        for path, file in seen:
            if not quietly:
                self._tell(file)
            found |= {name: (path, record) for name, record in (file.records if file else {}).items()}
        return [found[name] for name in sorted(found)]

    def one(self, kind: Kind[T]) -> T | None:
        """The record of a kind of which a store has one; None, with a warning line, if it is not whole."""
        path = kind.path(self)
        file = self._read(kind, path)
        self._tell(file)
        return file.records.get(path.stem) if file else None

    def find(self, kind: Kind[T], name: str, group: str | None = None) -> T | None:
        """The record of one name, or None if there is no whole one.

        :param group: of its kind, whose pack is looked into too (default: none)
        """
        single = kind.path(self, name)
        packed = [] if group is None else [pack.path_of(single.parent, group), single]  # may just have been unpacked
        for path in (single, *packed):
            file = self._read(kind, path)
            if file and name in file.records:
                return file.records[name]
        return None

    def _tell(self, file: _File | None) -> None:
        if file and not file.told:
            file.told = True
            for error in file.errors:
                warn(error)

    def _read(self, kind: Kind[T], path: Path) -> _File | None:
        """What a file holds; None if it is not there."""
        try:
            about = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        stamp = (about.st_ino, about.st_mtime_ns, about.st_size)
        known = self._files.get(path)
        if known is None or known.stamp != stamp:
            known, packed, contents = _File(stamp), path.suffix == pack.SUFFIX, dict[str, dict[str, Any]]()
            try:
                if packed:
                    contents, known.errors = pack.members(path, kind.name)
                else:
                    contents = {path.stem: read_json(path, kind.name)}
            except ContractError as error:
                known.errors.append(str(error))
            for name, found in contents.items():
                try:
                    known.records[name] = kind.of(found, f"{path}, {name}" if packed else path)
                except ContractError as error:
                    known.errors.append(str(error))
            if known.errors and not path.exists():
                return None
            self._files[path] = known
        return known
