"""What all engines share: the cells of one run, what became of each, and what is tried again.

An engine only decides where cells run; what a cell is, :mod:`gmbench.runs.cell` says. Cells whose result is
there are skipped. A cell that fails or is killed is tried once more, and the others go on.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gmbench.contract import ContractError
from gmbench.processes.lock import POLL
from gmbench.runs import failures
from gmbench.runs.cell import finished
from gmbench.runs.child import BUSY, REFUSED, UNLIMITED, Ending, Limits
from gmbench.runs.estimates import Past, about
from gmbench.runs.running import held
from gmbench.runs.spec import Spec
from gmbench.runs.wording import shown
from gmbench.store.files import check_writable, store_folder, sweep
from gmbench.store.reading import Store

TRIES = 2
LOSSES = 5  # how often a cell may be lost with a worker, which is not its fault
BETWEEN = 1.0  # seconds between two looks at cells that another run has in hand


@dataclass
class Cell:
    """One cell as the engine sees it; ``state`` is waiting, running, done, skipped or failed."""

    spec: Spec
    state: str = "waiting"
    tries: int = 0
    losses: int = 0
    progress: dict[str, Any] = field(default_factory=dict)  # the latest line that the cell reported
    seconds: float = 0  # of its latest try
    expected: float | None = None  # seconds that such cells took before
    error: str = ""  # why its latest try failed, with the end of its standard error

    @property
    def fraction(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.state in ("done", "skipped"):
            return 1.0
        return self.progress["step"] / self.progress["steps"] if self.progress.get("steps") else 0.0


class Task(Protocol):
    """A cell that an engine has started somewhere."""

    progress: dict[str, Any]

    @property
    def seconds(self) -> float:
        """How long it has run."""

    def ended(self) -> Ending | None:
        """How it ended, its result in the store if it has one; None while it runs."""

    def ask(self) -> None:
        """Ask it to end."""

    def close(self) -> None:
        """See to it that it has ended."""


class Display(Protocol):
    """Shows how a run goes on, from its beginning to its end."""

    def __enter__(self) -> Display: ...

    def __exit__(self, *error: object) -> None: ...

    def line(self, text: str) -> None:
        """Something has happened."""

    def update(self) -> None:
        """Called often: look at the engine again."""


class Quiet:
    """Shows nothing."""

    def __init__(self, engine: Engine):
        pass

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def line(self, text: str) -> None:
        """Nothing."""

    def update(self) -> None:
        """Nothing."""


class Engine:
    """One run of many cells.

    :param specs: run in this order
    :param jobs: how many at once (default: as many as there is room for)
    :param fresh: run again what is there already
    :param limits: of each cell
    :param again: the command that goes on with this run, for those who read of its failures
    :param options: of the engine, by name
    """

    def __init__(
        self,
        specs: Iterable[Mapping[str, Any] | Spec],
        store: str | os.PathLike | None = None,
        jobs: int | None = None,
        fresh: bool = False,
        limits: Limits | None = None,
        again: str = "",
        options: Mapping[str, str] | None = None,
    ):
        self.store = store_folder(store).absolute()
        self.results = Store(self.store)
        self.fresh, self.limits, self.again, self.options = fresh, limits or UNLIMITED, again, dict(options or {})
        self.asked = jobs
        self.cells = [Cell(Spec.of(spec)) for spec in specs]
        for cell in self.cells:
            if not fresh and finished(cell.spec, self.results):
                cell.state = "skipped"
        self.waiting = deque(cell for cell in self.cells if cell.state == "waiting")
        if self.waiting:
            past = Past(self.results)
            for cell in self.waiting:
                cell.expected = past.seconds(cell.spec)
        self.device = self.cells[0].spec.device if self.cells else "cpu"
        self.running: list[tuple[Cell, Task]] = []
        self.suspended = False
        self.elsewhere = False  # all that is left is in the hands of another run
        self._next_look = 0.0

    # -- what an engine has to say -------------------------------------------------------------------------------------

    @property
    def jobs(self) -> int:
        """How many cells can run at a time."""
        raise NotImplementedError

    def open(self) -> None:
        """Get ready to run cells, or raise ContractError in one line."""

    def start(self, cells: list[Cell]) -> Iterable[Task]:
        """Start cells, one after the other as they are asked for; never more than there is room for."""
        raise NotImplementedError

    def over(self, task: Task) -> None:
        """A task has ended, and its place is free."""

    def shut(self) -> None:
        """Nothing runs any more."""

    # -- what they share -----------------------------------------------------------------------------------------------

    def run(self, display: Callable[[Engine], Display] = Quiet) -> list[Cell]:
        """Run until nothing is left; returns the cells in their final states.

        :param display: makes what shows the run

        :raises ContractError: before any cell runs, if the store cannot be written or there is nowhere to run
        :raises KeyboardInterrupt: after Ctrl-C (or SIGTERM), once every cell has ended
        """
        if not self.waiting:
            with display(self):
                return self.cells
        check_writable("cells", self.store)
        sweep("cells", self.store)
        previous = signal.getsignal(signal.SIGTERM)
        try:
            self.open()
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray puts a handler of its own there
            with display(self) as show:
                while self.waiting or self.running:
                    self._look(show)
                    show.update()
                    time.sleep(POLL)
        finally:
            self._stop()
            self.shut()
            signal.signal(signal.SIGTERM, previous)
        return self.cells

    def plan(self) -> str:
        """What will be run, and how long that takes, in one line."""
        skipped = sum(cell.state == "skipped" for cell in self.cells)
        waiting = list(self.waiting)
        text = f"{len(waiting)} cells to run, {self.jobs} at a time"
        if waiting:
            text += f", {about((cell.expected for cell in waiting), self.jobs)}"
        return f"{text}; {skipped} are there already"

    def remaining(self) -> float | None:
        """Seconds to go, from what cells of each arm took or are taking; None while nothing is known."""
        rates: dict[str, float] = {}
        for cell in self.cells:
            if cell.seconds and cell.fraction and cell.state in ("running", "done"):
                rates[cell.spec.arm] = cell.seconds / cell.fraction
        known = [cell.expected for cell in self.cells if cell.expected is not None]
        if not rates and not known:
            return None
        unknown = max([*rates.values(), *known])
        left = 0.0
        for cell in self.cells:
            if cell.state in ("waiting", "running"):
                whole = rates.get(cell.spec.arm, unknown if cell.expected is None else cell.expected)
                left += whole * (1 - cell.fraction)
        return left / max(1, self.jobs)

    def _look(self, show) -> None:
        self._begin(show)
        for cell, task in list(self.running):
            ending = task.ended()
            cell.progress, cell.seconds = task.progress, task.seconds
            if ending:
                self.running.remove((cell, task))
                self.over(task)
                self._judge(cell, ending, show)

    def _begin(self, show) -> None:
        room = self.jobs - len(self.running)
        if self.suspended or room <= 0 or not self.waiting or time.monotonic() < self._next_look:
            return
        chosen: list[Cell] = []
        passed: list[Cell] = []
        while self.waiting and len(chosen) < room:
            cell = self.waiting.popleft()
            if not self.fresh and finished(cell.spec, self.results):
                cell.state = "skipped"
                show.line(f"{cell.spec.title}: done by another run")
            elif held(cell.spec.id, self.store):
                passed.append(cell)
            else:
                chosen.append(cell)
        self.waiting.extend(passed)
        self.elsewhere = bool(passed) and not chosen and not self.running
        if passed and not chosen:
            self._next_look = time.monotonic() + BETWEEN
        started = iter(self.start(chosen) if chosen else ())
        for cell in chosen:
            cell.state, cell.tries, cell.progress = "running", cell.tries + 1, {}
            try:
                self.running.append((cell, next(started)))
            except (OSError, StopIteration) as error:  # no memory or no process left for it, say
                self._next_look = time.monotonic() + BETWEEN
                self._judge(cell, Ending(None, f"it could not be started: {error}"), show)

    def _judge(self, cell: Cell, ending: Ending, show) -> None:
        # a cell is done when its file is there, whatever else it said
        if ending.status == 0 and finished(cell.spec, self.results):
            cell.state = "done"
            show.line(f"{cell.spec.title}: done in {cell.seconds:.0f} s{_latest(cell)}")
            return
        cell.progress = {}
        if ending.status == BUSY:  # another run was there a moment before; its cell will be skipped, or run here
            cell.state, cell.tries = "waiting", cell.tries - 1
            self.waiting.append(cell)
            return
        reason = "it ended without a result" if ending.status == 0 else ending.reason
        cell.error = f"{reason}\n{ending.errors}".strip()
        if ending.status is None:
            cell.losses, cell.tries = cell.losses + 1, cell.tries - 1
        again = cell.tries < TRIES and cell.losses < LOSSES and ending.status != REFUSED and not ending.slow
        cell.state = "waiting" if again else "failed"
        if again:
            self.waiting.append(cell)
        last = cell.error.splitlines()[-1] if (ending.status or 0) > 0 else reason
        show.line(f"{cell.spec.title}: {'failed, is tried again' if again else 'failed'} ({last})")
        if not again:
            try:
                failures.note(cell.spec, cell.error, cell.tries + cell.losses, self.again, self.store)
            except ContractError as error:
                show.line(f"that {cell.spec.title} failed is not kept: {error}")

    def _stop(self) -> None:
        """End every task that still runs."""
        for _, task in self.running:
            task.ask()
        for cell, task in self.running:
            task.close()
            cell.state = "waiting"
        self.running.clear()


def _latest(cell: Cell) -> str:
    error = shown(cell.progress)
    return f", test error {error}" if error else ""
