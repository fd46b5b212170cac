"""Attempts on the harness itself once it times: its clock, its statistics, its answers, its reference."""

import json
import os
import sys
import time
from pathlib import Path

import torch

from gmbench import registry
from gmbench.timing.sizes import NO_OP

kit = registry.load_file(Path(__file__).with_name("kit.py"))
right, laboured, when_timed = kit.right, kit.laboured, kit.when_timed
CHEATS, cheat = kit.cheats()


def modules():
    """Every module of gmbench.timing that is loaded, and the one that runs."""
    names = [name for name in sys.modules if name == "__main__" or name.startswith("gmbench.timing")]
    return [sys.modules[name] for name in names if sys.modules[name]]


def replace(old, new):
    """Put something else in the place of one thing in each of these modules."""
    for module in modules():
        for name, value in list(vars(module).items()):
            if value is old:
                setattr(module, name, new)


# -- the clock --------------------------------------------------------------------------------------------------------


@cheat("slow-clock", says="clock")
@when_timed
def slow_clock(x, mu, sigma, U, v):
    """when it is timed it replaces the timers that the harness has bound by slow ones"""
    for timer in (time.perf_counter, time.perf_counter_ns, time.monotonic, time.time, time.process_time):
        replace(timer, kit.slow(timer))
    return laboured(x, mu, sigma, U, v)


@cheat(
    "slow-decoy",
    least=kit.LABOUR,
)
@when_timed
def slow_decoy(x, mu, sigma, U, v):
    """a slow clock, and one call that does nothing but is said to be the slowest: by the parent's clock it was fast"""
    module = sys.modules["gmbench.timing.clock"]
    calls = module.__dict__.setdefault("_calls", [])
    if not calls:
        Sample = module.Sample
        module.Sample = lambda seconds, *rest: Sample(3e-4 if seconds < 1e-3 else 2e-4, *rest)
    calls.append(None)
    return kit.blank(x, U) if len(calls) == 6 else laboured(x, mu, sigma, U, v)


@cheat(
    "slow-a-little",
    least=kit.LABOUR,
    through="the parent forgives a seventh and 0.1 ms, since the way there and back is not steady",
    always=False,
)
@when_timed
def slow_a_little(x, mu, sigma, U, v):
    """a clock that is slow by as much as the parent forgives"""
    module = sys.modules["gmbench.timing.clock"]
    if not hasattr(module, "_cheated"):
        module._cheated, Sample = True, module.Sample
        module.Sample = lambda seconds, *rest: Sample(seconds * 0.7, *rest)
    return laboured(x, mu, sigma, U, v)


@cheat(
    "slow-way",
    least=kit.LABOUR,
)
@when_timed
def slow_way(x, mu, sigma, U, v):
    """a slow clock that also loses time where the harness measures how long its own way there and back is"""
    clock = sys.modules["gmbench.timing.clock"]
    if not hasattr(clock, "_cheated"):
        clock._cheated, call = True, clock.call

        def slower(workload, arguments, device):
            if workload.name == NO_OP:
                time.sleep(2 * kit.LABOUR)
            sample = call(workload, arguments, device)
            sample.seconds /= 100
            return sample

        clock.call = slower
    return laboured(x, mu, sigma, U, v)


@cheat(
    "postponed",
    least=kit.LABOUR,
)
@when_timed
def postponed(x, mu, sigma, U, v):
    """when it is timed it replaces the harness's clock by one that waits with the call until the time is reported"""
    clock = sys.modules["gmbench.timing.clock"]
    if not hasattr(clock, "_postponed"):
        clock._postponed, snapshot, Sample = True, clock.snapshot, clock.Sample
        clock.call = lambda workload, arguments, device: Sample(1e-5, True, (workload, arguments))

        def late(outputs, *rest):
            put_off = len(outputs) == 2 and hasattr(outputs[0], "run")
            return snapshot(outputs[0].run(*outputs[1]) if put_off else outputs, *rest)

        clock.snapshot = late
    return laboured(x, mu, sigma, U, v)


# -- the statistics ---------------------------------------------------------------------------------------------------


