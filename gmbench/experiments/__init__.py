"""Experiments: a folder a paper, and in it a file an experiment, which declares it as ``EXPERIMENT``."""

from __future__ import annotations

import functools

from gmbench import registry
from gmbench.claims.headline import Headline
from gmbench.experiments.contract import Experiment
from gmbench.names import choose


@functools.cache
def experiments() -> dict[str, Experiment]:
    """Every experiment, by name."""
    return dict(sorted(registry.declared(__name__, "EXPERIMENT", Experiment).items()))


@functools.cache
def headlines() -> dict[str, tuple[Headline, ...]]:
    """The main statements of each paper that declares them, in a file ``headlines`` beside its claims."""
    found = registry.modules(__name__, "headlines")
    return {each.__name__.split(".")[-2]: each.HEADLINES for each in found if not isinstance(each, registry.Broken)}


def experiment(name: str) -> Experiment:
    """The experiment of that name.

    :raises ContractError: if there is none, with the nearest name
    """
    return choose("experiment", name, experiments())
