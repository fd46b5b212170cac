"""What runs, what is done, what failed, and how long the rest will take."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner

from gmbench.cli import base as cli
from gmbench.cli.progress import display
from gmbench.contract import ContractError
from gmbench.experiments import experiment
from gmbench.experiments.plan import cells
from gmbench.results.status import status
from gmbench.runs import failures, running
from gmbench.runs.cell import finished, run_cell
from gmbench.runs.child import CellChild, Ending, Limits, supervise
from gmbench.runs.engine import Engine
from gmbench.runs.engines.local import Local
from gmbench.runs.estimates import Past, about
from gmbench.runs.spec import Spec, cell_path
from gmbench.store import files as store

KUMAR = experiment("kumar")


def specs(budget="smoke", arms=("fc",), seeds=(0,), data="digits"):
    return [Spec.of(spec) for spec in cells(KUMAR, data, "digest", budget, arms, seeds)]


def took(seconds):
    """A cell that says it took so long."""
    return lambda spec, report: {"epochs": [{"epoch": 0, "test_error": 50.0}], "measures": {}, "cpu_seconds": seconds}


def run(*words):
    return CliRunner().invoke(cli.main, words)


# -- estimates ---------------------------------------------------------------------------------------------------------


def test_estimates_come_from_the_same_arm_else_from_another_budget(tmp_path):
    for seed, seconds in ((0, 10.0), (1, 20.0), (2, 90.0)):
        run_cell(specs("paper", seeds=[seed])[0], took(seconds), tmp_path)
    past = Past(tmp_path)
    assert past.seconds(specs("paper", seeds=[4])[0]) == 20.0
    epochs = KUMAR.budgets["smoke"].epochs / KUMAR.budgets["paper"].epochs
    assert past.seconds(specs("smoke")[0]) == pytest.approx(20.0 * epochs)
    assert past.seconds(specs("paper", ["fc-matched"])[0]) is None
    assert past.seconds(specs("paper", data="mnist")[0]) is None
    # a cell with the same layer goes first
    bl = specs("paper", ["bl"])[0]
    for name, seconds in (("gm/eager", 5.0), (bl.layer, 7.0), ("gm/other", 9.0)):
        run_cell(replace(bl, seed=9, implementation={"name": name}), took(seconds), tmp_path)
    assert Past(tmp_path).seconds(bl) == 7.0
    assert Past(tmp_path).seconds(replace(bl, implementation={"name": "gm/new"})) == 7.0


def test_estimates_in_words():
    assert about([60.0, 30.0, None], jobs=2) == "about 1:00 without 1 of which that is not known yet"
    assert about([60.0, 60.0, 120.0], jobs=2) == "about 2:00"
    assert about([None, None]) == "how long they take is not known yet"


def test_what_is_no_result_spoils_no_estimate(tmp_path, caplog):
    path = run_cell(specs()[0], took(3.0), tmp_path)
    path.with_name("a.json").write_text("{")
    path.with_name("b.json").write_text('{"schema": 1, "kind": "cells", "spec": 3, "seconds": "long"}')
    assert Past(tmp_path).seconds(specs()[0]) == 3.0
    assert not caplog.records


def test_a_dry_run_says_how_long(tmp_path):
    run_cell(Spec.of(cells(KUMAR, "digits", None, "smoke", ["fc"], [7])[0]), took(75.0), tmp_path)
    words = ("run", "kumar", "--arms", "fc,fc-matched", "--seeds", "0,7", "--dry-run", "--store", str(tmp_path))
    done = run(*words)
    assert [line.split("  ")[-1].strip() for line in done.stdout.splitlines()] == [
        "about 1:15",
        "waiting",
        "skipped",
        "waiting",
    ]
    assert "3 cells to run" in done.stderr and "about 1:15 without 2" in done.stderr
    assert [row["seconds"] for row in json.loads(run(*words, "--json").stdout)] == [75.0, None, None, None]


# -- failures ----------------------------------------------------------------------------------------------------------


class Fails(Engine):
    """Every cell ends at once, in the ways that are given."""

    jobs = 1

    def start(self, cells):
        for cell in cells:
            ending = self.endings.pop(0)
            if ending is None:
                raise OSError("no process left")
            yield Ended(cell, ending, self.store)


class Ended:
    seconds = 1.0

    def __init__(self, cell, ending, folder):
        self.ending, self.progress = ending, {}
        if ending.status == 0:
            run_cell(cell.spec, took(1.0), folder)

    def ended(self):
        return self.ending


def fails(tmp_path, endings, wanted=None, **options):
    engine = Fails(wanted or specs(), tmp_path, **options)
    engine.endings = list(endings)
    engine.run(display)
    return engine


def test_a_failure_is_kept_until_the_cell_succeeds(tmp_path):
    (spec,) = specs()
    engine = fails(tmp_path, [Ending(-9), Ending(1, "Traceback\nValueError: no")], again="gmbench run kumar")
    assert [cell.state for cell in engine.cells] == ["failed"]
    (kept,) = failures.failures(tmp_path)
    assert kept.error == "exit status 1\nTraceback\nValueError: no" and kept.tries == 2
    assert kept.id == spec.id and store.read_json(failures.failure_path(spec.id, tmp_path), "failed")["tries"] == 2
    done = run("status", "--store", str(tmp_path))
    assert "kumar on digits, budget smoke: 0 of 9 cells done, 1 failed, 8 to go" in done.stdout
    assert "  failed  fc seed 0, 20" in done.stdout and "exit status 1: ValueError: no" in done.stdout
    assert "  again   gmbench run kumar" in done.stdout
    fails(tmp_path, [Ending(0)])
    assert finished(spec, tmp_path) and not failures.failures(tmp_path)
    assert "1 of 9 cells done, 8 to go" in run("status", "--store", str(tmp_path)).stdout


@pytest.mark.parametrize(
    ("endings", "state", "tries"),
    [
        ([Ending(2, "gmbench: no")], "failed", 1),  # however often
        ([Ending(-9, slow=True)], "failed", 1),
        ([Ending(-11), Ending(0)], "done", 2),
        ([Ending(None)] * 4 + [Ending(0)], "done", 1),  # lost with a worker, which is not the cell's fault
        ([Ending(None)] * 5, "failed", 0),
        ([Ending(75), Ending(75), Ending(75), Ending(0)], "done", 1),  # another run had it
        ([None, Ending(0)], "done", 1),
    ],
)
def test_what_is_tried_again(tmp_path, endings, state, tries, monkeypatch):
    monkeypatch.setattr("gmbench.runs.engine.BETWEEN", 0)
    monkeypatch.setattr("gmbench.runs.engine.POLL", 0)
    (cell,) = fails(tmp_path, endings).cells
    assert (cell.state, cell.tries) == (state, tries)


def test_a_cell_that_says_all_is_well_and_leaves_nothing_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "run_cell", lambda *_: None)
    (cell,) = fails(tmp_path, [Ending(0), Ending(0)]).cells
    assert cell.state == "failed" and cell.error == "it ended without a result"


def test_a_failure_that_cannot_be_kept_ends_nothing(tmp_path, capsys):
    (tmp_path / "failed").write_text("no folder")
    first, second = specs(arms=["fc", "fc-matched"])
    engine = fails(tmp_path, [Ending(2), Ending(0)], [first, second])
    assert [cell.state for cell in engine.cells] == ["failed", "done"]
    assert "is not kept" in capsys.readouterr().err


# -- a full disk -------------------------------------------------------------------------------------------------------


def full(times):
    """``os.fsync`` of a disk that has room after so many times."""
    left = [times]

    def fsync(_):
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(28, "No space left on device")

    return fsync


def test_a_finished_cell_waits_for_room(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GMBENCH_PATIENCE", "0.2")
    (spec,) = specs()
    monkeypatch.setattr(store.os, "fsync", full(3))
    assert run_cell(spec, took(1.0), tmp_path) == cell_path(spec, tmp_path)
    assert finished(spec, tmp_path)
    assert capsys.readouterr().err.count("waiting for room for 0.2 s\n") == 1
    monkeypatch.setattr(store.os, "fsync", full(10**6))
    with pytest.raises(ContractError, match="No space left"):
        run_cell(replace(spec, seed=5), took(1.0), tmp_path)
    assert os.listdir(tmp_path / "cells") == [f"{spec.id}.json"]


def test_what_killed_writers_left_is_swept_away_a_day_later(tmp_path):
    (tmp_path / "cells").mkdir()
    for name, age in (("old", 90000), ("new", 100)):
        path = tmp_path / "cells" / f".{name}.json.x.tmp"
        path.write_text("{")
        os.utime(path, (time.time() - age,) * 2)
    fails(tmp_path, [Ending(0)])
    assert sorted(path.name for path in (tmp_path / "cells").iterdir() if path.name.startswith(".")) == [
        ".new.json.x.tmp"
    ]


# -- what runs ---------------------------------------------------------------------------------------------------------

HOLDS = """
import json, sys, time
from gmbench.runs.running import hold
from gmbench.runs.spec import Spec
with hold(Spec.read(sys.argv[1]), sys.argv[2]) as note:
    note(step=3, steps=12, epoch=1, test_error=12.5)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that runs the cell, so to speak."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, json.dumps(specs()[0].as_dict()), str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_cell_is_held_by_its_process_and_by_nobody_else(tmp_path, holder):
    (spec,) = specs()
    assert running.held(spec.id, tmp_path)
    with pytest.raises(running.BusyError), running.hold(spec, tmp_path):
        pass
    (found,) = running.running(tmp_path)
    assert found.progress["epoch"] == 1 and found.spec == spec
    said = run("status", "--store", str(tmp_path)).stdout
    assert "0 of 9 cells done, 1 running, 8 to go" in said and "  runs    fc seed 0, epoch 1 of 1, 12.50 %" in said
    # a second run does not start it
    engine = Local(specs(), tmp_path, jobs=1)
    engine._begin(None)
    assert not engine.running and len(engine.waiting) == 1
    holder.kill()
    holder.wait()
    assert not running.held(spec.id, tmp_path)
    assert running.running(tmp_path) == [] and os.listdir(tmp_path / "running") == []
    with running.hold(spec, tmp_path):
        assert os.listdir(tmp_path / "running") == [f"{spec.id}.json"]
    assert os.listdir(tmp_path / "running") == []


