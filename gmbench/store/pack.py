"""Packs: many result files of a kind in one compressed file, as they are committed, read like the files themselves.

While runs are under way each result is a file of its own. ``cells/<experiment>.jsonl.xz``, ``checks/checks.jsonl.xz``
and ``timings/timings.jsonl.xz`` hold what was packed: lines of JSON, the first of which says what the others are, and
each other one ``name``, that of a file without ``.json``, and ``file``, what stood in it. The same files give the same
bytes, and unpacking gives the same files.

What the pictures of several cells have in common, as the target of a fit, stands once, in the first line. A picture
keeps the differences between its neighbouring points, which take less room.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import lzma
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gmbench.contract import ContractError
from gmbench.store.files import SCHEMA, read_json, warn, write, write_json

SUFFIX = ".xz"
ENDING = ".jsonl.xz"
# the parts of a cell that are pictures by their names, and whether these are smooth
PARTS = {"surfaces": True, "photographs": True, "neurons": False, "lines": False}
SHARED = "shared"


def packs(folder: Path) -> list[Path]:
    """The packs in the folder of a kind."""
    return sorted(path for path in folder.glob(f"*{ENDING}") if not path.name.startswith("."))


def path_of(folder: Path, group: str) -> Path:
    """The pack of a group, in the folder of its kind."""
    return folder / f"{re.sub(r'[^A-Za-z0-9_-]', '-', group)}{ENDING}"


def group_of(file: Mapping[str, Any]) -> str:
    """What a file is packed with: of a cell its experiment's others, else all of its kind."""
    return str(file["spec"]["experiment"] if file["kind"] == "cells" else file["kind"])


def members(path: Path, kind: str) -> dict[str, dict[str, Any]]:
    """The files in a pack by their names.

    :raises ContractError: if it is unreadable, damaged, or not of this kind and schema
    """
    try:
        text = lzma.decompress(path.read_bytes()).decode()
        head, *lines = map(json.loads, text.removesuffix("\n").split("\n"))  # other ends of lines stand in texts
        if (head["schema"], head["kind"], head["of"]) != (SCHEMA, "pack", kind):
            raise ContractError(f"{path}: not a pack of kind {kind!r}, schema {SCHEMA}")
        common = {part: [_changed(part, each, _summed) for each in head[SHARED][part]] for part in PARTS}
        return {line["name"]: _restored(line["file"], common) for line in lines}
    except OSError as error:
        raise ContractError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (EOFError, IndexError, KeyError, RecursionError, TypeError, ValueError, lzma.LZMAError):
        raise ContractError(f"{path}: not a whole pack") from None


def pack(store: str | os.PathLike, kind: str, check: Callable[[Path, dict[str, Any]], Any]) -> dict[Path, int]:
    """Put the single files of a kind into packs, beside what is in there; a file goes before one of its name there.

    Whatever ends this at whatever moment, each result is in a pack or a file of its own, or in both alike.

    :param check: raises ContractError for what is no whole result: that stays as it is, with a warning
    :returns: how many files were put into each pack
    :raises ContractError: if a pack cannot be read or written, or somebody else packs here
    """
    folder = Path(store) / kind
    if not folder.is_dir():
        return {}
    with _alone(folder) as descriptor:
        groups: dict[Path, dict[Path, tuple[os.stat_result, dict[str, Any]]]] = {}
        for path in sorted(folder.glob("[!.]*.json")):
            try:
                about, found = path.stat(), read_json(path, kind)
                check(path, found)
            except (ContractError, FileNotFoundError) as error:
                warn(str(error))
            else:
                groups.setdefault(path_of(folder, group_of(found)), {})[path] = about, found
        for target, single in groups.items():
            wanted = members(target, kind) if target.exists() else {}
            wanted |= {path.stem: found for path, (_, found) in single.items()}
            write(target, _packed(kind, wanted))
            if _text(members(target, kind)) != _text(dict(sorted(wanted.items()))):
                raise ContractError(f"{target}: does not say what the files say that it is made of; they are all there")
            os.fsync(descriptor)  # the pack has its name on the disk before the first file goes
            for path, (about, _) in single.items():
                with contextlib.suppress(FileNotFoundError):
                    now = path.stat()
                    if os.path.samestat(about, now) and about.st_mtime_ns == now.st_mtime_ns:  # not made anew meanwhile
                        path.unlink()
        return {target: len(single) for target, single in groups.items()}


def unpack(store: str | os.PathLike, kind: str) -> dict[Path, int]:
    """Make single files of packs again, and remove these; a file that is there already stays as it is.

    :returns: how many files each pack had
    :raises ContractError: if a pack cannot be read, or a file be written, or somebody else packs here
    """
    folder, done = Path(store) / kind, dict[Path, int]()
    if not folder.is_dir():
        return {}
    with _alone(folder) as descriptor:
        for path in packs(folder):
            found = members(path, kind)
            for name, file in found.items():
                if not (folder / f"{name}.json").exists():
                    write_json(folder / f"{name}.json", file)
            os.fsync(descriptor)
            path.unlink()
            done[path] = len(found)
    return done


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Be the only one who packs there; gives a descriptor of the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError:
        raise ContractError(f"{folder}: is being packed by another process") from None
    finally:
        os.close(descriptor)


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
                    name: _changed(part, each, _differences) if place is None else {SHARED: place}
                    for name, each, place in ((name, each, places.get(_text(each))) for name, each in own.items())
                }
    head = {"schema": SCHEMA, "kind": "pack", "of": kind, SHARED: common}
    lines = (head, *({"name": name, "file": file} for name, file in files.items()))
    text = "".join(_text(line) + "\n" for line in lines)
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)


def _restored(file: dict[str, Any], common: Mapping[str, list[Any]]) -> dict[str, Any]:
    """A file as it was; what it has in common with others is one object in all of them."""
    for part in PARTS:
        if own := _entries(file, part):
            file[part] = {
                name: common[part][each[SHARED]] if _is_shared(each) else _changed(part, each, _summed)
                for name, each in own.items()
            }
    return file


def _is_shared(each: Any) -> bool:
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
    """The levels of a picture (see :mod:`gmbench.training.pictures`) as what each differs from its neighbours by, along
    rows and columns, modulo 256; any other text as it is.
    """
    import numpy as np

    levels, none = _levels(text), np.uint8(0)
    return text if levels is None else _base64(np.diff(np.diff(levels, axis=1, prepend=none), axis=2, prepend=none))


def _summed(text: str) -> str:
    """The text that :func:`_differences` was given."""
    import numpy as np

    levels = _levels(text)
    return text if levels is None else _base64(levels.cumsum(1, dtype=np.uint8).cumsum(2, dtype=np.uint8))


def _levels(text: str) -> Any:
    """An array (channels, side, side) of bytes, from base64; None for what is none of a square of one or three."""
    import numpy as np

    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    for channels in (1, 3):
        side = math.isqrt(len(found) // channels)
        if found and channels * side**2 == len(found) and _base64(found) == text:
            return np.frombuffer(found, np.uint8).reshape(channels, side, side)
    return None


def _base64(levels: Any) -> str:
    return base64.b64encode(bytes(levels)).decode()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
