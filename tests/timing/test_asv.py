"""`asv run` and `asv publish` from a fresh clone, without terminal or machine file, nothing installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gmbench

ROOT = Path(gmbench.__file__).resolve().parent.parent
EAGER = "track_gm_100_10_b64_eager"
CHEAP = f"{EAGER}.*float32.*cpu.*default"
GPU = "Abacus 9000"


def shell(*command, cwd, home, status=0):
    """Standard output of a command that must end with this status."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ASV", "PYTHON", "GMBENCH", "GIT_"))}
    env |= {"HOME": str(home), "GMBENCH_LOCK": str(home / "lock")}
    env["PATH"] = f"{home}{os.pathsep}{env['PATH']}"
    env["CXX"] = "false"  # without a compiler fewer implementations are timed
    done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == status, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def test_the_plugin_loads_no_torch():
    code = "import sys, gmbench.timing.asv_env; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_without_git_it_is_one_line(monkeypatch):
    from asv.util import UserError

    from gmbench.timing import asv_env

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="there is no git on the PATH"):
        asv_env.setup()


@pytest.mark.night
@pytest.mark.slow
def test_a_fresh_clone_runs_compares_and_publishes(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    driver = home / "nvidia-smi"  # a machine that says it has a GPU
    driver.write_text(f"#!/bin/sh\necho {GPU}\n")
    driver.chmod(0o755)

    def git(*words):
        return shell("git", "-c", "user.name=x", "-c", "user.email=x@x", *words, cwd=clone, home=home)

    def asv(*words, status=0):
        return shell(sys.executable, "-m", "asv", *words, cwd=clone, home=home, status=status)

    shell("git", "clone", "-q", str(ROOT), str(clone), cwd=tmp_path, home=home)
    git("rm", "-q", "gmbench/timing/session.py")
    git("commit", "-q", "-m", "a commit that is older than the timings")
    git("revert", "--no-edit", "HEAD")
    eager = clone / "gmbench" / "layers" / "gm" / "eager.py"
    formula = "    variance = sigma.square()\n"
    assert formula in eager.read_text()
    slow = "    for _ in range(300):\n        x @ mu.mT + 1\n"
    eager.write_text(eager.read_text().replace(formula, slow + formula))
    git("commit", "-q", "-a", "-m", "a slowdown")
    slower, newer, older = (git("rev-parse", name) for name in ("HEAD", "HEAD~1", "HEAD~2"))

    said = asv("continuous", "--bench", CHEAP, "--factor", "1.5", newer, slower, status=1)
    assert "PERFORMANCE DECREASED" in said and EAGER in said
    assert "n/a" in asv("run", "--bench", CHEAP, "--skip-existing-commits", "HEAD~3..HEAD")
    results = {}
    for file in (clone / ".asv" / "results").glob("*/*-current-*.json"):
        content = json.loads(file.read_text())
        (row,) = content["results"].values()
        results[content["commit_hash"]] = dict(zip(content["result_columns"], row, strict=False))["result"]
    assert set(results) == {slower, newer, older}
    for commit, times in results.items():
        times = [value for value in times or [] if isinstance(value, float) and value == value]
        assert len(times) == (0 if commit == older else 2) and all(value > 0 for value in times)  # two passes

    asv("publish")
    html = clone / ".asv" / "html"
    assert list((html / "graphs").rglob(f"layers.{EAGER}.json"))
    assert json.loads((html / "index.json").read_text())["params"]["gpu"] == [GPU]
    assert str(tmp_path) not in "".join(file.read_text() for file in html.glob("*.json"))
