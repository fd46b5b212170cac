"""Which checks an implementation gets, from what it declares."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gmbench.checks import profiles
from gmbench.checks.profiles import Profile
from gmbench.checks.records import FAILED, UNSUPPORTED, Record
from gmbench.contract import ContractError, Implementation
from gmbench.names import one_of
from gmbench.registry import layer_type


@dataclass(frozen=True)
class Check:
    """One check of one implementation in one dtype on one device; call it with a profile for its record.

    ``run(profile=...)`` makes the record.
    """

    implementation: Implementation
    name: str
    dtype: str
    device: str
    run: Callable[..., Record]

    @property
    def key(self) -> str:
        """How reports and test ids name it."""
        return f"{self.implementation.key}-{self.dtype}-{self.device}-{self.name}"

    def __call__(self, profile: str | Profile = "ci") -> Record:
        """The record, with the seconds that the check took.

        :raises ContractError: if there is no such profile
        """
        chosen, started = profiles.profile(profile), time.monotonic()
        with np.errstate(all="ignore"):  # whatever an implementation has set
            record = self.run(profile=chosen)
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
    kind = layer_type(implementation.layer_type)
    gradients = [f"gradient-{name}" for name in ("x", *kind.names)] if implementation.derivatives else []
    second = ["second-derivatives"] if implementation.derivatives >= 2 and dtype in ("float32", "float64") else []
    return ["form", "value", *gradients, "limits", "large", *kind.properties, *second, *BEHAVIOUR]


def plan(implementation: Implementation, device: str = "cpu") -> Iterator[Check]:
    """The checks that apply to an implementation on a device."""
    from gmbench.checks import accuracy

    if implementation.compiled:
        import torch

        torch._dynamo.config.recompile_limit = 64  # a check meets more shapes and modes than training does
    on_inputs = {"limits": accuracy.limits, "large": accuracy.large, "second-derivatives": accuracy.second_derivatives}
    for dtype in implementation.dtypes:
        for title in titles(implementation, dtype):
            function = on_inputs.get(title) or _on_cases(implementation, title)
            function = function or functools.partial(_behaviour, title)
            run = functools.partial(function, implementation, dtype, device)
            yield Check(implementation, title, dtype, device, run)


def _on_cases(implementation: Implementation, title: str) -> Callable[..., Record] | None:
    """The check of that name, if it is one that judges case after case, and can judge a single one."""
    from gmbench.checks import accuracy

    if title == "value" or title.startswith("gradient-"):
        return functools.partial(accuracy.quantity, title.removeprefix("gradient-"))
    if title in layer_type(implementation.layer_type).properties:
        return functools.partial(accuracy.relation, title)
    return None


def named(checks: Iterable[Check], names: Collection[str]) -> list[Check]:
    """The checks of these names.

    :raises ContractError: if there is no check of a name, with the nearest one
    """
    checks = list(checks)
    for name in names:
        one_of("check", name, {check.name for check in checks})
    return [check for check in checks if check.name in names]


def _behaviour(name: str, implementation: Implementation, dtype: str, device: str, profile: Profile) -> Record:
    """The record of one check of behaviour, which is the same in every profile."""
    from gmbench.checks import behaviour

    record = Record(implementation.key, name, dtype, device)
    missing = {
        "transforms": "" if implementation.transforms else "claims no torch.func transforms",
        "partial-gradients": "" if implementation.derivatives else "claims no derivatives",
        "runs-compiled": "" if implementation.compiled else "is not compiled",
    }.get(name)
    if missing:
        return replace(record, status=UNSUPPORTED, message=missing)
    faults = []
    try:
        for fault in behaviour.CHECKS[name](behaviour.Probe(implementation, dtype, device)):
            faults.append(fault)
            if len(faults) == 3:
                break
    except Exception as error:
        faults.append(f"raised {type(error).__name__}: {' '.join(str(error).split())[:300]}")
    return replace(record, status=FAILED, message="; ".join(faults)) if faults else record


def replay(checks: Iterable[Check], text: str) -> list[Check]:
    """The accuracy checks among these, on one given case alone (the text that a failure printed).

    :raises ContractError: if the text is no case, or of another layer type
    """
    from gmbench.checks.cases import parse

    case, kept = parse(text), []
    for check in checks:
        function = _on_cases(check.implementation, check.name)
        if function and check.implementation.layer_type == case.layer_type:
            given = check.implementation, check.dtype, check.device
            kept.append(replace(check, run=functools.partial(function, *given, case=case)))
    if not kept:
        raise ContractError(f"the case is of the layer type {case.layer_type}, which nothing here implements")
    return kept
