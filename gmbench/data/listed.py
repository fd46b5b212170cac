"""Which data sets there are: those that the files of this folder declare."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from gmbench.data.contract import DataSet
from gmbench.names import choose


@functools.cache
def data_sets() -> dict[str, DataSet]:
    """Every declared data set, by name."""
    found = {}
    for item in pkgutil.iter_modules(importlib.import_module(__package__).__path__):
        declared = getattr(importlib.import_module(f"{__package__}.{item.name}"), "DATA_SET", None)
        if declared is not None:
            found[declared.name] = declared
    return found


def data_set(name: str) -> DataSet:
    """The data set of that name.

    :raises ContractError: if there is none, with the nearest name
    """
    return choose("data set", name, data_sets())
