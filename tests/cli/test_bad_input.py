"""Files of a store, and places on a disk, that are not what they have to be: one line, and nobody is misled."""

import json
import os

import pytest
from click.testing import CliRunner

from gmbench.cli import base as cli
from gmbench.cli import progress
from gmbench.contract import ContractError
from gmbench.experiments import experiment
from gmbench.experiments.plan import cells
from gmbench.names import nearest
from gmbench.results.frames import load
from gmbench.runs import failures, running
from gmbench.runs.cell import CELLS, finished, run_cell
from gmbench.runs.engines.local import Local
from gmbench.runs.running import running_path
from gmbench.runs.spec import Spec
from gmbench.store.files import read_json, store_folder

KUMAR = experiment("kumar")


def spec():
    return Spec.of(cells(KUMAR, "digits", "digest", "smoke", ["fc"], [0])[0])


def work(spec, report):
    return {"epochs": [{"epoch": i, "test_error": 50.0 - i} for i in range(3)], "measures": {}}


def run(*words):
    return CliRunner().invoke(cli.main, words)


def without(name):
    return lambda file: {key: value for key, value in file.items() if key != name}


def having(**parts):
    return lambda file: file | parts


def of_spec(**parts):
    return lambda file: file | {"spec": file["spec"] | parts}


# -- results of the right version that are none ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "harm",
    [
        *map(without, ("id", "spec", "epochs", "measures")),
        *(having(epochs=epochs) for epochs in ("x", None, [], [1, 2], [{"epoch": 0}], [{"test_error": "9"}])),
        having(measures=[1]),
        having(id=3),
        having(seconds="long"),
        having(cpu_seconds="3"),
        having(spec="x"),
        of_spec(epochs="4"),
        of_spec(seed=None),
        lambda file: [file],
    ],
)
def test_a_result_that_lacks_a_part_is_none(harm, tmp_path, caplog):
    path = run_cell(spec(), work, tmp_path)
    assert finished(spec(), tmp_path)
    path.write_text(json.dumps(harm(json.loads(path.read_text()))))
    assert finished(spec(), tmp_path) is None
    assert [cell.state for cell in Local([spec()], tmp_path).cells] == ["waiting"]
    with pytest.raises(ContractError, match=r"not a (whole )?file of kind 'cells'"):
        CELLS.of(read_json(path, "cells"), path)
    assert load("cells", tmp_path).empty and len(caplog.records) == 1
    done = run("status", "--store", str(tmp_path))
    assert done.exit_code == 0 and done.stdout.startswith("no cell has been run here yet")


def test_a_result_whose_spec_is_not_the_one_that_it_is_named_by_is_none(tmp_path):
    path = run_cell(spec(), work, tmp_path)
    path.write_text(json.dumps(of_spec(seed=7)(json.loads(path.read_text()))))
    assert finished(spec(), tmp_path) is None


@pytest.mark.parametrize("text", ["[" * 100000, "1" * 10000, "\ufeff{}", "\0"], ids=["deep", "long", "mark", "nul"])
def test_a_result_that_is_no_json_of_any_kind(text, tmp_path):
    path = run_cell(spec(), work, tmp_path)
    path.write_text(text)
    assert finished(spec(), tmp_path) is None
    assert run("status", "--store", str(tmp_path)).exit_code == 0


@pytest.mark.parametrize("harm", [*map(without, ("id", "spec", "error", "when", "again")), having(again=["x"])])
def test_a_failure_that_lacks_a_part_is_passed_over(harm, tmp_path):
    path = failures.note(spec(), "killed", 2, "gmbench run kumar", tmp_path)
    path.write_text(json.dumps(harm(json.loads(path.read_text()))))
    done = run("status", "--store", str(tmp_path))
    assert done.exit_code == 0 and done.stdout.startswith("no cell has been run here yet")


def test_a_failure_without_words_is_named_all_the_same(tmp_path):
    failures.note(spec(), "", 1, "gmbench run kumar", tmp_path)
    done = run("status", "--store", str(tmp_path))
    assert done.exit_code == 0 and "  failed  fc seed 0, 20" in done.stdout


