"""Where implementations come from: files, packages, code; and what happens to those that cannot be loaded."""

import importlib
import os
import subprocess
import sys
import types
import venv
from pathlib import Path

import pytest

import gmbench
from gmbench import registry
from gmbench.contract import ContractError
from gmbench.data import DataSet
from gmbench.experiments.contract import Experiment

ROOT = Path(gmbench.__file__).resolve().parent.parent
LAYER = """
import gmbench
from gmbench.layers.gm.eager import eager

@gmbench.implementation("gm", name={name!r}, ulps=40)
def mine(x, mu, sigma, U, v):
    return eager(x, mu, sigma, U, v)
"""


def write(folder, name="outside", file="my_layer.py"):
    path = folder / file
    path.write_text(LAYER.format(name=name))
    return path


def test_built_in():
    found = registry.load()
    assert {"gm/eager", "gm/compiled", "gm/monte-carlo", "gm-full/eager"} <= set(found.implementations)
    assert {"gm/bl", "gm/fan-in", "gm/kumar"} <= set(found.initialisations)
    assert not found.broken


def test_nothing_that_is_built_in_is_broken(caplog):
    assert registry.declared("gmbench.data", "DATA_SET", DataSet)
    assert registry.declared("gmbench.experiments", "EXPERIMENT", Experiment)
    assert not caplog.messages


def test_a_file_brings_its_own_records_and_not_those_it_imports(tmp_path):
    path = write(tmp_path)
    found = registry.load(files=[path])
    assert found.implementations["gm/outside"].source == str(path)
    assert found.implementations["gm/eager"].source == "built in"


def test_the_variable_names_files(tmp_path, monkeypatch):
    paths = [write(tmp_path, "first", "a.py"), write(tmp_path, "second", "b.py")]
    monkeypatch.setenv("GMBENCH_IMPLEMENTATIONS", os.pathsep.join(map(str, paths)))
    assert {"gm/first", "gm/second"} <= set(registry.load().implementations)


def test_a_name_that_is_taken_keeps_its_owner(tmp_path):
    path = write(tmp_path, "eager")
    found = registry.load(files=[path])
    assert found.implementations["gm/eager"].source == "built in"
    assert found.broken == (
        registry.Broken(str(path), "the name 'gm/eager' is taken (built in); give yours another name"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("import gmbench\n@gmbench.implementation('gm', name='x', ulps=1)\ndef f(x): ...", "missing mu, sigma, U, v"),
    ],
)
def test_a_file_that_cannot_be_imported_stays_listed_with_the_reason(tmp_path, text, said):
    path = tmp_path / "bad.py"
    path.write_text(text)
    (broken,) = registry.load(files=[path]).broken
    assert broken.source == str(path)
    assert said in broken.reason
    assert "\n" not in broken.reason


def test_files_that_are_none(tmp_path):
    with pytest.raises(ContractError, match="no such file"):
        registry.load_file(tmp_path / "absent.py")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ContractError, match="not a Python file"):
        registry.load_file(tmp_path / "notes.txt")


def test_selecting():
    found = registry.load()
    assert [i.key for i in found.select("gm/eager")] == ["gm/eager"]
    assert {i.key for i in found.select("eager")} == {f"{name}/eager" for name in registry.layer_types()}
    assert {i.layer_type for i in found.select("gm")} == {"gm"}
    with pytest.raises(ContractError, match="did you mean 'eager'"):
        found.select("eagre")


def test_availability(monkeypatch):
    record = registry.load().implementation("gm", "compiled")
    monkeypatch.setattr(registry, "_missing", lambda need: f"no {need}")
    assert registry.unavailable(record) == "no compiler"
    assert "does not run on cuda" in registry.unavailable(gmbench.contract.Implementation("gm", "x", print), "cuda")


def test_no_compiler_is_a_reason(monkeypatch):
    monkeypatch.setenv("CXX", "/no/such/compiler")
    monkeypatch.setenv("PATH", "/nowhere")
    assert "C++ compiler" in registry._no_compiler()


IDENTITY = """
import sys
import types
import gmbench.references.gm as a
import gmbench.suites
from gmbench.checks.errors import reference_function
assert reference_function("gm", False) is a.gm
assert sys.modules["gmbench.references.gm"] is a
twins = [n for n, m in sys.modules.items() if getattr(m, "__file__", None) == a.__file__ and n != a.__name__]
assert not twins, twins
assert "references" not in sys.modules and "suites" not in sys.modules
print(gmbench.__file__)
"""


