"""The page of timings: how fast beside the floor and beside each other, how right the timed calls were, and what
cheats a timing withstands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

import pandas

from gmbench import registry
from gmbench.report.figures.timings import distances
from gmbench.report.pages import goals
from gmbench.report.pages.goals import Ratio, ratio_to, shown
from gmbench.report.text.markdown import bullets, code, counted, exact, number, shortened, table, text
from gmbench.report.text.origin import dirty, made, stamp
from gmbench.report.text.page import Page, slug
from gmbench.results.frames import NONE, absent
from gmbench.results.read import Results
from gmbench.results.selftests import CheatRow, Cheats

COMMAND = "gmbench time --store STORE"
GPU = "gmbench time {} --device cuda --store STORE"
CHEATS = "python tests/cheats/table.py --store STORE"
YARDSTICKS = {"nn.Linear": "linear", "nn.Linear (matched)": "linear-matched", "KAN (matched)": "kan"}
SHOWN = ("passed", "failed", "inconclusive")  # statuses of what was tried; of the others the reason is told
Rows = list[dict[str, Any]]


def page(results: Results) -> Page:
    """The page, also where there is nothing to show."""
    found = Page("timings", "Timings")
    frame = results.timings
    if frame.empty:
        found.add(f"No timings are in this store. This makes them: `{COMMAND}`")
    else:
        _introduction(found, frame)
    goals.add(found, frame)
    for title, group in _sections(frame):
        _section(found, title, group)
    _gpus(found, frame)
    _cheats(found, results.cheats)
    if not frame.empty:
        found.add("## Where the timings come from", made(frame, "row"), dirty(frame))
        found.add("Of several runs on one machine the latest counts.")
    return found


def summary(frame: pandas.DataFrame) -> list[str]:
    """A line for each layer type, dtype, device and machine: how the fastest stands to the floor."""
    lines = []
    for title, group in _sections(frame):
        passed = [row for row in _records(group) if row["status"] == "passed"]
        best = [min(rows, key=_rank) for rows in _split(passed, "size", "batch", "pass", "allocator").values()]
        best = [row for row in best if ratio_to(row, "floor") is not None]
        lines.append(f"{text(title)}: " + (_nearest(best) if best else "no time; see the page for the reasons."))
    return lines


def goals_summary(frame: pandas.DataFrame) -> list[str]:
    """A line for each layer type that has goals: how many are reached."""
    found = goals.outcomes(frame)
    return [
        f"Goals of {text(kind)}: {goals.counts([each for each in found if each.layer_type == kind])}."
        for kind in dict.fromkeys(outcome.layer_type for outcome in found)
    ]


def withstood(file: Cheats | None) -> str:
    """How many cheats are caught, in a sentence."""
    rows = file.rows if file else ()
    caught = sum(bool(row.caught_by) for row in rows)
    return f"Of {counted(len(rows), 'deliberate cheat')} {caught} are caught." if rows else ""


def duration(seconds: float | None, *others: float | None) -> str:
    """Three digits and a unit, of several times that of the first: ``1.20 ms (1.10 to 1.31)``."""
    if absent(seconds) or not math.isfinite(seconds):
        return NONE
    scale, unit = next(((s, u) for least, s, u in ((1, 1, "s"), (1e-3, 1e3, "ms")) if seconds >= least), (1e6, "µs"))
    ends = [number(other * scale) for other in others if not absent(other)]
    return f"{number(seconds * scale)} {unit}" + (f" ({' to '.join(ends)})" if 0 < len(ends) == len(others) else "")


def _introduction(found: Page, frame: pandas.DataFrame) -> None:
    found.add(
        "A call is timed in a process of its own on inputs drawn for it, and the outputs of timed calls are compared "
        "with the reference before a time counts. The calls of what is timed together, and of the yardsticks, are "
        "interleaved, so ratios, taken call by call, are safer to compare than times. In brackets: 95 % intervals.",
        bullets(
            (
                "`x floor`: the floor is the matrix products and exponentials that no implementation can do without, "
                "as calls of torch; below it is a kernel whose exponentials are faster than torch's.",
                "`x fastest rival`: the fastest other implementation timed together with it; bold where it is clearly "
                "slower.",
                "`allocator`: glibc's as it is (default), or told to keep freed memory (retained). "
                "`peak MB`: what one call takes on top.",
                "`ulps seen`: the worst error of the timed calls that were compared, and what is claimed.",
                "`nn.Linear`: a dense layer of the same width; `matched`: one of as many parameters. `KAN`: a "
                "Kolmogorov-Arnold network of pykan with one hidden layer and as many parameters; of a Laplacian its "
                "own. They compute something else.",
            )
        ),
    )
    if frame["run"].any():
        found.add("Machines are told apart by their run; see the last section.")


def _sections(frame: pandas.DataFrame) -> list[tuple[str, pandas.DataFrame]]:
    """The rows of each layer type, dtype, device and machine, by a title."""
    if frame.empty:
        return []
    keys = ["layer_type", "dtype", "device", "run"]
    return [
        (f"{kind}, {dtype}, {device}" + (f", run {run}" if run else ""), group)
        for (kind, dtype, device, run), group in frame.groupby(keys, dropna=False, sort=True)
    ]


def _section(found: Page, title: str, group: pandas.DataFrame) -> None:
    found.add(f"## {text(title)}")
    every = _records(group)
    sizes = [(heading, _split(rows, "pass")) for heading, rows in _sizes(every)]
    panels = {heading: {name: _points(own) for name, own in passes.items()} for heading, passes in sizes}
    found.show(f"timings-{slug(title)}", distances(panels), f"times as multiples of the floor, {title}")
    for heading, passes in sizes:
        for name, own in passes.items():
            listed = [row for row in own if row["status"] in SHOWN]
            if listed:
                found.add(f"**{text(f'{heading}, {name}')}**", _yardsticks(own))
                found.add(table(_row(row, own) for row in _ordered(listed)))
    found.add(*_disturbance(every))
    bad = [row for row in every if row["status"] != "passed"]
    if bad:
        found.add("Without a time:", _reasons(every, bad))


def _records(frame: pandas.DataFrame) -> Rows:
    """The rows, with None for what they lack."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def _split(rows: Iterable[dict], *keys: str) -> dict[Any, Rows]:
    """Rows by the values of these columns, in the order of their names."""
    found: dict[Any, Rows] = {}
    for row in rows:
        values = tuple(row[key] for key in keys)
        found.setdefault(values if len(keys) > 1 else values[0], []).append(row)
    return dict(sorted(found.items(), key=lambda item: str(item[0])))


