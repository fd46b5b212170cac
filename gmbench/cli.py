"""The command line: thin commands over the library; everything heavy is imported inside the command."""

from __future__ import annotations

import json
import sys

import click

from gmbench import __version__
from gmbench.contract import ContractError


class Group(click.Group):
    """A group that lists its commands in the order of a first session and turns bad input into one line."""

    def list_commands(self, ctx):
        return list(self.commands)

    def resolve_command(self, ctx, args):
        from gmbench.registry import nearest

        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise click.UsageError(f"there is no command {name!r}{nearest(name, self.commands)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except ContractError as error:
            raise Failure(str(error)) from None
        except KeyboardInterrupt:
            click.echo("gmbench: interrupted", err=True)
            sys.exit(130)


class Failure(click.ClickException):
    """One line on standard error, exit status 2."""

    exit_code = 2

    def show(self, file=None):
        click.echo(f"gmbench: {self.format_message()}", err=True)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gmbench")
def main():
    """Check, time and compare Gaussian-mixture neural layers."""


def emit(rows) -> None:
    """Print what a program will read."""
    click.echo(json.dumps(rows, indent=1, default=str))


@main.command("time")
@click.argument("targets", nargs=-1, metavar="[NAME|FILE]...")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--dtype", type=click.Choice(["float64", "float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the rows, samples included, as JSON.")
@click.option("--store", metavar="DIR", help="Where results are (default: $GMBENCH_STORE or gmbench-results).")
def time_command(targets, device, dtype, as_json, store):
    """Time implementations that pass their checks, at every timed size, beside the floor.

    NAME is gm/eager, gm or eager; FILE a Python file; none means every exact implementation. Exits 0 when there is a
    time for each, 1 when one is wrong or dies, 2 when there is nothing to time.
    """
    from gmbench.timing import run as timing

    rows = []
    for row in timing.timings(targets, dtype, device):
        rows.append(row)
        click.echo(f"{row['implementation']} {row['size']} {row['pass']}: {row['status']}", err=True)
    states = {row["status"] for row in rows}
    if not states & {"passed", "failed", "inconclusive"}:
        raise Failure(f"nothing to time: {rows[0]['message'] if rows else 'there is no exact implementation'}")
    path = timing.store(rows, store)
    if as_json:
        emit(rows)
    else:
        from gmbench.timing.table import show

        show(rows)
        click.echo(f"wrote {path}")
    if states & {"failed", "inconclusive"}:
        sys.exit(1)


@main.command()
@click.argument("experiment")
@click.option("--data", "data_name", metavar="NAME", help="Data set (default: the experiment's first).")
@click.option("--budget", default="smoke", show_default=True, metavar="NAME", help="smoke, quick or paper.")
@click.option("--arms", metavar="A,B", help="Some of its arms (default: all).")
@click.option("--seeds", metavar="0-4|0,2", help="Seeds (default: the budget's).")
@click.option("--implementation", default="eager", metavar="NAME|FILE", help="Default: eager.")
@click.option("--initialisation", metavar="NAME", help="One more arm, from this initialisation.")
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--jobs", type=click.IntRange(1), help="Cells at a time (default: cores - 1, or GPUs).")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--fresh", is_flag=True, help="Run again the cells whose results are there.")
@click.option("--dry-run", is_flag=True, help="Only say which cells there are.")
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
    fresh,
    dry_run,
    as_json,
):
    """Train the arms of EXPERIMENT on real data, a cell for each arm and seed; finished cells are skipped."""
    from gmbench import data
    from gmbench.experiments import asked, board, cells
    from gmbench.experiments import experiment as find
    from gmbench.runs.cell import cell_id, finished
    from gmbench.runs.local import Local

    chosen = find(experiment)
    data_name = data_name or chosen.data_sets[0]
    layer = asked.implementation(implementation, chosen.layer_type)
    extra = initialisation and asked.initialisation(initialisation, chosen.layer_type, implementation)
    specs = cells(
        chosen,
        data_name,
        data.load(data_name).digest,
        budget,
        arms=arms and [arm.strip() for arm in arms.split(",")],
        seeds=seeds and asked.seeds(seeds),
        implementation=layer,
        initialisation=extra,
        device=device,
    )
    if layer.approximate:
        click.echo(f"gmbench: {layer.key} is approximate: {layer.approximate}", err=True)
    engine = Local(specs, store, jobs, fresh)
    if dry_run:
        rows = [{"cell": cell_id(c.spec), "title": c.title, "state": c.state} for c in engine.cells]
        if as_json:
            return emit(rows)
        for row in rows:
            click.echo(f"{row['title']:20} {row['cell'][:12]}  {row['state']}")
        return None
    try:
        engine.run()
    except KeyboardInterrupt:
        done = sum(cell.state in ("done", "skipped") for cell in engine.cells)
        click.echo(f"gmbench: interrupted with {done} of {len(engine.cells)} cells done", err=True)
        click.echo(f"gmbench: this goes on with the others: {_again()}", err=True)
        sys.exit(130)
    rows = board.board(filter(None, (finished(spec, engine.store) for spec in specs)))
    if as_json:
        emit(rows)
    else:
        from rich.console import Console

        Console().print(board.table(rows, f"{chosen.name} on {data_name}, budget {budget}, {layer.key}"))
    failed = [cell for cell in engine.cells if cell.state == "failed"]
    for cell in failed:
        click.echo(f"gmbench: {cell.title} failed: {cell.error}", err=True)
    if failed:
        click.echo(f"gmbench: {len(failed)} of {len(specs)} cells failed", err=True)
        click.echo(f"gmbench: this runs them again: {_again()}", err=True)
        sys.exit(1)
    return None


