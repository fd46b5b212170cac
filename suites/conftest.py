"""Options of ``pytest suites``: which implementations, how hard, on which device."""

import os

import pytest
import torch

from gmbench import registry
from gmbench.checks.plan import plan
from gmbench.contract import ContractError
from gmbench.suites import expected

# what compiles anew for each of many shapes or layouts; of slow formulas, what asks for hundreds of results
COSTLY = ("form", "layouts", "limits", "large", "partial-gradients", "inputs-unchanged")


def pytest_addoption(parser):
    group = parser.getgroup("gmbench")
    group.addoption(
        "--implementation",
        action="append",
        default=[],
        metavar="FILE|NAME",
        help="check this file or this registered name only (repeatable; default: all that are registered)",
    )
    group.addoption("--profile", default="ci", choices=["smoke", "ci", "deep"], help="how hard to look")
    group.addoption(
        "--short",
        action="store_true",
        help="all but the formulas, called eager, in their first dtype alone, and of what is compiled the checks that "
        "compile for few shapes, for a run that has to be short",
    )
    group.addoption("--device", default="cpu", choices=["cpu", "cuda"])


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): tests that one worker runs")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))  # small tensors: more threads only spin


def pytest_generate_tests(metafunc):
    if "planned" not in metafunc.fixturenames:
        return
    config = metafunc.config
    given = config.getoption("--implementation")
    files = [name for name in given if name.endswith(".py")]
    try:
        found = registry.load(files=files)
        outside = set(files) | {str(f) for f in files}
        chosen = [i for i in found.implementations.values() if i.source in outside] if files else []
        for name in given:
            if name not in files:
                chosen += found.select(name)
        for broken in found.broken:
            if broken.source in outside:
                raise ContractError(broken.reason)
    except ContractError as error:
        raise pytest.UsageError(str(error)) from None
    if files and not chosen:
        raise pytest.UsageError(f"{', '.join(files)}: no implementation is declared there")
    device = config.getoption("--device")
    planned = []
    for implementation in chosen if given else found.implementations.values():
        reason = registry.unavailable(implementation, device)
        if reason:
            skip = pytest.mark.skip(reason=f"not available: {reason}")
            planned.append(pytest.param(None, id=implementation.key, marks=skip))
            continue
        # what one process has compiled or evaluated serves all implementations of a layer type
        together = pytest.mark.xdist_group(implementation.layer_type)
        checks = plan(implementation, device)
        if implementation.name != "eager" and config.getoption("--short"):
            checks = (check for check in checks if check.dtype == implementation.dtypes[0])
            if implementation.compiled or implementation.name == "double-backward":
                checks = (check for check in checks if check.name not in COSTLY)
        planned += [pytest.param(check, id=check.key, marks=together) for check in checks]
    if not given:
        for broken in found.broken:
            planned.append(pytest.param(broken, id=f"broken-{broken.source}"))
        stale = expected.stale([p.values[0].key for p in planned if hasattr(p.values[0], "key")], device)
        if stale:
            raise pytest.UsageError(f"suites/expected.py names what is not there: {', '.join(stale)}")
    metafunc.parametrize("planned", planned)
