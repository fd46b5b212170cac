"""The process in which an implementation is checked or timed: ``python -m gmbench.timing.worker``.

It reads one task as JSON from standard input and answers in JSON lines. A timing then takes turns, one command a line:

``prepare NAME CALL``  load that call's inputs
``go``                 run it; the answer is written the moment the clock stops, and what it returned is copied
``drop``               go on
``keep FILE``          write that copy, and the inputs as they are now, where the parent finds them
``finish NAME CALL``   run it once more for its memory, and look at torch's settings

While an implementation is timed the references cannot be imported. Honest scope: limits and separation keep mistakes
apart and simple cheats out; they are no sandbox against a hostile extension.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from gmbench import registry
from gmbench.contract import ContractError, Implementation
from gmbench.processes.limits import answering, hide_references, limit


def main() -> None:
    answer = answering()
    task = json.loads(sys.stdin.readline())
    limit(task["memory"])
    if task["do"] == "check":
        answer(checked(task))
    else:
        take_turns(task, sys.stdin, answer)


def found(task) -> list[Implementation]:
    """The implementations of the task's file alone, or of everything that is built in or installed."""
    if not task["file"]:
        return list(registry.load().implementations.values())
    records = registry.records(registry.load_file(task["file"]), task["file"])
    return [record for record in records if isinstance(record, Implementation)]


def chosen(task) -> Implementation:
    """The one implementation that the task names."""
    for implementation in found(task):
        if implementation.key == task["key"]:
            return implementation
    raise ContractError(f"there is no implementation {task['key']!r} any more")


def description(implementation: Implementation) -> dict:
    """The record of an implementation as plain data."""
    outside = implementation.source.endswith(".py")
    return {
        "key": implementation.key,
        "layer_type": implementation.layer_type,
        "file": os.path.abspath(implementation.source) if outside else None,
        "source": "file" if outside else implementation.source,
        "dtypes": list(implementation.dtypes),
        "derivatives": implementation.derivatives,
        "ulps": dict(implementation.ulps),
        "approximate": implementation.approximate,
        "devices": list(implementation.devices),
        "requires": list(implementation.requires),
    }


def checked(task) -> dict:
    """The first check that is not green, or how many there were."""
    import torch

    from gmbench.checks.plan import plan

    torch.set_num_threads(1)  # the cases are small
    count = 0
    for check in plan(chosen(task), task["device"]):
        if check.dtype != task["dtype"]:
            continue
        record = check("smoke")
        count += record.status == "passed"
        if not record.ok:  # one is enough to withhold the time
            return {"status": record.status, "message": f"{record.check}: {record.message}"}
    if not count:
        return {"status": "failed", "message": "no check applies to it"}
    return {"status": "passed", "message": f"{count} checks"}


def take_turns(task, commands, answer) -> None:
    """Answer the parent's commands until it closes the pipe."""
    hide_references()
    try:
        turns = Turns(task)
    except Exception as error:
        answer({"error": reason(error)})
        return
    answer(turns.machine)
    for line in commands:
        word, *rest = line.rstrip("\n").split("\t")
        try:
            getattr(turns, word)(*rest, answer)
        except Exception as error:
            answer({"error": reason(error)})


