"""What a child process may take, and what it cannot reach."""

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
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1  # of prctl(2)


def limit(memory: float | None) -> None:
    """Bound this process: no dump of its memory if it crashes, and at most so many bytes of address space.

    Where memory runs out on the whole machine, Linux is told to end the cell rather than the engine.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if memory:
        most, (_, hard) = int(memory), resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most if hard < 0 else min(most, hard), hard))


def follow() -> Callable[..., None]:
    """Obey an engine: returns a ``report`` that prints JSON lines; the process ends when its input closes.

    It ends as if terminated, so that it leaves nothing half-written.
    """
    with contextlib.suppress(AttributeError, OSError):  # Linux: also while it is stuck in something that is not Python
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch():
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(3)
        os._exit(1)  # it is stuck in something that is not Python

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    threading.Thread(target=watch, daemon=True).start()
    return lambda **progress: print(json.dumps(progress), flush=True)


class NoReference:
    """An import hook: no implementation imports a reference."""

    def find_spec(self, name, path=None, target=None):
        if name.startswith(("gmbench.references", "references.")) or name == "references":
            raise ImportError(f"{name}: an implementation must not import a reference")
        return None


def hide_references(types) -> None:
    """Load the references that the checks use, then take them out of reach of what is imported afterwards."""
    from gmbench.checks.errors import reference_function

    for name in types:
        for ball in (False, True):
            reference_function(name, ball)
    for name in [name for name in sys.modules if name.startswith("gmbench.references")]:
        del sys.modules[name]
    import gmbench

    vars(gmbench).pop("references", None)
    sys.meta_path.insert(0, NoReference())


def limit_memory(gibibytes: float) -> None:
    """Let this process die by itself instead of taking the machine along."""
    import resource

    most, (_, hard) = int(gibibytes * 2**30), resource.getrlimit(resource.RLIMIT_AS)
    most = most if hard < 0 else min(most, hard)  # where there is a lower limit already, it cannot be raised
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
