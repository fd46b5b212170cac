"""The checks catch every wrong implementation, and each check catches one that no other does."""

import pytest

from gmbench import registry
from gmbench.checks import plan, titles

table = registry.load_file(__file__.replace("test_wrong.py", "wrong/table.py"))
FOUND, ALONE = table.wrong()
DESIGNATED = {key: check for (_, check), key in ALONE.items()}


def first_caught(record, checks, profile):
    """The first check that does not pass, and what it says."""
    for check in checks:
        outcome = check(profile)
        if not outcome.ok:
            return check.name, outcome
    return None, None


@pytest.mark.parametrize("record", [r for _, r in FOUND], ids=lambda r: r.key)
def test_caught(record):
    checks = list(plan(record))
    if record.key in DESIGNATED:
        checks = [check for check in checks if check.name == DESIGNATED[record.key]]
    name, outcome = first_caught(record, checks, "ci")
    assert name, f"{record.key} ({record.summary}) passes"
    assert outcome.message


@pytest.mark.parametrize("key", sorted(DESIGNATED))
def test_by_no_other_check(key):
    record = next(r for _, r in FOUND if r.key == key)
    others = [check for check in plan(record) if check.name != DESIGNATED[key]]
    name, outcome = first_caught(record, others, "smoke")
    assert name is None, f"{name} catches it too: {outcome.message}"


def test_every_check_catches_one_alone():
    record = registry.load().implementation("gm", "eager")
    every = set(titles(record, "float64")) | {"second-derivatives"}
    assert every == {check for layer, check in ALONE if layer == "gm"}


def test_there_are_enough_and_half_were_written_blind():
    files = [file for file, record in FOUND if record.layer_type == "gm"]
    assert len(files) >= 20
    assert files.count("gm_blind") >= 10