def test_a_cell_that_runs_elsewhere_is_refused(tmp_path, holder):
    done = run("cell", json.dumps(specs()[0].as_dict()), "--store", str(tmp_path))
    assert done.exit_code == 75 and done.stderr == "gmbench: this cell runs already\n"


def test_what_another_run_has_done_meanwhile_is_skipped(tmp_path):
    (spec,) = specs()
    engine = Local([spec], tmp_path, jobs=1)
    run_cell(spec, took(1.0), tmp_path)
    assert [cell.state for cell in engine.run()] == ["skipped"]


# -- processes ---------------------------------------------------------------------------------------------------------


def ended(*words, **options):
    *said, ending = supervise(specs()[0].as_dict(), *words, **options)
    return said[-1], ending


def test_a_cell_that_prints_and_prints_is_heard_out(tmp_path, program):
    program(
        "import os\nfor _ in range(30): os.write(1, b'x' * 100000)\n"
        "os.write(2, b'y' * 3000000 + b'the end')\nprint('\\n{\"step\": 4, \"steps\": 9}\\n{\"other\": 1}\\n{nonsense')"
    )
    progress, ending = ended(tmp_path, {})
    assert progress == {"step": 4, "steps": 9}
    assert ending.status == 0 and ending.errors.endswith("ythe end") and len(ending.errors) <= 2000


