"""Seconds and peak bytes of every exact implementation of every layer type, beside the floor and dense layers.

One benchmark per layer type, size and implementation, found by name: as a parameter they would be numbered differently
by every commit. Everything of one size, dtype, device and allocator is measured once, interleaved, when the first of
its benchmarks asks, and the others read what was found. ``GMBENCH_PERF=full`` adds the whole grid; what it alone
measures is n/a without it.
"""

import json
import os
import re
from dataclasses import asdict
from pathlib import Path

try:
    from gmbench.registry import layer_type
    from gmbench.timing.gate import gate, obstacle, select_implementations
    from gmbench.timing.records import Timing, TimingStatus
    from gmbench.timing.session import allocators_here, measure
    from gmbench.timing.sizes import sizes
    from gmbench.timing.turns import TimingLimits
    from gmbench.timing.yardsticks import NAMES
except ImportError:  # the benchmarked commit is older than these timings
    MEASURES = False
else:
    MEASURES = True

FULL = os.environ.get("GMBENCH_PERF") == "full"
ROUNDS, BUDGET = 25, 1.0  # samples, and seconds of measuring, a pass
LARGE = 100_000  # numbers in x, or exponentials, from which on temporaries are large
DTYPES, DEVICES, ALLOCATORS = ["float32", "float64"], ["cpu", "cuda"], ["default", "retained"]


def setup_cache():
    """The folder that the benchmarks of this run share."""
    return str(Path.cwd())


def once(folder, question, ask):
    """What ``ask()`` answers, asked once in a run of asv."""
    file = Path(folder, re.sub(r"\W", "_", question) + ".json")
    if not file.exists():
        file.write_text(json.dumps(ask()))
    return json.loads(file.read_text())


def measured(folder, kind, size, dtype, device, allocator):
    """Rows by implementation and pass, as the store keeps them, and samples of the yardsticks by pass."""

    def ask_gate(implementation):
        return asdict(gate(implementation, dtype, device))

    def ask_clock():
        implementations = [i for i in select_implementations() if i.layer_type == kind.name]
        statuses = {
            i.key: TimingStatus(**once(folder, f"gate {i.key} {dtype} {device}", lambda i=i: ask_gate(i)))
            for i in implementations
            if not obstacle(i, dtype, device)
        }
        limits = TimingLimits(ROUNDS, BUDGET)
        options = {"allocator": allocator, "statuses": statuses, "limits": limits, "always": True}
        found = measure(implementations, size, dtype, device, **options)
        rows = {f"{row.implementation} {row.direction}": row.stored() for row in found.rows}
        return {"rows": rows, "yardsticks": found.yardsticks}

    return once(folder, f"time {kind.name} {size.label} {size.batch} {dtype} {device} {allocator}", ask_clock)


def in_full_alone(kind, size, dtype, allocator):
    """What plain `asv run`, which is to take minutes, leaves out: float64 but of the first size of a layer type, if it
    is a small one, and the retained allocator but where a layer's temporaries are large.
    """
    large = False
    if not size.widths:
        exponentials = kind.work(size.axes, size.batch, 4).exponentials
        large = max(size.batch * size.axes[kind.in_features], exponentials) >= LARGE
    if dtype == "float64":
        return allocator == "retained" or size != sizes(kind)[0] or large
    return allocator == "retained" and not large


def not_applicable(kind, size, implementation, direction, dtype, device, allocator):
    """Why a benchmark does not apply, or None; asked only when it runs, not when the suite is imported."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        return "no CUDA device here"
    if allocator not in allocators_here(device):
        return "no such allocator here"
    if not FULL and in_full_alone(kind, size, dtype, allocator):
        return "only with GMBENCH_PERF=full"
    return obstacle(implementation, dtype, device, direction) if implementation else None


def benchmark(name, unit, read, passes, refuse):
    """A `track_*` function; asv takes its samples of seconds as it does those of `time_*`."""

    def track(folder, *parameters):
        return read(folder, *parameters)

    def setup(folder, *parameters):
        reason = refuse(*parameters)
        if reason:
            raise NotImplementedError(reason)  # asv shows n/a

    track.__name__ = track.__qualname__ = name
    names, values = ["pass", "dtype", "device", "allocator"], [passes, DTYPES, DEVICES, ALLOCATORS]
    vars(track).update(setup=setup, params=values, param_names=names, unit=unit, timeout=900, version="2")
    return track


def of_implementation(kind, size, implementation, peak):
    """Samples of an implementation, or its peak bytes, at a size."""

    def read(folder, direction, *where):
        row = Timing.of(measured(folder, kind, size, *where)["rows"][f"{implementation.key} {direction}"])
        if row.status != "passed" or not row.samples:
            raise RuntimeError(f"{row.status}: {row.message}")
        return row.peak_bytes if peak else {"samples": row.samples[0], "number": 1}

    return read


def of_yardstick(kind, size, name):
    """Samples of the floor or of dense layers at a size."""

    def read(folder, direction, *where):
        return {"samples": measured(folder, kind, size, *where)["yardsticks"][direction][name], "number": 1}

    return read


def every():
    """All benchmarks, by name."""
    implementations = select_implementations()
    for kind in [layer_type(name) for name in sorted({i.layer_type for i in implementations})]:
        for size in sizes(kind, FULL):
            start = f"{kind.name}_{size.label}_b{size.batch}"
            parts = [(f"track_{start}_{name}", "seconds", None, of_yardstick(kind, size, name)) for name in NAMES]
            for one in (i for i in implementations if i.layer_type == kind.name):
                seconds = of_implementation(kind, size, one, peak=False)
                parts.append((f"track_{start}_{one.name}", "seconds", one, seconds))
                peak = of_implementation(kind, size, one, peak=True)
                parts.append((f"track_peak_{start}_{one.name}", "bytes", one, peak))
            for name, unit, implementation, read in parts:
                name = re.sub(r"\W", "_", name)

                def refuse(*parameters, kind=kind, size=size, implementation=implementation):
                    return not_applicable(kind, size, implementation, *parameters)

                yield name, benchmark(name, unit, read, list(size.passes), refuse)


def __getattr__(name):
    """What a newer commit has and this one has not is n/a here, not failed."""
    if not name.startswith("track_"):
        raise AttributeError(name)
    return benchmark(name, "seconds", None, ["forward", "forward+backward"], lambda *_: "this commit has no such thing")


if MEASURES:
    globals().update(every())
