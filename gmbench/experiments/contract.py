"""What an experiment declares: arms, data sets, budgets, decisions and claims, and how one cell is run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gmbench.baselines import lacking
from gmbench.claims.metric import ERROR, Metric
from gmbench.contract import ContractError, Implementation
from gmbench.data import load as load_data
from gmbench.names import choose
from gmbench.registry import fastest


@dataclass(frozen=True)
class Budget:
    """How much an experiment may spend.

    ``arms`` has the epochs of arms that are trained for another time than the others.
    """

    epochs: int
    seeds: tuple[int, ...]
    arms: Mapping[str, int] = field(default_factory=dict)

    def epochs_of(self, arm: str) -> int:
        """The epochs of an arm."""
        return self.arms.get(arm, self.epochs)


@dataclass(frozen=True)
class Experiment:
    """Arms x data sets x seeds, at a budget; what a report has to know of them.

    ``cell(spec, report)`` runs one cell and returns ``{"epochs": [...], "measures": {...}}``: one dict an
    epoch with ``epoch``, ``step``, ``test_error`` (in the unit of ``metric``), ``test_loss`` and ``train_loss``,
    the first before any training, and the numbers that the whole cell has one of; whatever else it returns is
    kept in the file.
    ``report(step=, steps=, epoch=, test_error=)`` tells of its progress; ``said=`` is the error in words if not in %.

    ``version`` goes up whenever a change makes old cells incomparable. ``decisions`` are pairs of a topic
    that the paper leaves open and the choice made here.
    """

    name: str
    version: int
    paper: str
    summary: str
    layer_type: str
    arms: Mapping[str, str]
    baselines: tuple[str, ...]  # the arms without the layer, which no implementation concerns
    headline: str  # the arm that stands for the layer: what an outside implementation is compared by
    data_sets: tuple[str, ...]  # the paper's first; any other of the right kind can be asked for
    default_data: str  # of a run that names none: one that has not to be downloaded
    budgets: Mapping[str, Budget]
    decisions: tuple[tuple[str, str], ...]
    cell: Callable[[Mapping[str, Any], Callable[..., None]], Mapping[str, Any]]
    claims: tuple[Any, ...] = ()  # of gmbench.claims.evidence.Claim: what the paper says of this experiment
    layer_types: Mapping[str, str] = field(default_factory=dict)  # of arms whose layers are of another type
    preferred: tuple[str, ...] = ()  # implementations that come before the fastest, such as eager for tiny layers
    metric: Metric = ERROR
    # where it does not train on data sets: the names that stand for one, and all that defines each, in words
    problems: Mapping[str, str] = field(default_factory=dict)
    extras: Mapping[str, str] = field(default_factory=dict)  # of an arm: the optional extra that it cannot do without
    across: str = "x"  # where cells keep lines: what they are over

    def digest(self, data: str) -> str:
        """What a cell's spec has of its data: the digest of a data set, or of the words that define a problem.

        :raises ContractError: if there is no such data set or problem, or it cannot be had
        """
        if not self.problems:
            return load_data(data).digest
        return hashlib.sha256(choose("problem", data, self.problems).encode()).hexdigest()

    def same_problem(self, spec: Mapping[str, Any]) -> None:
        """See to it that a cell's spec means a problem as it is declared here.

        :raises ContractError: if it does not
        """
        if spec["digest"] != self.digest(spec["data"]):
            raise ContractError(f"the problem {spec['data']!r} declared here is not the one that the spec names")

    def absent(self, arm: str) -> str | None:
        """Why an arm cannot be trained here, or None if it can: its optional extra is not installed."""
        extra = self.extras.get(arm)
        reason = lacking(extra) if extra else None
        return f"{arm} {reason}" if reason else None

    def layer_type_of(self, arm: str) -> str:
        """The layer type of an arm's layers."""
        return self.layer_types.get(arm, self.layer_type)

    def usual(self, layer_type: str, device: str = "cpu") -> Implementation:
        """The implementation that a run takes by default for layers of a type: the first that runs here.

        :raises ContractError: if none does
        """
        return fastest(layer_type, device, self.preferred)
