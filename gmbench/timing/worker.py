"""The process in which an implementation is checked or timed: ``python -m gmbench.timing.worker``.

It reads one task as JSON from standard input and answers in JSON lines. A timing then takes turns, one command a line:

``prepare NAME ROUND``  load the inputs of that round for a workload
``go``                  run it; the answer is written the moment the clock stops, and what it returned is copied
``discard``             go on
``save FILE``           write that copy, and the inputs as they are now, where the parent finds them
``finish NAME ROUND``   run it once more for its memory, and look at torch's settings

While an implementation is timed the references cannot be imported. Honest scope: limits and separation keep mistakes
apart and simple cheats out; they are no sandbox against a hostile extension.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmbench import registry
from gmbench.contract import ContractError, Implementation
from gmbench.processes.limits import answering, hide_references, limit

if TYPE_CHECKING:
    import numpy as np

Answer = Callable[[dict[str, Any]], None]


def main() -> None:
    answer = answering()
    task = json.loads(sys.stdin.readline())
    limit(task["memory"])
    if task["do"] == "check":
        answer(checked(task))
    else:
        take_turns(task, sys.stdin, answer)


def load(key: str, file: str | None) -> Implementation:
    """An implementation of a file, or of everything that is built in or installed.

    :raises ContractError: if it is not there any more
    """
    found: Iterable[object] = registry.load().implementations.values()
    if file:
        found = registry.records(registry.load_file(file), file)
    for record in found:
        if isinstance(record, Implementation) and record.key == key:
            return record
    raise ContractError(f"there is no implementation {key!r} any more")


def checked(task: Mapping[str, Any]) -> dict[str, str]:
    """The ``status`` and ``message`` of the first check that is not green, or how many there were."""
    import torch

    from gmbench.checks.plan import plan

    torch.set_num_threads(1)  # the cases are small
    count = 0
    for check in plan(load(task["key"], task["file"]), task["device"]):
        if check.dtype != task["dtype"]:
            continue
        record = check("smoke")
        count += record.status == "passed"
        if not record.ok:  # one is enough to withhold the time
            return {"status": record.status, "message": f"{record.check}: {record.message}"}
    if not count:
        return {"status": "failed", "message": "no check applies to it"}
    return {"status": "passed", "message": f"{count} checks"}


def take_turns(task: Mapping[str, Any], commands: Iterable[str], answer: Answer) -> None:
    """Answer the parent's commands until it closes the pipe."""
    hide_references()
    try:
        worker = Worker(task)
    except Exception as error:
        answer({"error": reason(error)})
        return
    answer(worker.machine)
    for line in commands:
        word, *rest = line.rstrip("\n").split("\t")
        try:
            getattr(worker, word)(*rest, answer)
        except Exception as error:
            answer({"error": reason(error)})


class Worker:
    """The workloads of this process, and the call that is being made. Each command answers once."""

    def __init__(self, task: Mapping[str, Any]):
        import torch

        if task.get("cores"):
            os.sched_setaffinity(0, task["cores"])  # before there are threads, which inherit it

        from gmbench.checks.settings import torch_settings
        from gmbench.timing import clock, inputs, workloads, yardsticks
        from gmbench.timing.sizes import NO_OP, Size

        # bound before the implementation is imported
        self.call, self.ready, self.snapshot, self.settings = clock.call, clock.ready, clock.snapshot, torch_settings
        self.overwritten, self.peak, self.read, self.write = clock.overwritten, clock.peak, inputs.read, inputs.write
        self.folder, self.dtype, self.device = task["folder"], task["dtype"], task["device"]
        torch.set_float32_matmul_precision("highest")
        self.before = self.settings()
        self.machine = {"threads": torch.get_num_threads(), "capability": torch.backends.cpu.get_cpu_capability()}
        kind, size = registry.layer_type(task["layer_type"]), Size(**task["size"])
        where = (kind, size, self.dtype, self.device)
        self.names = {direction: workloads.output_names(kind, size, direction) for direction in task["passes"]}
        implementation = load(task["key"], task["file"]) if task["key"] else None
        self.workloads = {NO_OP: workloads.Workload(NO_OP, lambda _: (), lambda: ())}  # as commands name them
        for direction in task["passes"]:
            if implementation:
                self.workloads[direction] = workloads.workload(implementation, *where, direction)
            for name in task["yardsticks"]:
                self.workloads[f"{direction} {name}"] = yardsticks.yardstick(name, *where, direction)
        self.verified = implementation is not None
        self.arguments: Any = None  # what the workload is run with
        self.copies: Any = None  # of what it returned
        self.fault = ""

    def prepare(self, name: str, round_: str, answer: Answer) -> None:
        """Load the inputs of a round."""
        self.arguments = self.copies = None
        self.name = name
        self.drawn = self.read(os.path.join(self.folder, f"{round_}.npz")) if self.verified else {}
        self.arguments = self.workloads[name].prepare(self.drawn)
        self.ready(self.device)
        answer({})

    def go(self, answer: Answer) -> None:
        """Run it. The answer is written the moment the clock stops, and what it returned is copied at once."""
        sample = self.call(self.workloads[self.name], self.arguments, self.device)
        answer({"seconds": sample.seconds, "undisturbed": sample.undisturbed})
        self.fault = ""
        if self.verified:
            try:
                self.copies = self.snapshot(sample.outputs, self.dtype, self.device)
                self._as_before()
            except Exception as error:
                self.fault = reason(error)

    def discard(self, answer: Answer) -> None:
        """Go on; what is wrong with the form of the last result is said here."""
        answer({"error": self.fault} if self.fault else {})

    def save(self, file: str, answer: Answer) -> None:
        """Write the copies of the last call, and its inputs as they are now."""
        if self.fault:
            raise ContractError(self.fault)
        import numpy as np

        present = zip(self.names[self.name], self.copies, strict=True)
        arrays = {n: np.zeros(0) if t is None else t.to("cpu").double().numpy() for n, t in present}
        self.write(Path(file), arrays | self._inputs_now())
        answer({})

    def _inputs_now(self) -> dict[str, np.ndarray]:
        """What is left of the inputs in the tensors that the call was given; of a step only what it may not change."""
        from gmbench.timing.sizes import STEP

        if self.name == STEP:
            return {"given.x": self.arguments[0].detach().cpu().double().numpy()}
        x, parameters, _ = self.arguments
        tensors = {"x": x, **parameters}
        return {f"given.{name}": tensor.detach().cpu().double().numpy() for name, tensor in tensors.items()}

    def finish(self, name: str, round_: str, answer: Answer) -> None:
        """After a pass: its peak memory, and whether one call leaves alone what another returned."""
        workload = self.workloads[name]

        def prepare() -> tuple:
            self.prepare(name, round_, lambda _: None)
            return self.arguments

        peak = self.peak(workload, prepare, self.device)
        if self.verified and name in self.names:
            outputs = workload.run(*prepare())
            copies = self.snapshot(outputs, self.dtype, self.device)
            workload.run(*workload.prepare(self.drawn | {"x": -0.5 * self.drawn["x"]}))
            if self.overwritten(outputs, copies):
                raise ContractError("a call changed what an earlier one had returned")
        self.arguments = None
        self._as_before()
        answer({"peak": peak})

    def _as_before(self) -> None:
        changed = [what for what, value in self.settings().items() if value != self.before[what]]
        if changed:
            raise ContractError(f"it changed torch's {', '.join(changed)}")


def reason(error: Exception) -> str:
    """An exception on one line."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, ContractError) else f"raised {type(error).__name__}: {text}"


if __name__ == "__main__":
    main()