def run_identity(python, **environment):
    done = subprocess.run(
        [python, "-c", IDENTITY],
        env={**os.environ, **environment},
        cwd=Path(os.sep),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_one_module_object_in_a_bare_checkout(tmp_path):
    """As asv does it: the checkout on PYTHONPATH, in an environment where gmbench is not installed otherwise."""
    site = next(p for p in sys.path if p.endswith("site-packages"))
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False, symlinks=True)
    found = run_identity(bare / "bin/python", PYTHONPATH=os.pathsep.join([str(ROOT), site]))
    assert found.parent.parent == ROOT


@pytest.mark.slow
@pytest.mark.parametrize("editable", [True, False], ids=["editable", "wheel"])
def test_one_module_object_when_installed(tmp_path, editable):
    """Installed from a copy of the sources; without a network, the dependencies come from this environment."""
    import shutil

    source = tmp_path / "source"
    source.mkdir()
    for name in ("gmbench", "references", "suites"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "asv.conf.json"):
        shutil.copy(ROOT / name, source / name)
    target = tmp_path / "venv"
    venv.create(target, with_pip=False)  # with it would come an old setuptools
    python = target / "bin/python"
    site = next(p for p in sys.path if p.endswith("site-packages"))
    own = next((target / "lib").glob("python*/site-packages"))
    (own / "borrowed.pth").write_text(site + "\n")
    options = ["-e"] if editable else []
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", *options, source], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = run_identity(python)
    assert (source in found.parents) == editable
    # what is no Python travels too: sentences, corpora, C++
    shipped = [{p.relative_to(top) for p in top.rglob("*.[tjc]*")} for top in (ROOT / "gmbench", found.parent)]
    assert shipped[0] <= shipped[1]
    listed = subprocess.run([target / "bin/gmbench", "list", "--json"], capture_output=True, text=True, cwd=tmp_path)
    assert '"gm/eager"' in listed.stdout, listed.stderr


def test_an_installed_package_registers_by_its_entry_point(tmp_path, monkeypatch):
    write(tmp_path, "packaged", "their_package.py")
    meta = tmp_path / "their_package-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text(
        "[gmbench.implementations]\nmine = their_package\nlost = their_other_package\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = registry.load()
    assert found.implementations["gm/packaged"].source == "package their-package"
    assert [b.source for b in found.broken] == ["package their-package"]
    assert "their_other_package" in found.broken[0].reason
    done = subprocess.run(
        [sys.executable, "-m", "gmbench", "verify", "gm/packaged", "--profile", "smoke", "--only", "value"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


THING = "import types\nTHING = types.SimpleNamespace(name={!r})\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import no_such_module",
            "theirs.b: cannot be imported (ModuleNotFoundError: No module named",
        ),
        ("from gmbench.names import no_such_name", "theirs.b: cannot be imported (ImportError: cannot import name"),
        (THING.format("first"), "theirs.b: the name 'first' is taken (theirs.a); give yours another name"),
        ("THING = 1", "theirs.b: its THING is no SimpleNamespace"),
    ],
)
def test_a_built_in_file_that_cannot_be_taken_is_named_and_the_others_stay(tmp_path, monkeypatch, caplog, text, said):
    folder = tmp_path / "theirs"
    folder.mkdir()
    files = {"__init__": "", "a": THING.format("first"), "b": text, "c": THING.format("third"), "_helper": "1 / 0"}
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert list(registry.declared("theirs", "THING", types.SimpleNamespace)) == ["first", "third"]
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "theirs"]:
            del sys.modules[name]
    (line,) = caplog.messages
    assert line.startswith(f"broken: {said}") and "\n" not in line


def test_a_built_in_implementation_that_cannot_be_imported_is_listed(monkeypatch):
    real = importlib.import_module

    def without(name):
        return real("no_such_module") if name == "gmbench.layers.gm.monte_carlo" else real(name)

    monkeypatch.setattr(importlib, "import_module", without)
    found = registry.load()
    assert "gm/eager" in found.implementations and "gm/monte-carlo" not in found.implementations
    (broken,) = found.broken
    assert broken.source == "built in" and broken.reason.startswith("gmbench.layers.gm.monte_carlo: cannot be imported")
