"""``gmbench run`` and ``cell``: training the arms of experiments."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from gmbench.cli.base import STORE, Range, emit, main
from gmbench.cli.training import engine_for, failed, on_engines, plan, train
from gmbench.contract import ContractError


@main.command()
@click.argument("experiment")
@click.option("--data", "data_name", metavar="NAME", help="Data set (default: one that needs no download).")
@click.option(
    "--budget", default="smoke", show_default=True, metavar="NAME", help="smoke, quick, paper, or reduced where it is."
)
@click.option("--arms", metavar="A,B", help="Some of its arms (default: all; the headline with --set or --sweep).")
@click.option("--seeds", metavar="0-4|0,2", help="Seeds (default: the budget's).")
@click.option(
    "--implementation",
    metavar="NAME|FILE",
    help="Of the layers of --arms; without --arms one more arm (default: the fastest that runs here).",
)
@click.option("--initialisation", metavar="NAME|FILE", help="One more arm, from this initialisation.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A setting, other than its own (repeatable).")
@click.option("--sweep", multiple=True, metavar="NAME=A,B", help="A setting at several values (repeatable).")
@click.option("--universe", metavar="all|NAME|1/4", help="What the paper leaves open: all combinations, one, a part.")
@on_engines
@click.option("--json", "as_json", is_flag=True, help="Print the leaderboard, or the cells, as JSON.")
def run(
    experiment: str,
    data_name: str | None,
    budget: str,
    arms: str | None,
    seeds: str | None,
    implementation: str | None,
    initialisation: str | None,
    given: tuple[str, ...],
    sweep: tuple[str, ...],
    universe: str | None,
    device: str,
    dry_run: bool,
    on: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Train the arms of EXPERIMENT on real data, a cell for each arm and seed; finished cells are skipped."""
    from gmbench.cli import parse
    from gmbench.experiments import experiment as find
    from gmbench.experiments.plan import cells
    from gmbench.results import leaderboard
    from gmbench.runs.cell import finished

    chosen = find(experiment)
    data_name = chosen.default_data if data_name is None else data_name
    names = None if arms is None else parse.arms(arms)
    numbers = None if seeds is None else parse.seeds(seeds)
    layer = None if implementation is None else parse.implementation(implementation, chosen.layer_type)
    if layer and names and set(names) <= set(chosen.baselines):
        raise ContractError(f"none of the arms {', '.join(names)} has the layer that {layer.key} computes")
    extra = None
    if initialisation is not None:
        extra = parse.initialisation(initialisation, chosen.layer_type, implementation)
    if universe is not None and (given or sweep):
        raise ContractError("--universe has settings of its own: give it without --set and --sweep")
    variants: Sequence[Mapping[str, Any]] = parse.variants(chosen, given, sweep)
    if universe is not None:
        variants, usual = parse.universes(chosen, universe)
        names = usual if names is None else names
    if (given or sweep) and names is None:
        names = [chosen.headline]
        click.echo(f"gmbench: settings of the arm {chosen.headline}; --arms names others", err=True)
    specs = cells(
        chosen,
        data_name,
        None,
        budget,
        arms=names,
        seeds=numbers,
        implementation=layer,
        initialisation=extra,
        device=device,
        variants=variants,
        only_own=universe is not None,
    )
    for reason in filter(None, map(chosen.absent, () if names else chosen.arms)):
        click.echo(f"gmbench: left out: {reason}", err=True)
    if layer and layer.approximate:
        click.echo(f"gmbench: {layer.key} is approximate: {layer.approximate}", err=True)
    engine = engine_for(specs, on)
    if dry_run:
        return plan(engine, as_json)
    train(engine)
    done = filter(None, (finished(cell.spec, engine.results) for cell in engine.cells))
    rows = leaderboard.summary(done, chosen.metric)
    if as_json:
        emit(rows)
    else:
        from rich.console import Console

        Console().print(leaderboard.table(rows, f"{chosen.name} on {data_name}, budget {budget}", chosen.metric))
    return failed(engine, implementation or "", layer.key if layer else "")


@main.command()
@click.argument("spec")
@STORE
@click.option("--memory-limit", type=Range(0.5, 4096), help="GB of address space (default: none).")
@click.option("--driven", is_flag=True, hidden=True, help="By an engine: reports to it, ends with it.")
@click.option("--fresh", is_flag=True, hidden=True, help="Even if another run has done it meanwhile.")
def cell(spec: str, store: str | None, memory_limit: float | None, driven: bool, fresh: bool) -> None:
    """Run one cell here: SPEC is a JSON file, JSON itself, or - for standard input."""
    from gmbench.experiments import experiment
    from gmbench.runs.child import BUSY
    from gmbench.runs.running import BusyError
    from gmbench.runs.worker import read_argument
    from gmbench.runs.worker import run as run_here

    memory = memory_limit and memory_limit * 2**30
    try:
        path = run_here(read_argument(spec, driven), experiment, store, memory, driven, fresh)
    except BusyError:
        click.echo("gmbench: this cell runs already", err=True)
        sys.exit(BUSY)
    if not driven:
        click.echo(path)
