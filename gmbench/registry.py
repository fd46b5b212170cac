"""Where layer types and implementations come from: built in, an installed package, a file, a module.

Nothing is registered globally. A :class:`Registry` is built by looking through modules for the records that
the decorators of :mod:`gmbench.declare` left on functions. What cannot be imported stays listed, with the reason.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import os
import pkgutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

from gmbench.contract import MARK, ContractError, Implementation, Initialisation, LayerType
from gmbench.names import choose, nearest

ENTRY_POINTS = "gmbench.implementations"
VARIABLE = "GMBENCH_IMPLEMENTATIONS"
_LOG = logging.getLogger("gmbench")

Record = TypeVar("Record", Implementation, Initialisation)


class Named(Protocol):
    """What is found by its name."""

    @property
    def name(self) -> str: ...


Thing = TypeVar("Thing", bound=Named)


@dataclass(frozen=True)
class Broken:
    """A source that could not be loaded, or something of it that could not be taken."""

    source: str
    reason: str


def modules(package: str, called: str | None = None) -> list[ModuleType | Broken]:
    """The modules of a package, of any depth, or why one cannot be imported; names that begin with ``_`` are helpers.

    :param called: only those of this name, and no other is imported
    """
    found: list[ModuleType | Broken] = []

    def fail(name: str) -> None:
        error = sys.exception()
        assert error is not None
        found.append(Broken("built in", f"{name}: cannot be imported ({one_line(error)})"))

    for item in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.", fail):
        stem = item.name.rpartition(".")[2]
        if item.ispkg or stem.startswith("_") or called not in (None, stem):
            continue
        try:
            found.append(importlib.import_module(item.name))
        except Exception:
            fail(item.name)
    return found


def declared(package: str, attribute: str, kind: type[Thing]) -> dict[str, Thing]:
    """What the modules of a package declare as such an attribute, by name.

    What cannot be taken is left out, with one line on the log, which by default is standard error.
    """
    table: dict[str, Thing] = {}
    owners: dict[str, str] = {}
    for module in modules(package):
        if isinstance(module, Broken):
            _LOG.warning("broken: %s", module.reason)
        elif hasattr(module, attribute):
            thing = getattr(module, attribute)
            if not isinstance(thing, kind):
                _LOG.warning("broken: %s: its %s is no %s", module.__name__, attribute, kind.__name__)
            elif thing.name in table:
                _LOG.warning("broken: %s: %s", module.__name__, taken(thing.name, owners[thing.name]))
            else:
                table[thing.name], owners[thing.name] = thing, module.__name__
    return table


def taken(name: str, owner: str) -> str:
    """That a name has an owner, in words."""
    return f"the name {name!r} is taken ({owner}); give yours another name"


@functools.cache
def _contracts() -> dict[str, tuple[LayerType, Path]]:
    """Every layer type, and the folder of its ``contract.py``."""
    found: dict[str, tuple[LayerType, Path]] = {}
    for module in modules("gmbench.layers", "contract"):
        if isinstance(module, Broken):
            continue  # load() lists it
        folder = Path(str(module.__file__)).parent
        for kind in vars(module).values():
            if isinstance(kind, LayerType) and found.setdefault(kind.name, (kind, folder))[0] is not kind:
                _LOG.warning("broken: %s: %s", module.__name__, taken(kind.name, str(found[kind.name][1])))
    return found


def layer_types() -> dict[str, LayerType]:
    """Every layer type by its name, found in the files ``contract.py`` of the folders of layers; loads no torch."""
    return {name: kind for name, (kind, _) in _contracts().items()}


def layer_type(name: str) -> LayerType:
    """The layer type of that name.

    :raises ContractError: if there is none, with the nearest name
    """
    return choose("layer type", name, layer_types())


def folder_of(name: str) -> Path:
    """The folder of a layer type: where its ``contract.py`` is.

    :raises ContractError: if there is no such layer type
    """
    return choose("layer type", name, _contracts())[1]


def value_of(name: str) -> str:
    """The layer type whose layers a layer type is about: that of the value, where it is of another quantity."""
    return next((kind.name for kind in layer_types().values() if name in kind.quantities.values()), name)


@dataclass(frozen=True)
class Registry:
    """All that was found: implementations and initialisations by key, and what was broken."""

    implementations: dict[str, Implementation]
    initialisations: dict[str, Initialisation]
    broken: tuple[Broken, ...]

    def select(self, name: str) -> list[Implementation]:
        """Implementations that a name means: ``gm/eager``, all of ``gm``, or every one called ``eager``.

        :raises ContractError: if there is none
        """
        chosen = [i for i in self.implementations.values() if name in (i.key, i.layer_type, i.name)]
        if not chosen:
            known = {*self.implementations, *layer_types(), *(i.name for i in self.implementations.values())}
            raise ContractError(f"no implementation is called {name!r}{nearest(name, known)}")
        return chosen

    def implementation(self, layer_type: str, name: str) -> Implementation:
        """The one implementation of this layer type with this name.

        :raises ContractError: if there is none
        """
        return _one(self.implementations, "implementation", layer_type, name)

    def initialisation(self, layer_type: str, name: str) -> Initialisation:
        """The one initialisation of this layer type with this name.

        :raises ContractError: if there is none
        """
        return _one(self.initialisations, "initialisation", layer_type, name)


def _one(table: dict[str, Record], what: str, layer_type: str, name: str) -> Record:
    own = {record.name: record for record in table.values() if record.layer_type == layer_type}
    return table[name] if name in table else choose(f"{layer_type} {what}", name, own)


def unavailable(implementation: Implementation, device: str = "cpu") -> str | None:
    """Why an implementation cannot run here on this device, or None if it can."""
    if device not in implementation.devices:
        return f"does not run on {device}"
    needs = (device, *implementation.requires) if device == "cuda" else implementation.requires
    return next(filter(None, map(_missing, needs)), None)


@functools.cache
def _missing(need: str) -> str | None:
    if need == "cuda":
        import torch

        return None if torch.cuda.is_available() else "no CUDA device here"
    if need == "compiler":
        return _no_compiler()
    try:
        return None if importlib.util.find_spec(need) else f"the module {need} is not installed"
    except (ImportError, ValueError):
        return f"the module {need} is not installed"


def _no_compiler() -> str | None:
    """Why torch.compile has no C++ compiler to call; it has no fallback."""
    usual = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if sys.platform != "win32" and _runs(usual):  # inductor's own first choice: to import inductor takes seconds
        return None
    try:
        from torch._inductor.cpp_builder import get_cpp_compiler

        compiler = get_cpp_compiler()
    except Exception as error:
        return f"torch.compile finds no C++ compiler ({type(error).__name__})"
    return None if _runs(compiler) else f"the C++ compiler {compiler} does not run"


def _runs(compiler: str) -> bool:
    import subprocess

    try:
        subprocess.run([compiler, "--version"], capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def records(module: ModuleType, source: str) -> list[Implementation | Initialisation]:
    """The records that were declared in a module itself (not those that it imported), in order."""
    found = []
    for value in vars(module).values():
        marked = getattr(value, MARK, ()) if not isinstance(value, type) else ()
        if not isinstance(marked, tuple):
            continue
        for record in marked:
            if isinstance(record, Implementation | Initialisation) and record.module == module.__name__:
                found.append(replace(record, source=source))
    return found


def load_file(path: str | os.PathLike) -> ModuleType:
    """Import a Python file by its path, under a name of its own.

    :raises ContractError: if it is not there, or cannot be imported
    """
    path = Path(os.path.expanduser(path)).resolve()
    if not path.is_file():
        raise ContractError(f"{path}: there is no such file")
    if path.suffix != ".py":
        raise ContractError(f"{path}: not a Python file")
    name = f"gmbench_outside_{path.stem}_{abs(hash(str(path))):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ContractError as error:
        del sys.modules[name]
        raise ContractError(f"{path}: {error}") from None
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ContractError(f"{path}: cannot be imported ({one_line(error)})") from error
    return module


def one_line(error: BaseException) -> str:
    """Its type and text."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _built_in() -> Iterable[tuple[str, ModuleType | Broken]]:
    for module in modules("gmbench.layers"):
        yield "built in", module