def _sizes(rows: Rows) -> list[tuple[str, Rows]]:
    """The rows of each size and batch by a heading: large layers first, stacks of layers behind them."""

    def place(item):
        (size, batch), own = item
        numbers = [int(word) for word in str(size).split("-") if word.isdecimal()]
        return (any(row["pass"] == "training step" for row in own), -math.prod(numbers), str(size), batch)

    return [(_heading(*key), own) for key, own in sorted(_split(rows, "size", "batch").items(), key=place)]


def _heading(size: Any, batch: float) -> str:
    return f"{size}, batch {batch:g}"


def _rank(row: Mapping[str, Any]) -> tuple:
    """Nearest to the floor first; what has no time last."""
    ratio = ratio_to(row, "floor") if row["status"] == "passed" else None
    return (ratio is None, ratio[0] if ratio else math.inf, str(row["implementation"]))


def _ordered(rows: Rows) -> Rows:
    """Implementations of one pass, the fastest first, each with its allocators one behind the other."""
    best = {name: min(map(_rank, own)) for name, own in _split(rows, "implementation").items()}
    return sorted(rows, key=lambda row: (best[row["implementation"]], str(row["allocator"])))


def _yardsticks(rows: Rows) -> str:
    """The times of the floor and of dense layers beside one pass, a number for each allocator."""
    found: dict[str, dict] = {"floor": {}, **{label: {} for label in YARDSTICKS}}
    for allocator, own in _split([row for row in rows if row["status"] == "passed"], "allocator").items():
        for label, name in (("floor", "floor"), *YARDSTICKS.items()):
            seconds = [known for row in own if (known := _seconds(row, name)) is not None]
            if seconds:
                found[label][allocator] = duration(median(seconds))
    regimes = list(dict.fromkeys(allocator for times in found.values() for allocator in times))
    which = f", {text(' / '.join(map(str, regimes)))}" if len(regimes) > 1 else ""
    words = [f"{label} {' / '.join(t.get(r, NONE) for r in regimes)}" for label, t in found.items() if t]
    return f"Yardsticks{which}: {'; '.join(words)}." if words else ""


