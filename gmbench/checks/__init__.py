"""Checks: plain functions of an implementation that return records.

``plan`` generates them from what the implementation declares; ``gmbench verify``, ``gmbench.check`` and
``pytest suites`` are front-ends of the same generator.
"""

from __future__ import annotations

from gmbench.checks.plan import plan
from gmbench.contract import MARK, ContractError, Implementation
from gmbench.names import nearest


def resolve(implementation) -> Implementation:
    """A record from a record, a decorated function, or a name.

    :raises ContractError: if it is none of these
    """
    if isinstance(implementation, Implementation):
        return implementation
    if isinstance(implementation, str):
        from gmbench import registry

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


def check(implementation, *, profile="ci", only=None, device="cpu"):
    """Run the checks of one implementation and return their records.

    :param implementation: a decorated function, an :class:`~gmbench.contract.Implementation`, or a name
    :param profile: ``smoke``, ``ci`` or ``deep``
    :param only: names of the checks to run, all where None
    :raises ContractError: for an unknown implementation, profile or check, or one that cannot run here
    """
    from gmbench import registry

    chosen = resolve(implementation)
    reason = registry.unavailable(chosen, device)
    if reason:
        raise ContractError(f"{chosen.key} cannot run here: {reason}")
    checks = list(plan(chosen, device))
    if only is not None:
        wanted = {only} if isinstance(only, str) else set(only)
        known = {c.name for c in checks}
        if wanted - known:
            name = sorted(wanted - known)[0]
            raise ContractError(f"unknown check {name!r}{nearest(name, known)}")
        checks = [c for c in checks if c.name in wanted]
    return [c(profile) for c in checks]
