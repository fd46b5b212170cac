"""What a user names on the command line, as the records that an experiment works with."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from gmbench import registry
from gmbench.contract import ContractError, Implementation, Initialisation
from gmbench.experiments.contract import Experiment
from gmbench.experiments.settings import Value
from gmbench.experiments.universes import Universe
from gmbench.processes.outside import declared

HIGHEST = 2**32 - 1  # a seed, as numpy takes it too
MOST = 10000  # seeds of one run


def arms(text: str) -> list[str]:
    """``a,b`` as names; whether the experiment has them, :func:`~gmbench.experiments.plan.cells` says."""
    return [name.strip() for name in text.split(",")]


def seeds(text: str) -> list[int]:
    """``0-4`` or ``0,2,5-7`` as numbers, in that order, each once.

    :raises ContractError: if it is neither, or they are too high or too many
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ContractError(f"seeds are written 0-4 or 0,2, not {text!r}")
        # before any number is made of them: a digit too many must not fill the memory
        if max(len(first), len(last)) > len(str(HIGHEST)) or max(int(first), int(last or 0)) > HIGHEST:
            raise ContractError(f"seeds go from 0 to {HIGHEST}, which {part.strip()[:40]!r} exceeds")
        numbers = range(int(first), int(last if dash else first) + 1)
        if len(numbers) > MOST:
            raise ContractError(f"{part.strip()!r} are {len(numbers)} seeds; {MOST} is the most in one run")
        found.update(dict.fromkeys(numbers))
    if not found:
        raise ContractError(f"there is no seed in {text!r}")
    return list(found)


def options(texts: Sequence[str], what: str = "an option of an engine") -> dict[str, str]:
    """``name=value`` each, as a dictionary.

    :param what: they are, in words
    :raises ContractError: if one is written otherwise
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ContractError(f"{what} is written NAME=VALUE, not {text!r}")
        found[name.strip()] = value.strip()
    return found


def variants(chosen: Experiment, given: Sequence[str], sweep: Sequence[str]) -> list[dict[str, Value]]:
    """Settings, ``name=value`` each, with every combination of those that are swept, ``name=a,b``.

    :raises ContractError: if there is no such setting, one is given twice, or a value is none of it
    """
    found: dict[str, list[Value]] = {}
    for texts, what in ((given, "a setting"), (sweep, "a sweep")):
        for text in texts:
            for name, values in options([text], what).items():
                if name in found:
                    raise ContractError(f"the setting {name} is given twice")
                parts = values.split(",") if what == "a sweep" else [values]
                found[name] = [chosen.setting(name).read(part) for part in parts]
    return [dict(zip(found, values, strict=True)) for values in itertools.product(*found.values())]


def universes(chosen: Experiment, text: str) -> tuple[list[Universe], list[str]]:
    """The universes of an experiment that a text means: ``all``, one by its name, or a part such as ``1/4``; and the
    arms that are trained in them.

    :raises ContractError: if there is none
    """
    if chosen.multiverse is None:
        raise ContractError(f"{chosen.name} has no universes")
    return [*chosen.multiverse.chosen(text).values()], [chosen.headline, *chosen.multiverse.against]


def implementation(text: str, layer_type: str) -> Implementation:
    """An implementation by its name, or the only one of that layer type in a file.

    :raises ContractError: if there is none, or a file has several
    """
    known = registry.load()
    if not text.endswith(".py"):
        return known.implementation(layer_type, text)
    # what computes another quantity is of that quantity's layer type
    found = [r for r in declared(text) if isinstance(r, Implementation) and r.layer_type == layer_type]
    return _only(found, "implementation", text, layer_type, known.implementations)


def initialisation(text: str, layer_type: str, file: str | None = None) -> Initialisation:
    """An initialisation by its name, also one that ``file`` declares, or the only one of that layer type in a file.

    :param layer_type: or that of another quantity of the same layers
    :raises ContractError: if there is none, or a file has several
    """
    known, layer_type = registry.load(), registry.value_of(layer_type)
    if text.endswith(".py"):
        found = [r for r in declared(text) if isinstance(r, Initialisation) and r.layer_type == layer_type]
        return _only(found, "initialisation", text, layer_type, known.initialisations)
    key = f"{layer_type}/{text}"
    if key not in known.initialisations and file and file.endswith(".py"):
        for record in declared(file):
            if isinstance(record, Initialisation) and record.key == key:
                return record
    return known.initialisation(layer_type, text)


def _only(found: Sequence[Any], what: str, file: str, layer_type: str, known: Mapping[str, Any]) -> Any:
    """The only record of a file, whose name is nobody else's."""
    if len(found) != 1:
        names = ", ".join(record.name for record in found) or "none"
        raise ContractError(f"{file}: needs one {what} of {layer_type}, and has {names}")
    owner = known.get(found[0].key)
    # $GMBENCH_IMPLEMENTATIONS may name the very same file
    if owner and os.path.realpath(owner.source) != os.path.realpath(file):
        raise ContractError(f"{file}: {registry.taken(owner.key, owner.source)}")
    return found[0]
