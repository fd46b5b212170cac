"""The clock of a measuring process: one call at a time, and what it left behind.

Whatever an implementation could replace later (timers, ``torch.clone``) is bound when this module is imported, before
any implementation is.
"""

from __future__ import annotations

import gc
import resource
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from gmbench.contract import ContractError
from gmbench.timing.workloads import Workload

FLUSH = 2**27  # bytes written between two calls on a GPU, more than its caches hold

_clock = time.perf_counter
_usage = resource.getrusage
_clone, _detach, _equal, _matmul = torch.clone, torch.Tensor.detach, torch.equal, torch.matmul
_Tensor, _strided = torch.Tensor, torch.strided
_followers = (sys.getprofile, sys.gettrace, threading.getprofile, threading.gettrace)
_synchronize, _Event, _empty = torch.cuda.synchronize, torch.cuda.Event, torch.empty
_WAKE = torch.ones(256, 256)


@dataclass
class Sample:
    """One call: its seconds, whether nothing interrupted it, and what it returned."""

    seconds: float
    undisturbed: bool
    outputs: tuple


def ready(device: str) -> None:
    """Just before a call: no collection of garbage falls into it, and torch's threads, which sleep between two turns
    but would not in training, are awake; on a GPU the caches are cold.
    """
    gc.collect(0)
    gc.disable()
    if device == "cuda":
        _empty(FLUSH, dtype=torch.int8, device="cuda").zero_()
        _synchronize()
    else:
        _matmul(_WAKE, _WAKE)


def call(workload: Workload, arguments: tuple, device: str) -> Sample:
    """Run one call under the clock: the wall clock on a CPU; events, with the device synchronised, on a GPU."""
    try:
        return (_on_gpu if device == "cuda" else _on_cpu)(workload.run, arguments)
    finally:
        gc.enable()


def _on_cpu(run: Callable[..., tuple], arguments: tuple) -> Sample:
    switches = _usage(resource.RUSAGE_SELF).ru_nivcsw
    begin = _clock()
    outputs = run(*arguments)
    seconds = _clock() - begin
    return Sample(seconds, _usage(resource.RUSAGE_SELF).ru_nivcsw == switches, outputs)


def _on_gpu(run: Callable[..., tuple], arguments: tuple) -> Sample:
    first, last = (_Event(enable_timing=True) for _ in range(2))
    _synchronize()
    switches = _usage(resource.RUSAGE_SELF).ru_nivcsw
    first.record()
    outputs = run(*arguments)
    last.record()
    _synchronize()  # every stream: what is on another one the parent's clock sees
    undisturbed = _usage(resource.RUSAGE_SELF).ru_nivcsw == switches
    return Sample(first.elapsed_time(last) / 1e3, undisturbed, outputs)


def snapshot(outputs: tuple, dtype: str, device: str) -> tuple:
    """Copies of the outputs as they are now; what is written to them later does not count.

    :raises ContractError: if one is no plain tensor of the dtype on the device
    """
    if not isinstance(outputs, tuple):
        raise ContractError(f"a timed call returned {type(outputs).__name__}")
    for tensor in outputs:
        if tensor is not None and type(tensor) is not _Tensor:  # None: autograd's word for an unused input
            raise ContractError(f"a timed call returned {type(tensor).__name__}, not exactly torch.Tensor")
    # copied before anything is asked of them: what asks could be made to work first
    copies = tuple(None if tensor is None else _clone(_detach(tensor)) for tensor in outputs)
    if any(follower() is not None for follower in _followers):
        raise ContractError("a timed call left a profiler or tracer of Python behind")
    for copy in copies:
        if copy is None:
            continue
        if copy.layout is not _strided or copy.device.type != device or copy.dtype != getattr(torch, dtype):
            what = f"{copy.layout} {copy.dtype} on {copy.device.type}"
            raise ContractError(f"a timed call returned {what}, expected torch.{dtype} on {device}")
    return copies


def overwritten(outputs: tuple, copies: tuple) -> bool:
    """Whether outputs are no longer what they were when they were copied."""
    pairs = [pair for pair in zip(outputs, copies, strict=True) if pair[0] is not None]
    return not all(_equal(_detach(tensor), copy) for tensor, copy in pairs if not copy.isnan().any())


def peak(workload: Workload, prepare: Callable[[], tuple], device: str, calls: int = 3) -> int | None:
    """Bytes that one call takes on top of what is there, its results among them; None where the system does not tell.

    The least of a few calls: what a call finds in the heap depends on what was there before.
    """
    seen = [_peak(workload, prepare(), device) for _ in range(calls)]
    told = [each for each in seen if each is not None]
    return min(told) if len(told) == calls else None


def _peak(workload: Workload, arguments: tuple, device: str) -> int | None:
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        workload.run(*arguments)
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    try:
        _trim()
        before = _resident("VmRSS")
        with open("/proc/self/clear_refs", "w") as control:
            control.write("5")  # resets VmHWM to VmRSS
        workload.run(*arguments)
        return max(0, _resident("VmHWM") - before)
    except (OSError, AttributeError):
        return None


def _trim() -> None:
    """Give back what the C library holds of freed blocks, which would hide what a call takes."""
    import ctypes

    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _resident(name: str) -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(f"{name}:"))