def _seconds(row: dict, yardstick: str) -> float | None:
    """The median of a yardstick beside a row; of those that the row has as a ratio only, what follows from it."""
    if not absent(row.get(yardstick)):
        return row[yardstick]
    ratio = ratio_to(row, yardstick)
    return row["median"] / ratio[0] if ratio and ratio[0] > 0 and not absent(row.get("median")) else None


def _row(row: dict, rows: Rows) -> dict[str, str]:
    cells = {"implementation": text(row["implementation"])}
    if row["device"] == "cpu":
        cells["allocator"] = text(row["allocator"])
    numbers = ("median", "x floor", "x fastest rival", "peak MB", "ulps seen")
    if row["status"] != "passed":
        return cells | dict.fromkeys(numbers, NONE) | {"median": f"**{text(row['status'])}**"}
    mark = " \\*" if row.get("disturbed") is True else ""
    seen, peak = row.get("ulps"), row.get("peak_bytes")
    values = (
        duration(row.get("median"), row.get("low"), row.get("high")) + mark,
        shown(ratio_to(row, "floor")),
        _rival(row, rows),
        NONE if absent(peak) else number(peak / 1e6),
        NONE if absent(seen) else f"{number(seen, 2)} of {exact(row.get('claim'))}",
    )
    return cells | dict(zip(numbers, values, strict=True))


def _rival(row: dict, rows: Rows) -> str:
    """The ratio to the fastest other implementation whose calls were interleaved with this one's, and its name."""
    others = {
        other["implementation"]: ratio
        for other in rows
        if other["status"] == "passed"
        and other["implementation"] != row["implementation"]
        and other["allocator"] == row["allocator"]
        and (ratio := ratio_to(row, other["implementation"]))
    }
    if not others:
        return NONE
    name, ratio = max(others.items(), key=lambda item: (item[1][0], item[0]))
    cell = f"{shown(ratio)} of {text(name.removeprefix(row['layer_type'] + '/'))}"
    return f"**{cell}**" if ratio[2] is not None and ratio[2] < 1 else cell


def _points(rows: Rows) -> list[dict]:
    """What the figure shows of one pass: implementations in their order, then dense layers."""
    passed = [row for row in rows if row["status"] == "passed" and _drawable(ratio_to(row, "floor"))]
    found: dict[str, dict] = {}
    for row in _ordered(passed):
        found.setdefault(row["implementation"], {})[row["allocator"]] = ratio_to(row, "floor")
    shown_rows: list[dict] = [{"label": name, "points": points} for name, points in found.items()]
    for label, name in YARDSTICKS.items():
        points = {}
        for allocator, own in _split(passed, "allocator").items():
            both = [(_seconds(row, name), _seconds(row, "floor")) for row in own]
            known = [seconds / floor for seconds, floor in both if seconds and floor]
            if known:
                points[allocator] = (median(known), None, None)
        if points:
            shown_rows.append({"label": label, "points": points, "yardstick": True})
    return shown_rows


def _drawable(ratio: Ratio | None) -> bool:
    return ratio is not None and all(part is None or (math.isfinite(part) and part > 0) for part in ratio)


