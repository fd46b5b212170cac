"""Timings: right outputs have a time, everything else has a reason; no test asserts how fast something is."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import gmbench
from gmbench import registry
from gmbench.cli import main
from gmbench.contract import ContractError
from gmbench.timing import child, run, verify
from gmbench.timing import measure as clock
from gmbench.timing.floors import columns
from gmbench.timing.sizes import Size, sizes

GM = registry.layer_type("gm")
SMALL = Size({"K": 2, "d": 5, "C": 3}, batch=4, input_gradient=True, label="5-3")
QUICK = {"rounds": 6, "budget": 3.0}
GREEN = run.Verdict("passed")

# Implementations whose checks would be green, or never end; `sly` is right wherever no one times it.
OUTSIDE = """
import hashlib, os
import torch, gmbench
from gmbench.layers.gm.eager import eager

@gmbench.implementation("gm", name="sly", ulps=40)
def sly(x, mu, sigma, U, v):
    return eager(x, mu, sigma, U, v) * (1.01 if tuple(x.shape) == (4, 5) else 1)

@gmbench.implementation("gm", name="greedy", ulps=40)
def greedy(x, mu, sigma, U, v):
    heap = []
    while True:
        heap.append(torch.empty(2**24))

@gmbench.implementation("gm", name="quits", ulps=40)
def quits(x, mu, sigma, U, v):
    os._exit(0)

@gmbench.implementation("gm", name="dies", ulps=40)
def dies(x, mu, sigma, U, v):
    os.kill(os.getpid(), 9)

@gmbench.implementation("gm", name="hangs", ulps=40)
def hangs(x, mu, sigma, U, v):
    while True:
        pass

@gmbench.implementation("gm", name="asks", ulps=40)
def asks(x, mu, sigma, U, v):
    from gmbench.references import gm
    return eager(x, mu, sigma, U, v)

@gmbench.implementation("gm", name="spy", ulps=40, derivatives=0)
def spy(x, mu, sigma, U, v):
    print('{"pass": "forward"}')
    with open(SEEN, "a") as log:
        print(*(hashlib.sha256(t.detach().numpy().tobytes()).hexdigest() for t in (x, mu, U)), file=log)
    return eager(x, mu, sigma, U, v)

@gmbench.implementation("gm", name="double", ulps=40)
def double(x, mu, sigma, U, v):
    return 2 * eager(x, mu, sigma, U, v)
