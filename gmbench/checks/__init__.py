"""Checks: plain functions of an implementation that return records.

:func:`~gmbench.checks.plan.plan` makes them from what the implementation declares; ``gmbench verify``,
:func:`gmbench.check` and ``pytest suites`` are front-ends of the same generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gmbench import registry
from gmbench.checks import plan
from gmbench.checks.records import Record
from gmbench.contract import MARK, ContractError, Implementation

__all__ = ["check", "resolve"]


def resolve(implementation: str | Callable[..., Any] | Implementation) -> Implementation:
    """A record from a record, a decorated function, or a name.

    :raises ContractError: if it is none of these, or means several
    """
    if isinstance(implementation, Implementation):
        return implementation
    if isinstance(implementation, str):
        found = registry.load().select(implementation)
        if len(found) > 1:
            names = ", ".join(record.key for record in found)
            raise ContractError(f"{implementation!r} means several implementations: {names}")
        return found[0]
    marked = [r for r in getattr(implementation, MARK, ()) if isinstance(r, Implementation)]
    if len(marked) != 1:
        raise ContractError(
            f"{implementation!r} is not an implementation; decorate it with @gmbench.implementation"
            if not marked
            else f"{implementation!r} is registered {len(marked)} times; pass one of its records"
        )
    return marked[0]


def check(
    implementation: str | Callable[..., Any] | Implementation,
    *,
    profile: str = "ci",
    only: str | Iterable[str] | None = None,
    device: str = "cpu",
) -> list[Record]:
    """What :func:`gmbench.check` does."""
    chosen = resolve(implementation)
    reason = registry.unavailable(chosen, device)
    if reason:
        raise ContractError(f"{chosen.key} cannot run here: {reason}")
    checks = list(plan.plan(chosen, device))
    if only is not None:
        checks = plan.named(checks, [only] if isinstance(only, str) else list(only))
    return [each(profile) for each in checks]
