"""Where the files of a data set are: ``$GMBENCH_DATA``, the user's cache, a public host. Always checked."""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

from gmbench.contract import ContractError
from gmbench.data.contract import DataSet, File
from gmbench.data.listed import data_sets
from gmbench.store.files import write

VARIABLE = "GMBENCH_DATA"
TIMEOUT = 30  # seconds without an answer from a host


def cache_folder(chosen: DataSet) -> Path:
    """Where a download is kept, in the user's cache.

    :raises ContractError: if this user has no home for it
    """
    import pooch

    try:
        return Path(pooch.os_cache("gmbench")) / "data" / chosen.name
    except RuntimeError as error:
        raise ContractError(f"{error}; or set ${VARIABLE} to a folder that holds {chosen.name}") from None


def find(chosen: DataSet, file: File) -> Path | None:
    """The file under ``$GMBENCH_DATA`` or in the cache, unchecked; None if it is in neither."""
    places = []
    if os.environ.get(VARIABLE):
        given = Path(os.path.expanduser(os.environ[VARIABLE]))
        if not given.is_dir():
            raise ContractError(f"${VARIABLE} is {given}, which is no folder")
        folders = [given / name for name in dict.fromkeys((chosen.name, chosen.name.replace("-", "_")))]
        places = [*(folder / file.name for folder in folders), given / file.name]
        if given.joinpath(file.name).is_file() and _of_another(chosen, given / file.name):
            places.remove(given / file.name)
    for place in places:
        if place.is_file():
            return place
    kept = cache_folder(chosen) / file.name  # asked last: who has the data needs no home
    return kept if kept.is_file() else None


def _of_another(chosen: DataSet, path: Path) -> bool:
    """Whether a file has the name and the size of one of another data set: MNIST and its successors share names."""
    size = path.stat().st_size
    others = (file for other in data_sets().values() if other.name != chosen.name for file in other.files)
    return any(path.name == file.name and size == file.size for file in others)


def fetch(chosen: DataSet, file: File) -> bytes:
    """The checked contents of one file, downloaded if it is nowhere yet.

    :raises ContractError: in one line, if it is damaged, cannot be downloaded or cannot be stored
    """
    path = find(chosen, file)
    if path is None and chosen.archive:
        _unpack(chosen, find(chosen, chosen.archive) or _download(chosen, chosen.archive))
        path = cache_folder(chosen) / file.name
    path = path or _download(chosen, file)
    content = _read(path)
    if file.size is not None and len(content) != file.size and _of_another(chosen, path):
        raise ContractError(f"{path}: is the file of that name of another data set: replace it by {chosen.name}'s")
    return _checked(content, file, path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ContractError(f"{path}: cannot be read ({error.strerror or error})") from None


def _checked(content: bytes, file: File, path: str | os.PathLike) -> bytes:
    """The contents, if they are those of the file; ``path`` says where they were found."""
    if file.size is not None and len(content) != file.size:
        wrong = "cut short" if len(content) < file.size else "another file"
        raise ContractError(f"{path}: has {len(content)} bytes, not {file.size}; it is {wrong}: remove it")
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != file.md5:
        raise ContractError(f"{path}: has the md5 {found}, not {file.md5}; it is damaged: remove it")
    return content


def _unpack(chosen: DataSet, path: Path) -> None:
    """Write the files of a data set from its archive into the cache.

    A member is looked for by the name of a file of ours, and what it holds is checked before it is written there, so
    no name in the archive says where anything goes.
    """
    assert chosen.archive is not None
    _checked(_read(path), chosen.archive, path)
    folder = cache_folder(chosen)
    try:
        with tarfile.open(path) as archive:
            for file in chosen.files:
                member = archive.getmember(file.name)
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is None:
                    raise ContractError(f"{path}: {file.name} is no plain file there")
                content = _checked(stream.read(), file, f"{path}, {file.name}")
                _write(folder / file.name, content)
    except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
        reason = str(error).splitlines()[0]
        raise ContractError(f"{path}: not an archive with {chosen.name} in it ({reason}): remove it") from None


def _write(path: Path, content: bytes) -> None:
    """Into the cache, whole or not at all."""
    try:
        write(path, content)
    except ContractError as error:
        raise ContractError(f"{error}; set ${VARIABLE} to a folder that holds it") from None


def state(chosen: DataSet) -> str:
    """``embedded``, ``found`` or ``downloadable``; says nothing of whether what was found is whole."""
    if not chosen.files:
        return "embedded"
    there = all(find(chosen, file) for file in chosen.files) or (chosen.archive and find(chosen, chosen.archive))
    return "found" if there else "downloadable"


def _download(chosen: DataSet, file: File) -> Path:
    """Into the cache, from the first host that serves it right; pooch renames it there once it is checked."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    folder = cache_folder(chosen)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise ContractError(
            f"{folder}: cannot be written to ({reason}); set ${VARIABLE} to a folder that holds {file.name}"
        ) from None
    reasons = []
    for mirror in chosen.mirrors:
        try:
            return Path(
                pooch.retrieve(
                    mirror + file.name,
                    known_hash=f"md5:{file.md5}",
                    fname=file.name,
                    path=folder,
                    downloader=pooch.HTTPDownloader(progressbar=_bar(file), timeout=TIMEOUT),
                )
            )
        except Exception as error:  # whatever goes wrong at one host, the next one is asked
            reasons.append(f"{urlsplit(mirror).hostname}: {_reason(error)}")
    raise ContractError(
        f"{chosen.name}: {file.name} cannot be downloaded ({'; '.join(reasons)}); "
        f"set ${VARIABLE} to a folder that holds it"
    )


def _reason(error: Exception) -> str:
    """The cause in a few words: requests nests it deep and repeats the address."""
    import requests

    if isinstance(error, requests.Timeout):
        return f"no answer in {TIMEOUT} s"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, ValueError) and "hash" in str(error):
        return "wrong checksum"
    return " ".join(str(error).split()) or type(error).__name__


def _bar(file: File) -> _Bar | bool:
    return _Bar(file.name) if sys.stderr.isatty() else False


class _Bar:
    """A rich progress bar behind the four members that pooch uses."""

    def __init__(self, name: str):
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.task = self.progress.add_task(name, total=None)

    @property
    def total(self) -> float | None:
        return self.progress.tasks[0].total

    @total.setter
    def total(self, size: float) -> None:
        self.progress.update(self.task, total=size)
        self.progress.start()

    def update(self, size: float) -> None:
        self.progress.update(self.task, advance=size)

    def reset(self) -> None:
        self.progress.update(self.task, completed=0)

    def close(self) -> None:
        self.progress.stop()
