"""Cells and the local engine: a crash costs one cell, finished ones are skipped, Ctrl-C leaves no ruins."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from gmbench import data, registry
from gmbench.cli import base as cli
from gmbench.contract import ContractError, Implementation
from gmbench.experiments import experiment
from gmbench.experiments.plan import cells
from gmbench.processes.lock import timing_lock
from gmbench.runs import cell, child
from gmbench.runs.carry import pack, unpack
from gmbench.runs.cell import finished, run_cell
from gmbench.runs.engines import local
from gmbench.runs.spec import Spec, cell_path

# An implementation that, the first time it is used, writes down its process and waits.
WAITS = """
import os, pathlib, time
import gmbench
from gmbench.layers.gm.eager import eager

@gmbench.implementation("gm", name="waits", ulps=40)
def waits(x, mu, sigma, U, v):
    flag = pathlib.Path(os.environ["GMBENCH_TEST_FLAG"])
    if not flag.exists():
        part = flag.with_suffix(".part")
        part.write_text(str(os.getpid()))
        part.rename(flag)
        time.sleep(60)
    return eager(x, mu, sigma, U, v)
"""
DIES = """
import os
import gmbench

@gmbench.implementation("gm", name="dies", ulps=40)
def dies(x, mu, sigma, U, v):
    os.write(2, b"the last words")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No timing elsewhere on this machine suspends these cells."""
    monkeypatch.setenv("GMBENCH_LOCK", str(tmp_path / "lock"))
    monkeypatch.setenv("GMBENCH_TEST_FLAG", str(tmp_path / "flag"))


def outside(tmp_path, source):
    """A record from a file of this source."""
    path = tmp_path / "outside.py"
    path.write_text(source)
    known = registry.load([path])
    assert not known.broken
    return next(record for record in known.implementations.values() if record.source == str(path))


def specs(arms, implementation="eager", seeds=(0,)):
    if isinstance(implementation, str):
        implementation = registry.load().implementation("gm", implementation)
    digest = data.load("digits").digest
    found = cells(experiment("kumar"), "digits", digest, "smoke", arms, seeds, implementation)
    return [Spec.of(spec) for spec in found]


def fake(spec, report):
    """A cell that takes no time."""
    return {"epochs": [{"epoch": 0, "test_error": 90.0}, {"epoch": 1, "test_error": 10.0}], "measures": {}}


def wait_for(path, seconds=120):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not appear"
        time.sleep(0.05)
    return path.read_text()


def is_alive(pid):
    with contextlib.suppress(OSError):
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z"
    return False


def results(store):
    return sorted(path.name for path in (store / "cells").iterdir()) if (store / "cells").exists() else []


def test_a_crash_costs_one_cell(tmp_path, forked):
    doomed, fine = specs(["bl"], outside(tmp_path, DIES))[0], specs(["fc"])[0]
    engine = local.Local([doomed, fine], tmp_path / "store", jobs=1)
    engine.run()
    assert [c.state for c in engine.cells] == ["failed", "done"]
    assert engine.cells[0].tries == 2
    assert "SIGKILL" in engine.cells[0].error and "the last words" in engine.cells[0].error
    assert results(tmp_path / "store") == [f"{fine.id}.json"]


def test_a_killed_cell_is_tried_again(tmp_path, forked):
    (spec,) = specs(["bl"], outside(tmp_path, WAITS))

    def kill():
        os.kill(int(wait_for(tmp_path / "flag")), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    (only,) = local.Local([spec], tmp_path / "store", jobs=1).run()
    killer.join()
    assert (only.state, only.tries) == ("done", 2)
    found = finished(spec, tmp_path / "store")
    assert found.epochs[1]["test_error"] < 90
    # what came from outside is named by its digest: no source, no path
    text = cell_path(spec, tmp_path / "store").read_text()
    assert str(tmp_path) not in text and "def waits" not in text
    assert found.spec.implementation == {"name": "gm/waits", "sha256": spec.implementation["sha256"]}


def test_ctrl_c_leaves_nothing_half_written(tmp_path):
    outside(tmp_path, WAITS)
    words = [
        "run",
        "kumar",
        "--data",
        "digits",
        "--arms",
        "fc,bl",
        "--jobs",
        "1",
        "--store",
        str(tmp_path / "store"),
    ]
    driver = subprocess.Popen(
        [sys.executable, "-m", "gmbench", *words, "--implementation", str(tmp_path / "outside.py")],
        stderr=subprocess.PIPE,
        text=True,
        # where the tests themselves run in the background of a shell, they inherit that SIGINT is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    pid = int(wait_for(tmp_path / "flag"))
    driver.send_signal(signal.SIGINT)
    _, errors = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert "interrupted with 1 of 2 cells done" in errors and "goes on" in errors
    assert not is_alive(pid)
    (name,) = results(tmp_path / "store")  # the one that was done before, and no temporary file
    assert json.loads((tmp_path / "store" / "cells" / name).read_text())["spec"]["arm"] == "fc"


def test_a_child_does_not_outlive_its_engine(tmp_path):
    (spec,) = specs(["bl"], outside(tmp_path, WAITS))
    process = subprocess.Popen(
        [sys.executable, "-m", "gmbench", "cell", "-", "--driven", "--store", str(tmp_path / "store")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    process.stdin.write(json.dumps(spec.as_dict()).encode() + b"\n")
    process.stdin.flush()
    wait_for(tmp_path / "flag")
    process.stdin.close()
    assert process.wait(60) == 128 + signal.SIGTERM
    assert results(tmp_path / "store") == []


def test_finished_cells_are_skipped(tmp_path, monkeypatch):
    both = specs(["fc", "bl"])
    for spec in both:
        run_cell(spec, fake, tmp_path)
    monkeypatch.setattr(local, "CellChild", None)  # whoever starts a process now fails
    assert [c.state for c in local.Local(both, tmp_path).run()] == ["skipped", "skipped"]
    assert [c.state for c in local.Local(both, tmp_path, fresh=True).cells] == ["waiting", "waiting"]


def test_a_truncated_result_is_not_a_result(tmp_path):
    (spec,) = specs(["fc"])
    path = run_cell(spec, fake, tmp_path)
    assert path == cell_path(spec, tmp_path) and finished(spec, tmp_path)
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    assert finished(spec, tmp_path) is None
    assert local.Local([spec], tmp_path).cells[0].state == "waiting"
    path.write_text(whole.replace(spec.id, "0" * 64))
    assert finished(spec, tmp_path) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"measures": {"seed": 3}}, "measures cannot be called seed"),
        ({"measures": {"found": float("inf")}}, "measures have numbers that are not finite"),
        ({"epochs": []}, "missing or of wrong type: epochs"),
    ],
)
def test_a_result_that_nobody_could_read_is_not_written(tmp_path, change, said):
    (spec,) = specs(["fc"])
    with pytest.raises(ContractError, match=f"^what kumar measured: not a whole file of kind 'cells'; {said}$"):
        run_cell(spec, lambda *words: fake(*words) | change, tmp_path)
    assert results(tmp_path) == []


def test_a_cell_is_deterministic(tmp_path):
    (spec,) = specs(["kumar"])
    (tmp_path / "spec.json").write_text(json.dumps(spec.as_dict(), indent=1))
    found = []
    for number, words in enumerate([[str(tmp_path / "spec.json")], [json.dumps(spec.as_dict())]]):
        command = [sys.executable, "-m", "gmbench", "cell", *words, "--store", str(tmp_path / str(number))]
        subprocess.run(command, check=True, capture_output=True)
        result = finished(spec, tmp_path / str(number))
        for epoch in result.epochs:
            del epoch["seconds"]
        found.append((result.epochs, result.measures))
    assert found[0] == found[1]
    assert len(found[0][0]) == 2


def test_the_name_of_a_cell_follows_what_it_is():
    (spec,) = specs(["bl"])
    assert spec.id == Spec.of(dict(reversed(spec.as_dict().items()))).id
    text = json.dumps(spec.as_dict(), sort_keys=True, separators=(",", ":"))
    assert spec.id == Spec.read(text).id == hashlib.sha256(text.encode()).hexdigest()
    for name, other in {
        "seed": 1,
        "arm": "fc",
        "epochs": 2,
        "version": 99,
        "digest": "0",
        "device": "cuda",
    }.items():
        assert replace(spec, **{name: other}).id != spec.id


def test_a_carried_source_is_the_one_the_spec_names(tmp_path):
    part = pack(outside(tmp_path, WAITS))
    assert str(tmp_path) not in json.dumps(part)
    assert unpack(part, Implementation).name == "waits"
    assert {**part, "source": ""} != part
    for wrong in ({**part, "source": part["source"] + "\n"}, {**part, "source": ""}):
        with pytest.raises(ContractError, match="not the one"):
            unpack(wrong, Implementation)
    other = pack(outside(tmp_path, WAITS + "\n"))
    one, two = (replace(specs(["bl"])[0], implementation=p) for p in (part, other))
    assert one.id != two.id


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return eager(x, mu, sigma, U, v)[..., :1]", r"returned the shape \(5, 1\) for x \(5, 4\); expected \(5, 3\)"),
        ("return eager(x, mu, sigma, U, v).sum()", r"returned the shape \(\)"),
        ("return 3", "gm/waits returned int, not a tensor"),
    ],
)
def test_a_carried_function_that_returns_something_else_is_told(tmp_path, body, said):
    source = WAITS[: WAITS.index("    flag")] + f"    {body}\n"
    part = pack(outside(tmp_path, source))
    x, mu, sigma, u, v = torch.ones(5, 4), torch.ones(2, 4), torch.ones(2, 4), torch.ones(2, 3, 4), torch.ones(2, 3)
    with pytest.raises(ContractError, match=said):
        unpack(part, Implementation).function(x, mu, sigma, u, v)
    right = pack(outside(tmp_path, WAITS[: WAITS.index("    flag")] + "    return eager(x, mu, sigma, U, v)\n"))
    assert unpack(right, Implementation).function(x, mu, sigma, u, v).shape == (5, 3)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"experiment": "kumar"}', "{"])
def test_a_spec_that_is_none_is_refused(text):
    with pytest.raises(ContractError):
        Spec.read(text)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"digest": "0" * 64}, "digest"),
        ({"version": 99}, "version"),
        ({"data": "digit"}, "did you mean 'digits'"),
    ],
)
def test_a_spec_that_cannot_run_is_one_line(tmp_path, monkeypatch, wrong, words):
    monkeypatch.setattr(cell, "prepare", lambda: None)  # it is for a process of its own
    text = json.dumps(specs(["fc"])[0].as_dict() | wrong)
    done = CliRunner().invoke(cli.main, ["cell", "-", "--store", str(tmp_path)], input=text)
    assert done.exit_code == child.REFUSED
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert results(tmp_path) == []


def test_a_timing_suspends_cells(tmp_path, monkeypatch):
    sent = []

    class CellChild(child.CellChild):
        def __init__(self, *_):
            self.progress, self.begun, self.paused, self.stopped = {}, 0.0, 0.0, 0.0

        def signal(self, number):
            sent.append(number)

        def ended(self):
            return None

    monkeypatch.setattr(local, "CellChild", CellChild)
    engine = local.Local(specs(["fc", "bl"]), tmp_path, jobs=1)
    with timing_lock(settle=0):
        engine._look(None)
        assert engine.suspended and not engine.running
    engine._look(None)
    assert len(engine.running) == 1 and sent == []
    with timing_lock(settle=0):
        engine._look(None)
        assert sent == [signal.SIGSTOP]
    engine._look(None)
    assert sent == [signal.SIGSTOP, signal.SIGCONT]
