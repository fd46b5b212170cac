"""Every check of every registered implementation, one test each."""

import pytest

from gmbench.registry import Broken
from gmbench.suites import expected


def test_implementation(planned, request, record_property):
    if isinstance(planned, Broken):
        pytest.fail(f"{planned.source}: {planned.reason}", pytrace=False)
    record = planned(request.config.getoption("--profile"))
    record_property("record", record.as_dict())
    print(record.line())
    if record.status == "unsupported":
        pytest.skip(record.message)
    if record.status == "approximate":
        pytest.xfail(f"approximate: {record.message}; {record.ulps or 0:.3g} ulps")
    why = expected.reason(planned.key)
    if why:
        if record.ok:
            pytest.fail(f"passes, though suites/expected.py says: {why}", pytrace=False)
        pytest.xfail(why)
    if not record.ok:
        lines = [f"{record.status}: {record.message}"]
        if record.counterexample:
            target = planned.implementation.source
            target = planned.implementation.key if target == "built in" else target
            found = record.counterexample
            lines += [f"smallest case: {found['text']}"]
            lines += [f"{name} exactly = {array}" for name, array in (found["exact"] or {}).items()]
            lines += [f"replay: gmbench verify {target} --only {record.check} --case '{found['text']}'"]
        pytest.fail("\n".join(lines), pytrace=False)