def test_a_cell_has_so_much_time(tmp_path, program):
    program("import itertools; sum(itertools.repeat(0))")  # without a moment for anything else
    _, ending = ended(tmp_path, {}, Limits(seconds=0.5))
    assert ending.slow and ending.status == -9 and "limit of time" in ending.reason


def test_time_that_a_cell_is_suspended_does_not_count(tmp_path, program):
    program("import time; time.sleep(60)")
    cell = CellChild(specs()[0].as_dict(), tmp_path, {})
    cell.suspend(True)
    begun = cell.seconds
    time.sleep(0.3)
    assert cell.seconds - begun < 0.1 and not cell.ended()
    cell.suspend(False)
    time.sleep(0.2)
    assert cell.seconds - begun > 0.1
    cell.ask()
    cell.close()
    assert cell.status == -15


def test_what_a_cell_leaves_behind_holds_nobody_up(tmp_path, program):
    program("import os, time\nif not os.fork():\n time.sleep(60)")
    begun = time.monotonic()
    _, ending = ended(tmp_path, {})
    assert ending.status == 0 and time.monotonic() - begun < 30


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status", "--store", "nowhere"], "there is no store nowhere"),
        (["status", "kumra", "--store", "."], "there is no experiment 'kumra'; did you mean 'kumar'?"),
        (["run", "kumar", "--engine", "rya"], "'rya' is not one of 'local', 'ray', 'slurm'"),
        (["run", "kumar", "--engine-option", "partition"], "is written NAME=VALUE, not 'partition'"),
        (["run", "kumar", "--engine-option", "a=b"], "the local engine has no option a"),
        (["run", "kumar", "--time-limit", "0"], "'--time-limit': 0.0 is not in the range"),
        (["run", "kumar", "--memory-limit", "nan"], "'--memory-limit'"),
    ],
)
def test_bad_words_are_one_line(words, said):
    done = run(*words)
    assert done.exit_code == 2 and said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_engine_that_is_not_installed_is_one_line(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"gmbench.runs.engines.{name}", raising=False)
    done = run("run", "kumar", "--arms", "fc", "--engine", name)
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert f"--engine {name} needs {package}, which is not installed: pip install 'gmbench[{name}]'" in done.stderr


def test_an_empty_store_says_so(tmp_path):
    assert run("status", "--store", str(tmp_path)).stdout.startswith("no cell has been run here yet")
    assert status(tmp_path) == [] and json.loads(run("status", "--json", "--store", str(tmp_path)).stdout) == []


def test_cells_of_another_version_are_told_apart(tmp_path):
    (spec,) = specs()
    run_cell(spec, took(1.0), tmp_path)
    run_cell(replace(spec, version=KUMAR.version - 1), took(1.0), tmp_path)
    (row,) = status(tmp_path)
    assert (row["done"], row["of"], row["others"]) == (1, 9, 1)
    assert "1 of other versions" in run("status", "kumar", "--store", str(tmp_path)).stdout
