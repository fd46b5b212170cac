"""The local engine: cells as subprocesses of this machine, as many at a time as it has slots.

An engine only decides where cells run; what a cell is, :mod:`gmbench.runs.cell` says. Cells whose result is
there are skipped. A cell that fails or is killed is tried once more, and the others go on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gmbench
from gmbench.runs.cell import finished
from gmbench.runs.lock import POLL, timing_now
from gmbench.runs.progress import display, shown
from gmbench.runs.provenance import usable_cores
from gmbench.runs.store import check_writable, store_folder

TRIES = 2
MEMORY = 2 * 2**30  # bytes that a cell may need
PATIENCE = 5  # seconds that a cell has to end when asked to
BAD_SPEC = 2  # the exit status of a cell that cannot be run here, however often
TAIL = 2000  # characters of standard error that are kept
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class Cell:
    """One cell as the engine sees it; ``state`` is waiting, running, done, skipped or failed."""

    spec: Mapping[str, Any]
    state: str = "waiting"
    tries: int = 0
    progress: dict[str, Any] = field(default_factory=dict)  # the latest line that the cell reported
    seconds: float = 0  # of its latest try
    error: str = ""  # why its latest try failed, with the end of its standard error

    @property
    def title(self) -> str:
        layer = (self.spec.get("implementation") or {}).get("name", "")
        return f"{self.spec['arm']} seed {self.spec['seed']}" + (f" ({layer})" if layer else "")

    @property
    def fraction(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.state in ("done", "skipped"):
            return 1.0
        return self.progress["step"] / self.progress["steps"] if self.progress.get("steps") else 0.0


def slots(device: str, jobs: int | None = None) -> list[dict[str, str]]:
    """The environment of each slot.

    On a CPU one slot a core, but one core is left over and every cell has memory; with CUDA one a GPU.
    ``jobs`` overrules the number.
    """
    if device == "cuda":
        import torch

        shown = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
        gpus = [gpu for gpu in shown.split(",") if gpu] or ["0"]
        return [{"CUDA_VISIBLE_DEVICES": gpus[i % len(gpus)]} for i in range(jobs or len(gpus))]
    if jobs is None:
        try:
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        except (AttributeError, OSError, ValueError):
            memory = MEMORY
        jobs = max(1, min(usable_cores() - 1, memory // MEMORY))
    return [{"CUDA_VISIBLE_DEVICES": ""}] * jobs


class Local:
    """One run of many cells on this machine.

    :param specs: run in this order
    :param jobs: how many at once (default: see :func:`slots`)
    :param fresh: run again what is there already
    """

    def __init__(
        self,
        specs: Iterable[Mapping[str, Any]],
        store: str | os.PathLike | None = None,
        jobs: int | None = None,
        fresh: bool = False,
    ):
        self.store = store_folder(store).absolute()
        self.cells = [Cell(spec) for spec in specs]
        for cell in self.cells:
            if not fresh and finished(cell.spec, self.store):
                cell.state = "skipped"
        self.waiting = deque(cell for cell in self.cells if cell.state == "waiting")
        device = self.cells[0].spec["device"] if self.cells else "cpu"
        self.free = slots(device, jobs)[: len(self.waiting)]
        self.jobs = len(self.free)
        self.running: list[_Child] = []
        self.suspended = False

    def run(self) -> list[Cell]:
        """Run until nothing is left; returns the cells in their final states.

        :raises ContractError: before any cell runs, if the store cannot be written
        :raises KeyboardInterrupt: after Ctrl-C (or SIGTERM), once every child has ended
        """
        if self.waiting:
            check_writable("cells", self.store)
        previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with display(self) as show:
                while self.waiting or self.running:
                    self._look(show)
                    show.update()
                    time.sleep(POLL)
        finally:
            self._stop()
            signal.signal(signal.SIGTERM, previous)
        return self.cells

    def remaining(self) -> float | None:
        """Seconds to go, from what cells of each arm took or are taking; None while nothing is known."""
        rates: dict[str, float] = {}
        for cell in self.cells:
            if cell.seconds and cell.fraction and cell.state in ("running", "done"):
                rates[cell.spec["arm"]] = cell.seconds / cell.fraction
        if not rates:
            return None
        unknown = max(rates.values())
        open_ = [cell for cell in self.cells if cell.state in ("waiting", "running")]
        return sum(rates.get(c.spec["arm"], unknown) * (1 - c.fraction) for c in open_) / max(1, self.jobs)

    def _look(self, show) -> None:
        if timing_now() != self.suspended:
            self.suspended = not self.suspended
            for child in self.running:
                child.signal(signal.SIGSTOP if self.suspended else signal.SIGCONT)
        while self.waiting and self.free and not self.suspended:
            self.running.append(_Child(self.waiting.popleft(), self.free.pop(), self.store))
        for child in list(self.running):
            if child.ended():
                self.running.remove(child)
                self.free.append(child.slot)
                self._judge(child, show)

    def _judge(self, child: _Child, show) -> None:
        cell, status = child.cell, child.process.returncode
        # a cell is done when its file is there and new, whatever else it said
        if status == 0 and finished(cell.spec, self.store):
            cell.state = "done"
            show.line(f"{cell.title}: done in {cell.seconds:.0f} s{_latest(cell)}")
            return
        reason = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        cell.error = f"{reason}\n{child.tail()}".strip()
        again = cell.tries < TRIES and status != BAD_SPEC
        cell.state, cell.progress = ("waiting" if again else "failed"), {}
        if again:
            self.waiting.append(cell)
        last = cell.error.splitlines()[-1] if status > 0 else reason
        show.line(f"{cell.title}: {'failed, is tried again' if again else 'failed'} ({last})")

    def _stop(self) -> None:
        """End every child that still runs."""
        for child in self.running:
            child.signal(signal.SIGTERM)
            child.signal(signal.SIGCONT)  # one that is suspended would not notice otherwise
        for child in self.running:
            try:
                child.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                child.signal(signal.SIGKILL)
                child.process.wait()
            child.cell.state = "waiting"
        self.running.clear()


class _Child:
    """A cell's process. It ends itself when its standard input closes, so it never outlives this one."""

    def __init__(self, cell: Cell, slot: dict[str, str], store: Path):
        self.cell, self.slot, self.begun, self.rest = cell, slot, time.monotonic(), b""
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        cell.state, cell.tries, cell.progress = "running", cell.tries + 1, {}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gmbench", "cell", "-", "--driven", "--store", str(store)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            bufsize=0,
            env={**os.environ, **dict.fromkeys(THREADS, "1"), **slot, "PYTHONPATH": _python_path()},
            process_group=0,  # a terminal's Ctrl-C reaches the engine alone, which then ends its children
        )
        assert self.process.stdin and self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), False)
        with contextlib.suppress(BrokenPipeError):  # it died at once; its exit status will say so
            self.process.stdin.write(json.dumps(cell.spec).encode() + b"\n")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> bool:
        """Take in what it reported, and say whether it has ended."""
        over = self.process.poll() is not None
        assert self.process.stdin and self.process.stdout
        *lines, self.rest = (self.rest + (self.process.stdout.read() or b"")).split(b"\n")
        for line in lines:
            try:
                report = json.loads(line)
            except ValueError:
                continue  # an implementation may print
            if isinstance(report, dict) and "step" in report:
                self.cell.progress.update(report)
        self.cell.seconds = time.monotonic() - self.begun
        if over:
            self.process.stdin.close()
            self.process.stdout.close()
        return over

    def tail(self) -> str:
        self.errors.seek(max(0, self.errors.seek(0, os.SEEK_END) - TAIL))
        return self.errors.read().decode(errors="replace").strip()


def _latest(cell: Cell) -> str:
    error = shown(cell)
    return f", test error {error}" if error else ""


def _python_path() -> str:
    """``$PYTHONPATH`` by which a child imports this very gmbench, wherever it was started."""
    root = Path(gmbench.__file__).resolve().parent.parent
    paths = [] if root.name in ("site-packages", "dist-packages") else [str(root)]
    return os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])
