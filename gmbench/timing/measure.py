"""The clock: interleaved candidates, fresh inputs for every timed call, a random part of the outputs kept.

The timers are bound when this module is imported, before any candidate is.
"""

from __future__ import annotations

import gc
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

ROUNDS = 40  # undisturbed samples wanted of each candidate
PATIENCE = 3  # at most so many times as many rounds
BUDGET = 15.0  # seconds in all, but at least FEW rounds
FEW = 6  # undisturbed samples that a median and an interval need
WARM_UPS = 3
KEPT = 2
WARM_UP = 2**32  # warm-up calls count from here, so that no timed call repeats their inputs

_clock = time.perf_counter
_usage = resource.getrusage


@dataclass(frozen=True)
class Candidate:
    """What is timed: ``run(*prepare(call))``; ``prepare`` draws the inputs of that call outside the clock."""

    name: str
    prepare: Callable[[int], tuple]
    run: Callable[..., tuple]


@dataclass
class Samples:
    """Seconds of the calls that nothing interrupted; ``disturbed`` if these were too few: then of all."""

    seconds: list[float] = field(default_factory=list)
    dropped: int = 0
    disturbed: bool = False
    kept: dict[int, tuple] = field(default_factory=dict)


def measure(
    candidates: Sequence[Candidate], device: str = "cpu", *, rounds=ROUNDS, budget=BUDGET, keep=KEPT
) -> dict[str, Samples]:
    """Time candidates in turns, in a random order each round.

    A sample during which the process was interrupted (an involuntary context switch) is dropped, unless fewer
    than six are left.

    :param device: ``cpu`` (the wall clock) or ``cuda`` (events, the device synchronised before and after)
    :param rounds: undisturbed samples wanted of each candidate
    :param budget: seconds after which no further round is begun
    :param keep: how many randomly chosen timed calls of each candidate keep their outputs
    :return: samples by the candidate's name; ``kept`` maps the number of a call to its outputs
    """
    clean = {candidate.name: [] for candidate in candidates}
    interrupted = {candidate.name: [] for candidate in candidates}
    kept: dict[str, dict[int, tuple]] = {candidate.name: {} for candidate in candidates}
    chance = random.SystemRandom()
    for candidate in candidates:
        for call in range(WARM_UP, WARM_UP + WARM_UPS):
            _timed(candidate, call, device)
    start = _clock()
    gc.collect()
    gc.disable()
    try:
        for call in range(PATIENCE * rounds):
            enough = all(len(samples) >= rounds for samples in clean.values())
            if enough or (call >= FEW and _clock() - start > budget):
                break
            for candidate in chance.sample(candidates, len(candidates)):
                outputs, seconds, quiet = _timed(candidate, call, device)
                (clean if quiet else interrupted)[candidate.name].append(seconds)
                _reservoir(kept[candidate.name], call, outputs, keep, chance)
    finally:
        gc.enable()
    return {name: _samples(clean[name], interrupted[name], kept[name]) for name in clean}


def _samples(clean, interrupted, kept):
    if len(clean) < FEW:
        return Samples(clean + interrupted, 0, True, kept)
    return Samples(clean, len(interrupted), False, kept)


def _timed(candidate, call, device):
    """Outputs of one call, its seconds, and whether nothing interrupted it."""
    inputs = candidate.prepare(call)
    if device == "cuda":
        import torch

        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        switches = _usage(resource.RUSAGE_SELF).ru_nivcsw
        first.record()
        outputs = candidate.run(*inputs)
        last.record()
        torch.cuda.synchronize()
        seconds = first.elapsed_time(last) / 1e3
    else:
        switches = _usage(resource.RUSAGE_SELF).ru_nivcsw
        begin = _clock()
        outputs = candidate.run(*inputs)
        seconds = _clock() - begin
    return outputs, seconds, _usage(resource.RUSAGE_SELF).ru_nivcsw == switches


def _reservoir(kept, call, outputs, keep, chance):
    """Every call so far is kept with the same probability, whatever their number will be."""
    if len(kept) < keep:
        kept[call] = outputs
    elif chance.randrange(call + 1) < keep:
        del kept[chance.choice(list(kept))]
        kept[call] = outputs


def summary(samples: Sequence[float]) -> tuple[float, float, float]:
    """Median and its 95 % interval by order statistics, for any distribution; the range for a few samples."""
    import numpy as np
    from scipy.stats import binom

    ordered = np.sort(np.asarray(samples, dtype=float))
    rank = int(binom.ppf(0.025, len(ordered), 0.5))
    low, high = max(rank - 1, 0), min(len(ordered) - rank, len(ordered) - 1)
    return float(np.median(ordered)), float(ordered[low]), float(ordered[high])


def peak(run: Callable[..., tuple], inputs: tuple, device: str) -> int | None:
    """Bytes that one call takes on top of what is there, or None where the system does not tell."""
    if device == "cuda":
        import torch

        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(*inputs)
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    try:
        _trim()
        before = _resident("VmRSS")
        with open("/proc/self/clear_refs", "w") as control:
            control.write("5")  # resets VmHWM to VmRSS
        run(*inputs)
        return max(0, _resident("VmHWM") - before)
    except (OSError, AttributeError):
        return None


def _trim():
    """Give back what the C library holds of freed blocks, which would hide what a call takes."""
    import ctypes

    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _resident(name: str) -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(f"{name}:"))
