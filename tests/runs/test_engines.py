"""The same cells on a real Ray cluster of several workers and on submitit's local executor, as on this machine alone.

Needs the extras `ray` and `slurm`; without them it skips.
"""

import importlib.util
import json
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

import gmbench.runs.engines as package
from gmbench import registry
from gmbench.contract import ContractError
from gmbench.runs.engines import engine as engine_called

FAULTS = Path(__file__).parents[1] / "faults"
TRIALS = registry.load_file(FAULTS / "trials.py")
LOCAL = ()
SLURM = ("--engine", "slurm", "--engine-option", "cluster=local")
RAY = ("--engine", "ray")

ray_there = pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="ray is not installed")
slurm_there = pytest.mark.skipif(not importlib.util.find_spec("submitit"), reason="submitit is not installed")
ENGINES = [
    pytest.param(RAY, marks=[ray_there, pytest.mark.slow], id="ray"),
    pytest.param(SLURM, marks=slurm_there, id="slurm"),
]


@pytest.fixture
def trial(tmp_path):
    made = TRIALS.Trial(tmp_path / "trial", random.Random(0))
    yield made
    made.close()


def stripped(store):
    """The files of a store without what says when and for how long."""
    found = {}
    for path in sorted(store.glob("cells/*.json")):
        file = json.loads(path.read_text())
        assert file.pop("seconds") >= 0 and file.pop("cpu_seconds") >= 0 and file.pop("when")
        found[path.name] = file
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_the_files_are_the_same(engine, trial, tmp_path):
    trial.end(trial.begin(*trial.words, *engine), 0)
    trial.check()
    other = TRIALS.Trial(tmp_path / "other", random.Random(0))
    other.end(other.begin(), 0)
    assert stripped(trial.store) == stripped(other.store) and len(stripped(trial.store)) == 6
    assert not trial.outcome.problems and not trial.cells()
    assert {path.name for path in trial.store.iterdir()} <= {"cells", "running"}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_goes_on_with_another_engine(engine, trial):
    trial.end(trial.begin("--arms", "one", "--seeds", "0,1", *engine), 0)
    trial.remember()
    assert len(trial.finished) == 2
    trial.end(trial.begin("--arms", "one,two", "--seeds", "0,1"), 0)
    trial.remember()
    text = trial.end(trial.begin(*trial.words, *engine), 0)
    assert "2 cells to run, " in text and "4 are there already" in text
    trial.check()
    assert trial.outcome == TRIALS.Outcome()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cell_that_is_killed_is_tried_again(engine, trial):
    driver = trial.begin(*trial.words, *engine)
    while driver.poll() is None and not trial.kill_a_cell():
        time.sleep(0.05)
    text = trial.end(driver, 0)
    assert "failed, is tried again (killed by SIGKILL)" in text
    trial.check()
    assert not trial.outcome.problems


@pytest.mark.parametrize("engine", ENGINES)
def test_a_crash_costs_one_cell_and_is_named(engine, trial):
    file = trial.folder / "bad_layer.py"
    file.write_text(TRIALS.HEAD.format(at_import="", body="ctypes.string_at(0)"))
    words = ("--arms", "one,outside", "--seeds", "0", "--jobs", "2", "--implementation", str(file))
    trial.expected = {("one", 0)}
    text = trial.end(trial.begin(*words, *engine), 1)
    trial.summary(text, [("outside", 0)])
    trial.check()
    assert trial.failed() == {("outside", 0)} and not trial.outcome.problems
    assert "outside seed 0 (gm/outside) failed: killed by SIGSEGV" in text


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_ends_what_it_started(engine, trial):
    driver = trial.begin(*trial.words, *engine, GMBENCH_FAULTS_SECONDS="30")
    end = time.monotonic() + 60
    while not trial.cells() and time.monotonic() < end:
        time.sleep(0.05)
    assert trial.cells()
    driver.send_signal(signal.SIGINT)
    text = trial.end(driver, 130)
    assert "interrupted with 0 of 6 cells done" in text and "goes on with the others" in text
    trial.orphans()
    assert not trial.outcome.problems


