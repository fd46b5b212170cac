"""Packs: many result files of a kind in one compressed file, as they are committed, read like the files themselves.

While runs are under way each result is a file of its own. ``cells/<experiment>.jsonl.xz``, ``checks/checks.jsonl.xz``
and ``timings/timings.jsonl.xz`` hold what was packed: lines of JSON, the first of which says what the others are, and
how many, and each other one ``name``, that of a file without ``.json``, and ``file``, what stood in it. The same files
give the same bytes, and unpacking gives the same files.

What the pictures of several cells have in common, as the target of a fit, stands once, in the first line. A picture
keeps the differences between its neighbouring points, which take less room.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import lzma
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gmbench.contract import ContractError
from gmbench.store.files import SCHEMA, TEMPORARY, checked, encoded, read_json, warn, write, write_json
from gmbench.store.levels import as_text, levels

SUFFIX = ".xz"
ENDING = ".jsonl.xz"
# the parts of a cell that are pictures by their names, and whether these are smooth
PARTS = {"surfaces": True, "photographs": True, "neurons": False, "lines": False}
SHARED = "shared"  # in the place of a picture: which of the common ones it is, or a list of what it has under that name
MEMBERS = "members"
NAME = "[A-Za-z0-9_-]+"
LOCK = ".lock"
Check = Callable[[dict[str, Any], Path], Any]  # as Kind.of


def packs(folder: Path) -> list[Path]:
    """The packs in the folder of a kind."""
    return sorted(path for path in folder.glob(f"*{ENDING}") if not path.name.startswith("."))


def path_of(folder: Path, group: str) -> Path:
    """The pack of a group, in the folder of its kind."""
    return folder / f"{re.sub(r'[^A-Za-z0-9_-]', '-', group)}{ENDING}"


def group_of(file: Mapping[str, Any]) -> str:
    """What a file is packed with: of a cell its experiment's others, else all of its kind."""
    return str(file["spec"]["experiment"] if file["kind"] == "cells" else file["kind"])


def members(path: Path, kind: str) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The files in a pack by their names, and a line for each member that is none.

    :raises ContractError: if the pack is unreadable, damaged, or not of this kind and schema
    """
    try:
        return _parsed(path.read_bytes(), kind, path)
    except OSError as error:
        raise ContractError(f"{path}: cannot be read ({error.strerror or error})") from None


def pack(store: str | os.PathLike, kind: str, check: Check) -> dict[Path, int]:
    """Put the single files of a kind into packs, beside what is in there; a file goes before one of its name there.

    Whatever ends this at whatever moment, each result is in a pack or a file of its own, or in both alike.

    :param check: raises ContractError for what is no whole result: that stays as it is, with a warning
    :returns: how many files were put into each pack
    :raises ContractError: if a pack cannot be read or written or has members that are none, or somebody else packs here
    """
    folder = Path(store) / kind
    if not folder.is_dir():
        return {}
    with _alone(folder):
        groups: dict[Path, dict[Path, tuple[os.stat_result, dict[str, Any]]]] = {}
        for path in sorted(folder.glob("[!.]*.json")):
            try:
                _check_name(path.stem, path)
                about, found = path.stat(), read_json(path, kind)
                check(found, path)
            except (ContractError, FileNotFoundError) as error:
                warn(str(error))
            else:
                groups.setdefault(path_of(folder, group_of(found)), {})[path] = about, found
        for target, single in groups.items():
            wanted, errors = members(target, kind) if target.exists() else ({}, [])
            if errors:
                raise ContractError(f"{errors[0]}; unpack the others and move {target.name} away before more is packed")
            wanted |= {path.stem: found for path, (_, found) in single.items()}
            content = _packed(kind, wanted)
            if _text(_parsed(content, kind, target)) != _text((dict(sorted(wanted.items())), [])):
                raise ContractError(f"{target}: would not say what the files say; nothing was packed into it")
            write(target, content)
            _settle(folder)  # the pack has its name on the disk before the first file goes
            for path, (about, _) in single.items():
                _remove(path, about)
        return {target: len(single) for target, single in groups.items()}


def unpack(store: str | os.PathLike, kind: str, check: Check) -> dict[Path, int]:
    """Make single files of packs again, and remove these; a whole result that is there already stays as it is. A pack
    with members that are no files stays, with a warning.

    :param check: raises ContractError for what is no whole result: what is in the pack takes its place, with a warning
    :returns: how many files each pack had
    :raises ContractError: if a pack cannot be read, or a file be written, or somebody else packs here
    """
    folder, done = Path(store) / kind, dict[Path, int]()
    if not folder.is_dir():
        return {}
    with _alone(folder):
        for path in packs(folder):
            found, errors = members(path, kind)
            for name, file in found.items():
                single = folder / f"{name}.json"
                try:
                    if single.exists():
                        check(read_json(single, kind), single)
                        continue
                except ContractError as error:
                    warn(f"{error}; what {path.name} has of it takes its place")
                write_json(single, file)
            _settle(folder)
            for line in errors:
                warn(f"{line}; {path.name} stays")
            if not errors:
                path.unlink()
            done[path] = len(found)
    return done


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only one who packs there."""
    path = folder / LOCK
    try:
        # open for writing, as network file systems want it; they have no locks on folders
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ContractError(f"{folder}: cannot be written ({error.strerror or error})") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(descriptor), path.stat()):  # it was another's, who has just removed it
                raise BlockingIOError
        except (BlockingIOError, FileNotFoundError):
            raise ContractError(f"{folder}: is being packed by another process") from None
        except OSError as error:
            raise ContractError(f"{folder}: cannot be locked ({error.strerror or error})") from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # before the lock is gone: afterwards it may be another's
    finally:
        os.close(descriptor)


