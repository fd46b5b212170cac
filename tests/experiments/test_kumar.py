"""The KUMAR experiments on the digits: calibration, pairing, training, which cells there are, and what is refused."""

import dataclasses
import json
import math

import pytest
import torch
from click.testing import CliRunner

from gmbench import data, registry
from gmbench.cli import base as cli
from gmbench.cli import parse
from gmbench.contract import ContractError, Initialisation
from gmbench.experiments import experiment, experiments
from gmbench.experiments.kumar import networks
from gmbench.experiments.kumar import stack as kumar
from gmbench.experiments.plan import cells
from gmbench.nn import initialise
from gmbench.registry import fastest
from gmbench.results.leaderboard import summary
from gmbench.runs.carry import unpack
from gmbench.runs.cell import CellResult
from gmbench.runs.spec import Spec
from gmbench.training import loop

KUMAR = experiment("kumar")


def silent(**progress):
    pass


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def spec(arm, seed=0, digest=None, of=KUMAR):
    eager = registry.load().implementation(of.layer_type, "eager")
    (found,) = cells(of, "digits", digest or data.load("digits").digest, "smoke", [arm], [seed], eager)
    return found


def stack(digits, start):
    generator = torch.Generator().manual_seed(0)
    widths, images = [64, kumar.HIDDEN, 10], digits.train_images[: networks.CALIBRATION]
    return networks.gm_network(spec("kumar"), widths, kumar.COMPONENTS, start, images, generator)[0]


def test_calibration_gives_every_layer_deviation_one_half(digits):
    with torch.no_grad():
        outputs = digits.train_images[: networks.CALIBRATION]
        for layer in stack(digits, "kumar"):
            outputs = layer(outputs)
            assert abs(outputs.std().item() - 0.5) < 1e-4


def test_calibration_changes_only_the_scale_of_the_readout(digits):
    plain = stack(digits, "kumar")
    fan_in = unpack({"name": "gm/fan-in"}, Initialisation)
    drawn = stack(digits, "kumar")
    initialise(drawn, fan_in, generator=torch.Generator().manual_seed(0))
    for calibrated, before in zip(plain, drawn, strict=True):
        assert torch.equal(calibrated.mu, before.mu)
        assert torch.equal(calibrated.sigma, before.sigma)
        scale = (calibrated.v / before.v).median()
        assert scale > 1.5
        assert torch.allclose(calibrated.U, scale * before.U, rtol=1e-5)
        assert torch.allclose(calibrated.v, scale * before.v, rtol=1e-5)


def test_calibration_sees_no_labels(digits):
    shuffled = dataclasses.replace(
        digits, train_labels=digits.train_labels.flip(0), test_labels=digits.test_labels.flip(0)
    )
    one, two = stack(digits, "kumar"), stack(shuffled, "kumar")
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_calibration_uses_the_first_2048_images(digits):
    many = torch.cat([digits.train_images, digits.train_images.flip(1)])
    more = dataclasses.replace(digits, train_images=torch.cat([many[:2048], 100 + many[:64]]))
    fewer = dataclasses.replace(digits, train_images=many[:2048])
    one, two = stack(more, "kumar"), stack(fewer, "kumar")
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_arms_of_a_seed_share_the_data_order(monkeypatch):
    orders, permutation = [], torch.randperm

    def record(*words, **named):
        orders[-1].append(permutation(*words, **named))
        return orders[-1][-1]

    monkeypatch.setattr(loop.torch, "randperm", record)
    for arm, seed in (("fc", 0), ("bl", 0), ("kumar", 0), ("fc", 1)):
        orders.append([])
        kumar.cell({**spec(arm, seed), "epochs": 2}, silent)
        assert len(orders[-1]) == 2 and not torch.equal(*orders[-1])
    for other in orders[1:3]:
        assert all(torch.equal(a, b) for a, b in zip(orders[0], other, strict=True))
    assert not torch.equal(orders[0][0], orders[3][0])


ARMS = [(name, arm) for name, chosen in experiments().items() if chosen.paper == "kumar" for arm in chosen.arms]
SLOW = ("fan-in", "tuned", "kumar-small")  # the digits have 23 steps an epoch


