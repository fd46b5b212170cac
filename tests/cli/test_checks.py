"""What `gmbench verify --store` keeps: a file for each implementation, device and profile, and no two share one."""

from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

import gmbench
from gmbench.checks.records import CHECKS, Record
from gmbench.cli.checks import _store_records
from gmbench.contract import ContractError
from gmbench.results import read as results
from gmbench.store.reading import Store

KEYS = ["gm-full/eager", "gm/full-eager", "gm/full.eager", "gm/full_eager", "gm/é"]


def keep(store, key, source="built in", profile="deep", device="cpu", check="value"):
    layer_type = key.partition("/")[0]
    entry = {"key": key, "layer_type": layer_type, "source": source, "checks": [check]}
    verdict = SimpleNamespace(implementations=[entry], records=[Record(key, check, "float64", device)])
    _store_records(verdict, device, profile, store)


def test_no_two_share_a_file_and_a_new_run_replaces_its_own(tmp_path):
    sources, profiles, devices = ["built in", "package mine", "/home/me/mine.py"], ["smoke", "deep"], ["cpu", "cuda"]
    wanted = set(product(KEYS, ["built in", "package mine", "file"], profiles, devices))
    for check in ("value", "shapes"):
        for each in product(KEYS, sources, profiles, devices):
            keep(tmp_path, *each, check=check)
        found = Store(tmp_path).read(CHECKS)
        told = [(run.implementation.key, run.implementation.source, run.profile) for _, run in found]
        devices_of = [run.records[0].device for _, run in found]
        assert {(*each, device) for each, device in zip(told, devices_of, strict=True)} == wanted
        assert len(found) == len(wanted) and {run.records[0].check for _, run in found} == {check}
    assert not any("/home/me" in path.read_text() for path, _ in found)


def test_what_comes_from_outside_says_so_and_hides_nothing_built_in(tmp_path):
    keep(tmp_path, "gm/eager")
    keep(tmp_path, "gm/eager", "mine.py")
    assert set(gmbench.load("checks", tmp_path)["source"]) == {"built in", "file"}
    assert len(results.read(tmp_path).checks) == 2
    assert [path.name.startswith("outside-") for path, _ in Store(tmp_path).read(CHECKS)] == [False, True]


def test_the_store_may_be_in_ones_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    keep("~/s", "gm/eager")
    assert len(list((tmp_path / "s" / "checks").iterdir())) == 1 and not Path("~").exists()


def test_what_nobody_could_read_is_not_written(tmp_path):
    with pytest.raises(ContractError, match="not a whole file of kind 'checks'; missing or of wrong type: profile"):
        CHECKS.write({"implementation": {"key": "gm/a", "layer_type": "gm"}, "records": []}, tmp_path, "a")
    assert list(tmp_path.iterdir()) == []
