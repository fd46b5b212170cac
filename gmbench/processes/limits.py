"""A child's own side: how it answers, what it may take, and what it cannot reach. Where a system refuses, so be it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gmbench

PR_SET_PDEATHSIG = 1  # of prctl(2)


def answering() -> Callable[[Mapping[str, Any]], None]:
    """Die with the parent, and keep standard output for answers to it; what is printed goes to standard error.

    :return: writes an answer: a JSON object on a line
    """
    with contextlib.suppress(AttributeError, OSError):  # Linux: also while it is stuck in something that is not Python
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # the last line is what was printed last

    def answer(message: Mapping[str, Any]) -> None:
        channel.write(json.dumps(message, default=str) + "\n")
        channel.flush()

    return answer


def follow() -> Callable[..., None]:
    """Obey an engine: answer it, and end when its standard input closes.

    It ends as if terminated, so that it leaves nothing half-written.

    :return: ``report(**progress)``
    """
    answer = answering()

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(3)
        os._exit(1)  # it is stuck in something that is not Python

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    threading.Thread(target=watch, daemon=True).start()
    return lambda **progress: answer(progress)


def limit(memory: float | None = None) -> None:
    """Bound this process and what it starts: no dump of its memory if it crashes, and so many bytes of address space.

    Where memory runs out on the whole machine, Linux is told to end it rather than what started it. A lower limit that
    is there already is kept.
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if memory:
        there = [most for most in resource.getrlimit(resource.RLIMIT_AS) if most != resource.RLIM_INFINITY]
        with contextlib.suppress(OSError, OverflowError, ValueError):  # macOS has none
            most = min([int(memory), *there])
            resource.setrlimit(resource.RLIMIT_AS, (most, most))


class NoReference:
    """An import hook: no implementation imports a reference."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.startswith(("gmbench.references", "references.")) or name == "references":
            raise ModuleNotFoundError(f"{name}: an implementation must not import a reference")


def hide_references() -> None:
    """Take the references out of reach of what is imported afterwards; what was imported before stays usable."""
    for name in [name for name in sys.modules if name.startswith("gmbench.references")]:
        del sys.modules[name]
    vars(gmbench).pop("references", None)
    sys.meta_path.insert(0, NoReference())