@pytest.mark.parametrize(("name", "arm"), ARMS)
def test_every_arm_learns(name, arm):
    told = []
    chosen = experiment(name)
    result = chosen.cell({**spec(arm, of=chosen), "epochs": 8}, lambda **progress: told.append(progress))
    rows, measures = result["epochs"], result["measures"]
    assert [row["epoch"] for row in rows] == list(range(9))
    assert rows[-1]["step"] == 8 * math.ceil(1437 / 64)  # the last, partial batch is kept
    assert rows[0]["test_error"] > 70 and rows[0]["train_loss"] is None
    assert rows[-1]["test_loss"] < rows[0]["test_loss"] and rows[-1]["train_loss"] < rows[1]["train_loss"]
    assert arm in SLOW or rows[-1]["test_error"] < 40
    assert told[0]["step"] == 0 and told[-1]["step"] == told[-1]["steps"] == rows[-1]["step"]
    assert measures["diverged"] is None
    ends = [[row["step"], round(row["test_error"], 4)] for row in rows]
    assert all(list(map(list, result["tests"])).count(end) == 1 for end in ends)
    assert ("sigma_min" in measures) == (arm not in chosen.baselines)
    json.dumps(result, allow_nan=False)


def test_the_single_layer_keeps_its_paths():
    chosen = experiment("kumar-single")
    paths = chosen.cell({**spec("kumar", of=chosen), "epochs": 2}, silent)["paths"]
    assert [len(paths[name]) for name in ("means", "covariances", "moved", "distance", "size")] == [3] * 5
    assert torch.tensor(paths["means"]).shape == (3, 5, 2) and torch.tensor(paths["covariances"]).shape == (3, 5, 2, 2)
    assert paths["moved"][0] == 0 < paths["moved"][1]
    # the first is the initialisation itself: sigma is sqrt(2/d) everywhere, so sqrt(2) in all, and round in the plane
    assert paths["size"][0] == pytest.approx(2**0.5, rel=1e-5)
    assert torch.allclose(torch.tensor(paths["covariances"][0]), torch.eye(2) / 32, atol=1e-6)


def test_other_data_than_the_spec_names_is_refused():
    with pytest.raises(ContractError, match="digest"):
        kumar.cell(spec("fc", digest="0" * 64), silent)


def rows(found):
    """Arm and implementation of each cell."""
    return [(spec["arm"], (spec["implementation"] or {}).get("name")) for spec in found]


def test_cells_come_seed_by_seed():
    found = cells(KUMAR, "digits", "0", "paper")
    arms = ["fc", "bl", "kumar", "fc-matched", "fan-in", "tuned", "per-class", "kumar-decay", "kumar-small"]
    assert [(s["seed"], s["arm"]) for s in found] == [(seed, arm) for seed in range(6) for arm in arms]
    assert {s["epochs"] for s in found} == {20} and {s["version"] for s in found} == {2}
    assert {s["arm"] for s in found if s["implementation"] is None} == {"fc", "fc-matched"} == set(KUMAR.baselines)


@pytest.mark.parametrize("name", sorted(experiments()))
def test_cells_take_the_fastest_implementation(name):
    chosen = experiment(name)
    usual = {arm: chosen.usual(chosen.layer_type_of(arm)).key for arm in chosen.arms}
    here = [arm for arm in chosen.arms if not chosen.absent(arm)]  # without those of extras that are not installed
    expected = [(arm, None if arm in chosen.baselines else usual[arm]) for arm in here]
    assert rows(cells(chosen, "digits", "0", "smoke")) == expected


@pytest.mark.parametrize("name", sorted(experiments()))
def test_an_implementation_is_one_more_arm(name):
    chosen = experiment(name)
    eager = registry.load().implementation(chosen.layer_type, "eager")
    theirs = dataclasses.replace(eager, name="theirs")
    standard = rows(cells(chosen, "digits", "0", "smoke"))
    found = cells(chosen, "digits", "0", "quick", implementation=theirs)
    assert rows(found) == 3 * [*standard, (chosen.headline, theirs.key)]
    assert not any(spec["initialisation"] for spec in found)
    # the fastest one is there already
    assert rows(cells(chosen, "digits", "0", "smoke", implementation=chosen.usual(chosen.layer_type))) == standard


