"""``gmbench run`` and ``cell``: training the arms of experiments."""

from __future__ import annotations

import sys

import click

from gmbench.cli.base import Number, emit, main
from gmbench.contract import ContractError
from gmbench.runs.engines import engines


@main.command()
@click.argument("experiment")
@click.option("--data", "data_name", metavar="NAME", help="Data set (default: one that needs no download).")
@click.option("--budget", default="smoke", show_default=True, metavar="NAME", help="smoke, quick or paper.")
@click.option("--arms", metavar="A,B", help="Some of its arms (default: all).")
@click.option("--seeds", metavar="0-4|0,2", help="Seeds (default: the budget's).")
@click.option(
    "--implementation",
    metavar="NAME|FILE",
    help="Of the layers of --arms; without --arms one more arm (default: the fastest that runs here).",
)
@click.option("--initialisation", metavar="NAME|FILE", help="One more arm, from this initialisation.")
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--jobs", type=click.IntRange(1, 10000), help="Cells at a time (default: cores - 1, or GPUs).")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--engine", "engine_name", type=click.Choice(engines()), default="local", show_default=True)
@click.option(
    "--engine-option", "engine_options", multiple=True, metavar="NAME=VALUE", help="Of ray or slurm (repeatable)."
)
@click.option("--time-limit", type=Number(1, 31536000), help="Seconds a cell (default: none).")
@click.option("--memory-limit", type=Number(0.5, 4096), help="GB a cell, on a CPU (default: none).")
@click.option("--fresh", is_flag=True, help="Run again the cells whose results are there.")
@click.option("--dry-run", is_flag=True, help="Only say which cells there are, and how long they will take.")
@click.option("--json", "as_json", is_flag=True, help="Print the leaderboard, or the cells, as JSON.")
def run(
    experiment,
    data_name,
    budget,
    arms,
    seeds,
    implementation,
    initialisation,
    store,
    jobs,
    device,
    engine_name,
    engine_options,
    time_limit,
    memory_limit,
    fresh,
    dry_run,
    as_json,
):
    """Train the arms of EXPERIMENT on real data, a cell for each arm and seed; finished cells are skipped."""
    from gmbench.cli import parse as asked
    from gmbench.cli.progress import display
    from gmbench.experiments import experiment as find
    from gmbench.experiments.plan import cells
    from gmbench.results import leaderboard
    from gmbench.runs.cell import finished
    from gmbench.runs.child import Limits
    from gmbench.runs.engines import engine as engine_called
    from gmbench.runs.wording import clock

    chosen = find(experiment)
    data_name = chosen.default_data if data_name is None else data_name
    names = None if arms is None else asked.arms(arms)
    numbers = None if seeds is None else asked.seeds(seeds)
    layer = None if implementation is None else asked.implementation(implementation, chosen.layer_type)
    if layer and names and set(names) <= set(chosen.baselines):
        raise ContractError(f"none of the arms {', '.join(names)} has the layer that {layer.key} computes")
    extra = None
    if initialisation is not None:
        extra = asked.initialisation(initialisation, chosen.layer_type, implementation)
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
    )
    for reason in filter(None, map(chosen.absent, () if names else chosen.arms)):
        click.echo(f"gmbench: left out: {reason}", err=True)
    if layer and layer.approximate:
        click.echo(f"gmbench: {layer.key} is approximate: {layer.approximate}", err=True)
    limits = Limits(time_limit, memory_limit and int(memory_limit * 2**30))
    options = asked.options(engine_options)
    engine = engine_called(engine_name)(specs, store, jobs, fresh, limits, _again(), options)
    if dry_run:
        rows = [
            {"cell": c.spec.id, "title": c.spec.title, "state": c.state, "seconds": c.expected} for c in engine.cells
        ]
        if as_json:
            return emit(rows)
        for row in rows:
            about = "" if row["seconds"] is None else f"  about {clock(row['seconds'])}"
            click.echo(f"{row['title']:36} {row['cell'][:12]}  {row['state']}{about}")
        click.echo(engine.plan(), err=True)
        return None
    try:
        engine.run(display)
    except KeyboardInterrupt:
        done = sum(cell.state in ("done", "skipped") for cell in engine.cells)
        click.echo(f"gmbench: interrupted with {done} of {len(engine.cells)} cells done", err=True)
        click.echo(f"gmbench: this goes on with the others: {_again()}", err=True)
        sys.exit(130)
    done = filter(None, (finished(cell.spec, engine.results) for cell in engine.cells))
    rows = leaderboard.summary(done, chosen.metric)
    if as_json:
        emit(rows)
    else:
        from rich.console import Console

        Console().print(leaderboard.table(rows, f"{chosen.name} on {data_name}, budget {budget}", chosen.metric))
    failed = [cell for cell in engine.cells if cell.state == "failed"]
    for cell in failed:
        click.echo(f"gmbench: {cell.spec.title} failed: {_in_short(cell.error)}", err=True)
    if failed:
        click.echo(
            f"gmbench: {len(failed)} of {len(specs)} cells failed; all they said: {engine.store}/failed", err=True
        )
        if implementation and any(cell.spec.layer == layer.key for cell in failed):
            click.echo(
                f"gmbench: this says whether the implementation is right: gmbench verify {implementation}", err=True
            )
        click.echo(f"gmbench: this runs them again: {_again()}", err=True)
        sys.exit(1)
    return None


