"""Which checks an implementation gets, from what it declares."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gmbench.contract import ContractError, Implementation
from gmbench.registry import layer_type


@dataclass(frozen=True)
class Check:
    """One check of one implementation in one dtype on one device; call it with a profile for its record."""

    implementation: Implementation
    name: str
    dtype: str
    device: str
    run: Callable

    @property
    def key(self) -> str:
        """How reports and test ids name it."""
        return f"{self.implementation.key}-{self.dtype}-{self.device}-{self.name}"

    def __call__(self, profile="ci"):
        from gmbench.checks.profiles import profile as named

        started = time.monotonic()
        with np.errstate(all="ignore"):  # whatever an implementation has set
            record = self.run(profile=named(profile))
        return replace(record, seconds=round(time.monotonic() - started, 3))


BEHAVIOUR = (
    "shapes",
    "inputs-unchanged",
    "deterministic",
    "no-state",
    "batch-split",
    "no-grad",
    "partial-gradients",
    "transforms",
    "global-state",
    "runs-compiled",
    "layouts",  # takes as long as all the others
)


def titles(implementation: Implementation, dtype: str) -> list[str]:
    """Names of the checks that apply to an implementation in a dtype, the cheap and telling ones first; no torch."""
    from gmbench import registry

    kind = registry.layer_type(implementation.layer_type)
    gradients = [f"gradient-{name}" for name in ("x", *kind.names)] if implementation.derivatives else []
    second = ["second-derivatives"] if implementation.derivatives >= 2 and dtype in ("float32", "float64") else []
    return ["form", "value", *gradients, "limits", "large", *kind.properties, *second, *BEHAVIOUR]


def plan(implementation: Implementation, device: str = "cpu") -> Iterator[Check]:
    """The checks that apply to an implementation on a device."""
    from gmbench import registry
    from gmbench.checks import accuracy

    kind = registry.layer_type(implementation.layer_type)
    if implementation.compiled:
        import torch

        torch._dynamo.config.recompile_limit = 64  # a check meets more shapes and modes than training does
    for dtype in implementation.dtypes:
        for title in titles(implementation, dtype):
            if title == "value" or title.startswith("gradient-"):
                function = functools.partial(accuracy.quantity, title.removeprefix("gradient-"))
            elif title in kind.properties:
                function = functools.partial(accuracy.relation, title)
            elif title in ("limits", "large", "second-derivatives"):
                function = getattr(accuracy, title.replace("-", "_"))
            else:
                function = functools.partial(_behaviour, title)
            common = {"implementation": implementation, "dtype": dtype, "device": device}
            yield Check(**common, name=title, run=functools.partial(function, **common))


def _behaviour(name, implementation, dtype, device, profile):
    """The record of one check of behaviour."""
    from gmbench.checks import behaviour, records

    record = records.Record(implementation.key, name, dtype, device)
    missing = {
        "transforms": "" if implementation.transforms else "claims no torch.func transforms",
        "partial-gradients": "" if implementation.derivatives else "claims no derivatives",
        "runs-compiled": "" if implementation.compiled else "is not compiled",
    }.get(name)
    if missing:
        return replace(record, status=records.UNSUPPORTED, message=missing)
    faults = []
    try:
        for fault in behaviour.CHECKS[name](behaviour.Subject(implementation, dtype, device)):
            faults.append(fault)
            if len(faults) == 3:
                break
    except Exception as error:
        faults.append(f"raised {type(error).__name__}: {' '.join(str(error).split())[:300]}")
    return replace(record, status=records.FAILED, message="; ".join(faults)) if faults else record


def replay(checks: list[Check], text: str) -> list[Check]:
    """The accuracy checks among these, on one given case alone (the text that a failure printed).

    :raises ContractError: if the text is no case, or of another layer type
    """
    from gmbench.checks import accuracy
    from gmbench.checks.cases import parse

    case = parse(text)
    kept = []
    for c in checks:
        if c.implementation.layer_type != case.layer_type:
            continue
        title, common = c.name, {"implementation": c.implementation, "dtype": c.dtype, "device": c.device}
        if title == "value" or title.startswith("gradient-"):
            function = functools.partial(accuracy.quantity, title.removeprefix("gradient-"))
        elif title in layer_type(case.layer_type).properties:
            function = functools.partial(accuracy.relation, title)
        else:
            continue
        kept.append(replace(c, run=functools.partial(function, **common, case=case)))
    if not kept:
        raise ContractError(f"the case is of the layer type {case.layer_type}, which nothing here implements")
    return kept