def test_arms_that_are_named_take_the_implementation():
    eager = registry.load().implementation("gm", "eager")
    found = cells(KUMAR, "digits", "0", "smoke", ["fc", "bl"], [3], eager)
    assert rows(found) == [("fc", None), ("bl", "gm/eager")]


def test_an_initialisation_is_one_more_arm():
    kumars = experiment("kumar-single")
    extra, usual = registry.load().initialisation("gm", "fan-in"), fastest("gm").key
    found = cells(kumars, "digits", "0", "smoke", initialisation=extra)
    assert rows(found) == [("bl", usual), ("kumar", usual), ("fan-in", usual)]
    assert [spec["initialisation"] for spec in found] == [None, None, {"name": "gm/fan-in"}]
    eager = registry.load().implementation("gm", "eager")
    found = cells(kumars, "digits", "0", "smoke", ["bl"], [3], eager, extra)
    assert rows(found) == [("bl", "gm/eager"), ("fan-in", "gm/eager")]
    with pytest.raises(ContractError, match="an arm of kumar already"):
        cells(KUMAR, "digits", "0", "smoke", initialisation=extra)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"derivatives": 0}, "no derivatives"),
        ({"dtypes": ("float64",)}, "float32"),
        ({"requires": ("no_such_module",)}, "not installed"),
        ({"layer_type": "ugmm"}, "layers are of type gm"),
        ({"devices": ("cuda",)}, "does not run on cpu"),
    ],
)
def test_what_cannot_be_trained_is_refused(changes, reason):
    eager = dataclasses.replace(registry.load().implementation("gm", "eager"), **changes)
    with pytest.raises(ContractError, match=reason):
        cells(KUMAR, "digits", "0", "smoke", implementation=eager)


@pytest.mark.parametrize(
    ("text", "seeds"), [("0-4", [0, 1, 2, 3, 4]), ("0,2", [0, 2]), ("7", [7]), ("3, 1-2,3", [3, 1, 2])]
)
def test_seeds_are_read(text, seeds):
    assert parse.seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "a", "4-", "-1", "3-1", "1;2", "0-99999999999", "4294967296", "9" * 5000, "0-10000", "0-" + "9" * 5000]
)
def test_what_are_no_seeds_is_refused(text):
    with pytest.raises(ContractError):
        parse.seeds(text)


def result(arm, seed, *errors, implementation="eager"):
    epochs = [{"epoch": n, "test_error": error} for n, error in enumerate(errors)]
    part = {"name": f"gm/{implementation}"} if implementation else None
    measures = {"diverged": 7 if errors[-1] == 100 else None}
    spec = Spec("kumar", 1, "digits", "d", "smoke", len(errors) - 1, arm, seed, "cpu", part)
    return CellResult(id=spec.id, spec=spec, epochs=epochs, measures=measures)


def test_the_board_ranks_by_the_best_error():
    rows = summary([result("a", 0, 90, 8, 9), result("a", 1, 90, 100), result("b", 0, 2, 5, 4)])
    assert [row["arm"] for row in rows] == ["b", "a"]
    assert rows[0]["best"] == 4  # before training it is luck
    assert (rows[1]["best"], rows[1]["best_min"], rows[1]["best_max"]) == (54, 8, 100)
    assert rows[1]["seeds"] == 2 and rows[1]["diverged"] == 1