@slurm_there
def test_jobs_that_outlive_their_run_are_waited_for(trial):
    """As on a cluster: the run is killed, its jobs go on; the next run takes what they have done."""
    words = ("--arms", "one", "--seeds", "0", "--jobs", "1")
    driver = trial.begin(*words, *SLURM, GMBENCH_FAULTS_SECONDS="4")
    end = time.monotonic() + 60
    while not list(trial.store.glob("running/*.json")) and time.monotonic() < end:
        time.sleep(0.05)
    driver.kill()
    text = trial.end(trial.begin(*words), 0)
    assert "one seed 0: done by another run" in text
    assert trial.log.read_text() == "one 0\n"


@ray_there
@pytest.mark.slow
def test_nodes_that_are_lost(tmp_path):
    outcome = TRIALS.try_("nodes_lost", tmp_path, seed=0)
    assert not outcome.problems and outcome.injected and outcome.lost == outcome.half == 0


@ray_there
def test_no_cluster_there_is_one_line(trial):
    text = trial.end(trial.begin(*trial.words, *RAY, "--engine-option", "address=127.0.0.1:9"), 2)
    assert text.count("\n") == 1 and "no Ray cluster at 127.0.0.1:9" in text


@ray_there
def test_options_that_ray_has_not(trial):
    text = trial.end(trial.begin(*trial.words, *RAY, "--engine-option", "partition=9"), 2)
    assert text == "gmbench: the ray engine has no option partition; there is address\n"


@slurm_there
@pytest.mark.parametrize(
    ("option", "said"),
    [("slurm_partition=gpu", "there is no Slurm here"), ("cluster=slrm", "submitit: "), ("walltime=9", "submitit: ")],
)
def test_options_that_submitit_has_not(trial, option, said):
    words = SLURM[:2] if option.startswith("slurm_") else SLURM
    text = trial.end(trial.begin(*trial.words, *words, "--engine-option", option), 2)
    assert text.count("\n") == 1 and said in text


@slurm_there
def test_a_store_is_left_tidy(trial):
    trial.end(trial.begin("--arms", "one", "--seeds", "0", *SLURM), 0)
    assert not (trial.store / "slurm").exists()
    assert os.listdir(trial.store / "running") == []


@slurm_there
def test_what_slurm_has_copies_of_is_removed(tmp_path):
    (tmp_path / "slurm").mkdir()
    for name in ("12_submission.sh", ".submission_file_a.sh"):
        (tmp_path / "slurm" / name).touch()
    engine_called("slurm")([], tmp_path).shut()
    assert not (tmp_path / "slurm").exists()


@slurm_there
def test_a_run_that_is_interrupted_leaves_no_pickles_behind(trial):
    driver = trial.begin(*trial.words, *SLURM, GMBENCH_FAULTS_SECONDS="30")
    end = time.monotonic() + 60
    while not trial.cells() and time.monotonic() < end:
        time.sleep(0.05)
    driver.send_signal(signal.SIGINT)
    trial.end(driver, 130)
    assert not list(trial.store.glob("slurm/*.pkl"))


@ray_there
def test_a_cluster_that_is_gone_altogether_is_one_line(tmp_path):
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        made = engine_called("ray")([], tmp_path, again="gmbench run kumar --engine ray")
        made.open_now, made.head, made.answered = True, unheard.getsockname(), time.monotonic() - 10
        assert made.jobs == 0  # for the moment
        made.answered -= 30
        with pytest.raises(ContractError, match=r"the Ray cluster at 127.0.0.1:\d+ is gone .*: gmbench run kumar"):
            _ = made.jobs
    assert not made.open_now  # nothing is asked of it any more


def test_a_file_that_is_no_engine_is_one_line(tmp_path, monkeypatch):
    files = {
        "wrong": ("from gmbench.runs.engine import Nothing", "its file cannot be imported (ImportError: cannot import"),
        "typo": ("import gmbench.nowhere", "its file cannot be imported (ModuleNotFoundError: No module named"),
        "lacking": ("import no_such_thing", "needs no_such_thing, which is not installed: pip install"),
        "silent": ("", "declares no ENGINE"),
        "wild": ("ENGINE = 1", "declares no ENGINE"),
        "_help": ("", "there is no engine"),
    }
    for name, (text, _) in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert set(files) - set(package.engines()) == {"_help"}
    for name, (_, said) in files.items():
        with pytest.raises(ContractError) as caught:
            engine_called(name)
        assert said in str(caught.value) and "\n" not in str(caught.value)
        sys.modules.pop(f"{package.__name__}.{name}", None)
