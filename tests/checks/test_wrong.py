"""The checks catch every wrong implementation, and each check catches one that no other does.

A family of layer types, those whose names begin alike, is known by its files in ``tests/wrong``.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gmbench import registry
from gmbench.checks.plan import BEHAVIOUR, plan, titles

table = registry.load_file(Path(__file__).parents[1] / "wrong" / "table.py")
FOUND, ALONE, CAUGHT_BY = table.wrong()
DESIGNATED = {key: check for (_, check), key in ALONE.items()}
GENERAL = {"form", "second-derivatives", *BEHAVIOUR}  # the same code whatever the layer type


def together(key, value):
    """A case of one implementation, by the worker that knows the references of its family already."""
    return pytest.param(value, id=key, marks=pytest.mark.xdist_group(f"wrong {table.family(key)}"))


def first_caught(checks, profile):
    """The first check that does not pass, and what it says; every dtype's turn comes before the next check."""
    names = list(dict.fromkeys(check.name for check in checks))
    for check in sorted(checks, key=lambda check: names.index(check.name)):
        outcome = check(profile)
        if not outcome.ok:
            return check.name, outcome
    return None, None


@pytest.mark.parametrize("record", [together(r.key, r) for _, r in FOUND])
def test_caught(record):
    checks = list(plan(record))
    known = {**CAUGHT_BY, **DESIGNATED}
    if record.key in known:
        checks = [check for check in checks if check.name == known[record.key]]
        name, outcome = first_caught(checks, "ci")
    else:  # the small profile suffices for most, and takes a fifth of the time
        name, outcome = first_caught(checks, "smoke")
        name, outcome = (name, outcome) if name else first_caught(checks, "ci")
    assert name, f"{record.key} ({record.summary}) passes"
    assert outcome.message


@pytest.mark.night
@pytest.mark.parametrize("key", [together(key, key) for key in sorted(DESIGNATED)])
def test_by_no_other_check(key):
    record = next(r for _, r in FOUND if r.key == key)
    record = replace(record, dtypes=record.dtypes[:1])  # one tells, in half the time
    name, outcome = first_caught([check for check in plan(record) if check.name != DESIGNATED[key]], "smoke")
    assert name is None, f"{name} catches it too: {outcome.message}"


def test_what_is_known_to_catch_one_names_one():
    assert set(CAUGHT_BY) <= {record.key for _, record in FOUND}


def test_every_check_catches_one_alone():
    """Those on values, gradients, limits and relations one of each family, the others one of any."""
    assert {check for _, check in ALONE} >= GENERAL
    for layer in {layer for layer, _ in ALONE}:
        every = set(titles(registry.load().implementation(layer, "eager"), "float64"))
        assert every - GENERAL == {check for of, check in ALONE if of == layer} - GENERAL


def test_every_family_has_enough_and_half_of_the_least_were_written_blind():
    families = {table.family(name) for name in registry.layer_types()}
    assert families == {table.family(record.key) for _, record in FOUND}
    for family in families:
        files = [file for file, record in FOUND if table.family(record.key) == family]
        assert len(files) >= 20
        assert files.count(f"{family}_blind") >= 10


def test_every_one_has_a_name_of_its_own():
    keys = [record.key for _, record in FOUND]
    assert sorted(set(keys)) == sorted(keys)


def test_one_family_leaves_the_rows_of_the_others(tmp_path):
    rows = [{"implementation": "gm/a"}, {"implementation": "ugmm/b"}, {"implementation": "ugmm-tied/c"}]
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"profile": "ci", "commit": None, "when": "then", "rows": rows}))
    assert table.kept(path, lambda row: table.family(row["implementation"]) != "ugmm") == [
        {"implementation": "gm/a", "run": {"profile": "ci", "commit": None, "when": "then"}}
    ]
    assert table.kept(path, lambda row: False) == []