def _again():
    """The command line as it was given, without --fresh."""
    import shlex

    return shlex.join(["gmbench", *(word for word in sys.argv[1:] if word != "--fresh")])


@main.command()
@click.argument("spec")
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--driven", is_flag=True, hidden=True, help="By an engine: reports to it, ends with it.")
def cell(spec, store, driven):
    """Run one cell here: SPEC is a JSON file, JSON itself, or - for standard input."""
    from pathlib import Path

    from gmbench.experiments import experiment
    from gmbench.runs.cell import follow, prepare, read_spec, run_cell

    try:
        text = spec if spec.lstrip().startswith("{") else None
        if text is None:
            read = sys.stdin.buffer.readline if driven else sys.stdin.buffer.read
            text = read() if spec == "-" else Path(spec).read_bytes()
    except OSError as error:
        raise ContractError(f"{spec}: cannot be read ({error.strerror})") from None
    wanted = read_spec(text)
    chosen = experiment(wanted["experiment"])
    if wanted["version"] != chosen.version:
        versions = f"version {wanted['version']} of {chosen.name}, not {chosen.version}"
        raise ContractError(f"the spec is for {versions}")
    report = follow() if driven else lambda **progress: None
    prepare()
    path = run_cell(wanted, chosen.cell, store, report)
    if not driven:
        click.echo(path)


@main.command("data")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True)
def data_command(name, as_json):
    """List the data sets, or fetch and verify the one called NAME."""
    from gmbench import data
    from gmbench.data.files import state

    if name:
        loaded, chosen = data.load(name), data.data_set(name)
        row = {
            "name": name,
            "train": list(loaded.train_images.shape),
            "test": list(loaded.test_images.shape),
            "classes": loaded.classes,
            "digest": loaded.digest,
            "licence": chosen.licence,
            "source": chosen.source,
        }
        if as_json:
            return emit(row)
        for key, value in row.items():
            click.echo(f"{key:8} {' x '.join(map(str, value)) if isinstance(value, list) else value}")
        return None
    rows = [
        {"name": d.name, "state": state(d), "summary": d.summary, "licence": d.licence}
        for d in data.data_sets().values()
    ]
    if as_json:
        return emit(rows)
    for row in rows:
        click.echo(f"{row['name']:14} {row['state']:13} {row['summary']}")
    return None


@main.command()
@click.option("--json", "as_json", is_flag=True)
def claims(as_json):
    """The papers' claims and their verdicts."""
    import gmbench

    rows = gmbench.load("claims").to_dict("records")
    if as_json:
        return emit(rows)
    return click.echo("no claims are registered yet" if not rows else "\n".join(str(row) for row in rows))


if __name__ == "__main__":
    main()
