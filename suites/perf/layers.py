"""Seconds and peak bytes of every exact implementation of every layer type, beside the floor and dense layers.

One benchmark per layer type, size and implementation, found by name: as a parameter they would be numbered differently
by every commit. Everything of one size, dtype, device and allocator is measured once, interleaved, when the first of
its benchmarks asks, and the others read what was found. ``GMBENCH_PERF=full`` adds the whole grid; what it alone
measures is n/a without it.
"""

import json
import os
import re
from pathlib import Path

try:
    from gmbench.registry import layer_type
    from gmbench.timing import session as run
    from gmbench.timing import subjects as subjects_module
    from gmbench.timing.sizes import sizes
except ImportError:  # the benchmarked commit is older than these timings
    run = None

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
    """Rows by implementation and pass, and samples of the yardsticks by pass."""

    def ask_gate(subject):
        verdict = subjects_module.gate(subject, dtype, device)
        return [verdict.status, verdict.message]

    def ask_clock():
        subjects = [s for s in subjects_module.subjects() if s.layer_type == kind.name]
        able = [subject for subject in subjects if not subject.obstacle(dtype, device)]
        verdicts = {
            s.key: subjects_module.Verdict(*once(folder, f"gate {s.key} {dtype} {device}", lambda s=s: ask_gate(s)))
            for s in able
        }
        options = {"allocator": allocator, "rounds": ROUNDS, "budget": BUDGET}
        found = run.interleaved(subjects, size, dtype, device, verdicts=verdicts, **options)
        rows = {f"{row['implementation']} {row['pass']}": row for row in found.rows}
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


def obstacle(kind, size, subject, direction, dtype, device, allocator):
    """Why a benchmark does not apply, or None; asked only when it runs, not when the suite is imported."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        return "no CUDA device here"
    if allocator not in run.regimes_here(device):
        return "no such allocator here"
    if not FULL and in_full_alone(kind, size, dtype, allocator):
        return "only with GMBENCH_PERF=full"
    return subject.obstacle(dtype, device, direction) if subject else None


def benchmark(name, unit, of, passes, refuse):
    """A `track_*` function; asv takes its samples of seconds as it does those of `time_*`."""

    def track(folder, *parameters):
        return of(folder, *parameters)

    def setup(folder, *parameters):
        reason = refuse(*parameters)
        if reason:
            raise NotImplementedError(reason)  # asv shows n/a

    track.__name__ = track.__qualname__ = name
    track.setup = setup
    track.params = [passes, DTYPES, DEVICES, ALLOCATORS]
    track.param_names = ["pass", "dtype", "device", "allocator"]
    track.unit = unit
    track.timeout = 900
    track.version = "2"
    return track


def of_subject(kind, size, subject, what):
    """Samples of an implementation, or its peak bytes, at a size."""

    def of(folder, direction, *where):
        row = measured(folder, kind, size, *where)["rows"][f"{subject.key} {direction}"]
        if row["status"] != "passed":
            raise RuntimeError(f"{row['status']}: {row['message']}")
        if what == "peak":
            return row["peak_bytes"]
        return {"samples": row["samples"][0], "number": 1}

    return of


def of_yardstick(kind, size, which):
    """Samples of the floor or of dense layers at a size."""

    def of(folder, direction, *where):
        return {"samples": measured(folder, kind, size, *where)["yardsticks"][direction][which], "number": 1}

    return of


def every():
    """All benchmarks, by name."""
    subjects = subjects_module.subjects()
    for kind in [layer_type(name) for name in sorted({subject.layer_type for subject in subjects})]:
        for size in sizes(kind, FULL):
            start = f"{kind.name}_{size.label}_b{size.batch}"
            parts = [
                (f"track_{start}_{which}", "seconds", None, of_yardstick(kind, size, which)) for which in run.NAMES
            ]
            for subject in (s for s in subjects if s.layer_type == kind.name):
                name = subject.key.removeprefix(f"{kind.name}/")
                parts.append((f"track_{start}_{name}", "seconds", subject, of_subject(kind, size, subject, "time")))
                parts.append((f"track_peak_{start}_{name}", "bytes", subject, of_subject(kind, size, subject, "peak")))
            for name, unit, subject, of in parts:
                name = re.sub(r"\W", "_", name)

                def refuse(*parameters, kind=kind, size=size, subject=subject):
                    return obstacle(kind, size, subject, *parameters)

                yield name, benchmark(name, unit, of, list(size.passes), refuse)


def __getattr__(name):
    """What a newer commit has and this one has not is n/a here, not failed."""
    if not name.startswith("track_"):
        raise AttributeError(name)
    return benchmark(name, "seconds", None, ["forward", "forward+backward"], lambda *_: "this commit has no such thing")


if run:
    globals().update(every())
