"""What a run shows while it goes on: bars on a terminal, plain lines anywhere else. All on standard error."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmbench.runs.engine import Cell, Display, Engine
from gmbench.runs.wording import clock, said

EVERY = 60  # seconds between two plain lines on how far the run is


def display(engine: Engine) -> Display:
    """What shows the run, here."""
    return Bars(engine) if sys.stderr.isatty() else Lines(engine)


def _summary(engine: Engine) -> str:
    done = sum(cell.state in ("done", "skipped") for cell in engine.cells)
    failed = sum(cell.state == "failed" for cell in engine.cells)
    text = f"{done} of {len(engine.cells)} cells"
    if failed:
        text += f", {failed} failed"
    if engine.suspended:
        return f"{text}, suspended while something is timed"
    if engine.elsewhere:
        return f"{text}, the others are in the hands of another run"
    return f"{text}, about {clock(engine.remaining())} to go"


def _running(cell: Cell) -> str:
    return said(cell.spec, cell.progress)


class Lines:
    """One line for every cell that ended, and now and then one on how far the others are."""

    def __init__(self, engine: Engine):
        self.engine = engine

    def __enter__(self) -> Lines:
        self.shown = time.monotonic()
        self.line(self.engine.plan())
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def line(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads any more, or a full disk: the cells are what counts
            print(text, file=sys.stderr, flush=True)

    def update(self) -> None:
        if time.monotonic() - self.shown >= EVERY:
            self.shown = time.monotonic()
            cells = "; ".join(_running(cell) for cell, _ in self.engine.running)
            self.line(f"{_summary(self.engine)}{f' ({cells})' if cells else ''}")


class Bars:
    """One bar for the run and one for every running cell."""

    def __init__(self, engine: Engine):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.engine = engine
        self.progress = Progress(TextColumn("{task.description}"), BarColumn(), console=Console(stderr=True))
        self.whole = self.progress.add_task("", total=max(1, len(engine.cells)))
        self.tasks: dict[int, tuple] = {}

    def __enter__(self) -> Bars:
        self.progress.start()
        self.line(self.engine.plan())
        return self

    def __exit__(self, *error: object) -> None:
        for task, _ in self.tasks.values():
            self.progress.remove_task(task)
        self.progress.stop()

    def line(self, text: str) -> None:
        self.progress.console.print(text, markup=False, highlight=False)

    def update(self) -> None:
        done = sum(cell.fraction if cell.state != "failed" else 1 for cell in self.engine.cells)
        self.progress.update(self.whole, completed=done, description=_summary(self.engine))
        running = {id(cell): cell for cell, _ in self.engine.running}
        for key in self.tasks.keys() - running.keys():
            self.progress.remove_task(self.tasks.pop(key)[0])
        for key, cell in running.items():
            if key not in self.tasks:
                self.tasks[key] = (self.progress.add_task("", total=1), cell)
            self.progress.update(self.tasks[key][0], completed=cell.fraction, description=_running(cell))
