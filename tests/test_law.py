"""The law of the arrows catches what it forbids, and no two modules need each other."""

import graphlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gmbench

ROOT = Path(gmbench.__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def test_what_it_forbids(tmp_path):
    if not (BIN / "lint-imports").exists() or not (BIN / "ruff").exists():
        pytest.skip("ruff and import-linter are not installed")
    for name in ("gmbench", "references", "suites"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, line in {
        "gmbench/layers/gm/one.py": "from references.gm import gm as gm",
        "gmbench/layers/gm/two.py": "from gmbench.references.gm import gm as gm",
        "gmbench/baselines/three.py": "from gmbench import references as references",
        "gmbench/newroom/__init__.py": "import gmbench.cli as cli",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{line}\n")

    def said(*command):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)})
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout

    arrows = said(BIN / "lint-imports", "--no-cache")
    assert "- gmbench.newroom" in arrows and "gmbench.layers.gm.one -> references.gm" in arrows
    banned = said(BIN / "ruff", "check", "--no-cache", "--output-format", "concise", ".")
    assert {line.partition(":")[0] for line in banned.splitlines() if "TID251" in line} == {
        "gmbench/layers/gm/one.py",
        "gmbench/layers/gm/two.py",
        "gmbench/baselines/three.py",
    }


def test_no_circles_between_modules(monkeypatch):
    """Also between a room and a file in it, which import-linter takes for one; and by imports inside functions."""
    grimp = pytest.importorskip("grimp")
    monkeypatch.syspath_prepend(ROOT)
    graph = grimp.build_graph("gmbench", "references", "suites", cache_dir=None)
    public = {"gmbench"}  # reaches for anything, at first use
    arrows = {name: graph.find_modules_directly_imported_by(name) - public for name in graph.modules - public}
    assert arrows.get("gmbench.data")
    graphlib.TopologicalSorter(arrows).prepare()  # raises CycleError
