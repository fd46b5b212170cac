"""Which data sets there are: those that the files of this folder declare."""

from __future__ import annotations

import functools

from gmbench import registry
from gmbench.data.contract import DataSet
from gmbench.names import choose


@functools.cache
def data_sets() -> dict[str, DataSet]:
    """Every declared data set, by name."""
    return registry.declared("gmbench.data", "DATA_SET", DataSet)


def data_set(name: str) -> DataSet:
    """The data set of that name.

    :raises ContractError: if there is none, with the nearest name
    """
    return choose("data set", name, data_sets())
