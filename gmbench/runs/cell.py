"""One cell: one arm on one data set with one seed, in a process of its own, leaving one result file.

A spec is a plain dict: ``experiment``, ``version``, ``data``, ``digest`` (of the data), ``budget``,
``epochs``, ``arm``, ``seed``, ``device``, ``implementation`` and ``initialisation`` (see
:mod:`gmbench.runs.carry`; None where an arm has none). Its id, the sha256 of its canonical JSON, names
the file ``cells/<id>.json``.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
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

from gmbench.contract import ContractError
from gmbench.runs.carry import PARTS
from gmbench.runs.provenance import provenance
from gmbench.runs.store import SCHEMA, SPEC, FullError, read_json, store_folder, write_json

PATIENCE = "GMBENCH_PATIENCE"  # seconds that a finished cell waits while the disk is full, in place of these:
SECONDS = 600.0
PR_SET_PDEATHSIG = 1  # of prctl(2)


def identity(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a spec says, without the text of a source, for which its digest stands."""
    parts = {name: dict(spec[name]) for name in PARTS if spec.get(name)}
    for part in parts.values():
        part.pop("source", None)
    return {**spec, **parts}


def canonical(spec: Mapping[str, Any]) -> str:
    """The one JSON text of a spec's identity."""
    return json.dumps(identity(spec), sort_keys=True, separators=(",", ":"))


def cell_id(spec: Mapping[str, Any]) -> str:
    """The name of a cell: sha256 of the canonical JSON."""
    return hashlib.sha256(canonical(spec).encode()).hexdigest()


def cell_path(spec: Mapping[str, Any], store: str | os.PathLike | None = None) -> Path:
    """Where the result of a cell is, or will be."""
    return store_folder(store) / "cells" / f"{cell_id(spec)}.json"


def finished(spec: Mapping[str, Any], store: str | os.PathLike | None = None) -> dict[str, Any] | None:
    """The result of a cell, or None if there is no whole one."""
    path = cell_path(spec, store)
    try:
        found = read_json(path, "cells")
    except ContractError:  # also where there is none
        return None
    return found if found["id"] == cell_id(found["spec"]) == path.stem else None


def read_spec(text: str | bytes) -> dict[str, Any]:
    """A spec from JSON.

    :raises ContractError: if it is not JSON, or a field is missing or of the wrong type
    """
    try:
        spec = json.loads(text)
    except ValueError:
        raise ContractError("the spec is not JSON") from None
    if not isinstance(spec, dict):
        raise ContractError("the spec is not a JSON object")
    wrong = [name for name, kind in SPEC.items() if type(spec.get(name)) is not kind]
    if wrong:
        raise ContractError(f"the spec lacks {', '.join(wrong)}, or has them of another type")
    return spec


def prepare() -> None:
    """Settings of a process that will run one cell; numbers must not depend on the cores of the machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products on a GPU
    import torch

    torch.set_num_threads(1)
    # densities underflow by design, and arithmetic on denormals is up to a hundred times slower
    torch.set_flush_denormal(True)


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


def run_cell(
    spec: Mapping[str, Any],
    work: Callable[[Mapping[str, Any], Callable[..., None]], Mapping[str, Any]],
    store: str | os.PathLike | None = None,
    report: Callable[..., None] = lambda **progress: None,
) -> Path:
    """Run one cell here and now, and write its file.

    :param work: the experiment's ``cell(spec, report)``, which returns ``{"epochs": [...], "measures":
        {...}}``
    :param report: called with ``step``, ``steps`` and the latest numbers while the cell runs
    :raises ContractError: if the spec cannot be run here, or the result cannot be written
    """
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(spec, report)
    content = {
        "schema": SCHEMA,
        "kind": "cells",
        "id": cell_id(spec),
        "spec": identity(spec),
        "seconds": round(time.perf_counter() - wall, 3),  # includes being suspended by a timing
        "cpu_seconds": round(time.process_time() - cpu, 3),
        **provenance(),
        **result,
    }
    return keep(content, store)


def keep(content: Mapping[str, Any], store: str | os.PathLike | None = None) -> Path:
    """Write the result of a cell, which has not failed then.

    A full disk is waited for: the work of hours is not thrown away for want of a few kilobytes.

    :raises ContractError: if it cannot be written, or the disk stays full
    """
    folder, patience = store_folder(store), float(os.environ.get(PATIENCE) or SECONDS)
    end, told = time.monotonic() + patience, False
    while True:
        try:
            path = write_json(folder / "cells" / f"{content['id']}.json", content)
        except FullError as error:
            if time.monotonic() >= end:
                raise
            if not told:
                told = True
                print(f"gmbench: {error}; waiting for room for {patience:g} s", file=sys.stderr, flush=True)
            time.sleep(min(1.0, patience / 10))
            continue
        with contextlib.suppress(OSError):
            (folder / "failed" / path.name).unlink(missing_ok=True)
        return path
