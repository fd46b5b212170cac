"""Engines: a file each, which declares one as ``ENGINE`` and is imported only when it is chosen."""

from __future__ import annotations

import importlib
import pkgutil

from gmbench.contract import ContractError
from gmbench.names import one_of
from gmbench.runs.engine import Engine


def engines() -> list[str]:
    """The names of all engines, ``local`` first."""
    return sorted((item.name for item in pkgutil.iter_modules(__path__)), key=lambda name: (name != "local", name))


def engine(name: str) -> type[Engine]:
    """The engine of that name.

    :raises ContractError: if there is none, or the package that it needs is not installed
    """
    one_of("engine", name, engines())
    try:
        return importlib.import_module(f"{__name__}.{name}").ENGINE
    except ImportError as error:
        raise ContractError(
            f"--engine {name} needs {error.name or name}, which is not installed: pip install 'gmbench[{name}]'"
        ) from None
