"""The local engine: cells as subprocesses of this machine, as many at a time as it has slots."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gmbench.contract import ContractError
from gmbench.processes.lock import timing_now
from gmbench.runs.child import Child
from gmbench.runs.engine import Cell, Engine, Task
from gmbench.store.provenance import usable_cores

MEMORY = 2 * 2**30  # bytes that a cell may need


def slots(device: str, jobs: int | None = None) -> list[dict[str, str]]:
    """The environment of each slot.

    On a CPU one slot a core, but one core is left over and every cell has memory; with CUDA one a GPU.
    ``jobs`` overrules the number.
    """
    if device == "cuda":
        import torch

        shown = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
        gpus = [gpu for gpu in shown.split(",") if gpu] or ["0"]
        return [{"CUDA_VISIBLE_DEVICES": gpus[i % len(gpus)]} for i in range(jobs or len(gpus))]
    if jobs is None:
        try:
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        except (AttributeError, OSError, ValueError):
            memory = MEMORY
        jobs = max(1, min(usable_cores() - 1, memory // MEMORY))
    return [{"CUDA_VISIBLE_DEVICES": ""}] * jobs


class Local(Engine):
    """One run of many cells on this machine."""

    def __init__(self, *words, **options):
        super().__init__(*words, **options)
        if self.options:
            raise ContractError(f"the local engine has no option {', '.join(self.options)}")
        self.free = slots(self.device, self.asked)[: len(self.waiting)]
        self.slots = len(self.free)

    @property
    def jobs(self) -> int:
        return self.slots

    def start(self, cells: list[Cell]) -> Iterator[Task]:
        for cell in cells:
            child = Child(cell.spec.as_dict(), self.store, self.free[-1], self.limits, self.fresh)
            self.free.pop()
            yield child

    def over(self, task: Task) -> None:
        assert isinstance(task, Child)
        self.free.append(dict(task.slot))

    def _look(self, show) -> None:
        if timing_now() != self.suspended:
            self.suspended = not self.suspended
            for _, task in self.running:
                assert isinstance(task, Child)
                task.suspend(self.suspended)
        super()._look(show)


ENGINE = Local
