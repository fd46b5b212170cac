"""`asv run` and `asv publish` from a fresh clone, without terminal or machine file, nothing installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gmbench

ROOT = Path(gmbench.__file__).resolve().parent.parent
CHEAP = "track_gm_100_10_floor.*cpu"


def shell(*command, cwd, home):
    """Standard output of a command that must succeed."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ASV", "PYTHON", "GMBENCH", "GIT_"))}
    env |= {"HOME": str(home), "GMBENCH_LOCK": str(home / "lock")}
    done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def test_the_plugin_loads_no_torch():
    code = "import sys, gmbench.timing.asv_env; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.slow
def test_asv_runs_and_publishes_from_a_fresh_clone(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()

    def git(*words):
        return shell("git", "-c", "user.name=x", "-c", "user.email=x@x", *words, cwd=clone, home=home)

    def asv(*words):
        return shell(sys.executable, "-m", "asv", *words, cwd=clone, home=home)

    shell("git", "clone", "-q", str(ROOT), str(clone), cwd=tmp_path, home=home)
    git("rm", "-q", "gmbench/timing/run.py")
    git("commit", "-q", "-m", "a commit that is older than the timings")
    git("revert", "--no-edit", "HEAD")
    newer, older = git("rev-parse", "HEAD"), git("rev-parse", "HEAD~1")

    out = asv("run", "--quick", "--bench", CHEAP, "HEAD~2..HEAD")
    assert "n/a" in out
    results = {}
    for file in (clone / ".asv" / "results").glob("*/*-current-*.json"):
        content = json.loads(file.read_text())
        (row,) = content["results"].values()
        results[content["commit_hash"]] = dict(zip(content["result_columns"], row, strict=False))["result"]
    assert set(results) == {newer, older}
    # forward and forward+backward on the CPU; CUDA was not selected
    times = [value for value in results[newer] if isinstance(value, float) and value == value]
    assert len(times) == 2 and all(value > 0 for value in times)
    assert not [value for value in results[older] or [] if isinstance(value, float) and value == value]

    asv("publish")
    assert (clone / ".asv" / "html" / "index.html").is_file()
    graphs = list((clone / ".asv" / "html" / "graphs").rglob("layers.track_gm_100_10_floor.json"))
    assert graphs
    published = "".join(file.read_text() for file in (clone / ".asv" / "html").glob("*.json"))
    assert str(tmp_path) not in published
