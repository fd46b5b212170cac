"""Children of any kind: what they import, how they are heard, how they end, and what is said of that."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

import gmbench
from gmbench import data
from gmbench.checks.verify import verify
from gmbench.experiments import experiment
from gmbench.experiments.plan import cells
from gmbench.processes import child
from gmbench.processes.child import Child, fate
from gmbench.processes.outside import declared
from gmbench.runs.child import Ending, supervise
from gmbench.timing.turns import Process

ROOT = Path(gmbench.__file__).resolve().parent.parent
LAYER = """
import gmbench
from gmbench.layers.gm.eager import eager

@gmbench.implementation("gm", name="mine", ulps=40)
def mine(x, mu, sigma, U, v):
    return eager(x, mu, sigma, U, v)
"""


def is_alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def run(text, program, words=(), **options):
    """A child that runs this text."""
    program(text)
    return Child("module", *words, **options)


# -- what a child imports ----------------------------------------------------------------------------------------------


def declares(folder):
    return [record.name for record in declared(folder / "layer.py")] == ["mine"]


def verifies(folder):
    return verify([folder / "layer.py"], profile="smoke", only=["form"]).code == 0


def times(folder):
    task = {"do": "time", "layer_type": "gm", "size": {"axes": {"K": 2, "d": 5, "C": 3}, "batch": 4, "label": "5-3"}}
    task |= {"dtype": "float32", "device": "cpu", "passes": ["forward"], "yardsticks": [], "folder": str(folder)}
    process = Process({**task, "key": "gm/mine", "file": str(folder / "layer.py")}, "default")
    try:
        return process.answer()["threads"] > 0
    finally:
        process.close()


def trains(folder):
    (spec,) = cells(experiment("kumar"), "digits", data.load("digits").digest, "smoke", ["fc"], [0])
    *_, ending = supervise(spec, folder / "store", {})
    return ending == Ending(0)


@pytest.mark.parametrize("starts", [declares, verifies, times, trains])
def test_nothing_in_the_working_folder_shadows_a_module(starts, tmp_path, monkeypatch):
    monkeypatch.setenv("GMBENCH_LOCK", str(tmp_path / "lock"))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", "") + os.pathsep)  # its end is the working folder
    (tmp_path / "layer.py").write_text(LAYER)
    for name in ("random", "json", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name}.py of the working folder was imported')\n")
    monkeypatch.chdir(tmp_path)
    assert starts(tmp_path)


def test_the_folder_of_gmbench_is_named_only_where_nothing_else_leads_to_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(tmp_path), ""]))
    monkeypatch.setattr(child, "_is_installed", lambda root: False)
    assert child._environment({})["PYTHONPATH"] == os.pathsep.join([str(ROOT), str(tmp_path)])
    monkeypatch.setattr(child, "_is_installed", lambda root: True)
    assert child._environment({})["PYTHONPATH"] == str(tmp_path)


def test_what_is_installed_is_told_from_what_only_lies_there(monkeypatch, tmp_path):
    class Installed:
        def __init__(self, about):
            self.about = about

        def read_text(self, name):
            return self.about

    editable = f'{{"dir_info": {{"editable": true}}, "url": "{tmp_path.as_uri()}"}}'
    for about, installed in (
        (editable, True),
        (editable.replace("true", "false"), False),
        ("{}", False),
        (None, False),
    ):
        monkeypatch.setattr(child.metadata, "distribution", lambda _, about=about: Installed(about))
        assert child._is_installed(tmp_path) == installed and not child._is_installed(tmp_path / "other")
        assert child._is_installed(tmp_path / "site-packages")

    def absent(name):
        raise child.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(child.metadata, "distribution", absent)
    assert not child._is_installed(tmp_path)


def test_its_environment_is_this_one_but_for_what_differs(program, monkeypatch):
    for name in ("KEPT", "CHANGED", "TAKEN"):
        monkeypatch.setenv(name, "here")
    text = "import json, os; print(json.dumps({n: os.environ.get(n) for n in ('KEPT', 'CHANGED', 'TAKEN', 'NEW')}))"
    with run(text, program, environment={"CHANGED": "there", "TAKEN": None, "NEW": "too"}) as some:
        assert some.listen(60) == [{"KEPT": "here", "CHANGED": "there", "TAKEN": None, "NEW": "too"}]


# -- how it is heard ---------------------------------------------------------------------------------------------------


def test_it_hears_and_answers(program):
    text = "import sys\nfor line in sys.stdin: print('{\"said\": %d}' % len(line), flush=True)"
    with run(text, program) as some:
        for word in ("a", "abc"):
            some.send(word)
            assert some.listen(60) == [{"said": len(word) + 1}]
        assert some.listen(0.05) == [] and not some.mute
        some.end_input()
        assert some.listen(60) == [] and some.mute and some.wait(60) == 0


def test_what_is_no_answer_is_told_apart(program):
    text = "print('{\"a\": 1}\\n[1]\\n{nonsense\\n' + '[' * 100000 + '\\n{\"b\": 2}\\n{\"c\"', end='')"
    with run(text, program) as some:
        assert some.wait(60) == 0
        assert some.listen() == [{"a": 1}, None, None, None, {"b": 2}] and some.mute


@pytest.mark.parametrize("heard", ["by listening", "by waiting"])
def test_a_flood_blocks_nothing(heard, program):
    text = (
        "import os\nfor _ in range(30):\n os.write(1, b'x' * 100000)\n os.write(2, b'y' * 100000)\n"
        "os.write(1, b'\\n{\"a\": 1}\\n'); os.write(2, b'\\n the end \\n\\n')"
    )
    with run(text, program) as some:
        if heard == "by waiting":
            assert some.wait(60) == 0
        answers = some.listen(60)
        while not some.mute:
            answers += some.listen(60)
        assert answers == [None, {"a": 1}] and some.wait(60) == 0
    assert some.last_line == "the end" and len(some.printed) <= child.TAIL


def test_who_is_dead_can_be_spoken_to(program):
    with run("", program) as some:
        assert some.wait(60) == 0
        some.send("x" * 2**20)
        some.end_input()
        assert some.listen(60) == [] and some.mute and some.last_line == ""


# -- how it ends -------------------------------------------------------------------------------------------------------

LEAVES = """
import os, time
if not os.fork():
    {before}
    print('{{"pid": %d}}' % os.getpid(), flush=True)
    time.sleep(60)
{after}
"""


def test_what_it_started_ends_with_it(program):
    with run(LEAVES.format(before="", after="time.sleep(60)"), program) as some:
        ((answer),) = some.listen(60)
        assert is_alive(answer["pid"])
    assert some.status == -signal.SIGKILL
    end = time.monotonic() + 20
    while is_alive(answer["pid"]) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(answer["pid"])
    some.close()  # once more does no harm


@pytest.mark.parametrize("heard", ["by listening", "by waiting"])
def test_what_left_its_group_holds_nobody_up(heard, program):
    with run(LEAVES.format(before="os.setsid()", after="time.sleep(1); os._exit(3)"), program) as some:
        ((answer),) = some.listen(60)
        begun = time.monotonic()
        try:
            if heard == "by listening":
                assert some.listen(60) == [] and some.mute
            assert some.wait(60) == 3 and time.monotonic() - begun < 30
        finally:
            os.kill(answer["pid"], signal.SIGKILL)


def test_one_that_is_asked_ends_by_itself(program):
    text = (
        "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(7))\nprint('{}', flush=True)\ntime.sleep(60)"
    )
    some = run(text, program)
    assert some.listen(60) == [{}]
    some.ask()
    some.close(60)
    assert some.status == 7


def test_what_is_said_of_a_death():
    assert [fate(status) for status in (3, -9, -60)] == ["exit status 3", "killed by SIGKILL", "killed by signal 60"]
    assert fate(0, sentence=True) == "ended with exit status 0"
    assert fate(-11, sentence=True) == "was killed by SIGSEGV"
