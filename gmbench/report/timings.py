"""The page of timings: how fast, beside the floor and nn.Linear, and how right the timed calls were."""

from __future__ import annotations

import math
from statistics import median

import pandas

from gmbench.report import figures
from gmbench.report.page import Page, slug
from gmbench.report.results import Results, dirty, made
from gmbench.report.tables import NONE, absent, bullets, exact, number, table, text

COMMAND = "gmbench time --store STORE"


def page(results: Results) -> Page:
    """The page, also where there is nothing to show."""
    found = Page("timings", "Timings")
    frame = results.timings
    if frame.empty:
        found.add(f"No timings are in this store. This makes them: `{COMMAND}`")
        return found
    found.add(
        "A call is timed in a process of its own on inputs drawn for it, and its outputs are compared with the "
        "reference before the time counts. The floor is the matrix products and exponentials that no implementation "
        "can do without, measured in the same run, its calls interleaved; ratios are therefore safer to compare than "
        "times. The interval is of the median, by order statistics. `nn.Linear`: a dense layer of the same width, "
        "which computes something else."
    )
    if frame["run"].any():
        found.add("Machines are told apart by their run; see the last section.")
    keys = ["layer_type", "dtype", "device", "run"]
    for (kind, dtype, device, run), group in frame.groupby(keys, dropna=False, sort=True):
        title = f"{kind}, {dtype}, {device}" + (f", run {run}" if run else "")
        found.add(f"## {text(title)}")
        panels = {}
        for (size, batch, direction), part in _in_order(group):
            heading = f"{size}, batch {batch:g}, {direction}"
            rows = sorted(part.to_dict("records"), key=_rank)
            found.add(f"**{text(heading)}**", table(_row(row) for row in rows))
            panels[heading] = _bars(rows)
        found.show(f"timings-{slug(title)}", figures.bars(panels), f"median times, {title}")
        disturbed = group.get("disturbed")
        if disturbed is not None and any(value is True for value in disturbed):
            found.add("\\* interrupted in nearly every call; trust the ratio, not the time.")
        load = [seen for pair in group.get("load", []) if isinstance(pair, list) for seen in pair]
        if load:
            found.add(f"Load average of the machine beside the timings: {number(min(load))} to {number(max(load))}.")
        bad = group[group["status"] != "passed"]
        if len(bad):
            found.add("Without a time:", _reasons(group, bad))
    found.add("## Where the timings come from", made(frame, "row"), dirty(frame))
    found.add("Of several runs on one machine the latest counts.")
    return found


def fastest(frame: pandas.DataFrame) -> list[dict]:
    """The row with the lowest ratio to the floor of each layer type, size, pass, dtype, device and machine."""
    keys = ["layer_type", "dtype", "device", "run", "size", "pass"]
    usable = frame[frame["status"] == "passed"] if len(frame) else frame
    return (
        [min(part.to_dict("records"), key=_rank) for _, part in usable.groupby(keys, dropna=False, sort=True)]
        if len(usable)
        else []
    )


def duration(seconds: float | None) -> str:
    """Three digits and a unit."""
    if absent(seconds) or not math.isfinite(seconds):
        return NONE
    for least, scale, unit in ((1.0, 1.0, "s"), (1e-3, 1e3, "ms")):
        if seconds >= least:
            return f"{number(seconds * scale)} {unit}"
    return f"{number(seconds * 1e6)} µs"


def _in_order(group):
    """Large layers first, forward before forward+backward."""
    parts = list(group.groupby(["size", "batch", "pass"], dropna=False, sort=True))

    def width(key):
        numbers = [int(word) for word in str(key[0][0]).split("-") if word.isdecimal()]
        return (-math.prod(numbers), *map(str, key[0]))

    return sorted(parts, key=width)


def _rank(row):
    return (row["status"] != "passed", math.inf if absent(row.get("ratio")) else row["ratio"], row["implementation"])


def _row(row):
    cells = {"implementation": text(row["implementation"])}
    passed = row["status"] == "passed"

    def of(name):
        return row.get(name) if passed else None

    mark = " \\*" if of("disturbed") is True else ""
    linear = of("linear")
    cells["median"] = duration(of("median")) + mark
    cells["95 % interval"] = f"{duration(of('low'))} to {duration(of('high'))}" if passed else NONE
    cells["x floor"] = number(of("ratio"))
    cells["floor"] = duration(of("floor"))
    cells["nn.Linear"] = duration(linear)
    cells["ulps seen"] = f"{number(of('ulps'), 2)} of {exact(of('claim'))}" if not absent(of("ulps")) else NONE
    cells["peak MB"] = NONE if absent(of("peak_bytes")) else number(of("peak_bytes") / 1e6)
    cells["status"] = "passed" if passed else f"**{row['status']}**" if row["status"] == "failed" else row["status"]
    return cells


def _bars(rows):
    timed = [r for r in rows if r["status"] == "passed" and all(math.isfinite(r[k]) for k in ("median", "low", "high"))]
    if not timed:
        return []
    shown = [
        {
            "label": row["implementation"],
            "seconds": row["median"],
            "low": row["low"],
            "high": row["high"],
            "ratio": row["ratio"],
        }
        for row in timed
    ]
    for label, name in (("floor", "floor"), ("nn.Linear", "linear")):
        known = [row[name] for row in timed if not absent(row.get(name))]
        if known:
            shown.append({"label": label, "seconds": median(known), "yardstick": True})
    return shown


def _reasons(group, bad) -> str:
    """A line for each reason, with the sizes and passes unless it holds for all of them."""
    lines = []
    for (name, status), part in bad.groupby(["implementation", "status"], sort=True):
        everywhere = len(part) == (group["implementation"] == name).sum()
        for message, same in part.fillna({"message": ""}).groupby("message", sort=True):
            where = "" if everywhere and len(same) == len(part) else ", ".join(same["size"] + " " + same["pass"])
            place = f" ({text(where)})" if where else ""
            lines.append(f"{text(name)}{place}: **{status}**" + (f": {text(message)}" if message else ""))
    return bullets(lines)
