"""``gmbench list``, ``new`` and ``verify``: implementations, and whether they are right."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from gmbench.cli.base import DEVICE, Range, emit, main
from gmbench.contract import ContractError

if TYPE_CHECKING:
    from gmbench.checks.verify import Verdict


@main.command("list")
@click.argument("name", required=False)
@click.option("--implementation", "-i", "files", multiple=True, metavar="FILE", help="An outside file to list too.")
@DEVICE
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(name: str | None, files: tuple[str, ...], device: str, as_json: bool) -> None:
    """List layer types and implementations, available or not, and what could not be loaded."""
    from gmbench import registry

    found = registry.load(files=files)
    chosen = found.select(name) if name else found.implementations.values()
    rows = [
        {**i.as_dict(), "name": i.key, "unavailable": registry.unavailable(i, device)}
        for i in sorted(chosen, key=lambda i: i.key)
    ]
    broken = [{"source": b.source, "reason": b.reason} for b in found.broken]
    initial = [{"name": i.key, "source": i.source, "summary": i.summary} for i in found.initialisations.values()]
    if as_json:
        types = [
            {"name": t.name, "formula": t.formula, "parameters": {p.name: list(p.shape) for p in t.parameters}}
            for t in registry.layer_types().values()
        ]
        emit({"layer_types": types, "implementations": rows, "initialisations": initial, "broken": broken})
        return
    for kind in registry.layer_types().values():
        of_kind = [row for row in rows if row["name"].startswith(f"{kind.name}/")]
        if name and not of_kind:
            continue
        click.echo(f"{kind.name}: {kind.formula}")
        click.echo(f"  {kind.signature} with x (..., {kind.in_features}), {', '.join(map(str, kind.parameters))}")
        for row in of_kind:
            claim = ", ".join(f"{d} {u:g} ulps" for d, u in row["ulps"].items()) or f"approximate: {row['approximate']}"
            state = f"  NOT AVAILABLE: {row['unavailable']}" if row["unavailable"] else ""
            origin = "" if row["source"] == "built in" else f"  [{row['source']}]"
            click.echo(f"  {row['name']:20} {claim}{origin}{state}")
            if row["summary"]:
                click.echo(f"  {'':20} {row['summary']}")
        for row in initial:
            if row["name"].startswith(f"{kind.name}/"):
                click.echo(f"  init {row['name'].partition('/')[2]:15} {row['summary']}")
    for row in broken:
        click.echo(f"broken: {row['reason']}", err=True)


@main.command()
@click.argument("layer_type")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--name", help="Name of the implementation (default: the file's name).")
def new(layer_type: str, file: str, name: str | None) -> None:
    """Write a template of an implementation that already passes: `gmbench new gm my_layer.py`."""
    from pathlib import Path

    from gmbench import registry
    from gmbench.checks.template import template

    path = Path(file)
    kind = registry.layer_type(layer_type)
    if path.suffix != ".py":
        raise ContractError(f"{file}: give the file the ending .py")
    text = template(kind, name or path.stem.replace("_", "-"), path.name)
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ContractError(f"{file}: exists already; nothing was written") from None
    except OSError as error:
        raise ContractError(f"{file}: cannot be written ({error.strerror})") from None
    click.echo(f"wrote {file}; check it with: gmbench verify {file}")


@main.command()
@click.argument("target")
@click.option("--profile", type=click.Choice(["smoke", "ci", "deep"]), default="ci", show_default=True)
@DEVICE
@click.option("--only", multiple=True, metavar="CHECK", help="Run this check only (repeatable).")
@click.option("--case", metavar="JSON", help="Replay one case, as a failure printed it.")
@click.option("--keep-going", "-k", is_flag=True, help="Run every check, also after one has failed.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--time-limit", type=Range(1), help="Seconds (default: 55, deep profile 12 h).")
@click.option("--memory-limit", type=Range(1), default=8.0, show_default=True, help="GiB.")
@click.option("--store", type=click.Path(file_okay=False), help="Write the records into this store.")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def verify(
    target: str,
    profile: str,
    device: str,
    only: tuple[str, ...],
    case: str | None,
    keep_going: bool,
    threads: int,
    time_limit: float | None,
    memory_limit: float,
    store: str | None,
    as_json: bool,
) -> None:
    """Check TARGET, a file or a registered name, in a process of its own.

    Exits 0 when every check passes, 1 when one fails, 2 when there is nothing to check.
    """
    import os

    from gmbench.checks import verify as machinery
    from gmbench.store.files import check_writable

    is_file = target.endswith(".py") or os.path.isfile(target)
    if is_file and not os.path.isfile(target):
        raise ContractError(f"{target}: there is no such file")
    if store:
        check_writable("checks", store)
    watch = None if as_json else _Watcher()
    verdict = machinery.verify(
        files=[target] if is_file else [],
        name=None if is_file else target,
        profile=profile,
        device=device,
        only=only,
        case=case,
        keep_going=keep_going,
        threads=threads,
        seconds=time_limit,
        memory=memory_limit,
        watch=watch or (lambda event, data: None),
    )
    if store:
        _store_records(verdict, device, profile, store)
    if watch is None:
        emit(
            {
                "exit": verdict.code,
                "problem": verdict.problem,
                "implementations": verdict.implementations,
                "unavailable": verdict.unavailable,
                "records": [record.as_dict() for record in verdict.records],
                "not_run": verdict.not_run,
                "seconds": round(verdict.seconds, 2),
            }
        )
    else:
        watch.close()
        _explain(verdict, target)
    sys.exit(verdict.code)


class _Watcher:
    """One aligned line a record, and what runs now where there is a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self.status = self.console.status("starting") if self.console.is_terminal else None
        if self.status:
            self.status.start()

    def __call__(self, event: str, data: Any) -> None:
        if event == "begin" and self.status:
            self.status.update(data["check"])
        elif event == "record":
            click.echo(data.line())

    def close(self) -> None:
        if self.status:
            self.status.stop()


