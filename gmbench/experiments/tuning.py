"""Tuning: as many quasi-random trials for every arm, chosen by a validation split."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gmbench.contract import ContractError, Implementation, Initialisation
from gmbench.experiments.contract import Experiment
from gmbench.experiments.plan import cells
from gmbench.experiments.settings import Range, Setting, Space, Value
from gmbench.runs.spec import VALIDATION

DIGITS = 3  # that a number of a trial has, so that a table can show it whole


def space_of(chosen: Experiment, arm: str) -> Space:
    """Where an arm's settings are looked for; for an arm from outside, where the headline's are.

    :raises ContractError: if the experiment has no such space
    """
    if not chosen.spaces:
        raise ContractError(f"{chosen.name} says nowhere to look for settings, so it cannot be tuned")
    if chosen.known(arm) not in chosen.spaces:
        raise ContractError(
            f"{chosen.name} says nowhere to look for settings of {arm}; it does of {', '.join(chosen.spaces)}"
        )
    return chosen.spaces[chosen.known(arm)]


def trials(space: Space, settings: Mapping[str, Setting], number: int, seed: int) -> list[dict[str, Value]]:
    """The settings of the trials: the first points of a scrambled Sobol sequence (``scipy.stats.qmc``), so that more
    trials go on where fewer ended.

    :param settings: what is varied, by name
    """
    from scipy.stats import qmc

    names = sorted(space)
    sequence = qmc.Sobol(len(names), scramble=True, rng=np.random.default_rng(seed))
    points = sequence.random_base2(max(0, number - 1).bit_length())[:number]
    return [
        {name: _value(space[name], settings[name], share) for name, share in zip(names, point.tolist(), strict=True)}
        for point in points
    ]


def _value(where: Range | tuple[Value, ...], setting: Setting, share: float) -> Value:
    if isinstance(where, Range):
        value = where.at(share)
        return setting.canonical(round(value) if setting.kind == "int" else float(f"{value:.{DIGITS}g}"))
    return setting.canonical(where[min(int(share * len(where)), len(where) - 1)])


def trial_cells(
    chosen: Experiment,
    data: str,
    budget: str,
    arms: Sequence[str] | None,
    number: int,
    seed: int,
    implementation: Implementation | None = None,
    initialisation: Initialisation | None = None,
    device: str = "cpu",
) -> list[dict[str, Any]]:
    """The specs of the trials, the first of every arm first; on the validation split, with one seed.

    :param arms: default: all that the experiment has a space for, and whose extras are installed
    :param number: of trials of each arm
    :param seed: of the sequence, and of every training
    :param initialisation: makes one more arm, called by its name
    :raises ContractError: if one of them has no space, or as :func:`~gmbench.experiments.plan.cells`
    """
    space_of(chosen, chosen.headline if arms is None else (arms or [chosen.headline])[0])
    names = [arm for arm in chosen.spaces if not chosen.absent(arm)] if arms is None else list(dict.fromkeys(arms))
    digest = None
    of_arms = []
    for arm in [*names, *([None] if initialisation else [])]:
        known = chosen.headline if arm is None else arm
        tried = trials(space_of(chosen, known), chosen.settings_of(known), number, seed)
        layer = implementation if known not in chosen.baselines else None
        made = cells(
            *(chosen, data, digest, budget, [] if arm is None else [arm], [seed], layer),
            device=device,
            variants=tried,
            split=VALIDATION,
            initialisation=initialisation if arm is None else None,
        )
        digest = made[0]["digest"]
        of_arms.append(made)
    return [spec for several in itertools.zip_longest(*of_arms) for spec in several if spec]


def final_cells(
    chosen: Experiment, best: Sequence[Mapping[str, Any]], seeds: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """The specs of the trials that were chosen, on the test data and with all seeds, the first of every arm first.

    :param best: the spec of one trial an arm
    :param seeds: default: the budget's
    """
    found = []
    for spec in best:
        numbers = chosen.budgets[spec["budget"]].seeds if seeds is None else seeds
        plain = {name: value for name, value in spec.items() if name != "split"}
        found.append([{**plain, "seed": number} for number in numbers])
    return [spec for several in zip(*found, strict=True) for spec in several]
