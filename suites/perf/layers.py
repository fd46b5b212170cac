"""Seconds of every exact implementation of every layer type, beside the floor and nn.Linear of that shape.

One benchmark per layer type, size and implementation, found by name: as a parameter they would be numbered
differently by every commit. Each is measured in a process of its own that the benchmark process only starts:
CUDA is never initialised before a fork.
"""

import json
import re
from pathlib import Path

try:
    from gmbench.registry import layer_type
    from gmbench.timing import run
    from gmbench.timing.sizes import sizes
except ImportError:  # the benchmarked commit is older than the timings
    run = None

ROUNDS, BUDGET = 25, 4.0  # samples, and seconds of measuring, a pass


def setup_cache():
    """The folder that the benchmarks of this run share."""
    return str(Path.cwd())


def once(folder, question, ask):
    """What ``ask()`` answers, asked once in a run of asv: a verdict, or both passes of a measurement."""
    file = Path(folder, re.sub(r"\W", "_", question) + ".json")
    if not file.exists():
        file.write_text(json.dumps(ask()))
    return json.loads(file.read_text())


def of_subject(subject, size):
    """Samples of an implementation at a size, and why there can be none of a pass on a device."""

    def samples(folder, direction, device):
        def ask_gate():
            verdict = run.gate(subject, "float32", device)
            return [verdict.status, verdict.message]

        def ask_clock():
            verdict = run.Verdict(*once(folder, f"gate {subject.key} {device}", ask_gate))
            rows = run.rows(subject, size, device=device, verdict=verdict, rounds=ROUNDS, budget=BUDGET)
            return {row["pass"]: row for row in rows}

        row = once(folder, f"time {subject.key} {size.label} {device}", ask_clock)[direction]
        if row["status"] != "passed":
            raise RuntimeError(f"{row['status']}: {row['message']}")
        return row["samples"]

    return samples, lambda direction, device: subject.obstacle("float32", device, direction)


def of_yardstick(kind, size, which):
    """Samples of the floor or of nn.Linear."""

    def samples(folder, direction, device):
        def ask_clock():
            return run.yardsticks(kind, size, device=device, rounds=ROUNDS, budget=BUDGET)

        return once(folder, f"yardsticks {kind} {size.label} {device}", ask_clock)[direction][which]

    return samples, no_device


def no_device(direction, device):
    """Why a device is not there; asked only when a benchmark runs, not when the suite is imported."""
    import torch

    return "no CUDA device here" if device == "cuda" and not torch.cuda.is_available() else None


def benchmark(name, samples, obstacle):
    """A `track_*` function of the pass and the device; asv takes its samples as it does those of `time_*`."""

    def track(folder, direction, device):
        return {"samples": samples(folder, direction, device), "number": 1}

    def setup(folder, direction, device):
        reason = obstacle(direction, device)
        if reason:
            raise NotImplementedError(reason)  # asv shows n/a

    track.__name__ = track.__qualname__ = name
    track.setup = setup
    track.params = [["forward", "forward+backward"], ["cpu", "cuda"]]
    track.param_names = ["pass", "device"]
    track.unit = "seconds"
    track.timeout = 600
    track.version = "1"
    return track


def every():
    """All benchmarks, by name."""
    subjects = run.subjects()
    for kind in sorted({subject.layer_type for subject in subjects}):
        for size in sizes(layer_type(kind)):
            parts = {which: of_yardstick(kind, size, which) for which in ("floor", "linear")}
            parts |= {s.key: of_subject(s, size) for s in subjects if s.layer_type == kind}
            for key, part in parts.items():
                name = re.sub(r"\W", "_", f"track_{kind}_{size.label}_{key.removeprefix(kind + '/')}")
                yield name, benchmark(name, *part)


def __getattr__(name):
    """What a newer commit has and this one has not is n/a here, not failed."""
    if not name.startswith("track_"):
        raise AttributeError(name)
    return benchmark(name, None, lambda *_: "this commit has no such implementation or size")


if run:
    globals().update(every())
