"""The child that imports an outside file and checks it; started by :mod:`gmbench.checks.verify`.

It reads one JSON request from standard input and answers in JSON lines: ``{"event": "plan"}``, then ``begin`` and
``record`` for each check, and ``end``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from gmbench.processes.limits import answering, hide_references, limit


def main() -> None:
    """Check what the request names, one event a line."""
    answer = answering()

    def tell(event: str, **data: Any) -> None:
        answer({"event": event, **data})

    request = json.loads(sys.stdin.readline())
    limit(request["memory"])
    import torch

    torch.set_num_threads(request["threads"])
    from gmbench import registry
    from gmbench.checks.errors import reference_function
    from gmbench.checks.plan import named as of_names
    from gmbench.checks.plan import plan, replay
    from gmbench.contract import ContractError

    for name in registry.layer_types():  # the checks use what nobody can import from here on
        for ball in (False, True):
            reference_function(name, ball)
    hide_references()
    from gmbench.checks import settings

    before = settings.global_settings()
    try:
        found = registry.load(files=request["files"])
        changed = settings.changed_settings(before)
        if changed:
            raise ContractError(f"importing {', '.join(request['files'])} changes {', '.join(changed)}")
        if request["files"]:
            chosen = [i for i in found.implementations.values() if i.source in request["files"]]
            for broken in found.broken:
                if broken.source in request["files"]:
                    raise ContractError(broken.reason)
            if request["name"]:
                chosen = [i for i in chosen if request["name"] in (i.key, i.name, i.layer_type)]
        else:
            chosen = found.select(request["name"])
    except ContractError as error:
        tell("refused", reason=str(error))
        return
    from gmbench.checks.profiles import profile as named

    profile = named(request["profile"])
    planned, reasons = [], {}
    for implementation in chosen:
        reason = registry.unavailable(implementation, request["device"])
        if reason:
            reasons[implementation.key] = reason
            continue
        checks = list(plan(implementation, request["device"]))
        try:
            if request["case"]:
                checks = replay(checks, request["case"])
            if request["only"]:
                checks = of_names(checks, request["only"])
        except ContractError as error:
            tell("refused", reason=str(error))
            return
        planned.append((implementation, checks))
    tell(
        "plan",
        unavailable=reasons,
        implementations=[i.as_dict() | {"checks": [check.key for check in checks]} for i, checks in planned],
    )
    for _, checks in planned:
        for check in checks:
            tell("begin", check=check.key)
            record = check(profile)
            tell("record", record=record.as_dict())
            if not record.ok and not request["keep_going"]:
                tell("end", stopped=True)
                return
    tell("end", stopped=False)


if __name__ == "__main__":
    main()
