"""Experiments: one file here declares one as ``EXPERIMENT``, and nothing else has to know of it."""

from __future__ import annotations

import functools
import hashlib
import importlib
import itertools
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gmbench.contract import ContractError, Implementation, Initialisation
from gmbench.data import load as load_data
from gmbench.experiments.metric import ERROR, Metric
from gmbench.layers.baselines import lacking
from gmbench.registry import layer_type as find_type
from gmbench.registry import load as load_registry
from gmbench.registry import nearest, unavailable
from gmbench.runs.carry import pack

__all__ = ["Budget", "Experiment", "cells", "experiment", "experiments", "fastest"]


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
    claims: tuple[Any, ...] = ()  # of gmbench.experiments.evidence.Claim: what the paper says of this experiment
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
        return hashlib.sha256(_choose("problem", data, self.problems).encode()).hexdigest()

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
        return _first_of((*self.preferred, *find_type(layer_type).fastest), layer_type, device)


@functools.cache
def experiments() -> dict[str, Experiment]:
    """Every experiment, by name."""
    found = {}
    for item in pkgutil.iter_modules(__path__):
        declared = getattr(importlib.import_module(f"{__name__}.{item.name}"), "EXPERIMENT", None)
        if declared is not None:
            found[declared.name] = declared
    return found


def experiment(name: str) -> Experiment:
    """The experiment of that name.

    :raises ContractError: if there is none, with the nearest name
    """
    return _choose("experiment", name, experiments())


def cells(
    chosen: Experiment,
    data: str,
    digest: str | None,
    budget: str,
    arms: Iterable[str] | None = None,
    seeds: Iterable[int] | None = None,
    implementation: Implementation | None = None,
    initialisation: Initialisation | None = None,
    device: str = "cpu",
) -> list[dict[str, Any]]:
    """The specs of the cells of one run, seed by seed, so that the first seed of every arm comes first.

    :param digest: of the data set ``data``, so that a cell is never run on other data; with None the data set is
        loaded, once everything else is found to be right
    :param arms: some of the experiment's arms (default: all whose optional extras are installed); one that is named
        twice is run once
    :param seeds: default: the budget's
    :param implementation: of the layers of ``arms`` (of those of its type); without ``arms`` one more arm, the
        headline's with this implementation, beside all others with the usual one (see :meth:`Experiment.usual`)
    :param initialisation: makes one more arm, called by its name
    :raises ContractError: if there is no such budget or arm, or the implementation cannot be trained here
    """
    spending = _choose("budget", budget, chosen.budgets)
    names = list(dict.fromkeys(chosen.arms if arms is None else arms))
    for name in names:
        _choose("arm", name, chosen.arms)
    lacking = {name: reason for name in names if (reason := chosen.absent(name))}
    if lacking and (arms is not None or len(lacking) == len(names)):
        raise ContractError("; ".join(lacking.values()))
    names = [name for name in names if name not in lacking]
    numbers = list(dict.fromkeys(spending.seeds if seeds is None else seeds))
    given = None if arms is None else implementation
    if given and names and given.layer_type not in map(chosen.layer_type_of, names):
        _trainable(given, chosen.layer_type_of(names[0]), device)
    usual: dict[str, Implementation] = {}
    for kind in map(chosen.layer_type_of, names):
        # finding the fastest asks for a compiler, so it is left alone where nothing needs it
        if kind not in usual:
            usual[kind] = given if given and given.layer_type == kind else chosen.usual(kind, device)
    rows = [(name, usual[chosen.layer_type_of(name)], None) for name in names]
    if arms is None and implementation not in (None, usual[chosen.layer_type_of(chosen.headline)]):
        rows.append((chosen.headline, implementation, None))
    if initialisation is not None:
        name = initialisation.key.partition("/")[2]
        if name in chosen.arms:
            raise ContractError(f"the initialisation {name!r} is an arm of {chosen.name} already")
        record = implementation or usual.get(chosen.layer_type) or chosen.usual(chosen.layer_type, device)
        rows.append((name, record, pack(initialisation)))
    parts: dict[str, dict[str, str]] = {}
    for arm, record, _ in rows:
        if record.key not in parts:
            _trainable(record, chosen.layer_type_of(arm), device)
            parts[record.key] = pack(record)
    if digest is None:
        digest = chosen.digest(data)
    return [
        {
            "experiment": chosen.name,
            "version": chosen.version,
            "data": data,
            "digest": digest,
            "budget": budget,
            "epochs": spending.epochs_of(arm),
            "arm": arm,
            "seed": seed,
            "device": device,
            "implementation": None if arm in chosen.baselines else parts[record.key],
            "initialisation": start,
        }
        for seed, (arm, record, start) in itertools.product(numbers, rows)
    ]


def fastest(layer_type: str, device: str = "cpu") -> Implementation:
    """The layer type's fastest implementation that runs here.

    :raises ContractError: if none does
    """
    return _first_of(find_type(layer_type).fastest, layer_type, device)


def _first_of(names: Iterable[str], layer_type: str, device: str) -> Implementation:
    known = load_registry()
    reasons = []
    for name in names:
        record = known.implementation(layer_type, name)
        reason = unavailable(record, device)
        if not reason:
            return record
        reasons.append(f"{name}: {reason}")
    raise ContractError(f"no implementation of {layer_type} can be trained here ({', '.join(reasons)})")


def _choose(what: str, name: str, table: Mapping[str, Any]) -> Any:
    if name not in table:
        raise ContractError(f"there is no {what} {name!r}{nearest(str(name), table)}")
    return table[name]


def _trainable(implementation: Implementation, layer_type: str, device: str) -> None:
    key = implementation.key
    if implementation.layer_type != layer_type:
        raise ContractError(f"{key} cannot be trained here: the layers are of type {layer_type}")
    if implementation.derivatives < 1:
        raise ContractError(f"{key} cannot be trained: it has no derivatives")
    if "float32" not in implementation.dtypes:
        raise ContractError(f"{key} cannot be trained here: it does not take float32")
    reason = unavailable(implementation, device)
    if reason:
        raise ContractError(f"{key} cannot be trained here: {reason}")