def test_the_board_tells_implementations_of_one_arm_apart():
    fc = result("fc", 0, 90, 2, implementation=None)
    rows = summary(
        [fc, result("kumar", 0, 90, 5), result("kumar", 1, 90, 6), result("kumar", 0, 90, 4, implementation="mine")]
    )
    shown = [(row["arm"], row["implementation"], row["seeds"], row["best"]) for row in rows]
    assert shown == [("fc", None, 1, 2), ("kumar", "gm/mine", 1, 4), ("kumar", "gm/eager", 2, 5.5)]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["run", "kumr"], "did you mean 'kumar'"),
        (["run", "kumar", "--data", "digit"], "did you mean 'digits'"),
        (["run", "kumar", "--data", "digits", "--arms", "blx"], "did you mean 'bl'"),
        (["run", "kumar", "--data", "digits", "--budget", "papers"], "did you mean 'paper'"),
        (["run", "kumar", "--data", "digits", "--seeds", "x"], "seeds"),
        (["run", "kumar", "--data", "digits", "--implementation", "eagre"], "did you mean 'eager'"),
        (["run", "kumar", "--data", "digits", "--implementation", "no_such_file.py"], "no such file"),
        (["run", "kumar", "--data", "digits", "--initialisation", "kumar"], "an arm"),
        (["run", "kumar", "--arms", ""], "there is no arm ''"),
        (["run", "kumar", "--arms", "fc,fc-matched", "--implementation", "eager"], "none of the arms fc, fc-matched"),
        (["run", "kumar", "--seeds", ""], "seeds"),
        (["run", "kumar", "--store", "/proc/foo"], "the store /proc/foo cannot be written"),
        (["run"], "Missing argument"),
        (["rum"], "did you mean 'run'"),
        (["--verson"], "No such option"),
        (["data", "digitz"], "did you mean 'digits'"),
        (["cell", "no-such-spec.json"], "cannot be read"),
    ],
)
def test_bad_words_are_one_line(words, hint):
    done = CliRunner().invoke(cli.main, words)
    assert done.exit_code == 2
    assert hint in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["--budget", "tiny"], ["--arms", "kuma"], ["--seeds", "a"]])
def test_bad_words_are_refused_before_data_is_loaded(monkeypatch, words):
    def load(name):
        raise AssertionError(f"{name} was loaded")

    monkeypatch.setattr("gmbench.experiments.contract.load_data", load)
    done = CliRunner().invoke(cli.main, ["run", "kumar", "--data", "mnist", *words])
    assert done.exit_code == 2 and done.stderr.startswith("gmbench: ") and done.stderr.count("\n") == 1


def test_a_run_that_names_no_data_is_on_the_digits(monkeypatch):
    asked_for = []
    load = data.load
    monkeypatch.setattr("gmbench.experiments.contract.load_data", lambda name: asked_for.append(name) or load(name))
    done = CliRunner().invoke(cli.main, ["run", "kumar", "--dry-run", "--arms", "bl,bl", "--seeds", "0,0"])
    assert done.exit_code == 0 and asked_for == ["digits"]
    assert done.stdout.startswith("bl seed 0") and done.stdout.count("\n") == 1
    assert KUMAR.default_data == "digits" and not data.data_set(KUMAR.default_data).files


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import os; os._exit(0)", "ended with exit status 0 and declared nothing"),
        ("import os; os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
        ("import sys; sys.exit(3)", "cannot be imported (SystemExit: 3)"),
        ("", "needs one implementation of gm, and has none"),
        (
            "import gmbench\n@gmbench.implementation('gm', name='eager', ulps=40)\ndef f(x, mu, sigma, U, v): ...",
            "the name 'gm/eager' is taken (built in)",
        ),
    ],
)
def test_an_outside_file_is_imported_in_a_process_of_its_own(tmp_path, body, said):
    path = tmp_path / "theirs.py"
    path.write_text(body + "\n")
    done = CliRunner().invoke(cli.main, ["run", "kumar", "--implementation", str(path)])
    assert done.exit_code == 2
    assert said in done.stderr and done.stderr.count("\n") == 1 and done.stderr.count(str(path)) == 1


def test_what_programs_read(tmp_path):
    run = [
        "run",
        "kumar",
        "--data",
        "digits",
        "--store",
        str(tmp_path),
        "--dry-run",
        "--json",
        "--seeds",
        "0,1",
    ]
    rows = json.loads(CliRunner().invoke(cli.main, run).stdout)
    usual = fastest("gm").key
    assert [row["title"] for row in rows][:2] == ["fc seed 0", f"bl seed 0 ({usual})"] and len(rows) == 18
    assert not list(tmp_path.iterdir())
    listed = json.loads(CliRunner().invoke(cli.main, ["data", "--json"]).stdout)
    assert {row["name"]: row["state"] for row in listed}["digits"] == "embedded"
    one = json.loads(CliRunner().invoke(cli.main, ["data", "digits", "--json"]).stdout)
    assert one["train"] == [1437, 64] and one["licence"]
