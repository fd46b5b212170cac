"""How any child process is started, heard and ended, and what is said of its death.

A child runs a module of this very gmbench. It answers in lines, each a JSON object, on its standard output, as
:func:`gmbench.processes.limits.answering` lets it; whatever else it prints comes by its standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import gmbench

LOOK = 0.5  # seconds between two looks whether a silent child lives: what it has started can hold its pipes open
MOST = 2**20  # bytes of each stream that are taken in at one look: a child that prints on and on is slowed down by that
TAIL = 2000  # bytes that are kept of what it prints
LINE = 300  # characters that are shown of its last line
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
RETAINED = {  # freed blocks stay with the process, which pays for their pages once; glibc's own names
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
}


def start(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start Python with these arguments, each standard stream a pipe, in a session and so a process group of its own.

    Every child is started here; the tests put a fork of a process that has imported torch already in its place.
    """
    pipe = subprocess.PIPE
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True)


def fate(status: int, sentence: bool = False) -> str:
    """What is said of a process that has ended: ``killed by SIGKILL``, ``exit status 3``.

    :param status: its exit status; negative: the signal that killed it
    :param sentence: in the form ``was killed by SIGKILL``, ``ended with exit status 3``
    """
    if status >= 0:
        return f"{'ended with ' * sentence}exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:  # one of those without a name
        name = f"signal {-status}"
    return f"{'was ' * sentence}killed by {name}"


class Child:
    """A child process, and all that it started, unless that left its process group.

    Nothing in the working folder shadows a module that it imports. Use it as a context, or close it.

    :param module: what it runs, as ``python -m`` does
    :param words: its arguments
    :param environment: what differs from the environment of this process; None: is not in it
    :raises OSError: if it cannot be started: there is no memory, or no process left
    """

    def __init__(self, module: str, *words: str, environment: Mapping[str, str | None] | None = None):
        self._answers: list[dict[str, Any] | None] = []
        self._rest = self._printed = b""
        self._heard = selectors.DefaultSelector()
        self._process = start(["-P", "-m", module, *words], _environment(environment or {}))
        self.pid = self._process.pid
        self.mute = False  # there is no answer to come
        self.closed = False
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe
            os.set_blocking(pipe.fileno(), False)
            self._heard.register(pipe, selectors.EVENT_READ)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def status(self) -> int | None:
        """Its exit status (negative: the signal that killed it), None while it runs."""
        return self._process.poll()

    @property
    def printed(self) -> str:
        """The end of what it printed."""
        return self._printed.decode(errors="replace").strip()

    @property
    def last_line(self) -> str:
        """The last line of what it printed that is not empty, cut short; empty if it printed nothing."""
        return next((line.strip()[:LINE] for line in reversed(self.printed.splitlines()) if line.strip()), "")

    def send(self, line: str) -> None:
        """Write a line to its standard input. If it is dead, that is seen when it is listened to."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def end_input(self) -> None:
        """Close its standard input."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def listen(self, seconds: float = 0.0) -> list[dict[str, Any] | None]:
        """Its next answers, None for a line that is none; take in what it prints meanwhile.

        :param seconds: to wait for the first; with none there is one look at what has come
        :return: nothing if it was silent for so long, or if there is no answer to come: then it is ``mute``
        """
        end = time.monotonic() + seconds
        while True:
            dead = self.status is not None  # before the look, which then finds all that it said
            left = end - time.monotonic()
            self._take_in(0 if dead or self._answers else min(left, LOOK))
            self.mute = dead or self._process.stdout not in self._heard.get_map()
            if self._answers or self.mute or left <= 0:
                answers, self._answers = self._answers, []
                return answers

    def wait(self, seconds: float) -> int | None:
        """Hear it out to its end: its exit status, or None if it still runs after so many seconds."""
        end = time.monotonic() + seconds
        while (status := self.status) is None and (left := end - time.monotonic()) > 0:
            self._take_in(min(left, LOOK))
        self._take_in(0)
        return status

    def signal(self, number: int) -> None:
        """Send a signal to it and to all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)  # a group of its own: this child's, and nothing else

    def ask(self) -> None:
        """Ask it to end."""
        if self.status is None:
            os.kill(self.pid, signal.SIGTERM)

    def close(self, patience: float = 0.0) -> None:
        """See to it that it has ended, and all that it started; more than once does no harm.

        :param patience: seconds that it has to end by itself
        """
        if self.closed:
            return
        self.closed = True
        try:
            self.wait(patience)
        finally:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._heard.close()
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                assert pipe
                with contextlib.suppress(BrokenPipeError):  # it did not read all that it was sent
                    pipe.close()

    def _take_in(self, seconds: float) -> None:
        """Take in what it says within so many seconds, at most one look at each stream."""
        if not self._heard.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0, seconds))
            return
        for key, _ in self._heard.select(max(0, seconds)):
            found = b""
            with contextlib.suppress(BlockingIOError):
                while len(found) < MOST:
                    part = os.read(key.fd, MOST)
                    if not part:
                        self._heard.unregister(key.fileobj)
                        break
                    found += part
            if key.fileobj is self._process.stderr:
                self._printed = (self._printed + found)[-TAIL:]
                continue
            *lines, rest = (self._rest + found).split(b"\n")
            self._rest = rest[-MOST:]
            self._answers += map(_answer, lines)


def _answer(line: bytes) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(line)
        if isinstance(found, dict):
            return found
    return None


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """That of this process with changes, and ``$PYTHONPATH`` by which a child imports this very gmbench.

    A folder is named there only where nothing else leads to it, for its files shadow those of Python. An empty entry
    of it would be the working folder.
    """
    root = Path(gmbench.__file__).resolve().parent.parent
    paths = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    path = os.pathsep.join(paths if _is_installed(root) else [str(root), *paths])
    changed = {**os.environ, **changes, "PYTHONPATH": path}
    return {name: text for name, text in changed.items() if text is not None}


def _is_installed(root: Path) -> bool:
    """Whether the gmbench in this folder is the one that is installed: as a wheel, or editable from there."""
    if root.name in ("site-packages", "dist-packages"):
        return True
    try:
        about = json.loads(metadata.distribution("gmbench").read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        return False
    return about.get("dir_info", {}).get("editable", False) and about["url"] == root.as_uri()