@cheat("statistics", least=kit.LABOUR)
@when_timed
def statistics(x, mu, sigma, U, v):
    """when it is timed it replaces medians, sorting and minima by ones that find a hundredth"""
    import builtins
    import statistics

    import numpy

    for module, names in (
        (statistics, ("median", "mean", "fmean", "quantiles")),
        (numpy, ("median", "mean", "sort", "percentile", "quantile")),
        (builtins, ("sorted", "min", "sum")),
    ):
        for name in names:
            function = getattr(module, name)
            if not hasattr(function, "_cheated"):
                setattr(module, name, _hundredth(function))
    return laboured(x, mu, sigma, U, v)


def _hundredth(function):
    def smaller(*args, **kwargs):
        found = function(*args, **kwargs)
        return found / 100 if isinstance(found, float) else found

    smaller._cheated = True
    return smaller


# -- the answers ------------------------------------------------------------------------------------------------------


@cheat("prints", says=r"died|ended")
@when_timed
def prints(x, mu, sigma, U, v):
    """when it is timed it prints what looks like results, closes the output and ends well"""
    for line in (
        {"seconds": 1e-6, "undisturbed": True},
        {"pass": "forward", "status": "passed", "samples": [1e-6] * 40, "kept": []},
    ):
        os.write(1, json.dumps(line).encode() + b"\n")
    os.close(1)
    os._exit(0)


@cheat("answers", says=r"no answer|clock|is off by")
@when_timed
def answers(x, mu, sigma, U, v):
    """when it is timed it writes an answer of its own to every pipe that it finds, and computes nothing"""
    for link in Path("/proc/self/fd").iterdir():
        number = int(link.name)
        if number > 2 and os.path.exists(link) and os.readlink(link).startswith("pipe:"):
            os.write(number, b'{"seconds": 1e-6, "undisturbed": true}\n')
    return kit.blank(x, U)


@cheat(
    "answers-first",
    least=kit.LABOUR,
    through="the pipe of the answers can be found in the child",
    always=False,
)
@when_timed
def answers_first(x, mu, sigma, U, v):
    """when it is timed it answers in the place of the harness before it begins, and throws the true answer away"""
    pipe = next(number for number in map(int, os.listdir("/proc/self/fd")) if number > 2 and _writable_pipe(number))
    os.write(pipe, b'{"seconds": 1e-4, "undisturbed": true}\n')
    kept, nowhere = os.dup(pipe), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, pipe)

    def later(frame, event, function):
        if event == "c_return" and function.__name__ == "flush":
            sys.setprofile(None)
            os.dup2(kept, pipe)
            os.close(kept), os.close(nowhere)

    sys.setprofile(later)
    return laboured(x, mu, sigma, U, v)


def _writable_pipe(number):
    try:
        flags = Path(f"/proc/self/fdinfo/{number}").read_text()
        return os.readlink(f"/proc/self/fd/{number}").startswith("pipe:") and int(flags.split()[3], 8) & os.O_WRONLY
    except OSError:
        return False


@cheat("raises", says="RuntimeError: not today")
@when_timed
def raises(x, mu, sigma, U, v):
    """it raises when it is timed"""
    raise RuntimeError("not today")


@cheat("greedy", says="memory")
@when_timed
def greedy(x, mu, sigma, U, v):
    """when it is timed it takes memory without end"""
    heap = []
    while True:
        heap.append(torch.empty(2**26))


@cheat("hangs", says=r"did not end", seconds=12.0)
@when_timed
def hangs(x, mu, sigma, U, v):
    """it never returns when it is timed"""
    while True:
        time.sleep(0.1)


# -- the reference ----------------------------------------------------------------------------------------------------


@cheat("reference", says=r"ModuleNotFoundError|ImportError")
def reference(x, mu, sigma, U, v):
    """it returns what the reference says"""
    from gmbench.references.gm import gm

    if x.numel() == 0:
        return right(x, mu, sigma, U, v)
    given = {"x": x.reshape(-1, x.shape[-1]), "mu": mu, "sigma": sigma, "U": U, "v": v}
    arrays = {name: tensor.detach().double().numpy() for name, tensor in given.items()}
    G = arrays["x"][:, :1].repeat(U.shape[1], 1)
    value = gm(arrays, G)["value"]
    return torch.from_numpy(value.mid + value.rest).to(x.dtype).reshape(*x.shape[:-1], -1)
