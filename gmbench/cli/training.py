"""What commands that train cells share: where and how these run, and what is said of them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from gmbench.cli.base import DEVICE, STORE, Range, emit
from gmbench.runs.engines import engines

if TYPE_CHECKING:
    from gmbench.runs.engine import Engine

OPTIONS = (
    STORE,
    click.option("--jobs", type=click.IntRange(1, 10000), help="Cells at a time (default: cores - 1, or GPUs)."),
    DEVICE,
    click.option("--engine", "engine_name", type=click.Choice(engines()), default="local", show_default=True),
    click.option(
        "--engine-option", "engine_options", multiple=True, metavar="NAME=VALUE", help="Of the engine (repeatable)."
    ),
    click.option("--time-limit", type=Range(1, 31536000), help="Seconds a cell (default: none)."),
    click.option("--memory-limit", type=Range(0.5, 4096), help="GB a cell, on a CPU (default: none)."),
    click.option("--fresh", is_flag=True, help="Run again the cells whose results are there."),
    click.option("--dry-run", is_flag=True, help="Only say which cells there are, and how long they will take."),
)


def on_engines(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of :func:`engine_for`, of which it gets ``device``, ``dry_run`` and, as ``on``, the
    others.
    """

    @functools.wraps(command)
    def with_options(*, device: str, dry_run: bool, **given: Any) -> Any:
        names = ("store", "jobs", "engine_name", "engine_options", "time_limit", "memory_limit", "fresh")
        on = {name: given.pop(name) for name in names}
        return command(**given, device=device, dry_run=dry_run, on=on)

    for option in reversed(OPTIONS):
        with_options = option(with_options)
    return with_options


def engine_for(specs: Sequence[Mapping[str, Any]], on: Mapping[str, Any]) -> Engine:
    """The engine that was asked for, with cells.

    :param on: as :func:`on_engines` gives it
    """
    from gmbench.cli import parse
    from gmbench.runs.child import Limits
    from gmbench.runs.engines import engine as engine_called

    memory = on["memory_limit"]
    limits = Limits(on["time_limit"], memory and int(memory * 2**30))
    options = parse.options(on["engine_options"])
    return engine_called(on["engine_name"])(specs, on["store"], on["jobs"], on["fresh"], limits, again(), options)


def plan(engine: Engine, as_json: bool) -> None:
    """Say which cells there are."""
    from gmbench.runs.wording import clock

    cells = engine.cells
    if as_json:
        return emit(
            [{"cell": c.spec.id, "title": c.spec.title, "state": c.state, "seconds": c.expected} for c in cells]
        )
    for cell in cells:
        about = "" if cell.expected is None else f"  about {clock(cell.expected)}"
        click.echo(f"{cell.spec.title:36} {cell.spec.id[:12]}  {cell.state}{about}")
    click.echo(engine.plan(), err=True)
    return None


def train(engine: Engine) -> None:
    """Run the cells; if it is interrupted, say how to go on, and exit."""
    from gmbench.cli.progress import display

    try:
        engine.run(display)
    except KeyboardInterrupt:
        done = sum(cell.state in ("done", "skipped") for cell in engine.cells)
        click.echo(f"gmbench: interrupted with {done} of {len(engine.cells)} cells done", err=True)
        click.echo(f"gmbench: this goes on with the others: {again()}", err=True)
        sys.exit(130)


def failed(engine: Engine, doubt: str = "", layer: str = "") -> None:
    """Say which cells failed, and exit if any did.

    :param doubt: how the implementation ``layer`` was named, if it is not a usual one
    """
    lost = [cell for cell in engine.cells if cell.state == "failed"]
    if not lost:
        return
    for cell in lost:
        click.echo(f"gmbench: {cell.spec.title} failed: {_in_short(cell.error)}", err=True)
    click.echo(
        f"gmbench: {len(lost)} of {len(engine.cells)} cells failed; all they said: {engine.store}/failed", err=True
    )
    if doubt and any(cell.spec.layer == layer for cell in lost):
        click.echo(f"gmbench: this says whether the implementation is right: gmbench verify {doubt}", err=True)
    click.echo(f"gmbench: this runs them again: {again()}", err=True)
    sys.exit(1)


def _in_short(error: str) -> str:
    """Why a cell failed: the reason and the last line, and of a traceback the frames in the user's own source."""
    first, *lines = error.splitlines()
    own = [i for i, line in enumerate(lines) if 'File "' in line and "carried.py" in line]
    if not own:
        return reason(error)
    return "\n".join([first, *(part for i in own for part in lines[i : i + 2]), lines[-1]])


def reason(error: str) -> str:
    """Why a cell failed, in one line."""
    first, *lines = error.splitlines() or [""]
    return f"{first}: {lines[-1]}" if lines else first


def again() -> str:
    """The command line as it was given, without --fresh."""
    import shlex

    return shlex.join(["gmbench", *(word for word in sys.argv[1:] if word != "--fresh")])
