"""What a child may take and cannot reach, and that a system which refuses a limit stops nobody."""

import contextlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gmbench.processes import limits
from gmbench.processes.child import Child


def said(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.split()


def test_limits_are_those_of_the_process():
    program = (
        "import resource, sys\nfrom gmbench.processes.limits import limit\nlimit(3 * 2**30)\n"
        "print(*(most >> 30 for most in resource.getrlimit(resource.RLIMIT_AS)),"
        " resource.getrlimit(resource.RLIMIT_CORE)[0],"
        " open('/proc/self/oom_score_adj').read().strip() if sys.platform == 'linux' else 1000)"
    )
    assert said(program) == ["3", "3", "0", "1000"]


@pytest.mark.parametrize("there", ["(4 << 30, 4 << 30)", "(4 << 30, 6 << 30)"])
def test_a_limit_of_memory_that_is_there_already_is_kept(there):
    program = (
        "import resource\nfrom gmbench.processes.limits import limit\n"
        f"resource.setrlimit(resource.RLIMIT_AS, {there})\nlimit(8 * 2**30)\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0] >> 30)"
    )
    assert said(program) == ["4"]


def test_without_a_limit_of_memory_there_is_none():
    program = (
        "import resource\nfrom gmbench.processes.limits import limit\nbefore = resource.getrlimit(resource.RLIMIT_AS)\n"
        "limit()\nlimit(float('inf'))\nlimit(2.0**80)\nprint(before == resource.getrlimit(resource.RLIMIT_AS))"
    )
    assert said(program) == ["True"]


@pytest.mark.parametrize("error", [OSError, PermissionError, ValueError])
def test_a_system_that_refuses_stops_nobody(error, monkeypatch):
    def refuse(*_):
        raise error

    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(Path, "write_text", refuse if issubclass(error, OSError) else lambda *_: None)
    limits.limit(2**30)


def test_what_it_prints_is_no_answer_and_comes_in_order(program):
    program(
        "import os, sys\nfrom gmbench.processes.limits import answering\nanswer = answering()\n"
        "print('printed')\nos.write(1, b'{\"b\": 2}\\n')\nanswer({'a': 1})\nprint('then')\nsys.exit('the end')"
    )
    with Child("module") as some:
        assert some.wait(60) == 1
        assert some.listen() == [{"a": 1}]
    assert some.printed.splitlines() == ["printed", '{"b": 2}', "then", "the end"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends a child with its parent, whatever it does")
def test_it_dies_with_its_parent():
    text = (
        "import ctypes, os\nfrom gmbench.processes.limits import answering\n"
        "answering()({'pid': os.getpid()})\nctypes.CDLL(None).sleep(60)"
    )
    starts = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {text!r}])"
    parent = subprocess.Popen([sys.executable, "-c", starts], stdout=subprocess.PIPE)
    stat = Path(f"/proc/{json.loads(parent.stdout.readline())['pid']}/stat")
    assert stat.exists()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 20
    with contextlib.suppress(OSError):  # it is gone
        while stat.read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.mark.parametrize("name", ["gmbench.references", "gmbench.references.gm", "references", "references.gm"])
def test_no_reference_can_be_imported_afterwards(name):
    program = (
        "import sys\nimport gmbench.references.gm as known\nfrom gmbench.processes.limits import hide_references\n"
        f"hide_references()\nassert known.gm\ntry:\n import {name}\nexcept ModuleNotFoundError as error:\n print(error)"
    )
    assert " ".join(said(program)).endswith(": an implementation must not import a reference")