@pytest.mark.parametrize("about", [{"begun": "x"}, {"progress": "x"}, {"spec": "x"}, {"begun": None}])
def test_what_runs_and_says_nothing_whole_harms_no_status(about, tmp_path, monkeypatch):
    path = running_path(spec().id, tmp_path)
    path.parent.mkdir()
    path.write_text(json.dumps({"spec": spec().as_dict(), "begun": 1.0, "progress": {}} | about))
    monkeypatch.setattr(running, "held", lambda *_: True)
    assert running.running(tmp_path) == []
    path.write_text(json.dumps({"spec": spec().as_dict(), "begun": 1e18, "progress": {}}))  # the clock was put back
    assert [found.seconds for found in running.running(tmp_path)] == [0.0]


def test_whoever_may_only_read_a_store_sees_what_runs(tmp_path, monkeypatch):
    flags, opened = [], os.open
    monkeypatch.setattr(running.os, "open", lambda path, flag, *mode: flags.append(flag) or opened(path, flag, *mode))
    running_path("a", tmp_path).parent.mkdir()
    running_path("a", tmp_path).touch()
    flags.clear()
    assert not running.held("a", tmp_path)
    assert flags == [os.O_RDONLY]


# -- places ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--store", "n" * 300),
        ("run", "kumar", "--arms", "fc", "--dry-run", "--store", "n" * 300),
        ("run", "kumar", "--dry-run", "--implementation", "n" * 300 + ".py"),
        ("status", "--store", "~nobody-of-this-name/x"),
        ("run", "kumar", "--dry-run", "--implementation", "~nobody-of-this-name/x.py"),
        ("run", "kumar", "--arms", "fc", "--dry-run", "--jobs", "9" * 30),
        ("verify", "~nobody-of-this-name/x.py"),
    ],
)
def test_a_place_that_cannot_be_is_one_line(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert done.exit_code == 2 and done.stderr.startswith("gmbench: ") and done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_a_folder_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "there")

    monkeypatch.setattr("gmbench.results.status.failures", refuse)
    done = run("status", "--store", str(tmp_path))
    assert (done.exit_code, done.stderr) == (2, "gmbench: there: Permission denied\n")


def test_a_home_of_nobody_is_a_name_like_any_other():
    assert str(store_folder("~nobody-of-this-name/x")) == "~nobody-of-this-name/x"


@pytest.mark.parametrize("where", ["nowhere", "a-file", "~nobody-of-this-name"])
def test_a_variable_that_names_no_folder_is_said_to(where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").touch()
    monkeypatch.setenv("GMBENCH_DATA", where)
    done = run("data", "mnist")
    assert (done.exit_code, done.stderr) == (2, f"gmbench: $GMBENCH_DATA is {where}, which is no folder\n")


def test_a_user_without_a_home_is_told_where_data_may_be(tmp_path, monkeypatch):
    def homeless(_):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("pooch.os_cache", homeless)
    monkeypatch.delenv("GMBENCH_DATA", raising=False)
    done = run("data", "mnist")
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert "home directory; or set $GMBENCH_DATA to a folder that holds mnist" in done.stderr


def test_a_run_goes_on_when_nobody_reads_what_it_says(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("sys.stderr", Gone())
    progress.Lines(None).line("done")


def test_only_what_another_run_holds_is_said_to_be_in_its_hands(tmp_path, monkeypatch):
    engine = Local([spec()], tmp_path, jobs=1)
    engine.running.clear()  # the last one has just ended, and the next has not begun
    assert "another run" not in progress._summary(engine)
    monkeypatch.setattr("gmbench.runs.engine.held", lambda *_: True)
    engine._begin(None)
    assert "the others are in the hands of another run" in progress._summary(engine)


def test_the_nearest_name_is_found_in_any_case():
    assert nearest("MNIST", ["digits", "mnist"]) == "; did you mean 'mnist'?"
    assert nearest("fc", ["FC", "BL"]) == "; did you mean 'FC'?"
