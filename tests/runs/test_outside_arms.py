"""One option of `gmbench run` puts an outside implementation or initialisation on the leaderboard, as one more arm."""

import json
import pathlib

import pytest
from click.testing import CliRunner

from gmbench import registry
from gmbench.cli import base as cli
from gmbench.cli import parse as asked
from gmbench.contract import ContractError
from gmbench.experiments import experiment, experiments
from gmbench.registry import fastest
from gmbench.results import frames
from gmbench.runs.cell import CELLS
from gmbench.store.reading import Store

THEIRS = """
import gmbench
from gmbench.layers.gm.eager import eager

@gmbench.implementation("gm", name="theirs", ulps=64)
def theirs(x, mu, sigma, U, v):
    return eager(x, mu, sigma, U, v)
"""
TENTHS = """
import gmbench

@gmbench.initialisation("gm", name="tenths")
def tenths(layer, images, generator):
    for parameter in layer.parameters():
        parameter.fill_(0.1)
"""


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No timing elsewhere on this machine suspends these cells."""
    monkeypatch.setenv("GMBENCH_LOCK", str(tmp_path / "lock"))


@pytest.fixture
def files(tmp_path):
    """One file of each kind, as ``--implementation`` and ``--initialisation`` take them."""
    (tmp_path / "theirs.py").write_text(THEIRS)
    (tmp_path / "tenths.py").write_text(TENTHS)
    return {"implementation": str(tmp_path / "theirs.py"), "initialisation": str(tmp_path / "tenths.py")}


@pytest.fixture
def no_compiler(monkeypatch):
    """Runs fall back to eager, which starts ten seconds sooner."""
    missing = registry._missing
    monkeypatch.setattr(registry, "_missing", lambda need: "none" if need == "compiler" else missing(need))


def run(*words):
    """What ``gmbench run ... --json`` prints."""
    done = CliRunner().invoke(cli.main, ["run", *words, "--json"])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def titles(name):
    """The titles of the standard cells of one seed."""
    chosen = experiment(name)
    usual = {arm: chosen.usual(chosen.layer_type_of(arm)).key for arm in chosen.arms}
    seed = chosen.budgets["smoke"].seeds[0]
    here = [arm for arm in chosen.arms if not chosen.absent(arm)]  # without those of extras that are not installed
    return [f"{arm} seed {seed}" + ("" if arm in chosen.baselines else f" ({usual[arm]})") for arm in here]


def for_layers(file, kind):
    """The same file for another layer type."""
    path = pathlib.Path(file)
    signature = registry.layer_type(kind).signature.removeprefix("f")
    eager = registry.load().implementation(kind, "eager")
    theirs = f"from {eager.module} import {eager.function.__name__} as eager"
    text = path.read_text().replace('"gm"', f'"{kind}"').replace("from gmbench.layers.gm.eager import eager", theirs)
    path.write_text(text.replace("(x, mu, sigma, U, v)", signature))


@pytest.mark.parametrize("name", sorted(experiments()))
@pytest.mark.parametrize("option", ["implementation", "initialisation"])
def test_one_option_is_one_more_arm(name, option, files, forked):
    seed, kind = experiment(name).budgets["smoke"].seeds[0], experiment(name).layer_type
    for_layers(files[option], kind if option == "implementation" else registry.value_of(kind))
    added = {
        "implementation": f"{experiment(name).headline} seed {seed} ({kind}/theirs)",
        "initialisation": f"tenths seed {seed} ({experiment(name).usual(kind).key})",
    }
    rows = run(name, f"--{option}", files[option], "--dry-run")
    assert [row["title"] for row in rows] == [*titles(name), added[option]]
    assert len({row["cell"] for row in rows}) == len(rows)
    standard = run(name, "--dry-run")
    assert rows[:-1] == standard  # what is finished of these is not run again


@pytest.mark.parametrize("option", ["implementation", "initialisation"])
def test_what_an_environment_variable_names_is_asked_for_by_name(option, files, monkeypatch, forked):
    by_file = run("kumar-single", f"--{option}", files[option], "--dry-run")
    monkeypatch.setenv("GMBENCH_IMPLEMENTATIONS", files[option])
    name = {"implementation": "theirs", "initialisation": "tenths"}[option]
    assert run("kumar-single", f"--{option}", name, "--dry-run") == by_file
    assert run("kumar-single", f"--{option}", files[option], "--dry-run") == by_file


def test_an_approximate_implementation_is_announced(files, tmp_path, forked):
    (tmp_path / "theirs.py").write_text(THEIRS.replace("ulps=64", 'approximate="it guesses"'))
    done = CliRunner().invoke(
        cli.main, ["run", "kumar-single", "--implementation", files["implementation"], "--dry-run"]
    )
    assert done.exit_code == 0 and "gm/theirs is approximate: it guesses" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs one initialisation of gm, and has none"),
        (TENTHS + TENTHS.replace("tenths", "others"), "needs one initialisation of gm, and has tenths, others"),
        (TENTHS.replace("tenths", "bl"), "the name 'gm/bl' is taken (built in)"),
        (TENTHS.replace("import gmbench", "import no_such"), "cannot be imported"),
    ],
)
def test_a_file_that_is_not_one_initialisation_is_refused(files, tmp_path, text, said, forked):
    (tmp_path / "tenths.py").write_text(text)
    done = CliRunner().invoke(cli.main, ["run", "kumar", "--initialisation", files["initialisation"], "--dry-run"])
    assert done.exit_code == 2 and said in done.stderr and done.stderr.count("\n") == 1
    with pytest.raises(ContractError):
        asked.initialisation(files["initialisation"], "gm")


def test_outside_arms_stand_beside_the_standard_ones_on_the_leaderboard(files, no_compiler, forked):
    rows = run("kumar-single", "--implementation", files["implementation"])
    by_arm = {(row["arm"], row["implementation"]): row["best"] for row in rows}
    assert set(by_arm) == {("bl", "gm/eager"), ("kumar", "gm/eager"), ("kumar", "gm/theirs")}
    assert by_arm["kumar", "gm/theirs"] == by_arm["kumar", "gm/eager"]  # it computes the same
    assert [row["best"] for row in rows] == sorted(by_arm.values())
    made = {path.name for path, _ in Store().read(CELLS)}
    rows = run("kumar-single", "--initialisation", files["initialisation"])
    found = {(row["arm"], row["implementation"]) for row in rows}
    assert found == {("bl", "gm/eager"), ("kumar", "gm/eager"), ("tenths", "gm/eager")}
    after = {path.name: result for path, result in Store().read(CELLS)}
    (added,) = (after[name] for name in set(after) - made)  # the standard arms were there already
    assert added.spec.initialisation["name"] == "gm/tenths" and added.measures["parameters"] == 3890
    frame = frames.load("cells")
    assert set(frame["implementation"]) == {"gm/eager", "gm/theirs"}


def test_a_run_by_default_trains_with_the_fastest():
    (row,) = run("kumar-single", "--arms", "kumar")
    assert (row["arm"], row["implementation"]) == ("kumar", fastest("gm").key)
    assert row["diverged"] == 0 and row["best"] < 85
    ((_, result),) = Store().read(CELLS)
    assert result.spec.implementation == {"name": fastest("gm").key} and len(result.epochs) == 2
    assert result.measures["logit_std"] == pytest.approx(0.5, abs=1e-4)
