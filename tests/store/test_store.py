"""The store: a file is there whole or not at all, and what is not a result is never taken for one."""

import getpass
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gmbench
from gmbench.contract import ContractError
from gmbench.results import frames
from gmbench.store import files as store
from gmbench.store.provenance import provenance

MADE = {
    "machine": {"cpu": "a cpu", "cores": 2},
    "commit": {"hash": "abc", "dirty": True},
    "when": "2026-01-01T00:00:00Z",
}


def cell_file(arm="bl", epochs=2, **more):
    rows = [{"epoch": n, "step": n, "test_error": 90.0 - n} for n in range(epochs)]
    spec = {
        "data": "digits",
        "budget": "smoke",
        "version": 1,
        "digest": "d",
        "epochs": epochs,
        "device": "cpu",
        "experiment": "kumar",
        "arm": arm,
        "seed": 0,
        "implementation": {"name": "gm/eager"},
        "initialisation": None,
    }
    return {"schema": 1, "kind": "cells", "id": arm, "spec": spec, "epochs": rows, "measures": {}, **MADE, **more}


def test_a_file_is_written_whole_and_alone(tmp_path):
    path = store.write_json(tmp_path / "cells" / "a.json", {"schema": 1, "kind": "cells", "text": "σ"})
    assert json.loads(path.read_text(encoding="utf-8"))["text"] == "σ"
    assert os.listdir(path.parent) == ["a.json"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = store.write_json(tmp_path / "a.json", {"first": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch, pytest.raises(ContractError, match="No space left"):
            patch.setattr(store.os, step, full)
            store.write_json(path, {"second": 2})
        assert json.loads(path.read_text()) == {"first": 1}
        assert os.listdir(tmp_path) == ["a.json"]
    with pytest.raises(TypeError):
        store.write_json(path, {"third": object()})
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_store_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ContractError) as caught:
        store.write_json(tmp_path / "file" / "cells" / "a.json", {})
    assert "\n" not in str(caught.value) and "cannot be written" in str(caught.value)


def test_a_writer_that_is_killed_leaves_no_result(tmp_path):
    program = f"""
import json, os, time
from gmbench.store import files as store
def wait(fd):
    print("writing", flush=True)
    time.sleep(60)
store.os.fsync = wait
store.write_json({str(tmp_path / "cells" / "a.json")!r}, {json.dumps(cell_file())!r} and {{"schema": 1}})
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"writing\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert list((tmp_path / "cells").iterdir())  # it was killed in the middle
    assert not (tmp_path / "cells" / "a.json").exists()
    assert len(gmbench.load("cells", tmp_path)) == 0


def test_cells_become_a_row_per_epoch(tmp_path):
    store.write_json(tmp_path / "cells" / "a.json", cell_file("bl", measures={"logit_std": 0.5}))
    store.write_json(tmp_path / "cells" / "b.json", cell_file("kumar", epochs=3))
    frame = gmbench.load("cells", tmp_path)
    assert list(frame["arm"]) == ["bl"] * 2 + ["kumar"] * 3
    assert list(frame["epoch"]) == [0, 1, 0, 1, 2]
    row = frame.iloc[0]
    assert row["implementation"] == "gm/eager" and row["logit_std"] == 0.5 and row["commit"] == "abc-dirty"
    assert row["machine"] == "a cpu, 2 cores"


@pytest.mark.parametrize(("kind", "key"), [("checks", "records"), ("timings", "rows")])
def test_records_become_rows(tmp_path, kind, key):
    record = {"layer_type": "gm", "name": "eager"}
    file = {
        "schema": 1,
        "kind": kind,
        "implementation": record,
        "profile": "ci",
        key: [{"n": 1}, {"n": 2}],
        **MADE,
    }
    store.write_json(tmp_path / kind / "a.json", file)
    frame = gmbench.load(kind, tmp_path)
    assert list(frame["n"]) == [1, 2]
    assert set(frame["implementation"]) == {"gm/eager"} and set(frame["profile"]) == {"ci"}
    assert set(frame["when"]) == {MADE["when"]}


def test_what_is_no_result_is_passed_over_in_one_line_each(tmp_path, caplog):
    store.write_json(tmp_path / "cells" / "good.json", cell_file())
    whole = json.dumps(cell_file())
    bad = {
        "truncated": whole[: len(whole) // 2],
        "empty": "",
        "other-kind": whole.replace('"cells"', '"checks"'),
        "other-schema": whole.replace('"schema": 1', '"schema": 2'),
        "a-list": "[]",
        "no-spec": '{"schema": 1, "kind": "cells"}',
    }
    for name, text in bad.items():
        (tmp_path / "cells" / f"{name}.json").write_text(text)
    (tmp_path / "cells" / ".good.json.abc.tmp").write_text(whole)
    (tmp_path / "cells" / "notes.txt").write_text("mine")
    frame = gmbench.load("cells", tmp_path)
    assert list(frame["cell"]) == ["bl", "bl"]
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == len(bad)
    for name in bad:
        assert sum(f"{name}.json" in line and "\n" not in line for line in lines) == 1


@pytest.mark.parametrize("kind", store.KINDS)
def test_an_empty_store_gives_frames_with_columns(tmp_path, kind):
    frame = gmbench.load(kind, tmp_path)
    assert set(frames.COLUMNS[kind]) <= set(frame.columns)
    if kind == "claims":  # they are there, and none was run, nor rests on any run where none can decide it
        assert len(frame) >= 36 and set(frame["seeds"]) == {0}
        assert set(frame["verdict"]) <= {"not run", "inconclusive"} and sum(frame["verdict"] == "not run") >= 36
    else:
        assert len(frame) == 0


def test_an_unknown_kind_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(ContractError, match="did you mean 'cells'"):
        gmbench.load("cell", tmp_path)


def test_where_the_store_is(tmp_path, monkeypatch):
    monkeypatch.delenv("GMBENCH_STORE", raising=False)
    assert store.store_folder() == Path("gmbench-results")
    monkeypatch.setenv("GMBENCH_STORE", str(tmp_path))
    assert store.store_folder() == tmp_path
    assert store.store_folder("here") == Path("here")


def test_provenance_says_all_and_names_nobody():
    found = provenance()
    assert found["machine"]["cores"] >= 1 and found["machine"]["memory"] > 0
    assert set(found["versions"]) == {"python", "torch", "numpy", "gmbench"}
    assert found["versions"]["torch"]
    assert time.strptime(found["when"], "%Y-%m-%dT%H:%M:%SZ")
    text = json.dumps(found)
    for private in (socket.gethostname(), getpass.getuser(), str(Path.home()), os.getcwd()):
        assert len(private) < 3 or private not in text
    assert "/" not in json.dumps({**found, "versions": None, "machine": {**found["machine"], "cpu": "", "os": ""}})
