"""``gmbench status``, ``claims``, ``report`` and ``data``: what is there, and what it says."""

from __future__ import annotations

import click

from gmbench.cli.base import emit, main
from gmbench.cli.experiments import _reason
from gmbench.contract import ContractError


@main.command()
@click.argument("experiment", required=False)
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(experiment, store, as_json):
    """What runs, what is done and what failed in a store, of EXPERIMENT alone or of all."""
    from gmbench.results.status import status as found_in
    from gmbench.runs.estimates import about
    from gmbench.runs.wording import clock, said

    rows = found_in(store, experiment)
    if as_json:
        states = ("running", "failed")
        return emit([row | {state: [cell.as_dict() for cell in row[state]] for state in states} for row in rows])
    if not rows:
        click.echo("no cell has been run here yet: gmbench run EXPERIMENT")
    for row in rows:
        missing = row["of"] - row["done"] - len(row["running"]) - len(row["failed"])
        words = [f"{row['done']} of {row['of']} cells done"]
        words += [f"{len(row[name])} {name}" for name in ("running", "failed") if row[name]]
        words += [f"{missing} to go"] if missing else []
        words += [f"on one core {about(row['left'])}"] if row["left"] else []
        words += [f"{row['others']} of other versions"] if row["others"] else []
        click.echo(f"{row['experiment']} on {row['data']}, budget {row['budget']}: {', '.join(words)}")
        for cell in row["running"]:
            click.echo(f"  runs    {said(cell.spec, cell.progress)}, for {clock(cell.seconds)}")
        for cell in row["failed"]:
            click.echo(f"  failed  {cell.spec.title}, {cell.when}: {_reason(cell.error)}")
        for again in dict.fromkeys(cell.again for cell in row["failed"] if cell.again):
            click.echo(f"  again   {again}")
    return None


@main.command()
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--output", metavar="DIR", help="Where the pages go (default: report in the store).")
def report(store, output):
    """Make pages, tables and figures from the checks, timings and cells of a store."""
    from gmbench.report.site import write

    click.echo(write(store, output))


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
@click.argument("chosen", nargs=-1, metavar="[ID|EXPERIMENT|PAPER]...")
@click.option("--verdict", help="Only those with this verdict, such as 'not reproduced'.")
@click.option(
    "--store",
    metavar="DIR",
    help="Cells to judge by (default: your own of the paper budget, else those committed here).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON.")
def claims(chosen, verdict, store, as_json):
    """What the papers claim, and whether it holds on the cells of a store.

    A claim is reproduced where the 95 % interval over seeds lies inside published +- margin, not reproduced where it
    is disjoint from that, and otherwise inconclusive; not run without cells. One ID shows all that is known of it.
    """
    from gmbench.claims.claim import VERDICTS
    from gmbench.names import nearest
    from gmbench.results import ledger
    from gmbench.store.reading import Store

    if verdict is not None and verdict not in VERDICTS:
        raise ContractError(f"there is no verdict {verdict!r}{nearest(verdict, VERDICTS)}")
    judged = ledger.default_store() if store is None else Store(store)
    folder = judged.folder
    if not judged.exists():
        raise ContractError(
            f"there is no store {folder}; `gmbench run kumar --budget quick --store {folder}` makes one"
        )
    rows = ledger.ledger(judged)
    names = {name for row in rows for name in (row.id, row.experiment, row.paper)}
    for name in chosen:
        if name not in names:
            raise ContractError(f"there is no claim, experiment or paper {name!r}{nearest(name, names)}")
    if chosen:
        rows = [row for row in rows if set(chosen) & {row.id, row.experiment, row.paper}]
    rows = [row for row in rows if verdict in (None, row.verdict)]
    if as_json:
        return emit([row.as_dict() for row in rows])
    click.echo(f"gmbench: judged by the cells in {folder} (--store DIR for others)", err=True)
    if len(rows) == 1:
        return _claim(rows[0])
    from rich.console import Console

    from gmbench.results.ledger import counts, table

    Console().print(table(rows))
    click.echo(", ".join(f"{number} {name}" for name, number in counts(rows).items()))
    return None


def _claim(row):
    """All that is known of one claim."""
    from gmbench.claims.claim import short

    found = row.found
    shown = {
        "claim": f"{row.id}: {row.statement}",
        "source": f"{row.paper}, {row.source}",
        "published": row.printed + (f" +- {found.margin:.4g}" if found.margin else ""),
        "measured": found.shown,
        "95 %": " to ".join(map(short, found.interval or ())),
        "seeds": f"{found.seeds} ({row.experiment}, {', '.join(row.datasets)}, budget {row.budget})",
        "verdict": row.verdict,
        **{f"  part {i}": f"{part.shown}: {part.verdict}" for i, part in enumerate(row.parts, 1) if part.shown},
        "protocol": row.protocol,
        "detail": row.detail,
        "remark": row.remark,
        "command": row.command,
    }
    for name, text in shown.items():
        if text:
            click.echo(f"{name:10} {text}")
