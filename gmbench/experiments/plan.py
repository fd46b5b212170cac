"""Which cells one run has: the specs of arms x seeds."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gmbench.contract import ContractError, Implementation, Initialisation
from gmbench.experiments.contract import Experiment
from gmbench.names import choose
from gmbench.registry import unavailable
from gmbench.runs.carry import pack
from gmbench.runs.spec import SPARSE


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
    variants: Sequence[Mapping[str, Any]] = ({},),
    split: str | None = None,
    only_own: bool = False,
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
    :param variants: settings; of each all arms, those that come out alike once
    :param split: ``"validation"``: the test data is not seen
    :param only_own: of a variant, an arm takes the settings that concern it, and leaves the others
    :raises ContractError: if there is no such budget, arm or setting, or the implementation cannot be trained here
    """
    spending = choose("budget", budget, chosen.budgets)
    names = list(dict.fromkeys(chosen.arms if arms is None else arms))
    for name in names:
        choose("arm", name, chosen.arms)
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
    rows: list[tuple[str, Implementation, dict[str, str] | None]]
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
    variations: list[tuple[str, Implementation, dict[str, str] | None, dict[str, Any]]] = []
    for variant, (arm, record, start) in itertools.product(variants, rows):
        own = {name: value for name, value in variant.items() if not only_own or name in chosen.settings_of(arm)}
        settled = chosen.settled(arm, {name: value for name, value in own.items() if value is not None})
        usually = {"epochs": spending.epochs_of(arm), "images": spending.images}
        varied = {name: value for name, value in settled.items() if usually.get(name) != value}
        if (arm, record, start, varied) not in variations:
            variations.append((arm, record, start, varied))
    if digest is None:
        digest = chosen.digest(data)
    found = [
        {
            "experiment": chosen.name,
            "version": chosen.version,
            "data": data,
            "digest": digest,
            "budget": budget,
            "epochs": varied.get("epochs", spending.epochs_of(arm)),
            "arm": arm,
            "seed": seed,
            "device": device,
            "implementation": None if arm in chosen.baselines else parts[record.key],
            "initialisation": start,
            "settings": varied or None,
            "split": split,
            "images": varied.get("images", spending.images),
        }
        for seed, (arm, record, start, varied) in itertools.product(numbers, variations)
    ]
    return [{name: value for name, value in spec.items() if name not in SPARSE or value is not None} for spec in found]


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
