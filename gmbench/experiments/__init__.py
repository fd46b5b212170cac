"""Experiments: a folder a paper, and in it a file an experiment, which declares it as ``EXPERIMENT``."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from gmbench.experiments.contract import Experiment
from gmbench.names import choose


@functools.cache
def experiments() -> dict[str, Experiment]:
    """Every experiment, by name."""
    found = {}
    for item in pkgutil.walk_packages(__path__, f"{__name__}."):
        if not item.ispkg:
            declared = getattr(importlib.import_module(item.name), "EXPERIMENT", None)
            if declared is not None:
                found[declared.name] = declared
    return dict(sorted(found.items()))


def experiment(name: str) -> Experiment:
    """The experiment of that name.

    :raises ContractError: if there is none, with the nearest name
    """
    return choose("experiment", name, experiments())