def _settle(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path, about: os.stat_result) -> None:
    """Remove a file that is in a pack now, unless it was made anew since it was read."""

    def unchanged(file: Path) -> bool:
        now = file.stat()
        return os.path.samestat(about, now) and about.st_mtime_ns == now.st_mtime_ns

    aside = path.with_name(f".{path.name}{TEMPORARY}")
    with contextlib.suppress(FileNotFoundError):
        if unchanged(path):
            path.rename(aside)  # whatever comes under its name from here on stays; what came a moment ago goes back
            if unchanged(aside) or path.exists():
                aside.unlink()
            else:
                aside.rename(path)


def _check_name(name: Any, where: object) -> None:
    """Whether a member can have a name, which unpacking makes that of a file.

    :raises ContractError: if it cannot
    """
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise ContractError(f"{where}: its name is not of letters, digits, - and _ alone")


def _parsed(content: bytes, kind: str, where: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """As :func:`members`, of the bytes of a pack."""
    try:
        text = lzma.decompress(content).decode()
        head, *lines = map(json.loads, text.removesuffix("\n").split("\n"))  # other ends of lines stand in texts
        if (head["schema"], head["kind"], head["of"]) != (SCHEMA, "pack", kind):
            raise ContractError(f"{where}: not a pack of kind {kind!r}, schema {SCHEMA}")
        if head.get(MEMBERS, len(lines)) != len(lines):  # older packs do not say how many
            raise ValueError
        common = {part: [_changed(part, each, _summed) for each in head[SHARED][part]] for part in PARTS}
    except ContractError:
        raise
    except (EOFError, KeyError, RecursionError, TypeError, ValueError, lzma.LZMAError):
        raise ContractError(f"{where}: not a whole pack") from None
    found: dict[str, dict[str, Any]] = {}
    errors: list[str] = []
    for number, line in enumerate(lines, 1):
        name: Any = line.get("name") if isinstance(line, dict) else None
        try:
            _check_name(name, f"{where}, member {number}")
            if name in found:
                raise ContractError(f"{where}, member {number}: another one has its name")
            found[name] = _restored(checked(line.get("file"), kind, f"{where}, {name}"), common, f"{where}, {name}")
        except ContractError as error:
            errors.append(str(error))
        except RecursionError:
            errors.append(f"{where}, {name}: too deep")
    return found, errors


def _packed(kind: str, found: Mapping[str, dict[str, Any]]) -> bytes:
    """The bytes of a pack."""
    files = {name: dict(found[name]) for name in sorted(found)}
    common: dict[str, list[Any]] = {}
    for part in PARTS:
        often = Counter(_text(each) for file in files.values() for each in _entries(file, part).values())
        places = {text: place for place, text in enumerate(text for text, times in often.items() if times > 1)}
        common[part] = [_changed(part, json.loads(text), _differences) for text in places]
        for file in files.values():
            if own := _entries(file, part):
                file[part] = {
                    name: _own(_changed(part, each, _differences)) if place is None else {SHARED: place}
                    for name, each, place in ((name, each, places.get(_text(each))) for name, each in own.items())
                }
    head = {"schema": SCHEMA, "kind": "pack", "of": kind, MEMBERS: len(files), SHARED: common}
    lines = (head, *({"name": name, "file": file} for name, file in files.items()))
    text = "".join(_text(line) + "\n" for line in lines)
    return lzma.compress(encoded(text), preset=9 | lzma.PRESET_EXTREME)


def _restored(file: dict[str, Any], common: Mapping[str, list[Any]], where: str) -> dict[str, Any]:
    """A file as it was; what it has in common with others is one object in all of them.

    :raises ContractError: if it has something in common that is not there
    """

    def picture(part: str, each: Any) -> Any:
        if not _is_marker(each):
            return _changed(part, each, _summed)
        place = each[SHARED]
        if isinstance(place, list) and len(place) == 1:
            return _changed(part, {SHARED: place[0]}, _summed)
        if type(place) is int and 0 <= place < len(common[part]):
            return common[part][place]
        raise ContractError(f"{where}: lacks what it has in common with others")

    for part in PARTS:
        if own := _entries(file, part):
            file[part] = {name: picture(part, each) for name, each in own.items()}
    return file


def _own(each: Any) -> Any:
    """A picture that only one file has, so that it is not taken for a common one."""
    return {SHARED: [each[SHARED]]} if _is_marker(each) else each


def _is_marker(each: Any) -> bool:
    return isinstance(each, dict) and set(each) == {SHARED}


def _entries(file: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The pictures of a part of a file by their names; empty where there are none."""
    found = file.get(part)
    return found if isinstance(found, dict) else {}


def _changed(part: str, value: Any, change: Callable[[str], str]) -> Any:
    """A picture with its levels changed, if it is of a smooth part."""
    return _strings(value, change) if PARTS[part] else value


def _strings(value: Any, change: Callable[[str], str]) -> Any:
    """A value of JSON with every text in it changed."""
    if isinstance(value, dict):
        return {name: _strings(each, change) for name, each in value.items()}
    if isinstance(value, list):
        return [_strings(each, change) for each in value]
    return change(value) if isinstance(value, str) else value


def _differences(text: str) -> str:
    """A picture's text with what each level differs from its neighbours by, along rows and columns, modulo 256; any
    other text as it is.
    """
    import numpy as np

    try:
        found, none = levels(text), np.uint8(0)
    except ValueError:
        return text
    return as_text(np.diff(np.diff(found, axis=1, prepend=none), axis=2, prepend=none))


def _summed(text: str) -> str:
    """The text that :func:`_differences` was given."""
    import numpy as np

    try:
        return as_text(levels(text).cumsum(1, dtype=np.uint8).cumsum(2, dtype=np.uint8))
    except ValueError:
        return text


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
