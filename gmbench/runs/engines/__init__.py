"""Engines: a file each, which declares one as ``ENGINE`` and is imported only when it is chosen."""

from __future__ import annotations

import importlib
import pkgutil

from gmbench.contract import ContractError
from gmbench.names import one_of
from gmbench.registry import one_line
from gmbench.runs.engine import Engine


def engines() -> list[str]:
    """The names of all engines, ``local`` first: those of the files, but for ``_helpers.py``."""
    names = (item.name for item in pkgutil.iter_modules(__path__) if not item.name.startswith("_"))
    return sorted(names, key=lambda name: (name != "local", name))


def engine(name: str) -> type[Engine]:
    """The engine of that name.

    :raises ContractError: in one line, if there is none, a package that it needs is not installed, its file cannot be
        imported, or declares no engine
    """
    one_of("engine", name, engines())
    try:
        found = getattr(importlib.import_module(f"{__name__}.{name}"), "ENGINE", None)
    except Exception as error:
        needed = error.name if isinstance(error, ModuleNotFoundError) else None
        if needed and needed.partition(".")[0] != "gmbench":
            raise ContractError(
                f"--engine {name} needs {needed}, which is not installed: pip install 'gmbench[{name}]'"
            ) from None
        raise ContractError(f"--engine {name}: its file cannot be imported ({one_line(error)})") from None
    if not (isinstance(found, type) and issubclass(found, Engine)):
        raise ContractError(f"--engine {name}: its file declares no ENGINE, a subclass of gmbench.runs.engine.Engine")
    return found