"""


@pytest.fixture(autouse=True)
def own_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("GMBENCH_LOCK", str(tmp_path / "lock"))


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """Subjects of a file by name, and the file that `spy` writes."""
    folder = tmp_path_factory.mktemp("outside")
    file, seen = folder / "theirs.py", folder / "seen"
    file.write_text(f"SEEN = {str(seen)!r}\n{OUTSIDE}")
    subjects = {subject.key.removeprefix("gm/"): subject for subject in run.subjects([str(file)])}
    return SimpleNamespace(**subjects, seen=seen)


@pytest.fixture(scope="module")
def eager():
    (subject,) = run.subjects(["gm/eager"])
    return subject


def timed(subject, *passes, **options):
    return run.rows(subject, SMALL, passes=passes or ("forward",), verdict=GREEN, **QUICK, **options)


def has_no_time(row):
    return not {"samples", "median", "low", "high", "ratio"} & set(row)


# -- rows ----------------------------------------------------------------------------------------------------


def test_right_outputs_have_a_time_beside_the_floor(eager):
    rows = timed(eager, "forward", "forward+backward")
    assert [row["pass"] for row in rows] == ["forward", "forward+backward"]
    for row in rows:
        assert row["status"] == "passed", row["message"]
        assert row["samples"] and all(seconds > 0 for seconds in row["samples"])
        assert row["low"] <= row["median"] <= row["high"]
        assert all(math.isfinite(row[key]) and row[key] > 0 for key in ("floor", "linear", "ratio"))
        assert row["ratio"] == pytest.approx(row["median"] / row["floor"])
        assert 0 < row["ulps"] <= row["claim"] and row["verified"] == clock.KEPT
        assert {"K": 2, "d": 5, "C": 3, "batch": 4, "source": "built in"}.items() <= row.items()


def test_outputs_that_differ_from_the_checked_ones_have_no_time(outside):
    for row in timed(outside.sly, "forward", "forward+backward"):
        assert row["status"] == "failed" and has_no_time(row)
        assert "ulps of 40" in row["message"]


def test_endless_allocation_fails_its_row_only(outside, eager):
    (row,) = timed(outside.greedy, memory=3 * 2**30)
    assert row["status"] == "failed" and has_no_time(row) and "memory" in row["message"]
    (row,) = timed(eager, memory=3 * 2**30)
    assert row["status"] == "passed", row["message"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("quits", "no result"),
        ("dies", "killed by signal 9"),
        ("hangs", "did not end within 5 s"),
        ("asks", "ModuleNotFoundError"),
    ],
)
def test_what_dies_hangs_or_asks_the_reference_fails(outside, name, reason):
    (row,) = timed(getattr(outside, name), seconds=5 if name == "hangs" else 60)
    assert row["status"] == "failed" and has_no_time(row)
    assert reason in row["message"]


def test_every_call_sees_fresh_inputs_and_may_print(outside):
    forward, backward = timed(outside.spy, "forward", "forward+backward")
    assert forward["status"] == "passed", forward["message"]
    assert (backward["status"], backward["message"]) == ("unsupported", "declares no derivatives")
    calls = [line.split() for line in outside.seen.read_text().splitlines()]
    assert len(calls) >= clock.WARM_UPS + QUICK["rounds"]
    for contents in zip(*calls, strict=True):
        assert len(set(contents)) == len(calls)


# -- what is right -------------------------------------------------------------------------------------------


def outputs(dtype, file=None, backward=True, change=None):
    """What `gm/eager` gives for one timed call, written as a timing process writes it."""
    implementation = registry.load().implementation("gm", "eager")
    own = child.candidate(implementation, GM, SMALL, dtype, "cpu", backward, seed=3)
    found = list(own.run(*own.prepare(0)))
    if change:
        found = change(found)
    child.save({"dtype": dtype, "folder": str(file.parent)}, "pass", 0, found)
    return file.parent / "pass-0.npz"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backward", [False, True])
def test_right_outputs_are_within_their_claim(tmp_path, dtype, backward):
    file = outputs(dtype, tmp_path / "x", backward)
    assert 0 < verify.worst(GM, SMALL, dtype, 40, 3, 0, file) < 20


@pytest.mark.parametrize("which", range(6))
def test_each_wrong_value_or_gradient_is_a_mismatch(tmp_path, which):
    def change(found):
        found[which] = found[which].detach() * 1.001
        return found

    name = ("value", "x", "mu", "sigma", "U", "v")[which]
    with pytest.raises(verify.Mismatch, match=rf"ulps of 40: {name}\["):
        verify.worst(GM, SMALL, "float32", 40, 3, 0, outputs("float32", tmp_path / "x", change=change))


@pytest.mark.parametrize(
    "change",
    [
        lambda found: [found[0] * float("nan"), *found[1:]],
        lambda found: [found[0][:, :1], *found[1:]],
        lambda found: [*found[:5], None],  # no gradient for v
    ],
)
def test_what_is_not_a_number_missing_or_misshapen_is_a_mismatch(tmp_path, change):
    with pytest.raises(verify.Mismatch):
        verify.worst(GM, SMALL, "float32", 40, 3, 0, outputs("float32", tmp_path / "x", change=change))


def test_other_types_are_refused(tmp_path):
    import torch

    for change in (lambda f: [f[0].double()], lambda f: [torch.nn.Parameter(f[0])]):
        with pytest.raises(ContractError, match=r"torch\.Tensor of float32"):
            outputs("float32", tmp_path / "x", False, change)


def test_a_claim_below_the_reference_is_undecided(tmp_path):
    file = outputs("float64", tmp_path / "x")
    with pytest.raises(verify.Undecided):
        verify.worst(GM, SMALL, "float64", 1, 3, 0, file)


# -- the gate ------------------------------------------------------------------------------------------------


def test_red_checks_withhold_the_time(outside):
    verdict = run.gate(outside.double)
    assert verdict.status == "failed" and verdict.message
    assert run.gate(outside.double) is verdict  # asked once a process
    for row in run.rows(outside.double, SMALL):
        assert (row["status"], row["message"]) == ("failed", verdict.message) and has_no_time(row)


def test_what_is_not_declared_is_not_timed(eager):
    assert {row["status"] for row in run.rows(eager, SMALL, "bfloat16")} == {"unsupported"}
    (sampled,) = run.subjects(["gm/monte-carlo"])
    assert {row["status"] for row in run.rows(sampled, SMALL)} == {"approximate"}
    assert sampled.key not in {subject.key for subject in run.subjects()}


# -- the clock -----------------------------------------------------------------------------------------------


def recorder(name, log):
    return clock.Candidate(name, lambda call: (call,), lambda call: (log.append((name, call)), call))


def test_candidates_take_turns_and_warm_up_on_other_inputs(monkeypatch):
    monkeypatch.setattr(clock, "_usage", lambda _: SimpleNamespace(ru_nivcsw=0))
    log = []
    found = clock.measure([recorder("a", log), recorder("b", log)], rounds=8)
    warm, timed = log[: 2 * clock.WARM_UPS], log[2 * clock.WARM_UPS :]
    assert not {call for _, call in warm} & {call for _, call in timed}
    for first, second in zip(timed[::2], timed[1::2], strict=True):
        assert first[1] == second[1] and {first[0], second[0]} == {"a", "b"}
    for samples in found.values():
        assert len(samples.seconds) == 8 and all(seconds > 0 for seconds in samples.seconds)
        assert len(samples.kept) == clock.KEPT
        assert all(outputs[1] == call for call, outputs in samples.kept.items())


def test_interrupted_samples_are_dropped_unless_few_are_left(monkeypatch):
    switches = iter(range(10**6))
    monkeypatch.setattr(clock, "_usage", lambda _: SimpleNamespace(ru_nivcsw=next(switches)))
    always = clock.measure([recorder("a", [])], rounds=10)["a"]
    assert always.disturbed and len(always.seconds) == 10 * clock.PATIENCE and always.dropped == 0
    switches = iter([0, 0, 0, 1] * 10**4)  # every other call
    half = clock.measure([recorder("a", [])], rounds=10)["a"]
    assert not half.disturbed and len(half.seconds) == 10 and half.dropped in (9, 10)


def test_every_call_is_as_likely_to_be_kept():
    counts = np.zeros(20)
    for _ in range(2000):
        kept = {}
        chance = clock.random.SystemRandom()
        for call in range(20):
            clock._reservoir(kept, call, (), 2, chance)
        counts[list(kept)] += 1
    assert counts.sum() == 4000
    assert np.all(np.abs(counts - 200) < 6 * np.sqrt(180))  # six deviations


def test_interval_of_the_median_covers_it():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        median, low, high = clock.summary(rng.exponential(size=25))
        assert low <= median <= high
        hits += low <= math.log(2) <= high
    assert hits >= 370  # of 380 expected
    assert clock.summary([3.0]) == (3.0, 3.0, 3.0)


def test_the_floor_holds_the_products_of_the_layer():
    large, small = sizes(GM)
    assert (large.axes, large.input_gradient) == ({"K": 10, "d": 784, "C": 100}, False)
    assert (small.axes, small.input_gradient) == ({"K": 10, "d": 100, "C": 10}, True)
    assert 1000 <= columns(GM, large) <= 1030 and 100 <= columns(GM, small) <= 125
    for passes in run.yardsticks("gm", SMALL, **QUICK).values():
        for samples in passes.values():
            assert samples and all(math.isfinite(seconds) and seconds > 0 for seconds in samples)


# -- the command ---------------------------------------------------------------------------------------------


def test_time_prints_and_stores_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "sizes", lambda kind: [SMALL])
    monkeypatch.setattr(run, "gate", lambda *_: GREEN)
    store = tmp_path / "store"
    result = CliRunner().invoke(main, ["time", "gm/eager", "--store", str(store)])
    assert result.exit_code == 0, result.output
    assert "gm/eager" in result.stdout and "5-3 x 4" in result.stdout and "passed" in result.stdout
    (file,) = (store / "timings").glob("*.json")
    content = json.loads(file.read_text())
    assert (content["schema"], content["kind"], len(content["rows"])) == (1, "timings", 2)
    frame = gmbench.load("timings", store)
    assert set(frame["pass"]) == {"forward", "forward+backward"} and (frame["median"] > 0).all()


def test_time_fails_for_a_red_gate_and_tells_no_path(tmp_path, monkeypatch, outside):
    monkeypatch.setattr(run, "sizes", lambda kind: [SMALL])
    monkeypatch.setattr(run, "subjects", lambda names: [outside.double])
    monkeypatch.setattr(run, "gate", lambda *_: run.Verdict("failed", "value: wrong"))
    result = CliRunner().invoke(main, ["time", outside.double.file, "--store", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert [row["source"] for row in json.loads(result.stdout)] == ["file", "file"]
    (file,) = (tmp_path / "timings").glob("*.json")
    assert outside.double.file not in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["gm/eagre"], "did you mean 'gm/eager'?"),
        (["nowhere.py"], "there is no such file"),
        (["eager", "--device", "cuda"], "no CUDA device here"),
        (["monte-carlo"], "nothing to time"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path, arguments, line):
    import torch

    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    result = CliRunner().invoke(main, ["time", *arguments, "--store", str(tmp_path)])
    assert result.exit_code == 2
    last = result.stderr.splitlines()[-1]
    assert last.startswith("gmbench: ") and line in last
    assert not list(tmp_path.glob("timings/*"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys\nsys.exit(0)\n", "cannot be imported"),
        ("x = 1\n", "declares no implementation"),
        (OUTSIDE.replace('"sly"', '"eager"'), "is taken"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path, text, reason):
    file = tmp_path / "theirs.py"
    file.write_text(text)
    with pytest.raises(ContractError, match=reason) as caught:
        run.subjects([str(file)])
    assert "\n" not in str(caught.value)
