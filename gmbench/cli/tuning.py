"""``gmbench universes`` and ``tune``: what depends on a choice, and arms at their best settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from gmbench.cli.base import STORE, emit, main
from gmbench.cli.training import engine_for, failed, on_engines, plan, train


@main.command()
@click.argument("experiment")
@click.option("--data", "data_name", metavar="NAME", help="Data set (default: one that needs no download).")
@click.option("--budget", default="reduced", show_default=True, metavar="NAME", help="Of the cells.")
@STORE
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def universes(experiment: str, data_name: str | None, budget: str, store: str | None, as_json: bool) -> None:
    """In which universes of EXPERIMENT an ordering holds, and which factor decides."""
    from gmbench.experiments import experiment as find
    from gmbench.results import universes as results
    from gmbench.results.latest import latest
    from gmbench.store.reading import Store

    chosen = find(experiment)
    data_name = chosen.default_data if data_name is None else data_name
    found = results.universes(chosen, data_name, budget, (cell for _, cell in latest(Store.of(store))))
    hint = results.unanchored(chosen, data_name, budget)
    if as_json:
        rows = [each.as_dict() for each in results.compared(found, hint)]
        return emit({"anchoring": hint, "universes": [each.as_dict() for each in found], "compared": rows})
    from rich.console import Console

    for table in results.tables(chosen, found, f"{chosen.name} on {data_name}, budget {budget}", hint):
        Console().print(table)
    return None


@main.command()
@click.argument("experiment")
@click.option("--trials", "number", type=click.IntRange(1, 4096), default=16, show_default=True, help="Of each arm.")
@click.option("--data", "data_name", metavar="NAME", help="Data set (default: one that needs no download).")
@click.option("--budget", default="quick", show_default=True, metavar="NAME", help="Of trials and final cells.")
@click.option("--arms", metavar="A,B", help="Some of its arms (default: all that it has a search space for).")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the trials.")
@click.option("--seeds", metavar="0-4|0,2", help="Of the final cells (default: the budget's).")
@click.option("--implementation", metavar="NAME|FILE", help="Of the layers of the arms.")
@click.option("--initialisation", metavar="NAME|FILE", help="One more arm, from this initialisation.")
@on_engines
@click.option("--json", "as_json", is_flag=True, help="Print trials, expected bests and final errors as JSON.")
def tune(
    experiment: str,
    number: int,
    data_name: str | None,
    budget: str,
    arms: str | None,
    seed: int,
    seeds: str | None,
    implementation: str | None,
    initialisation: str | None,
    device: str,
    dry_run: bool,
    on: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Tune the arms of EXPERIMENT, each by as many trials on a validation split, and run the best on the test data."""
    from gmbench.cli import parse
    from gmbench.experiments import experiment as find
    from gmbench.experiments.tuning import final_cells, trial_cells
    from gmbench.results.tuned import tables, tuned
    from gmbench.runs.cell import finished

    chosen = find(experiment)
    data_name = chosen.default_data if data_name is None else data_name
    names = None if arms is None else parse.arms(arms)
    numbers = None if seeds is None else parse.seeds(seeds)
    layer = None if implementation is None else parse.implementation(implementation, chosen.layer_type)
    extra = None
    if initialisation is not None:
        extra = parse.initialisation(initialisation, chosen.layer_type, implementation)
    specs = trial_cells(chosen, data_name, budget, names, number, seed, layer, extra, device)
    trials = engine_for(specs, on)
    if dry_run:
        plan(trials, as_json)
        of = len({spec["arm"] for spec in specs})
        each = len(chosen.budgets[budget].seeds if numbers is None else numbers)
        return click.echo(f"gmbench: then the best of each arm on the test data, {of * each} cells", err=True)
    train(trials)
    failed(trials)
    tried = [result for cell in trials.cells if (result := finished(cell.spec, trials.results))]
    best = [arm.best.spec for arm in tuned(tried, [])]
    by_id = {cell.spec.id: cell.spec.as_dict() for cell in trials.cells}  # a result's has no source of a file
    final = engine_for(final_cells(chosen, [by_id[spec.id] for spec in best], numbers), on)
    train(final)
    ended = [result for cell in final.cells if (result := finished(cell.spec, final.results))]
    rows = [arm.as_dict() for arm in tuned(tried, ended, chosen.metric)]
    if as_json:
        emit(rows)
    else:
        from rich.console import Console

        for table in tables(rows, f"{chosen.name} on {data_name}, budget {budget}", chosen.metric):
            Console().print(table)
    return failed(final)
