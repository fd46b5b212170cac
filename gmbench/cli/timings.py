"""``gmbench time``: how fast they are."""

from __future__ import annotations

import functools
import sys
from typing import Any

import click

from gmbench.cli.base import DEVICE, STORE, BadInput, Range, emit, main
from gmbench.timing.sizes import ALLOCATORS, PASSES, STEP

TIMED = (*PASSES, STEP)


@main.command("time")
@click.argument("targets", nargs=-1, metavar="[NAME|FILE]...")
@DEVICE
@click.option("--dtype", type=click.Choice(["float64", "float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--size", "labels", multiple=True, metavar="IN-OUT", help="Only this size, such as 784-100; repeatable.")
@click.option("--batch", "batches", multiple=True, type=click.IntRange(1), help="Only this batch; repeatable.")
@click.option("--pass", "passes", multiple=True, type=click.Choice(TIMED), help="Only this pass; repeatable.")
@click.option("--allocator", type=click.Choice(ALLOCATORS), help="On a CPU (default: both).")
@click.option("--full", is_flag=True, help="The whole grid of sizes, not only the everyday ones.")
@click.option("--goals", is_flag=True, help="Only what the layer types' goals need, and which of them are reached.")
@click.option("--runs", type=click.IntRange(1), help="Begin anew so often, medians over these (default: 1, goals 5).")
@click.option(
    "--rounds", type=click.IntRange(6), default=40, show_default=True, help="Undisturbed calls of each, a run."
)
@click.option("--seconds", type=Range(0.1, 86400), default=10, show_default=True, help="Of a run for a pass, about.")
@click.option("--memory-limit", type=Range(1, 4096), default=8, show_default=True, help="GB a process, on a CPU.")
@click.option("--time-limit", type=Range(1, 604800), default=600, show_default=True, help="Seconds a process.")
@click.option("--alone", is_flag=True, help="A FILE without the fastest built-in implementation beside it.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows, samples included, as JSON.")
@STORE
def time_command(
    targets: tuple[str, ...],
    device: str,
    dtype: str,
    labels: tuple[str, ...],
    batches: tuple[int, ...],
    passes: tuple[str, ...],
    allocator: str | None,
    full: bool,
    goals: bool,
    runs: int | None,
    rounds: int,
    seconds: float,
    memory_limit: float,
    time_limit: float,
    alone: bool,
    as_json: bool,
    store: str | None,
) -> None:
    """Time implementations that pass their checks, interleaved with each other, the floor and dense layers.

    NAME is gm/eager, gm or eager; FILE a Python file; none means every exact implementation. One timing runs at a
    time, and training cells on this machine stand still meanwhile. Exits 0 when there is a time for each, 1 when one
    is wrong or dies, 2 when there is nothing to time.
    """
    from gmbench.cli.timing_tables import show, show_goals
    from gmbench.store.files import check_writable
    from gmbench.timing import session
    from gmbench.timing.goals import select_goals
    from gmbench.timing.records import store_rows
    from gmbench.timing.turns import TimingLimits

    check_writable("timings", store)
    options: dict[str, Any] = {
        "allocators": [allocator] if allocator else None,
        "alone": alone,
        "runs": runs or (5 if goals else 1),
        "limits": TimingLimits(rounds, seconds, int(memory_limit * 2**30), time_limit),
    }
    if goals:
        if labels or batches or passes or full:
            raise BadInput("--goals chooses sizes and passes itself: leave out --size, --batch, --pass and --full")
        if dtype != "float32" or device != "cpu" or any(name.endswith(".py") for name in targets):
            raise BadInput("--goals is for the built-in implementations in float32 on a CPU")
        parts = select_goals(targets)
        if not parts:
            raise BadInput("these layer types have no goals")
    else:
        parts = [{"names": targets, "labels": labels, "batches": batches, "passes": passes, "full": full}]
    rows, paths = [], []
    for part in parts:
        announce = functools.partial(click.echo, err=True)
        for found in session.measure_all(**part, dtype=dtype, device=device, announce=announce, **options):
            rows += found
            for row in found:
                click.echo(f"    {row.implementation} {row.direction}: {row.status}", err=True)
            if {row.status for row in found} & {"passed", "failed", "inconclusive"}:
                paths.append(store_rows(found, store))  # at once: what is done is kept, whatever comes
    states = {row.status for row in rows}
    if not paths:
        raise BadInput(f"nothing to time: {rows[0].message if rows else 'there is no exact implementation'}")
    if as_json:
        emit([row.stored() for row in rows])
    else:
        show(rows)
        if goals:
            show_goals(rows)
        click.echo(f"wrote {len(paths)} file{'s' * (len(paths) > 1)} to {paths[0].parent}")
    if states & {"failed", "inconclusive"}:
        sys.exit(1)