def _disturbance(rows: Rows) -> list[str]:
    """What other work did to the timings: calls dropped, rows that could not be had undisturbed, the load."""
    found = []
    passed = [row for row in rows if row["status"] == "passed"]
    if any(row.get("disturbed") is True for row in passed):
        found.append("\\* interrupted in nearly every call; trust the ratio, not the time.")
    words = []
    dropped = {i: int(row["dropped"]) for i, row in enumerate(passed) if row.get("dropped")}
    if dropped:
        worst = max(dropped, key=lambda i: (dropped[i], -i))
        row, of = passed[worst], dropped[worst] + _calls(passed[worst])
        total = sum(dropped.values()) + sum(map(_calls, passed))
        words.append(
            f"{sum(dropped.values()):,} of {counted(total, 'call')} were dropped as interrupted by other work; the "
            f"most of {text(row['implementation'])}, {text(_place(row))}: {dropped[worst]} of {of}."
        )
    runs = sorted({int(row["runs"]) for row in passed if row.get("runs")})
    if runs:
        words.append(f"Each row is from {f'{runs[0]} to ' if len(runs) > 1 else ''}{counted(runs[-1], 'run')}.")
    load = [seen for row in rows if isinstance(row.get("load"), list) for seen in row["load"]]
    if load:
        words.append(f"Load average of the machine beside the timings: {number(min(load))} to {number(max(load))}.")
    return [*found, " ".join(words)]


def _calls(row: dict) -> int:
    """How many calls count, of all runs."""
    return sum(map(len, row["samples"] or []))


def _place(row: dict, allocator: bool = True) -> str:
    """Size, batch, pass and allocator."""
    words = [_heading(row["size"], row["batch"]), row["pass"]]
    return ", ".join([*words, str(row["allocator"])] if allocator and not absent(row["allocator"]) else words)


def _reasons(rows: Rows, bad: Rows) -> str:
    """A line for each reason, with the places unless it holds for all of them."""
    lines = []
    every = _split(rows, "implementation")
    reasons = _split(
        [row | {"message": row.get("message") or ""} for row in bad], "implementation", "status", "message"
    )
    for (name, status, message), same in reasons.items():
        where = "" if len(same) == len(every[name]) else f" ({text(_places(same))})"
        lines.append(f"{text(name)}{where}: **{text(status)}**" + (f": {text(message)}" if message else ""))
    return bullets(lines)


def _places(rows: Rows) -> str:
    """The places of rows, the allocators of one place together."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(_place(row, allocator=False), []).append(str(row["allocator"] or ""))
    return "; ".join(", ".join(filter(None, (place, " and ".join(sorted(those))))) for place, those in found.items())


def _nearest(best: Rows) -> str:
    """Who is the fastest how often, and its range of ratios to the floor."""
    first, last = min(best, key=_rank), max(best, key=_rank)
    counts = sorted(((len(own), name) for name, own in _split(best, "implementation").items()), reverse=True)
    who = ", ".join(f"{text(name)} in {often} of {len(best)}" for often, name in counts)
    low, high = (f"{number(_rank(row)[1])} x ({text(_place(row))})" for row in (first, last))
    span = f"between {low} and {high}" if len(best) > 1 else f"at {low}"
    return f"nearest to the floor is {who} comparisons, {span}."


def _gpus(found: Page, frame: pandas.DataFrame) -> None:
    # where there is no GPU, asking for one leaves rows that are unsupported
    timed = {row["layer_type"] for row in _records(frame) if row["device"] == "cuda" and row["status"] in SHOWN}
    known = {*registry.layer_types(), *(() if frame.empty else frame["layer_type"].dropna())}
    lines = [
        f"{text(kind)}: no GPU timings in this store; this makes them: {code(GPU.format(kind))}"
        for kind in sorted(known - timed)
    ]
    if lines:
        found.add("## On a GPU", bullets(lines))


def _cheats(found: Page, file: Cheats | None) -> None:
    found.add("## Cheats")
    if file is None:
        found.add(f"No table of cheats is in this store. This makes it, in a checkout: `{CHEATS}`")
        return
    found.add("Implementations that try to look faster than they are, and what catches them.", withstood(file))
    if file.rows:
        found.add(table(_cheat(row) for row in file.rows))
    if file.undefended:
        found.add("### Not defended against", bullets(map(text, file.undefended)))
    made_with = stamp(file.commit, file.when)
    found.add(f"Run with {text(made_with)}." if made_with else "")


def _cheat(row: CheatRow) -> dict[str, str]:
    return {
        "cheat": text(row.cheat),
        "what it does": text(row.what),
        "caught by": text(row.caught_by) if row.caught_by else "**not caught**",
        "what that says": text(shortened(row.message, 110)),
    }