def _in_short(error):
    """Why a cell failed: the reason and the last line, and of a traceback the frames in the user's own source."""
    reason, *lines = error.splitlines()
    own = [i for i, line in enumerate(lines) if 'File "' in line and "carried.py" in line]
    if not own:
        return _reason(error)
    return "\n".join([reason, *(part for i in own for part in lines[i : i + 2]), lines[-1]])


def _reason(error):
    """Why a cell failed, in one line."""
    reason, *lines = error.splitlines() or [""]
    return f"{reason}: {lines[-1]}" if lines else reason


def _again():
    """The command line as it was given, without --fresh."""
    import shlex

    return shlex.join(["gmbench", *(word for word in sys.argv[1:] if word != "--fresh")])


@main.command()
@click.argument("spec")
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--memory-limit", type=Number(0.5, 4096), help="GB of address space (default: none).")
@click.option("--driven", is_flag=True, hidden=True, help="By an engine: reports to it, ends with it.")
@click.option("--fresh", is_flag=True, hidden=True, help="Even if another run has done it meanwhile.")
def cell(spec, store, memory_limit, driven, fresh):
    """Run one cell here: SPEC is a JSON file, JSON itself, or - for standard input."""
    from pathlib import Path

    from gmbench.experiments import experiment
    from gmbench.processes.limits import follow, limit
    from gmbench.runs.cell import finished, prepare, run_cell
    from gmbench.runs.child import BUSY
    from gmbench.runs.running import BusyError, hold
    from gmbench.runs.spec import Spec

    try:
        text = spec if spec.lstrip().startswith("{") else None
        if text is None:
            read = sys.stdin.buffer.readline if driven else sys.stdin.buffer.read
            text = read() if spec == "-" else Path(spec).read_bytes()
    except OSError as error:
        raise ContractError(f"{spec}: cannot be read ({error.strerror})") from None
    wanted = Spec.read(text)
    tell = follow() if driven else lambda **progress: None
    limit(memory_limit and memory_limit * 2**30)
    try:
        with hold(wanted, store) as note:
            if driven and not fresh and finished(wanted, store):
                return
            chosen = experiment(wanted.experiment)
            if wanted.version != chosen.version:
                versions = f"version {wanted.version} of {chosen.name}, not {chosen.version}"
                raise ContractError(f"the spec is for {versions}")

            def report(**progress):
                tell(**progress)
                note(**progress)

            prepare()
            path = run_cell(wanted, chosen.cell, store, report)
    except BusyError:
        click.echo("gmbench: this cell runs already", err=True)
        sys.exit(BUSY)
    if not driven:
        click.echo(path)
