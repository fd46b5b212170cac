"""``gmbench status``, ``claims``, ``report`` and ``data``: what is there, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gmbench.cli.base import STORE, emit, main
from gmbench.cli.training import reason
from gmbench.contract import ContractError

if TYPE_CHECKING:
    from pathlib import Path

    from gmbench.results.ledger import LedgerRow


@main.command()
@click.argument("experiment", required=False)
@STORE
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(experiment: str | None, store: str | None, as_json: bool) -> None:
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
            click.echo(f"  failed  {cell.spec.title}, {cell.when}: {reason(cell.error)}")
        for again in dict.fromkeys(cell.again for cell in row["failed"] if cell.again):
            click.echo(f"  again   {again}")
    return None


@main.command()
@STORE
@click.option("--output", metavar="DIR", help="Where the pages go (default: report in the store).")
def report(store: str | None, output: str | None) -> None:
    """Make pages, tables and figures from the checks, timings and cells of a store."""
    from gmbench.report.site import write

    click.echo(write(store, output))


@main.command("data")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True)
def data_command(name: str | None, as_json: bool) -> None:
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
    states = [
        {"name": d.name, "state": state(d), "summary": d.summary, "licence": d.licence}
        for d in data.data_sets().values()
    ]
    if as_json:
        return emit(states)
    for each in states:
        click.echo(f"{each['name']:14} {each['state']:13} {each['summary']}")
    return None


@main.command()
@click.argument("chosen", nargs=-1, metavar="[ID|EXPERIMENT|PAPER]...")
@click.option("--verdict", help="Only those with this verdict, such as 'differs, ours worse' or 'too few seeds'.")
@click.option(
    "--store",
    metavar="DIR",
    help="Cells to judge by (default: your own of the paper budget, else those committed here).",
)
@click.option("--headlines", is_flag=True, help="What each paper is remembered for, as the ledger has it.")
@click.option("--json", "as_json", is_flag=True, help="Print the ledger, or the headlines, as JSON.")
def claims(chosen: tuple[str, ...], verdict: str | None, store: str | None, headlines: bool, as_json: bool) -> None:
    """What the papers claim, and whether it holds on the cells of a store.

    A printed number agrees where it lies in the 95 % interval that our runs predict for it, and that is narrow enough
    to say something; an ordering holds or is reversed by an exact test of paired seeds. Else too few seeds, with how
    many would decide; undecidable by runs; or not run. One ID shows all that is known of it.
    """
    from gmbench.claims.verdicts import VERDICTS
    from gmbench.names import one_of
    from gmbench.results import ledger
    from gmbench.store.reading import Store

    if verdict is not None:
        one_of("verdict", verdict, VERDICTS)
    judged = ledger.default_store() if store is None else Store(store)
    folder = judged.folder
    if not judged.exists():
        raise ContractError(
            f"there is no store {folder}; `gmbench run kumar --budget quick --store {folder}` makes one"
        )
    rows = ledger.ledger(judged)
    names = {name for row in rows for name in (row.id, row.experiment, row.paper)}
    for name in chosen:
        one_of("claim, experiment or paper", name, names)
    every = rows
    if chosen:
        rows = [row for row in rows if set(chosen) & {row.id, row.experiment, row.paper}]
    rows = [row for row in rows if verdict in (None, row.verdict)]
    if headlines:
        return _headlines(every, {row.id for row in rows}, folder, as_json)
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


def _headlines(rows: list[LedgerRow], ids: set[str], folder: Path, as_json: bool) -> None:
    """The headlines that rest on one of these claims."""
    import textwrap

    from gmbench.results.headlines import told

    found = [each for each in told(rows) if ids & set(each.claims)]
    if as_json:
        return emit([each.as_dict() for each in found])
    click.echo(f"gmbench: judged by the cells in {folder} (--store DIR for others)", err=True)
    for each in found:
        click.echo(f'{each.paper}: {each.title}\n    "{each.quote}" ({each.source})')
        for words in (each.reading, *(f"{name}: {words}" for name, words in each.notes.items())):
            click.echo(textwrap.fill(words, 112, initial_indent="  ", subsequent_indent="    "))
    return None


def _claim(row: LedgerRow) -> None:
    """All that is known of one claim."""
    from gmbench.claims.claim import short
    from gmbench.results.ledger import said_by_paper

    found = row.found
    shown = {
        "claim": f"{row.id}: {row.statement}",
        "source": f"{row.paper}, {row.source}",
        "published": said_by_paper(row),
        "measured": found.shown,
        "95 %": " to ".join(map(short, found.interval or ())),
        "expected": " to ".join(map(short, found.prediction or ())),
        "resolution": "" if found.resolution is None else short(found.resolution),
        "p": "" if found.p is None else f"{found.p:.2g}",
        "seeds": f"{found.seeds} ({row.experiment}, {', '.join(row.datasets)}, budget {row.budget})",
        "verdict": found.said,
        **{f"  part {i}": f"{part.shown}: {part.said}" for i, part in enumerate(row.parts, 1) if part.shown},
        "protocol": row.protocol,
        "detail": row.detail,
        "remark": row.remark,
        "command": row.command,
    }
    for name, text in shown.items():
        if text:
            click.echo(f"{name:10} {text}")
