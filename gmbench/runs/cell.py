"""One cell: one arm on one data set with one seed, in a process of its own, leaving one result file.

A spec is a plain dict: ``experiment``, ``version``, ``data``, ``digest`` (of the data), ``budget``,
``epochs``, ``arm``, ``seed``, ``device``, ``implementation`` and ``initialisation`` (see
:mod:`gmbench.runs.carry`; None where an arm has none). Its id, the sha256 of its canonical JSON, names
the file ``cells/<id>.json``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gmbench.contract import ContractError
from gmbench.runs.spec import cell_id, cell_path, identity
from gmbench.store.files import SCHEMA, FullError, read_json, store_folder, write_json
from gmbench.store.provenance import provenance

PATIENCE = "GMBENCH_PATIENCE"  # seconds that a finished cell waits while the disk is full, in place of these:
SECONDS = 600.0


def finished(spec: Mapping[str, Any], store: str | os.PathLike | None = None) -> dict[str, Any] | None:
    """The result of a cell, or None if there is no whole one."""
    path = cell_path(spec, store)
    try:
        found = read_json(path, "cells")
    except ContractError:  # also where there is none
        return None
    return found if found["id"] == cell_id(found["spec"]) == path.stem else None


def prepare() -> None:
    """Settings of a process that will run one cell; numbers must not depend on the cores of the machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products on a GPU
    import torch

    torch.set_num_threads(1)
    # densities underflow by design, and arithmetic on denormals is up to a hundred times slower
    torch.set_flush_denormal(True)


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
