"""Where the files of a data set are: ``$GMBENCH_DATA``, the user's cache, a public host. Always checked."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from gmbench.contract import ContractError
from gmbench.data import DataSet, File

VARIABLE = "GMBENCH_DATA"
TIMEOUT = 30  # seconds without an answer from a host


def cache_folder(chosen: DataSet) -> Path:
    """Where a download is kept, in the user's cache."""
    import pooch

    return Path(pooch.os_cache("gmbench")) / "data" / chosen.name


def find(chosen: DataSet, file: File) -> Path | None:
    """The file under ``$GMBENCH_DATA`` or in the cache, unchecked; None if it is in neither."""
    places = [cache_folder(chosen) / file.name]
    if os.environ.get(VARIABLE):
        given = Path(os.environ[VARIABLE]).expanduser()
        folders = [given / name for name in dict.fromkeys((chosen.name, chosen.name.replace("-", "_")))]
        places = [*(folder / file.name for folder in folders), given / file.name, *places]
        if given.joinpath(file.name).is_file() and _of_another(chosen, given / file.name):
            places.remove(given / file.name)
    return next((place for place in places if place.is_file()), None)


def _of_another(chosen: DataSet, path: Path) -> bool:
    """Whether a file has the name and the size of one of another data set: MNIST and its successors share names."""
    from gmbench.data import data_sets

    size = path.stat().st_size
    others = (file for other in data_sets().values() if other.name != chosen.name for file in other.files)
    return any(path.name == file.name and size == file.size for file in others)


def fetch(chosen: DataSet, file: File) -> bytes:
    """The checked contents of one file, downloaded if it is nowhere yet.

    :raises ContractError: in one line, if it is damaged, cannot be downloaded or cannot be stored
    """
    path = find(chosen, file) or _download(chosen, file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ContractError(f"{path}: cannot be read ({error.strerror or error})") from None
    if len(content) != file.size and _of_another(chosen, path):
        raise ContractError(f"{path}: is the file of that name of another data set: replace it by {chosen.name}'s")
    if len(content) != file.size:
        wrong = "cut short" if len(content) < file.size else "another file"
        raise ContractError(f"{path}: has {len(content)} bytes, not {file.size}; it is {wrong}: remove it")
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != file.md5:
        raise ContractError(f"{path}: has the md5 {found}, not {file.md5}; it is damaged: remove it")
    return content


def state(chosen: DataSet) -> str:
    """``embedded``, ``found`` or ``downloadable``; says nothing of whether what was found is whole."""
    if not chosen.files:
        return "embedded"
    return "found" if all(find(chosen, file) for file in chosen.files) else "downloadable"


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


def _bar(file: File):
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
    def total(self):
        return self.progress.tasks[0].total

    @total.setter
    def total(self, size):
        self.progress.update(self.task, total=size)
        self.progress.start()

    def update(self, size):
        self.progress.update(self.task, advance=size)

    def reset(self):
        self.progress.update(self.task, completed=0)

    def close(self):
        self.progress.stop()
