"""The process in which an implementation is checked or timed: ``python -m gmbench.timing.child``.

It reads one task as JSON from standard input and writes one JSON line a result to the descriptor that was its
standard output; whatever an implementation prints goes to standard error. The clock is bound before an
implementation is imported, and while one is timed the references cannot be imported.

Honest scope: limits and separation keep mistakes apart; they are no sandbox against a hostile extension.
"""

from __future__ import annotations

import json
import os
import resource
import sys

from gmbench import registry
from gmbench.contract import ContractError, Implementation
from gmbench.timing.measure import WARM_UP, Candidate, measure, peak
from gmbench.timing.sizes import Size


def main() -> None:
    task = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w") as results:
        os.dup2(2, 1)
        if task.get("memory") and task.get("device", "cpu") == "cpu":  # CUDA reserves far more than it uses
            resource.setrlimit(resource.RLIMIT_AS, (task["memory"], task["memory"]))
        for result in {"check": checked, "time": timed}[task["do"]](task):
            results.write(json.dumps(result) + "\n")
            results.flush()


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
        "quantity": implementation.quantity,
        "dtypes": list(implementation.dtypes),
        "derivatives": implementation.derivatives,
        "ulps": dict(implementation.ulps),
        "approximate": implementation.approximate,
        "devices": list(implementation.devices),
        "requires": list(implementation.requires),
    }


def checked(task):
    """One line for each check that is not green; none of them means go."""
    import torch

    from gmbench.checks import plan

    torch.set_num_threads(1)  # the cases are small
    count = 0
    for check in plan(chosen(task), task["device"]):
        if check.dtype != task["dtype"]:
            continue
        record = check("smoke")
        count += record.status == "passed"
        if not record.ok:
            yield {"status": record.status, "message": f"{record.check}: {record.message}"}
            return  # one is enough to withhold the time
    if not count:
        yield {"status": "failed", "message": "no check applies to it"}
    else:
        yield {"status": "passed", "message": f"{count} checks"}


def timed(task):
    """One line for each pass: the samples of the implementation, of the floor and of nn.Linear."""
    sys.modules["gmbench.references"] = None  # type: ignore[assignment]  # an import of it fails
    import torch

    from gmbench.timing.floors import floor, linear

    implementation = chosen(task) if task["key"] else None
    kind = registry.layer_type(task["layer_type"])
    size = Size(**task["size"])
    device = task["device"]
    torch.set_float32_matmul_precision("highest")
    for name in task["passes"]:
        backward = name == "forward+backward"
        common = (kind, size, task["dtype"], device, backward, task["seed"])
        candidates = [floor(*common), linear(*common)]
        load = os.getloadavg()[0]
        result = {"pass": name, "threads": torch.get_num_threads()}
        try:
            if implementation:
                own = candidate(implementation, *common)
                candidates.insert(0, own)
            samples = measure(candidates, device, rounds=task["rounds"], budget=task["budget"])
            for each in candidates[-2:]:
                result[each.name] = samples[each.name].seconds
            if implementation:
                mine = samples["implementation"]
                result |= {"samples": mine.seconds, "dropped": mine.dropped, "disturbed": mine.disturbed}
                result["kept"] = [save(task, name, call, outputs) for call, outputs in mine.kept.items()]
                del mine, samples  # what they hold would hide what a call takes
                result["peak_bytes"] = peak(own.run, own.prepare(2 * WARM_UP), device)
                if torch.get_float32_matmul_precision() != "highest":
                    raise ContractError("it changed torch's matmul precision")
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            result = {"pass": name, "error": f"raised {type(error).__name__}: {reason}"}
        yield result | {"load": [load, os.getloadavg()[0]]}


def candidate(implementation, kind, size, dtype, device, backward, seed) -> Candidate:
    """An implementation as something to time: the value, and the gradients of ``sum(G * value)``."""
    import torch

    from gmbench.timing.inputs import draw

    def prepare(call):
        given = {
            name: torch.from_numpy(array).to(device, getattr(torch, dtype))
            for name, array in draw(kind, size, seed, call).items()
        }
        G, x = given.pop("G"), given["x"]
        wanted = [t for n, t in given.items() if backward and (n != "x" or size.input_gradient)]
        for tensor in wanted:
            tensor.requires_grad_()
        return x, {name: given[name] for name in kind.names}, wanted, G

    def run(x, parameters, wanted, G):
        with torch.set_grad_enabled(backward):
            out = implementation.function(x, **parameters)
        return (out, *torch.autograd.grad(out, wanted, G, allow_unused=True)) if backward else (out,)

    return Candidate("implementation", prepare, run)


def save(task, name, call, outputs) -> int:
    """Write the outputs of a timed call where the parent finds them: the value, then the gradients."""
    import numpy as np
    import torch

    present = [tensor for tensor in outputs if tensor is not None]  # autograd's None: unused
    if any(type(t) is not torch.Tensor or t.dtype != getattr(torch, task["dtype"]) for t in present):
        raise ContractError(f"a timed call returned something else than a torch.Tensor of {task['dtype']}")
    arrays = [np.zeros(0) if t is None else t.detach().to("cpu", torch.float64).numpy() for t in outputs]
    np.savez(os.path.join(task["folder"], f"{name}-{call}.npz"), *arrays)
    return call


if __name__ == "__main__":
    main()
