"""One cell: one arm on one data set with one seed, in a process of its own, leaving one result file.

The id of its :class:`~gmbench.runs.spec.Spec` names the file ``cells/<id>.json``.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gmbench.runs.spec import Spec
from gmbench.store.files import FullError
from gmbench.store.provenance import Made, provenance
from gmbench.store.reading import Kind, Store
from gmbench.store.typed import FieldsError, typed

PATIENCE = "GMBENCH_PATIENCE"  # seconds that a finished cell waits while the disk is full, in place of these:
SECONDS = 600.0
# what tables have of every cell, and of every epoch: names that an experiment's own numbers cannot have
OF_CELLS = {*(field.name for field in fields(Spec)), "implementation_sha256", "initialisation_sha256", "cell"}
OF_CELLS |= {"cell_seconds", "cell_cpu_seconds", "machine", "torch", "commit", "when", "run"}
OF_EPOCHS = {"epoch", "step", "test_error", "test_loss", "train_loss", "seconds"}
LARGEST = 2**63  # whole numbers beyond fit no table


@dataclass(frozen=True, kw_only=True)
class CellResult(Made):
    """What a cell came to: a file of kind ``cells``.

    :param epochs: a row an epoch, the first before training, each with ``epoch``, ``test_error`` (in the unit of the
        experiment's metric) and what else is known of it, numbers or None
    :param measures: what the whole cell has one of, numbers or None
    :param seconds, cpu_seconds: that it took
    :param tests, paths, neurons, surfaces, lines, photographs: what pages draw, as the experiment left it; see
        :mod:`gmbench.results.pictures`

    :raises ValueError: if epochs are none or not in order, a number is not finite, or a name is that of a field of the
        spec or of what every cell has
    """

    id: str
    spec: Spec
    epochs: Sequence[Mapping[str, float | None]]
    measures: Mapping[str, float | None]
    seconds: float | None = None
    cpu_seconds: float | None = None
    tests: Any = None
    paths: Any = None
    neurons: Any = None
    surfaces: Any = None
    lines: Any = None
    photographs: Any = None

    def __post_init__(self) -> None:
        numbers: list[Any] = [row.get("epoch") for row in self.epochs]
        if not numbers or any(type(n) is not int for n in numbers) or numbers != sorted(set(numbers)):
            raise FieldsError("epochs")
        if any(row.get("test_error") is None for row in self.epochs):
            raise FieldsError("epochs")
        for name, rows, names in (
            ("measures", [self.measures], OF_CELLS | OF_EPOCHS),
            ("epochs", self.epochs, OF_CELLS),
        ):
            if taken := names & set().union(*rows):
                raise ValueError(f"{name} cannot be called {', '.join(sorted(taken))}")
            if not all(_sound(value) for row in rows for value in row.values()):
                raise ValueError(f"{name} have numbers that are not finite")

    @property
    def errors(self) -> dict[int, float]:
        """The test error of each epoch there is."""
        return {row["epoch"]: row["test_error"] for row in self.epochs}  # type: ignore[misc]  # none is None, see above

    @property
    def diverged(self) -> bool:
        """Whether its loss overflowed."""
        return self.measures.get("diverged") is not None


def _sound(value: float | None) -> bool:
    return value is None or (abs(value) < LARGEST if type(value) is int else math.isfinite(value))


CELLS = Kind[CellResult]("cells", lambda found: typed(CellResult, found))


def finished(spec: Spec, store: Store | str | os.PathLike | None = None, packed: bool = True) -> CellResult | None:
    """The result of a cell, in a file of its own or (``packed``) in its experiment's pack, or None if there is no
    whole one.
    """
    found = Store.of(store).find(CELLS, spec.id, spec.experiment if packed else None)
    return found if found and found.id == found.spec.id == spec.id else None


def prepare() -> None:
    """Settings of a process that will run one cell; numbers must not depend on the cores of the machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products on a GPU
    import torch

    torch.set_num_threads(1)
    # densities underflow by design, and arithmetic on denormals is up to a hundred times slower
    torch.set_flush_denormal(True)


def run_cell(
    spec: Spec,
    work: Callable[[Mapping[str, Any], Callable[..., None]], Mapping[str, Any]],
    store: str | os.PathLike | None = None,
    report: Callable[..., None] = lambda **progress: None,
) -> Path:
    """Run one cell here and now, and write its file.

    :param work: the experiment's ``cell(spec, report)``, which returns ``{"epochs": [...], "measures":
        {...}}``
    :param report: called with ``step``, ``steps`` and the latest numbers while the cell runs
    :raises ContractError: if the spec cannot be run here, or the result is no whole one or cannot be written
    """
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(spec.as_dict(), report)
    content = {
        "id": spec.id,
        "spec": spec.identity,
        "seconds": round(time.perf_counter() - wall, 3),  # includes being suspended by a timing
        "cpu_seconds": round(time.process_time() - cpu, 3),
        **provenance(),
        **result,
    }
    return save(content, store, f"what {spec.experiment} measured")


def save(content: Mapping[str, Any], store: str | os.PathLike | None = None, what: str = "") -> Path:
    """Write the result of a cell, which has not failed then.

    A full disk is waited for: the work of hours is not thrown away for want of a few kilobytes.

    :param what: as :meth:`~gmbench.store.reading.Kind.write` takes it
    :raises ContractError: if it is no whole one or cannot be written, or the disk stays full
    """
    patience = float(os.environ.get(PATIENCE) or SECONDS)
    end, told = time.monotonic() + patience, False
    while True:
        try:
            path = CELLS.write(content, store, content["id"], what)
        except FullError as error:
            if time.monotonic() >= end:
                raise
            if not told:
                told = True
                print(f"gmbench: {error}; waiting for room for {patience:g} s", file=sys.stderr, flush=True)
            time.sleep(min(1.0, patience / 10))
            continue
        with contextlib.suppress(OSError):
            (path.parents[1] / "failed" / path.name).unlink(missing_ok=True)
        return path