class Turns:
    """What is timed in this process, and the call that is being made. Each command answers once."""

    def __init__(self, task):
        import torch

        if task.get("cores"):
            os.sched_setaffinity(0, task["cores"])  # before there are threads, which inherit it

        from gmbench.checks.settings import torch_settings
        from gmbench.timing import candidates, clock, inputs
        from gmbench.timing import yardsticks as floors
        from gmbench.timing.sizes import NOTHING, Size

        # bound before the implementation is imported
        self.call, self.ready, self.snapshot, self.settings = clock.call, clock.ready, clock.snapshot, torch_settings
        self.overwritten, self.peak, self.read, self.write = clock.overwritten, clock.peak, inputs.read, inputs.write
        self.folder, self.dtype, self.device = task["folder"], task["dtype"], task["device"]
        torch.set_float32_matmul_precision("highest")
        self.before = self.settings()
        self.machine = {"threads": torch.get_num_threads(), "capability": torch.backends.cpu.get_cpu_capability()}
        kind, size = registry.layer_type(task["layer_type"]), Size(**task["size"])
        where = (kind, size, self.dtype, self.device)
        self.own = {}  # by the text that names it in a command
        self.names = {direction: candidates.names(kind, size, direction) for direction in task["passes"]}
        implementation = chosen(task) if task["key"] else None
        for direction in task["passes"]:
            if implementation:
                self.own[direction] = candidates.candidate(implementation, *where, direction)
            for name in task["yardsticks"]:
                self.own[f"{direction} {name}"] = floors.yardstick(name, *where, direction)
        self.own[NOTHING] = candidates.Candidate("nothing", lambda _: (), lambda: ())
        self.check = implementation is not None
        self.given = self.copies = None
        self.fault = ""

    def prepare(self, name, call, answer):
        """Load the inputs of a call."""
        self.given = self.copies = None
        self.name = name
        self.drawn = self.read(os.path.join(self.folder, f"{call}.npz")) if self.check else {}
        self.given = self.own[name].prepare(self.drawn)
        self.ready(self.device)
        answer({})

    def go(self, answer):
        """Run it. The answer is written the moment the clock stops, and what it returned is copied at once."""
        stopped = self.call(self.own[self.name], self.given, self.device)
        answer({"seconds": stopped.seconds, "quiet": stopped.quiet})
        self.fault = ""
        if self.check:
            try:
                self.copies = self.snapshot(stopped.outputs, self.dtype, self.device)
                self._as_before()
            except Exception as error:
                self.fault = reason(error)

    def drop(self, answer):
        """Go on; what is wrong with the form of the last result is said here."""
        answer({"error": self.fault} if self.fault else {})

    def keep(self, file, answer):
        """Write the copies of the last call, and its inputs as they are now."""
        if self.fault:
            raise ContractError(self.fault)
        import numpy as np

        present = zip(self.names[self.name], self.copies, strict=True)
        arrays = {n: np.zeros(0) if t is None else t.to("cpu").double().numpy() for n, t in present}
        self.write(Path(file), arrays | self._inputs_now())
        answer({})

    def _inputs_now(self):
        """What is left of the inputs in the tensors that the call was given; of a step only what it may not change."""
        from gmbench.timing.sizes import STEP

        if self.name == STEP:
            return {"given.x": self.given[0].detach().cpu().double().numpy()}
        x, parameters, _ = self.given
        tensors = {"x": x, **parameters}
        return {f"given.{name}": tensor.detach().cpu().double().numpy() for name, tensor in tensors.items()}

    def finish(self, name, call, answer):
        """After a pass: its peak memory, and whether one call leaves alone what another returned."""

        def prepare():
            self.prepare(name, call, lambda _: None)
            return self.given

        peak = self.peak(self.own[name], prepare, self.device)
        if self.check and name in self.names:
            outputs = self.own[name].run(*prepare())
            copies = self.snapshot(outputs, self.dtype, self.device)
            self.own[name].run(*self.own[name].prepare(self.drawn | {"x": -0.5 * self.drawn["x"]}))
            if self.overwritten(outputs, copies):
                raise ContractError("a call changed what an earlier one had returned")
        self.given = None
        self._as_before()
        answer({"peak": peak})

    def _as_before(self):
        changed = [what for what, value in self.settings().items() if value != self.before[what]]
        if changed:
            raise ContractError(f"it changed torch's {', '.join(changed)}")


def reason(error: Exception) -> str:
    """An exception on one line."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, ContractError) else f"raised {type(error).__name__}: {text}"


if __name__ == "__main__":
    main()
