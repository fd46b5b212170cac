"""Cells as jobs of Slurm, through submitit; the store has to be on a file system that all nodes share.

The jobs go on when this process ends, and write their results; a run that is begun again skips what is done, waits for
what runs, and submits the rest. Options are those of submitit's ``AutoExecutor``, such as ``slurm_partition``;
``cluster=local`` runs the jobs on this machine.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import submitit

from gmbench.contract import ContractError
from gmbench.runs.child import Ending, Limits, supervise
from gmbench.runs.engine import Cell, Engine, Task
from gmbench.runs.engines.local import slots
from gmbench.runs.running import progress_of

MINUTES = 24 * 60  # that a job is given where cells have no limit
SPARE = 10  # minutes for it to begin and to end
MOST = 1000  # jobs that are submitted at a time


def _as_job(spec: Mapping[str, Any], store: str, limits: Limits, fresh: bool) -> dict[str, Any]:
    """What a job does: run one cell."""
    slot = {} if spec["device"] == "cuda" else {"CUDA_VISIBLE_DEVICES": ""}
    progress: dict[str, Any] = {}
    for said in supervise(spec, store, slot, limits, fresh):
        if isinstance(said, Ending):
            return {"progress": progress, **asdict(said)}
        progress = said
    raise AssertionError("a cell has an end")


class _Task:
    """A cell in the queue, or on a node."""

    def __init__(self, cell: Cell, job: submitit.Job, store: Path):
        self.job, self.ident, self.store, self.begun = job, cell.spec.id, store, time.monotonic()
        self.progress: dict[str, Any] = {}

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def ended(self) -> Ending | None:
        if not self.job.done():
            self.progress = progress_of(self.ident, self.store) or self.progress
            return None
        try:
            told = self.job.result()
            self.progress = told.pop("progress")
            ending = Ending(**told)
        except Exception as error:  # submitit has many: killed, cut off, no result, a node that is gone
            return Ending(None, (str(error).strip().splitlines() or [type(error).__name__])[-1])
        _remove(self.store, f"{self.job.job_id}_*")
        return ending

    def ask(self) -> None:
        self.job.cancel(check=False)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.job.wait()
        _remove(self.store, f"{self.job.job_id}_*")


class Slurm(Engine):
    """One run of many cells as jobs of Slurm, in arrays."""

    @property
    def jobs(self) -> int:
        if self.options.get("cluster") == "local":  # it would start all of them at once
            return len(slots(self.device, self.asked))
        return self.asked or MOST

    def open(self) -> None:
        options: dict[str, Any] = {name: _number(text) for name, text in self.options.items()}
        cluster = options.pop("cluster", "slurm")
        if cluster == "slurm" and not shutil.which("srun"):
            raise ContractError("there is no Slurm here: srun is not on the PATH (--engine-option cluster=local)")
        minutes = MINUTES if self.limits.seconds is None else math.ceil(self.limits.seconds / 60) + SPARE
        about = {"name": "gmbench", "timeout_min": minutes, "gpus_per_node": int(self.device == "cuda")}
        try:
            self.executor = submitit.AutoExecutor(folder=self.store / "slurm", cluster=cluster)
            self.executor.update_parameters(**{**about, "slurm_array_parallelism": self.asked or MOST, **options})
        except (NameError, OSError, RuntimeError, TypeError, ValueError) as error:  # NameError: no such parameter
            raise ContractError(f"submitit: {' '.join(str(error).split())}") from None

    def start(self, cells: list[Cell]) -> Iterator[Task]:
        with self.executor.batch():
            jobs = [
                self.executor.submit(_as_job, cell.spec.as_dict(), str(self.store), self.limits, self.fresh)
                for cell in cells
            ]
        for cell, job in zip(cells, jobs, strict=True):
            yield _Task(cell, job, self.store)

    def shut(self) -> None:
        for pattern in ("*_submission.sh", ".submission_file_*"):  # Slurm has copies of its own
            _remove(self.store, pattern)
        with contextlib.suppress(OSError):
            (self.store / "slurm").rmdir()  # only if there is nothing left to read in it


def _remove(store: Path, pattern: str) -> None:
    """What submitit wrote for a job that has ended: the store keeps results alone."""
    for path in (store / "slurm").glob(pattern):
        with contextlib.suppress(OSError):
            path.unlink()


def _number(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdecimal() else text


ENGINE = Slurm
