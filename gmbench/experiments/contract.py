"""What an experiment declares: arms, data sets, budgets, decisions and claims, and how one cell is run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gmbench.baselines import lacking
from gmbench.claims.claim import Claim
from gmbench.claims.metric import ERROR, Metric
from gmbench.contract import ContractError, Implementation
from gmbench.data import Data, data_on
from gmbench.data import load as load_data
from gmbench.experiments.settings import Setting, Space, Value
from gmbench.experiments.universes import Multiverse
from gmbench.names import choose
from gmbench.registry import fastest
from gmbench.runs.spec import VALIDATION

Spec = Mapping[str, Any]  # of a cell, as a file of it has it
Report = Callable[..., None]  # is told of the progress of a cell, as :class:`Experiment` says


@dataclass(frozen=True)
class Budget:
    """How much an experiment may spend.

    :param epochs: of every arm that ``arms`` does not name
    :param seeds: each a cell of every arm
    :param arms: the epochs of arms that are trained for another time than the others
    :param images: of the training data; None: all
    """

    epochs: int
    seeds: tuple[int, ...]
    arms: Mapping[str, int] = field(default_factory=dict)
    images: int | None = None

    def epochs_of(self, arm: str) -> int:
        """The epochs of an arm."""
        return self.arms.get(arm, self.epochs)


def budgets(quick: int, paper: int, seeds: Sequence[int], arms: Mapping[str, int] | None = None) -> dict[str, Budget]:
    """The budgets of an experiment: one epoch of its first seed, ``quick`` epochs of the first three, all of ``paper``.

    :param quick, paper: epochs
    :param seeds: of the paper's budget
    :param arms: epochs in the paper's budget of arms that are trained for another time
    """
    return {
        "smoke": Budget(1, tuple(seeds[:1])),
        "quick": Budget(quick, tuple(seeds[:3])),
        "paper": Budget(paper, tuple(seeds), arms or {}),
    }


REDUCED = Budget(10, tuple(range(6)), images=12800)  # what multiverses are trained at


def data_of(spec: Spec, normalised: bool = True) -> Data:
    """The data of a cell's spec, on its device: the part of the training images that it is for, and in the place of
    the test images those of its split.

    :param normalised: False: pixels are left in [0, 1]
    :raises ContractError: if it cannot be had, is another than the spec names, or has not so many images
    """
    whole = data_on(spec["device"], spec["data"], spec["digest"], normalised)
    return whole.part(spec.get("images"), spec.get("split") == VALIDATION)


@dataclass(frozen=True)
class Experiment:
    """Arms x data sets x seeds, at a budget; what a report has to know of them.

    :param name: as commands and specs have it
    :param version: goes up whenever a change makes old cells incomparable
    :param paper: the folder of :mod:`gmbench.experiments` that it stands in
    :param summary: in one line
    :param layer_type: of the arms' layers, where ``layer_types`` has no other
    :param arms: each arm's text
    :param baselines: the arms without the layer, which no implementation concerns
    :param headline: the arm that stands for the layer: what an outside implementation is compared by
    :param data_sets: the paper's first; any other of the right kind can be asked for
    :param default_data: of a run that names none: one that has not to be downloaded
    :param budgets: by name: ``smoke``, ``quick`` and ``paper``, on whose cells claims rest
    :param decisions: pairs of a topic that the paper leaves open and the choice made here
    :param cell: ``cell(spec, report)`` runs one cell and returns ``{"epochs": [...], "measures": {...}}``: one dict an
        epoch with ``epoch``, ``step``, ``test_error`` (in the unit of ``metric``), ``test_loss`` and ``train_loss``,
        the first before any training, and the numbers that the whole cell has one of; whatever else it returns is kept
        in the file. ``report(step=, steps=, epoch=, test_error=)`` tells of its progress; ``said=`` is the error in
        words if not in %
    :param claims: what the paper says of it
    :param layer_types: of arms whose layers are of another type
    :param preferred: implementations that come before the fastest, such as eager for tiny layers
    :param metric: what ``test_error`` is
    :param problems: where it does not train on data sets: the names that stand for one, and all that defines each, in
        words
    :param extras: of an arm: the optional extra that it cannot do without
    :param across: where cells keep lines: what they are over
    :param settings: what a cell varies
    :param multiverse: of what the paper leaves open
    :param measures: what its cells measure beside, of the whole or of every epoch: each a name and what it is, with its
        unit; a star in a name stands for a number. ``diverged`` and ``parameters`` are known
    :param spaces: of arms: where :mod:`gmbench.experiments.tuning` looks for their settings; its cells can be trained
        on a validation split then
    """

    name: str
    version: int
    paper: str
    summary: str
    layer_type: str
    arms: Mapping[str, str]
    baselines: tuple[str, ...]
    headline: str
    data_sets: tuple[str, ...]
    default_data: str
    budgets: Mapping[str, Budget]
    decisions: tuple[tuple[str, str], ...]
    cell: Callable[[Spec, Report], Mapping[str, Any]]
    claims: tuple[Claim, ...] = ()
    layer_types: Mapping[str, str] = field(default_factory=dict)
    preferred: tuple[str, ...] = ()
    metric: Metric = ERROR
    problems: Mapping[str, str] = field(default_factory=dict)
    extras: Mapping[str, str] = field(default_factory=dict)
    across: str = "x"
    settings: tuple[Setting, ...] = ()
    multiverse: Multiverse | None = None
    measures: Mapping[str, str] = field(default_factory=dict)
    spaces: Mapping[str, Space] = field(default_factory=dict)

    def known(self, arm: str) -> str:
        """The arm itself, or the headline, for which an arm from outside stands."""
        return arm if arm in self.arms else self.headline

    def settings_of(self, arm: str) -> dict[str, Setting]:
        """What an arm's cells vary, by name."""
        return {setting.name: setting for setting in self.settings if setting.concerns(self.known(arm))}

    def setting(self, name: str) -> Setting:
        """A setting of any arm.

        :raises ContractError: if there is none of that name, with the nearest one
        """
        if not self.settings:
            raise ContractError(f"{self.name} has no settings")
        return choose(f"setting of {self.name}", name, {setting.name: setting for setting in self.settings})

    def settled(self, arm: str, given: Mapping[str, Any]) -> dict[str, Value]:
        """The settings that differ from the arm's own, in the one form that a spec has.

        :raises ContractError: if there is no such setting, the arm has none of it, or a value is out of range
        """
        found = {}
        for name in sorted(given):
            setting = self.setting(name)
            if name not in self.settings_of(arm):
                raise ContractError(f"{name} does not concern the arm {arm} of {self.name}")
            value = setting.canonical(given[name])
            if value != setting.default_of(self.known(arm)):
                found[name] = value
        return found

    def values(self, spec: Spec) -> dict[str, Any]:
        """The value of every setting of a cell's arm."""
        arm = self.known(spec["arm"])
        own = {name: setting.default_of(arm) for name, setting in self.settings_of(arm).items()}
        return {**own, **(spec.get("settings") or {})}

    def accept(self, spec: Spec) -> None:
        """See to it that a cell's spec asks for nothing that this experiment does not know.

        :raises ContractError: if it does
        """
        given = spec.get("settings") or {}
        if self.settled(spec["arm"], given) != given:
            raise ContractError(f"the spec names settings that are those of the arm {spec['arm']} anyway")
        if spec.get("images") is not None:
            self.settled(spec["arm"], {"images": spec["images"]})
        if spec.get("split") and not self.spaces:
            raise ContractError(f"{self.name} has no validation split")

    def digest(self, data: str) -> str:
        """What a cell's spec has of its data: the digest of a data set, or of the words that define a problem.

        :raises ContractError: if there is no such data set or problem, or it cannot be had
        """
        if not self.problems:
            return load_data(data).digest
        return hashlib.sha256(choose("problem", data, self.problems).encode()).hexdigest()

    def same_problem(self, spec: Spec) -> None:
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