def _explain(verdict: Verdict, target: str) -> None:
    """The verdict in words: each failure with its smallest case and the command that replays it."""
    import os

    for record in verdict.records:
        if record.ok:
            continue
        click.echo(f"\n{record.implementation} {record.dtype} {record.check}: {record.status}\n  {record.message}")
        found = record.counterexample
        if found:
            click.echo(f"  smallest case: {found['text']}")
            for name, array in (found["decimal"] or {}).items():
                click.echo(f"  {name} = {json.dumps(array)}")
            for name, array in (found["exact"] or {}).items():
                click.echo(f"  {name} exactly = {json.dumps(array)}")
            click.echo(f"  replay: gmbench verify {target} --only {record.check} --case '{found['text']}'")
    for key, reason in verdict.unavailable.items():
        click.echo(f"{key}: not available here: {reason}")
    regimes: dict[str, float] = {}
    for record in verdict.records:
        for name, seen in record.regimes.items():
            if record.check == "value":
                regimes[name] = regimes.get(name, 0) + seen["cases"]
    if regimes:
        total = sum(regimes.values())
        click.echo("\ncases of the values by regime: " + ", ".join(f"{n} {c / total:.0%}" for n, c in regimes.items()))
    counts: dict[str, int] = {}
    for record in verdict.records:
        counts[record.status] = counts.get(record.status, 0) + 1
    said = ", ".join(f"{n} checks {status}" for status, n in sorted(counts.items())) or "no check ran"
    word = {0: "right", 1: "WRONG", 2: "nothing checked"}[verdict.code]
    if verdict.code == 1 and "failed" not in counts and "inconclusive" not in counts:
        word = "NOT SHOWN TO BE RIGHT"
    rest = f", {verdict.not_run} not run (--keep-going runs them all)" if verdict.not_run else ""
    click.echo(f"{target}: {word}: {said}{rest}, {verdict.seconds:.1f} s")
    if verdict.problem:
        named = (f"{target}: ", f"{os.path.realpath(target)}: ")  # some problems name the file themselves
        click.echo(f"gmbench: {'' if verdict.problem.startswith(named) else named[0]}{verdict.problem}", err=True)


def _store_records(verdict: Verdict, device: str, profile: str, store: str) -> None:
    """One file for each implementation, device and profile, which a new run replaces."""
    from gmbench.checks.records import CHECKS, file_name
    from gmbench.store.provenance import provenance

    for entry in verdict.implementations:
        about = {name: value for name, value in entry.items() if name != "checks"}
        if about["source"].endswith(".py"):
            about["source"] = "file"  # its path is nobody else's business
        records = [record.as_dict() for record in verdict.records if record.implementation == entry["key"]]
        content = {"implementation": about, "profile": profile, **provenance(), "records": records}
        CHECKS.write(content, store, file_name(entry["key"], about["source"], device, profile))