def _entry_points() -> Iterable[tuple[str, ModuleType | Broken]]:
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS):
        source = f"package {point.dist.name if point.dist else point.name}"
        try:
            yield source, importlib.import_module(point.module)
        except Exception as error:
            yield source, Broken(source, f"{point.value}: cannot be imported ({one_line(error)})")


def _files(paths: Iterable[str | os.PathLike]) -> Iterable[tuple[str, ModuleType | Broken]]:
    for path in paths:
        try:
            yield str(path), load_file(path)
        except ContractError as error:
            yield str(path), Broken(str(path), str(error))


def outside_files() -> list[str]:
    """The files that ``$GMBENCH_IMPLEMENTATIONS`` names, separated like ``$PATH``."""
    return [path for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]


def load(files: Iterable[str | os.PathLike] = (), modules: Iterable[ModuleType] = ()) -> Registry:
    """Everything that is built in, installed, in ``files``, in ``$GMBENCH_IMPLEMENTATIONS`` and in ``modules``.

    A name that is taken keeps its first owner; the later one is listed as broken.
    """
    implementations: dict[str, Implementation] = {}
    initialisations: dict[str, Initialisation] = {}
    broken: list[Broken] = []
    every = dict.fromkeys([*map(str, files), *outside_files()])
    sources = [*_built_in(), *_entry_points(), *_files(every), *((m.__name__, m) for m in modules)]
    for source, module in sources:
        if isinstance(module, Broken):
            broken.append(module)
            continue
        for record in records(module, source):
            table: dict[str, Any] = implementations if isinstance(record, Implementation) else initialisations
            if record.key in table:
                broken.append(Broken(source, taken(record.key, table[record.key].source)))
            else:
                table[record.key] = record
    return Registry(implementations, initialisations, tuple(broken))


def fastest(layer_type: str, device: str = "cpu", preferred: Iterable[str] = ()) -> Implementation:
    """The layer type's fastest implementation that runs here.

    :param preferred: names that come before the fastest
    :raises ContractError: if none does
    """
    known, reasons = load(), []
    for name in (*preferred, *layer_types()[layer_type].fastest):
        record = known.implementation(layer_type, name)
        reason = unavailable(record, device)
        if not reason:
            return record
        reasons.append(f"{name}: {reason}")
    raise ContractError(f"no implementation of {layer_type} can be trained here ({', '.join(reasons)})")
