"""Cells on a Ray cluster: each node runs a cell as this machine would, and its result comes back to this one.

So the nodes need gmbench and the data, but no file system in common. Without an address a cluster is started on this
machine. Option ``address``: of a cluster, as ``ray.init`` takes it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any

import ray

from gmbench.contract import ContractError
from gmbench.runs.cell import finished, save
from gmbench.runs.child import BUSY, REFUSED, Ending, Limits, supervise
from gmbench.runs.engine import Cell, Engine, Task
from gmbench.runs.engines.local import slots
from gmbench.runs.running import BusyError, hold
from gmbench.runs.spec import Spec, cell_path

CONNECT = 10  # seconds that a cluster has to answer
GONE = 30  # seconds without an answer after which it is gone; after 60 Ray would end this process without a word


def _on_node(spec: Mapping[str, Any], limits: Limits) -> Iterator[dict[str, Any]]:
    """What runs on a node: yields progress, then how the cell ended and its result."""
    # Ray leaves a CPU task every GPU of its node in sight
    slot = {} if spec["device"] == "cuda" else {"CUDA_VISIBLE_DEVICES": ""}
    with tempfile.TemporaryDirectory(prefix="gmbench-") as store:
        for said in supervise(spec, store, slot, limits):
            if not isinstance(said, Ending):
                yield {"progress": said}
                continue
            path = cell_path(Spec.of(spec), store)
            yield {"ending": said, "result": path.read_text(encoding="utf-8") if path.exists() else None}


class _Task:
    """A cell on a node. Its lock is held here, in the store that the result will be written to."""

    def __init__(self, cell: Cell, engine: Ray):
        self.engine, self.progress, self.begun = engine, dict[str, Any](), time.monotonic()
        self.ending: Ending | None = None
        self.said: Any = None
        self.holding = contextlib.ExitStack()
        try:
            self.note = self.holding.enter_context(hold(cell.spec, engine.store))
        except BusyError:
            self.ending = Ending(BUSY)
            return
        if not engine.fresh and finished(cell.spec, engine.results):  # by another run, a moment ago
            self.ending = Ending(0)
            return
        self.said = engine.on_node.remote(cell.spec.as_dict(), engine.limits)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def ended(self) -> Ending | None:
        try:
            while not self.ending and ray.wait([self.said], timeout=0)[0]:
                told: Any = ray.get(next(self.said))
                self._take(told)
        except StopIteration:
            self.ending = Ending(None, "it said nothing more")
        except ray.exceptions.RayError as error:
            self.ending = Ending(None, (str(error).strip().splitlines() or [type(error).__name__])[-1])
        if self.ending:
            self.holding.close()
        return self.ending

    def _take(self, said: dict[str, Any]) -> None:
        if "progress" in said:
            self.progress = said["progress"]
            self.note(**self.progress)
            return
        self.ending = said["ending"]
        if said["result"] and said["ending"].status == 0:
            try:
                save(json.loads(said["result"]), self.engine.store)
            except ContractError as error:
                self.ending = Ending(REFUSED, str(error))

    def ask(self) -> None:
        if not self.ending and self.engine.open_now:
            ray.cancel(self.said, force=True)

    def close(self) -> None:
        self.holding.close()


class Ray(Engine):
    """One run of many cells on a Ray cluster, each on one CPU of a node or one GPU."""

    open_now = False
    head: tuple[str, int] | None = None  # where its control service listens, if that can be reached from here
    answered = 0.0  # when it last did

    @property
    def jobs(self) -> int:
        if not self.open_now:
            return self.asked or 1
        if not self._answers():
            return len(self.running)  # to ask it would take until it is back
        there = ray.cluster_resources()  # nodes come and go
        room = there.get("CPU", 0) if self.device == "cpu" else min(there.get("CPU", 0), there.get("GPU", 0))
        return min(self.asked or int(room), max(1, int(room)))

    def _answers(self) -> bool:
        """Whether the cluster is there at this moment.

        :raises ContractError: if it has not been for long
        """
        if not self.head or time.monotonic() - self.answered < 1:
            return True
        try:
            socket.create_connection(self.head, CONNECT).close()
        except OSError as error:
            if time.monotonic() - self.answered > GONE:
                self.open_now = False
                where = ":".join(map(str, self.head))
                raise ContractError(
                    f"the Ray cluster at {where} is gone ({error.strerror or error}); finished cells are kept, "
                    f"and this goes on with the others, on any engine: {self.again}"
                ) from None
            return False
        self.answered = time.monotonic()
        return True

    def open(self) -> None:
        address = self.options.pop("address", os.environ.get("RAY_ADDRESS"))
        if self.options:
            raise ContractError(f"the ray engine has no option {', '.join(self.options)}; there is address")
        about: dict[str, Any] = {"address": address}
        if not address:
            about = {"address": "local", "num_cpus": len(slots(self.device, self.asked)), "include_dashboard": False}
        try:
            host, colon, port = (address or "").rpartition(":")
            if colon and port.isdecimal() and "/" not in host:  # Ray itself would try for minutes
                socket.create_connection((host, int(port)), CONNECT).close()
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **about)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise ContractError(f"no Ray cluster at {about['address']}: {' '.join(str(error).split())}") from None
        self.open_now, self.answered = True, time.monotonic()
        with contextlib.suppress(OSError, ValueError):
            host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
            socket.create_connection((host, int(port)), CONNECT).close()
            self.head = (host, int(port))
        # a cell that fails is tried again by gmbench, in the same way on every engine
        self.on_node = ray.remote(num_cpus=1, num_gpus=int(self.device == "cuda"), max_retries=0)(_on_node)

    def start(self, cells: list[Cell]) -> Iterator[Task]:
        for cell in cells:
            yield _Task(cell, self)

    def shut(self) -> None:
        self.open_now = False
        ray.shutdown()


ENGINE = Ray
