"""`gmbench verify`: right is 0, wrong is 1, nothing to check is 2; and no accident is ever taken for right."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gmbench import check, registry
from gmbench.checks import verify as machinery
from gmbench.checks.template import template
from gmbench.cli.base import main

RIGHT = """
import os, sys, time
import torch
import gmbench
from gmbench.layers.gm.eager import eager
{before}

@gmbench.implementation("gm", name="mine", ulps=40{options})
def mine(x, mu, sigma, U, v):
    {inside}
    return eager(x, mu, sigma, U, v){after}
"""


def layer(folder, before="", inside="", after="", options=""):
    path = folder / "mine.py"
    path.write_text(RIGHT.format(before=before, inside=inside, after=after, options=options))
    return path


def shell(*arguments):
    """`gmbench` as its users run it."""
    return subprocess.run(
        [sys.executable, "-m", "gmbench", *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def gmbench(forked):
    """The same in this process; the child that checks is forked."""

    def call(*arguments):
        done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
        return SimpleNamespace(returncode=done.exit_code, stdout=done.stdout, stderr=done.stderr)

    return call


@pytest.fixture
def verify(gmbench):
    return lambda path, *options: gmbench("verify", path, "--profile", "smoke", *options)


def test_new_writes_a_template_that_is_right_and_overwrites_nothing(tmp_path):
    path = tmp_path / "my_layer.py"
    assert shell("new", "gm", path).returncode == 0
    done = shell("verify", path, "--profile", "smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": right: " in done.stdout
    assert "bulk" in done.stdout  # the share of cases in each regime
    again = shell("new", "gm", path)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_wrong_with_the_smallest_case_and_its_replay(tmp_path):
    path = layer(tmp_path, after=" * 1.001")
    done = shell("verify", path, "--profile", "smoke")
    assert done.returncode == 1
    assert '"K": 1, "d": 1, "C": 1}, "batch": 1' in done.stdout  # shrunk
    assert "0x1." in done.stdout  # the input exactly
    command = next(line for line in done.stdout.splitlines() if "replay: " in line).partition("replay: ")[2]
    again = subprocess.run(command.replace("gmbench", f"{sys.executable} -m gmbench", 1), shell=True)
    assert again.returncode == 1
    path.write_text(RIGHT.format(before="", inside="", after="", options=""))
    mended = subprocess.run(command.replace("gmbench", f"{sys.executable} -m gmbench", 1), shell=True)
    assert mended.returncode == 0


def test_a_failure_joins_the_corpus_and_is_replayed_first(tmp_path, verify):
    kept = Path(os.environ["GMBENCH_CORPUS"]) / "gm"
    assert not kept.exists()
    verify(layer(tmp_path, after=" * (1.001 if U.shape[1] == 3 else 1)"))  # no case of the shipped corpus
    (entry,) = [json.loads(path.read_text()) for path in kept.iterdir()]
    assert entry["implementation"] == "gm/mine"
    assert entry["case"]["sizes"] == {"K": 1, "d": 1, "C": 3}
    assert entry["case"]["batch"] == 1


ACCIDENTS = {
    "exits at import": dict(before="sys.exit(0)"),
    "exits hard at import": dict(before="os._exit(0)"),
    "exits inside": dict(inside="sys.exit(0)"),
    "exits hard inside": dict(inside="os._exit(0)"),
    "crashes inside": dict(inside="os.abort()"),
    "segmentation fault": dict(inside="import ctypes; ctypes.string_at(0)"),
    "hangs at import": dict(before="time.sleep(3600)"),
    "hangs inside": dict(inside="time.sleep(3600)"),
    "allocates without end": dict(inside="hoard = [bytearray(2**33) for _ in range(64)]"),
    "imports the reference": dict(inside="import gmbench.references.gm"),
    "imports it at the top": dict(before="from gmbench.references.gm import gm"),
    "raises": dict(inside="raise RuntimeError('no')"),
    "returns nothing": dict(after=" and None"),
    "nothing declared": dict(before="gmbench.implementation = lambda *a, **k: lambda f: f"),
}
SAID = {
    "hangs at import": "took more than 4 s while it was imported",
    "hangs inside": "took more than 4 s during gm/mine",
    "allocates without end": "MemoryError",
}


@pytest.mark.parametrize("how", ACCIDENTS)
def test_an_accident_is_never_right(tmp_path, how, verify, monkeypatch):
    monkeypatch.setattr(machinery, "SILENCE", 3.0)
    limits = ["--time-limit", "4"] if "hangs" in how else []
    done = verify(layer(tmp_path, **ACCIDENTS[how]), *limits)
    assert done.returncode in (1, 2), done.stdout
    assert SAID.get(how, "") in done.stdout + done.stderr
    assert done.stderr.strip() or "failed" in done.stdout
    assert len(done.stderr.strip().splitlines()) <= 1
    assert "Traceback" not in done.stderr


def test_missing_records_are_never_right(tmp_path, verify):
    """An implementation that ends the child politely before its checks."""
    before = "from gmbench.checks.plan import Check\nCheck.__call__ = lambda self, profile: sys.exit(0)"
    assert verify(layer(tmp_path, before=before)).returncode == 1


def test_much_output_does_not_block(tmp_path, verify):
    done = verify(layer(tmp_path, inside="print('x' * 100_000)"), "--only", "value")
    assert done.returncode == 0
    assert len(done.stdout) < 10_000


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("absent.py", "there is no such file"),
        ("gm/eagre", "did you mean"),
        ("gm/eager --only valeu", "did you mean 'value'"),
        ("gm/eager --store /proc/absent", "cannot be written"),
    ],
)
def test_nothing_to_check(target, said, gmbench):
    done = gmbench("verify", *target.split())
    assert done.returncode == 2
    assert said in done.stderr


def test_a_syntax_error_is_one_line(tmp_path, verify):
    path = tmp_path / "bad.py"
    path.write_text("def broken(:\n")
    done = verify(path)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "SyntaxError" in line and line.count("bad.py: ") == 1


def test_approximate_is_never_passed_as_right(tmp_path, verify):
    path = layer(tmp_path, after=" * 0")
    path.write_text(path.read_text().replace("ulps=40", "approximate='not even close'"))
    done = verify(path, "--only", "form", "--only", "value")
    assert done.returncode == 1
    assert "approximate" in done.stdout + done.stderr


def test_json_and_store(tmp_path, gmbench):
    done = gmbench("verify", layer(tmp_path), "--profile", "smoke", "--only", "value", "--json", "--store", tmp_path)
    told = json.loads(done.stdout)
    assert told["exit"] == 0
    assert {r["check"] for r in told["records"]} == {"value"}


DAILY = {"gm-full", "gmnm-mahalanobis-laplacian", "ugmm"}  # one of a family


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind in DAILY else pytest.mark.night)
        for kind in sorted(set(registry.layer_types()) - {"gm"})
    ],
)
def test_the_template_of_every_other_layer_type_is_right(kind, tmp_path):
    path = tmp_path / "my_layer.py"
    path.write_text(template(registry.layer_type(kind), "mine"))
    record = registry.load(files=[path]).implementation(kind, "mine")
    assert record.source == str(path) and record.derivatives >= 1
    assert [r.line() for r in check(record, profile="smoke") if not r.ok] == []


def test_list(tmp_path, gmbench):
    done = gmbench("list", "--json")
    names = {row["name"] for row in json.loads(done.stdout)["implementations"]}
    assert {"gm/eager", "gm/compiled", "gm/monte-carlo"} <= names
    bad = tmp_path / "bad.py"
    bad.write_text("import no_such_module")
    assert "no_such_module" in gmbench("list", "-i", bad).stderr


def test_pytest_suites_takes_a_file(tmp_path):
    root = Path(__file__).parents[2]
    for after, code in (("", 0), (" * 1.001", 1)):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "suites", "-q", "--profile", "smoke", "-k", "value or form"]
            + [f"--implementation={layer(tmp_path, after=after)}", "-p", "no:cacheprovider"],
            cwd=root,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout
        assert ("replay: gmbench verify" in done.stdout) == bool(code)
