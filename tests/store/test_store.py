"""The store: a file is there whole or not at all, and what is not a result is never taken for one."""

import getpass
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gmbench
from gmbench.contract import ContractError
from gmbench.experiments import experiment
from gmbench.results import frames, ledger, status
from gmbench.results import read as results
from gmbench.results.columns import COLUMNS, MEASURES
from gmbench.runs.cell import CELLS, OF_EPOCHS
from gmbench.store import files as store
from gmbench.store import reading
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


def test_half_of_a_surrogate_pair_is_kept(tmp_path):
    content = {"schema": 1, "kind": "cells", "\udfff": ["\ud800", "\\\udc80", "σ𐀀"]}
    path = store.write_json(tmp_path / "a.json", content)
    assert store.read_json(path, "cells") == content and path.read_bytes().decode().count("σ𐀀") == 1


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


def test_records_become_rows(tmp_path):
    records = [{"implementation": "gm/eager", "check": check, "dtype": "float32", "device": "cpu"} for check in "ab"]
    declared = {"key": "gm/eager", "layer_type": "gm", "summary": "not read"}
    file = {"schema": 1, "kind": "checks", "implementation": declared, "profile": "ci", "records": records, **MADE}
    store.write_json(tmp_path / "checks" / "a.json", file)
    frame = gmbench.load("checks", tmp_path)
    assert list(frame["check"]) == ["a", "b"] and set(frame["layer_type"]) == {"gm"}
    assert set(frame["implementation"]) == {"gm/eager"} and set(frame["profile"]) == {"ci"}
    assert set(frame["when"]) == {MADE["when"]}


def timing(**more):
    row = {"implementation": "gm/eager", "layer_type": "gm", "K": 10, "batch": 64, "size": "8-4", "dtype": "float32"}
    return (
        row | {"device": "cpu", "pass": "forward", "status": "passed", "median": 0.2, "ratio": 2.0, "floor": 0.1} | more
    )


def test_timings_become_rows(tmp_path):
    rows = [timing(), timing(size="16-4", ratios={"floor": [2.0, 1.9, 2.1]})]
    store.write_json(tmp_path / "timings" / "a.json", {"schema": 1, "kind": "timings", "rows": rows, **MADE})
    frame = gmbench.load("timings", tmp_path)
    assert list(frame["size"]) == ["8-4", "16-4"] and set(frame["pass"]) == {"forward"}
    assert set(frame["K"]) == {10} and set(frame["floor"]) == {0.1} and frame["ratios"][1] == rows[1]["ratios"]


@pytest.mark.parametrize(
    "harm", [{"pass": None}, {"batch": 6.5}, {"median": "x"}, {"floor": "x"}, {"ratios": {"floor": [1.0]}}, {"K": [1]}]
)
def test_a_timing_that_lacks_a_part_is_none(tmp_path, harm, caplog):
    content = {"schema": 1, "kind": "timings", "rows": [timing(), timing(**harm)], **MADE}
    store.write_json(tmp_path / "timings" / "a.json", content)
    assert gmbench.load("timings", tmp_path).empty and len(caplog.records) == 1
    assert "a.json: not a whole file of kind 'timings'" in caplog.text


@pytest.mark.parametrize(
    "harm",
    [
        {"measures": {"seed": 3}},  # would stand in the place of the spec's
        {"measures": {"test_error": 3}},
        {"measures": {"a": float("nan")}},
        {"measures": {"a": "3"}},
        {"measures": {"a": 10**30}},
        {"epochs": [{"epoch": 0, "test_error": 1.0, "arm": 3}]},
        {"epochs": [{"epoch": 0, "test_error": float("inf")}]},
        {"epochs": [{"epoch": 1, "test_error": 1.0}, {"epoch": 1, "test_error": 1.0}]},
        {"epochs": [{"epoch": 0.5, "test_error": 1.0}]},
        {"machine": "fast"},
        {"commit": {"dirty": True}},
        {"when": 3},
    ],
)
def test_a_cell_is_looked_at_field_by_field(tmp_path, harm, caplog):
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "a.json").write_text(json.dumps(cell_file() | harm))
    assert gmbench.load("cells", tmp_path).empty
    (line,) = (record.getMessage() for record in caplog.records)
    assert "a.json: not a whole file of kind 'cells'; " in line and "\n" not in line


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


@pytest.mark.parametrize("kind", frames.FRAMES)
def test_an_empty_store_gives_frames_with_columns(tmp_path, kind):
    frame = gmbench.load(kind, tmp_path)
    assert set(COLUMNS[kind]) <= set(frame.columns)
    if kind == "claims":  # they are there, and none rests on a run; calculations need none
        assert len(frame) >= 36 and set(frame["seeds"]) == {0}
        calculated = {"holds", "does not hold"}
        assert set(frame["verdict"]) <= {"not run", "undecidable by runs"} | calculated
        assert sum(frame["verdict"] == "not run") >= 36 and not any(frame["tests"])
    else:
        assert len(frame) == 0


def test_an_unknown_kind_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(ContractError, match="did you mean 'cells'"):
        gmbench.load("cell", tmp_path)
    with pytest.raises(ContractError, match="did you mean 'cells'"):
        gmbench.columns("cell")


@pytest.mark.parametrize("kind", frames.FRAMES)
def test_every_column_of_the_committed_results_is_described(kind):
    known = gmbench.columns(kind)
    assert set(COLUMNS[kind]) <= set(known) and all(known.values())
    for column in gmbench.load(kind, ledger.COMMITTED):
        assert column in known or starred(column) in known, column


def starred(measure):
    return re.sub(r"[\d.]+$", "*", measure)


def test_an_experiment_declares_what_its_committed_cells_measure():
    for _, result in reading.Store(ledger.COMMITTED).read(CELLS):
        declared = {*experiment(result.spec.experiment).measures, *MEASURES}
        found = {*result.measures}.union(*result.epochs[:2]) - OF_EPOCHS
        assert all(name in declared or starred(name) in declared for name in found), (result.spec.arm, found - declared)


def test_a_store_reads_each_file_once_and_again_when_it_has_changed(tmp_path, monkeypatch, caplog):
    read = []
    monkeypatch.setattr(reading, "read_json", lambda path, kind: read.append(path.name) or store.read_json(path, kind))
    for name in ("a", "b"):
        store.write_json(tmp_path / "cells" / f"{name}.json", cell_file(name))
    (tmp_path / "cells" / "c.json").write_text("{")
    opened = reading.Store(tmp_path)
    for _ in range(2):
        assert list(gmbench.load("cells", opened)["arm"]) == ["a", "a", "b", "b"]
        assert [path.stem for path, _ in opened.read(CELLS)] == ["a", "b"] and opened.find(CELLS, "b").id == "b"
    assert sorted(read) == ["a.json", "b.json", "c.json"] and len(caplog.records) == 1
    store.write_json(tmp_path / "cells" / "b.json", cell_file("b", epochs=3))
    assert [len(result.epochs) for _, result in opened.read(CELLS)] == [2, 3] and len(read) == 4
    (tmp_path / "cells" / "b.json").unlink()
    assert [path.stem for path, _ in opened.read(CELLS)] == ["a"] and opened.find(CELLS, "b") is None


def test_a_report_reads_each_file_once(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(reading, "read_json", lambda path, kind: read.append(path.name) or store.read_json(path, kind))
    for seed in range(3):
        store.write_json(tmp_path / "cells" / f"{seed}.json", cell_file("kumar", id=str(seed)))
    results.read(tmp_path)
    status.status(tmp_path)
    assert sorted(read) == sorted(2 * ["0.json", "1.json", "2.json"]), "once a command"


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
