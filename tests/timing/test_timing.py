"""Timings: right outputs have a time, everything else has a reason; no test asserts how fast something is."""

import itertools
import json
import math
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import gmbench
from gmbench import registry
from gmbench.cli.base import main
from gmbench.contract import EPS, ContractError
from gmbench.processes import child
from gmbench.store.reading import Kind, Store
from gmbench.timing import clock, gate, goals, inputs, outputs, session, turns, workloads, yardsticks
from gmbench.timing.records import Timing, TimingStatus
from gmbench.timing.sizes import PASSES, STEP, Size, layer_axes, select_sizes, sizes
from gmbench.timing.statistics import median_interval, ratio_interval
from gmbench.timing.turns import TimingLimits

GM, UGMM = registry.layer_type("gm"), registry.layer_type("ugmm")
SMALL = Size({"K": 2, "d": 5, "C": 3}, batch=4, label="5-3")
STACK = Size({"K": 2}, batch=4, label="5-4-3", widths=(5, 4, 3))
QUICK = TimingLimits(rounds=6, budget=3.0)
GREEN = TimingStatus("passed")
NOTHING = SimpleNamespace(rows=[])
DATA = Path(gmbench.__file__).resolve().parent.parent / "reports" / "data"

# Implementations whose checks would be green, or never end; `sly` is right wherever no one times it.
OUTSIDE = """
import hashlib, os, time
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
        time.sleep(0.1)

@gmbench.implementation("gm", name="asks", ulps=40)
def asks(x, mu, sigma, U, v):
    from gmbench.references import gm
    return eager(x, mu, sigma, U, v)

@gmbench.implementation("gm", name="spy", ulps=40, derivatives=0)
def spy(x, mu, sigma, U, v):
    print('{"pass": "forward"}')
    with open(SEEN, "a") as log:
        names = (n for n in os.environ if n.startswith("MALLOC_"))
        print(*(hashlib.sha256(t.detach().numpy().tobytes()).hexdigest() for t in (x, mu, U)), *names, file=log)
    return eager(x, mu, sigma, U, v)

@gmbench.implementation("gm", name="shifts", ulps=40)
def shifts(x, mu, sigma, U, v):
    out = eager(x, mu, sigma, U, v)
    x.data.add_(1)
    return out

@gmbench.implementation("gm", name="raises", ulps=40)
def raises(x, mu, sigma, U, v):
    raise RuntimeError("not today")

@gmbench.implementation("gm", name="double", ulps=40)
def double(x, mu, sigma, U, v):
    return 2 * eager(x, mu, sigma, U, v)
"""
pytestmark = pytest.mark.xdist_group("timing")  # what takes long is made once


@pytest.fixture(autouse=True)
def own_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("GMBENCH_LOCK", str(tmp_path / "lock"))


@pytest.fixture(scope="module")
def outside(tmp_path_factory, warm):
    """Implementations of a file by name, and the file that `spy` writes."""
    folder = tmp_path_factory.mktemp("outside")
    file, seen = folder / "theirs.py", folder / "seen"
    file.write_text(f"SEEN = {str(seen)!r}\n{OUTSIDE}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "start", warm.start)
        found = {implementation.name: implementation for implementation in gate.select_implementations([str(file)])}
    return SimpleNamespace(**found, seen=seen)


@pytest.fixture(scope="module")
def eager():
    return registry.load().implementation("gm", "eager")


def rows_of(implementations, size=SMALL, limits=QUICK, **options):
    """Rows as the store keeps them."""
    return [row.stored() for row in session.measure(implementations, size, limits=limits, **options).rows]


def timed(implementations, size=SMALL, **options):
    """Rows by implementation and pass, without a gate."""
    statuses = {implementation.key: GREEN for implementation in implementations}
    rows = rows_of(implementations, size, statuses=statuses, **options)
    return {(row["implementation"].removeprefix("gm/"), row["pass"]): row for row in rows}


@pytest.fixture(scope="module")
def together(outside, eager, tmp_path_factory, warm):
    """Everything that can go wrong, interleaved with what is right, in the retained regime."""
    bad = ("sly", "greedy", "quits", "dies", "hangs", "asks", "spy", "shifts", "raises")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMBENCH_LOCK", str(tmp_path_factory.mktemp("lock") / "lock"))
        patch.setattr(child, "start", warm.start)
        together = [*(getattr(outside, name) for name in bad), eager]
        return timed(together, allocator="retained", limits=replace(QUICK, memory=3 * 2**30, seconds=12))


def has_no_time(row):
    return not {"samples", "median", "low", "high", "ratio", "ratios"} & set(row)


# -- rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", PASSES)
def test_right_outputs_have_a_time_beside_the_yardsticks(together, direction):
    row = together["eager", direction]
    assert row["status"] == "passed", row["message"]
    ((*samples,),) = row["samples"]
    assert samples and all(seconds > 0 for seconds in samples)
    assert row["low"] <= row["median"] <= row["high"]
    assert {"floor", "linear", "linear-matched"} <= set(row["ratios"])
    for low, middle, high in ((low, middle, high) for middle, low, high in row["ratios"].values()):
        assert 0 < low <= middle <= high
    assert row["ratio"] == row["ratios"]["floor"][0]
    assert 0 < row["ulps"] <= row["claim"] and row["verified"] in (1, 2)  # the random call may be the fastest
    assert row["threads"] >= 1 and len(row["load"]) == 2 and row["runs"] == 1
    assert {"K": 2, "d": 5, "C": 3, "batch": 4, "source": "built in", "allocator": "retained"}.items() <= row.items()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sly", "ulps of 40"),
        ("greedy", "memory"),
        ("quits", "ended without an answer"),
        ("dies", "killed by SIGKILL"),
        ("hangs", "did not end within 12 s"),
        ("asks", "ModuleNotFoundError"),
        ("shifts", "changed its input x"),
        ("raises", "raised RuntimeError: not today"),
    ],
)
def test_what_is_wrong_fails_its_rows_only(together, name, reason):
    for direction in PASSES:
        row = together[name, direction]
        assert row["status"] == "failed" and has_no_time(row)
        assert reason in row["message"]


def test_only_what_is_right_is_a_rival(together):
    assert {name for name in together["eager", "forward"]["ratios"] if "/" in name} == {"gm/spy"}


def test_every_call_sees_fresh_inputs_and_may_print(together, outside):
    assert together["spy", "forward"]["status"] == "passed", together["spy", "forward"]["message"]
    backward = together["spy", "forward+backward"]
    assert (backward["status"], backward["message"]) == ("unsupported", "declares no derivatives")
    calls = [line.split() for line in outside.seen.read_text().splitlines()]
    assert len(calls) >= turns.WARM_UPS + QUICK.rounds
    timed = calls[: turns.WARM_UPS + QUICK.rounds]  # the calls behind these, for the memory, are not timed
    for contents in zip(*(call[:3] for call in timed), strict=True):
        assert len(set(contents)) == len(timed)


def test_the_allocator_is_told_by_its_environment(together, outside, eager, forked):
    for line in outside.seen.read_text().splitlines():
        assert set(line.split()[3:]) == set(child.RETAINED)
    assert timed([eager], passes=["forward"])["eager", "forward"]["allocator"] == "default"


def test_a_training_step_has_a_time(eager, forked):
    row = timed([eager], STACK, runs=2)["eager", STEP]
    assert row["status"] == "passed", row["message"]
    assert row["runs"] == len(row["samples"]) == 2 and row["verified"] >= 2
    assert row["low"] <= row["median"] <= row["high"]
    assert all(low <= middle <= high for middle, low, high in row["ratios"].values())


def test_layer_types_are_timed_one_at_a_time():
    with pytest.raises(ContractError, match="one layer type at a time, not gm, gm-full"):
        session.measure(["gm/eager", "gm-full/eager"], SMALL)


def committed_rows():
    return [row for _, file in Store(DATA).read(Kind("timings", dict)) for row in file["rows"]]


def test_committed_rows_are_read_and_written_alike():
    rows = committed_rows()
    assert rows
    for row in rows:
        assert json.dumps(Timing.of(row).stored(), sort_keys=True) == json.dumps(row, sort_keys=True)


def test_committed_intervals_follow_from_their_samples():
    rows = [row for row in committed_rows() if row.get("runs") == 1]
    assert rows
    for row in rows:
        assert median_interval(row["samples"][0])[1:] == (row["low"], row["high"])


# -- what is right -------------------------------------------------------------------------------------------


def given(size=SMALL, dtype="float32"):
    return inputs.draw(GM, size, dtype, np.random.default_rng(3))


def saved(folder, drawn, size=SMALL, direction="forward+backward", dtype="float32", change=None, kind=GM):
    """What eager code gives for one timed call, written as a measuring process writes it."""
    implementation = registry.load().implementation(kind.name, "eager")
    workload = workloads.workload(implementation, kind, size, dtype, "cpu", direction)
    found = clock.snapshot(workload.run(*workload.prepare(drawn)), dtype, "cpu")
    arrays = dict(zip(workloads.output_names(kind, size, direction), (t.double().numpy() for t in found), strict=True))
    if change:
        change(arrays)
    inputs.write(folder / "saved.npz", arrays)
    return folder / "saved.npz"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("size", "direction"), [(SMALL, "forward"), (SMALL, "forward+backward"), (STACK, STEP)])
def test_right_outputs_are_within_their_claim(tmp_path, dtype, size, direction):
    drawn = given(size, dtype)
    file = saved(tmp_path, drawn, size, direction, dtype)
    assert 0 < outputs.largest_error(GM, size, dtype, 40, direction, drawn, file) < 20


@pytest.mark.parametrize("name", ["value", "x", *GM.names])
def test_each_wrong_value_or_gradient_is_a_mismatch(tmp_path, name):
    def change(arrays):
        arrays[name] *= 1.001

    drawn = given()
    with pytest.raises(outputs.Mismatch, match=rf"ulps of 40: {name}\["):
        outputs.largest_error(
            GM, SMALL, "float32", 40, "forward+backward", drawn, saved(tmp_path, drawn, change=change)
        )


@pytest.mark.parametrize("name", workloads.output_names(GM, STACK, STEP))
def test_each_wrong_part_of_a_training_step_is_a_mismatch(tmp_path, name):
    def change(arrays):
        arrays[name] *= 1.001

    drawn = given(STACK)
    with pytest.raises(outputs.Mismatch):
        outputs.largest_error(GM, STACK, "float32", 40, STEP, drawn, saved(tmp_path, drawn, STACK, STEP, change=change))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["value", "x", *GM.names])
def test_in_a_large_batch_too(tmp_path, name, dtype):
    size = Size(SMALL.axes, 300, "5-3")
    drawn = given(size, dtype=dtype)
    file = saved(tmp_path, drawn, size, dtype=dtype)
    assert 0 < outputs.largest_error(GM, size, dtype, 40, "forward+backward", drawn, file) < 20

    def change(arrays):
        arrays[name] *= 1.001

    file = saved(tmp_path, drawn, size, change=change, dtype=dtype)
    with pytest.raises(outputs.Mismatch, match=rf"ulps of 40: {name}\["):
        outputs.largest_error(GM, size, dtype, 40, "forward+backward", drawn, file)


@pytest.mark.parametrize("name", GM.names)
def test_every_row_counts_in_the_gradients_of_float32(tmp_path, name):
    size = Size(SMALL.axes, 300, "5-3")
    drawn = given(size)
    without = {**drawn, "G": drawn["G"].copy()}
    without["G"][np.abs(drawn["G"]).max(1).argmin()] = 0.0  # the row that matters least
    wrong = inputs.read(saved(tmp_path, without, size))[name]
    file = saved(tmp_path, drawn, size, change=lambda arrays: arrays.update({name: wrong}))
    with pytest.raises(outputs.Mismatch, match=rf"{name}\["):
        outputs.largest_error(GM, size, "float32", 40, "forward+backward", drawn, file)


def test_in_float64_few_rows_decide_the_gradients():
    drawn = given(Size(SMALL.axes, 300, "5-3"), dtype="float64")
    rows = np.abs(drawn["G"]).max(1)
    few = inputs.deciding_rows(drawn["G"], "float64")
    assert len(few) == inputs.MOST_ROWS
    assert np.delete(rows, few).max() < EPS["float64"] ** 1.2 and np.delete(rows, few).min() > 0


def test_few_rows_decide_parameters_that_matter_only_near_some_inputs(tmp_path):
    """A component of `ugmm` counts where x is near its mean, which no row that decides need be."""
    size = Size({"d": 100, "C": 60}, 100, "100-60")
    drawn = inputs.draw(UGMM, size, "float64", np.random.default_rng(3))
    file = saved(tmp_path, drawn, size, dtype="float64", kind=UGMM)
    assert 0 < outputs.largest_error(UGMM, size, "float64", 40, "forward+backward", drawn, file) < 20


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.update(value=arrays["value"] * float("nan")),
        lambda arrays: arrays.update(value=arrays["value"][:, :1]),
        lambda arrays: arrays.update(v=np.zeros(0)),  # no gradient for v
        lambda arrays: arrays.pop("v"),
        lambda arrays: arrays.update({"given.x": arrays["x"]}),  # the inputs are not what they were
    ],
)
def test_what_is_not_a_number_missing_or_misshapen_is_a_mismatch(tmp_path, change):
    drawn = given()
    with pytest.raises(outputs.Mismatch):
        outputs.largest_error(
            GM, SMALL, "float32", 40, "forward+backward", drawn, saved(tmp_path, drawn, change=change)
        )


def test_other_types_are_refused():
    import torch

    tensor = torch.zeros(3)
    assert clock.snapshot((tensor, None), "float32", "cpu")[1] is None
    for wrong in (tensor.double(), torch.nn.Parameter(tensor), [0.0], tensor.to_sparse(), tensor.to("meta")):
        with pytest.raises(ContractError, match="a timed call returned"):
            clock.snapshot((wrong,), "float32", "cpu")


def test_a_snapshot_is_not_what_is_written_later():
    import torch

    tensor = torch.zeros(3)
    (copy,) = clock.snapshot((tensor,), "float32", "cpu")
    tensor += 1
    assert not copy.any()


def test_a_claim_below_the_reference_is_undecided(tmp_path):
    drawn = given(dtype="float64")
    with pytest.raises(outputs.Undecided):
        file = saved(tmp_path, drawn, dtype="float64")
        outputs.largest_error(GM, SMALL, "float64", 1, "forward+backward", drawn, file)


# -- the gate ------------------------------------------------------------------------------------------------


def test_red_checks_withhold_the_time(outside, forked):
    status = gate.gate(outside.double)
    assert status.status == "failed" and status.message
    assert gate.gate(outside.double) is status  # asked once a process
    for row in rows_of([outside.double]):
        assert (row["status"], row["message"]) == ("failed", status.message) and has_no_time(row)


def test_what_is_not_declared_is_not_timed(eager):
    assert {row["status"] for row in rows_of([eager], dtype="bfloat16")} == {"unsupported"}
    (sampled,) = gate.select_implementations(["gm/monte-carlo"])
    assert {row["status"] for row in rows_of([sampled])} == {"approximate"}
    assert sampled.key not in {implementation.key for implementation in gate.select_implementations()}


# -- turns ---------------------------------------------------------------------------------------------------


class Scripted:
    """A process that answers at once; ``play`` maps the number of a round to its seconds and if it was undisturbed."""

    def __init__(self, log, play=lambda call: (1e-3, True), wait=0.0):
        self.log, self.play, self.wait, self.call, self.saved = log, play, wait, 0, []
        self.waited, self.ran = 0.0, {}

    def spent(self):
        return self.waited, dict(self.ran)

    def ask(self, word, *rest):
        if word == "prepare":
            self.name, self.call = rest
            self.log.append((id(self), self.name, self.call))
        elif word == "go":
            wait = self.wait(self.call) if callable(self.wait) else self.wait
            time.sleep(0 if self.name == turns.NO_OP else wait)
            seconds, undisturbed = self.play(self.call)
            return {"seconds": seconds, "undisturbed": undisturbed}
        elif word == "save":
            self.saved.append(self.call)
        return {"peak": 7} if word == "finish" else {}


def played(tmp_path, *processes, rounds=8, budget=60.0):
    """Candidates after their turns."""
    found = [turns.Candidate(f"c{i}", "forward", process) for i, process in enumerate(processes)]
    played = turns.Rounds(GM, SMALL, "float32", "forward", str(tmp_path), found)
    turns.interleave(played, TimingLimits(rounds, budget))
    return found, played


def test_everybody_has_the_same_fresh_inputs_in_each_round(tmp_path):
    log = []
    found, _ = played(tmp_path, Scripted(log), Scripted(log))
    calls = [(who, call) for who, name, call in log if name == "forward"]
    for first, second in zip(calls[::2], calls[1::2], strict=True):
        assert first[1] == second[1] and first[0] != second[0]
    assert len({call for _, call in calls}) == turns.WARM_UPS + 8
    assert [len(candidate.seconds) for candidate in found] == [8, 8] and found[0].peak == 7
    orders = {first[0] for first in calls[::2]}
    assert len(orders) == 2  # by chance all equal in one of a thousand


def test_interrupted_samples_are_dropped_unless_few_are_left(tmp_path):
    always, half = Scripted([], lambda call: (1e-3, False)), Scripted([], lambda call: (1e-3, call % 2 == 0))
    (one,), _ = played(tmp_path, always, rounds=10)
    assert one.interrupted and len(one.seconds) == 10 * turns.PATIENCE
    (other,), _ = played(tmp_path, half, rounds=10)
    assert not other.interrupted and len(other.seconds) == 10 and len(other.disturbed) in (9, 10)


def test_the_fastest_call_is_saved_and_a_random_one(tmp_path):
    process = Scripted([], wait=lambda call: 0.0 if call == 10 else 5e-3, play=lambda call: (5e-3, True))
    (candidate,), rounds = played(tmp_path, process, rounds=20)
    assert candidate.saved["fastest"] == 10 and candidate.saved["random"] in process.saved
    assert set(rounds.inputs) == set(candidate.saved.values())


def test_every_call_is_as_likely_to_be_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(turns, "draw", lambda *_: {})
    monkeypatch.setattr(turns, "write", lambda *_: None)
    counts = np.zeros(10)
    for _ in range(500):
        (candidate,), _ = played(tmp_path, Scripted([]), rounds=10)
        counts[candidate.saved["random"] - turns.WARM_UPS - 1] += 1
    assert np.all(np.abs(counts - 50) < 5 * np.sqrt(45))  # five deviations


def test_a_clock_that_tells_less_than_the_parents_fails(tmp_path):
    honest, quick = (
        Scripted([], lambda call: (0.02, True), wait=0.02),
        Scripted([], lambda call: (1e-3, True), wait=0.02),
    )
    still = Scripted([], lambda call: (0.0, True))
    (right, wrong, stopped), _ = played(tmp_path, honest, quick, still)
    assert not right.error
    assert not right.doubt
    assert "its clock says 0.001 s, by the parent's no call took less than 0.02" in wrong.doubt
    assert stopped.error == "its clock stood still"


@pytest.mark.parametrize(("helper", "doubted"), [(0.0, False), (0.02, True)])
def test_waiting_for_a_core_is_no_work_unless_another_thread_does_it(tmp_path, helper, doubted):
    class Waits(Scripted):
        def ask(self, word, *rest):
            begin = time.perf_counter()
            said = super().ask(word, *rest)
            if word == "go" and self.name != turns.NO_OP:
                self.waited += time.perf_counter() - begin - 5e-3  # a sleep may last longer than was asked for
                self.ran = {"helper": self.ran.get("helper", 0.0) + helper}
            return said

    (candidate,), _ = played(tmp_path, Waits([], lambda call: (5e-3, True), wait=0.025))
    assert bool(candidate.doubt) == doubted


def test_rounds_end_with_the_budget(tmp_path):
    (candidate,), _ = played(
        tmp_path, Scripted([], wait=0.05, play=lambda call: (0.05, True)), rounds=1000, budget=0.01
    )
    assert len(candidate.seconds) == turns.MIN_SAMPLES


def test_interval_of_the_median_covers_it():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        median, low, high = median_interval(rng.exponential(size=25))
        assert low <= median <= high
        hits += low <= math.log(2) <= high
    assert hits >= 370  # of 380 expected
    assert median_interval([3.0]) == (3.0, 3.0, 3.0)


def test_ratios_are_of_calls_of_one_round():
    rng = np.random.default_rng(2)
    drift = {round_: 10 ** rng.uniform(-3, 0) for round_ in range(30)}  # a machine whose speed changes all the time
    middle, low, high = ratio_interval({r: 3 * s for r, s in drift.items()}, drift)
    assert (middle, low, high) == pytest.approx((3, 3, 3))
    assert ratio_interval({0: 2.0, 1: 4.0}, {5: 1.0, 6: 1.0}) == (3.0, 2.0, 4.0)  # nothing in common: of the medians


# -- sizes, yardsticks, goals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", registry.layer_types().values(), ids=lambda kind: kind.name)
def test_sizes_have_names_of_their_own(kind):
    every = sizes(kind, full=True)
    assert len({(size.label, size.batch) for size in every}) == len(every)
    assert 1 <= len(select_sizes(kind)) <= len(every), "something is timed without being asked for"
    named = {(goal.size, goal.batch, goal.direction) for goal in kind.goals}
    assert named <= {(size.label, size.batch, direction) for size in every for direction in size.passes}


def test_sizes_are_chosen_by_name():
    assert [size.batch for size in select_sizes(GM, ["784-100"])] == [64, 1024]
    assert [size.text for size in select_sizes(GM, ["784-100-10"])] == ["784-100-10 x 64"]
    with pytest.raises(ContractError, match="gm has no such size; it has 784-100 x 64, 784-100 x 1024, "):
        select_sizes(GM, ["7-1"])


@pytest.mark.parametrize(("size", "direction"), [(SMALL, "forward"), (SMALL, "forward+backward"), (STACK, STEP)])
@pytest.mark.parametrize("name", yardsticks.NAMES)
def test_yardsticks_run(name, size, direction):
    yardstick = yardsticks.yardstick(name, GM, size, "float32", "cpu", direction)
    found = yardstick.run(*yardstick.prepare({}))
    assert all(tensor.isfinite().all() for tensor in found)


def test_the_floor_holds_the_products_of_the_layer():
    floor = yardsticks.yardstick("floor", GM, SMALL, "float32", "cpu", "forward+backward")
    products, exponentials = floor.prepare({})
    assert [(x.shape, W.shape, grad) for x, W, _, grad in products] == [((4, 5), (n, 5), True) for n in (6, 2, 2)]
    assert len(floor.run(products, exponentials)) == 1 + 3 * 3
    step = yardsticks.yardstick("floor", GM, STACK, "float32", "cpu", STEP)
    products, exponentials = step.prepare({})
    assert [grad for *_, grad in products] == [False] * 3 + [True] * 3  # images need no gradient
    assert len(step.run(products, exponentials)) == 1 + 3 * 2 + 3 * 3


@pytest.mark.parametrize(("kind", "axes", "each"), [(GM, SMALL.axes, (8, 8)), (UGMM, {"d": 5, "C": 3}, (60, 120))])
def test_the_floor_holds_the_exponentials_of_each_pass(monkeypatch, kind, axes, each):
    counted, exp2 = [], torch.exp2
    monkeypatch.setattr(torch, "exp2", lambda e, out: counted.append(len(e)) or exp2(e, out=out))
    monkeypatch.setitem(yardsticks.BLOCK, "cpu", 7)
    for direction, number in zip(PASSES, each, strict=True):
        counted.clear()
        floor = yardsticks.yardstick("floor", kind, Size(axes, 4, "5-3"), "float32", "cpu", direction)
        floor.run(*floor.prepare({}))
        assert sum(counted) == number and max(counted) == 7


def test_matched_dense_layers_have_as_many_parameters():
    for size in sizes(GM, full=True):
        wanted = sum(math.prod(shape) for axes in layer_axes(GM, size) for shape in GM.shapes(axes).values())
        widths = yardsticks._matched(GM, size)
        has = sum((d + 1) * C for d, C in itertools.pairwise(widths))
        assert abs(has - wanted) < 0.01 * wanted and widths[0] == yardsticks._widths(GM, size)[0]


def test_goals_are_judged_by_what_they_name():
    ratios = {"floor": [1.1, 1.0, 1.3], "gm/eager": [0.6, 0.55, 0.7]}
    row = {"implementation": "gm/compiled", "size": "784-100-10", "batch": 64, "pass": STEP, "dtype": "float32"}
    row |= {"device": "cpu"}
    row |= {"status": "passed", "allocator": "default", "ratios": ratios, "peak_bytes": 3e6}
    floor, eager = [goal for goal in GM.goals if goal.direction == STEP]
    assert goals.verdict(floor.at_most, goals.measured(GM, floor, row)) == "reached"
    assert goals.verdict(eager.at_most, goals.measured(GM, eager, row)) == "not reached"
    assert goals.verdict(1.75, (1.7, 1.6, 1.8)) == "reached, narrowly"
    assert "at least 2 times faster than eager" in goals.text(eager)
    for change in ({"status": "failed"}, {"batch": 65}, {"implementation": "gm/eager"}, {"dtype": "float64"}):
        assert goals.measured(GM, floor, row | change) is None
    assert goals.verdict(1.75, None) == "not measured"
    (peak,) = [goal for goal in GM.goals if goal.against is None]
    row |= {"size": peak.size, "batch": 1024, "pass": peak.direction, "K": 10, "d": 784, "C": 100, "peak_bytes": 20e6}
    results = 1024 * 100 + 1024 * 784 + 2 * 10 * 784 + 10 * 100 * 784 + 10 * 100
    assert goals.measured(GM, peak, row)[0] == 20e6 - 4 * results


def test_what_goals_need_is_selected():
    found = goals.select_goals(["gm"])
    assert {(part["labels"][0], part["batches"][0]) for part in found} == {("784-100", 1024), ("784-100-10", 64)}
    assert {name for part in found for name in part["names"]} == {"gm/compiled", "gm/eager"}
    assert goals.select_goals(["gm-full"]) == []


@pytest.mark.parametrize("own", [True, False])
def test_goals_are_timed_without_further_yardsticks(own, monkeypatch):
    asked = []
    monkeypatch.setattr(session, "measure", lambda *_, further, **others: asked.append(further) or NOTHING)
    parts = goals.select_goals(["gmnm-ridge-laplacian"]) if own else [{"names": ["gmnm-ridge-laplacian"]}]
    assert [list(session.measure_all(**part)) for part in parts]
    assert asked and set(asked) == {not own}


def peak_of(kind, name, size, direction, folder):
    """Bytes that one call takes at its peak, in a process of its own."""
    task = {"do": "time", "layer_type": kind.name, "size": asdict(size), "dtype": "float32", "device": "cpu"}
    task |= {"passes": [direction], "yardsticks": [], "key": f"{kind.name}/{name}", "file": None}
    task["folder"] = str(folder)
    process = turns.Process(task, "default")
    try:
        assert "threads" in process.answer()
        rounds = turns.Rounds(kind, size, "float32", direction, str(folder))
        candidate = turns.Candidate(name, direction, process)
        rounds.begin()
        assert rounds.call(candidate), candidate.error
        return process.ask("finish", direction, rounds.number)["peak"]
    finally:
        process.close()


MEMORY = [(kind, goal) for kind in registry.layer_types().values() for goal in kind.goals if goal.against is None]


@pytest.mark.parametrize(("kind", "goal"), MEMORY, ids=[f"{kind.name}/{goals.text(goal)}" for kind, goal in MEMORY])
def test_memory_goals_are_kept(kind, goal, tmp_path):
    if registry.unavailable(registry.load().implementation(kind.name, goal.implementation), "cpu"):
        pytest.skip("it does not run here")
    (size,) = select_sizes(kind, [goal.size], [goal.batch])
    peak = peak_of(kind, goal.implementation, size, goal.direction, tmp_path)
    if peak is None:
        pytest.skip("this system does not tell the peak of a process")
    row = {**size.axes, "batch": size.batch, "pass": goal.direction, "dtype": "float32", "peak_bytes": peak}
    assert 0 < goals.temporaries(kind, row) <= goal.at_most


def test_peaks_are_seen(tmp_path):
    """Eager materialises (batch, K, d) at least once: 32 MB."""
    (size,) = select_sizes(GM, ["784-100"], [1024])
    peak = peak_of(GM, "eager", size, "forward", tmp_path)
    assert peak is None or peak >= 4 * 1024 * 10 * 784


# -- the command ---------------------------------------------------------------------------------------------


@pytest.fixture
def one_size(monkeypatch):
    monkeypatch.setattr(session, "select_sizes", lambda *_: [SMALL])


def test_time_prints_and_stores_rows(tmp_path, monkeypatch, one_size):
    monkeypatch.setattr(session, "gate", lambda *_, **__: GREEN)
    store = tmp_path / "store"
    words = ["--rounds", "6", "--seconds", "2", "--allocator", "default"]
    result = CliRunner().invoke(main, ["time", "gm/eager", "--store", str(store), *words])
    assert result.exit_code == 0, result.output
    assert "gm/eager" in result.stdout and "5-3 x 4" in result.stdout and "passed" in result.stdout
    (file,) = (store / "timings").glob("*.json")
    content = json.loads(file.read_text())
    assert (content["schema"], content["kind"], len(content["rows"])) == (1, "timings", 2)
    frame = gmbench.load("timings", store)
    assert set(frame["pass"]) == {"forward", "forward+backward"} and (frame["median"] > 0).all()


def test_a_file_is_timed_beside_the_fastest(outside, monkeypatch, one_size, forked):
    monkeypatch.setattr(session, "measure", lambda together, *_, **__: SimpleNamespace(rows=[i.key for i in together]))
    fastest = next(f"gm/{n}" for n in GM.fastest if not registry.unavailable(registry.load().implementation("gm", n)))
    file = outside.double.source
    assert fastest in next(session.measure_all([file])) and fastest not in next(session.measure_all([file], alone=True))
    allocators = list(session.measure_all(["gm/eager"]))
    assert len(allocators) == len(session.allocators_here("cpu"))


def test_time_fails_for_a_red_gate_and_tells_no_path(tmp_path, monkeypatch, outside, one_size):
    monkeypatch.setattr(session, "select_implementations", lambda names: [outside.double])
    monkeypatch.setattr(session, "gate", lambda *_, **__: TimingStatus("failed", "value: wrong"))
    words = ["--alone", "--allocator", "default", "--rounds", "6", "--seconds", "1"]
    result = CliRunner().invoke(main, ["time", outside.double.source, *words, "--store", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert [row["source"] for row in json.loads(result.stdout)] == ["file", "file"]
    (file,) = (tmp_path / "timings").glob("*.json")
    assert outside.double.source not in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["gm/eagre"], "did you mean 'gm/eager'?"),
        (["nowhere.py"], "there is no such file"),
        (["eager", "--device", "cuda"], "no CUDA device here"),
        (["monte-carlo"], "nothing to time"),
        (["gm/eager", "--size", "9-9"], "gm has no such size; it has 784-100 x 64"),
        (["gm/eager", "--size", "100-10", "--pass", "training step"], "no size has the pass training step"),
        (["gm", "--goals", "--full"], "leave out --size, --batch, --pass and --full"),
        (["gm-full", "--goals"], "no goals"),
        (["gm", "--seconds", "nan"], "is not a number"),
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
        gate.select_implementations([str(file)])
    assert "\n" not in str(caught.value)


GMNM = registry.layer_type("gmnm-mahalanobis")
FIELD = Size({"M": 30, "n": 2, "d": 2, "C": 2}, batch=6, label="2-2")


@pytest.mark.parametrize("name", ["gmnm-mahalanobis", "gmnm-mahalanobis-laplacian"])
@pytest.mark.parametrize("direction", ["forward", "forward+backward"])
def test_a_kan_stands_beside_layers_that_ask_for_it(name, direction):
    pytest.importorskip("kan", reason="the optional extra kan is not installed")
    found = yardsticks.yardstick("kan", registry.layer_type(name), FIELD, "float64", "cpu", direction)
    outputs = found.run(*found.prepare({}))
    assert outputs[0].shape == (6, 2)
    if direction == "forward+backward":
        trained = sum(tensor.numel() for tensor in outputs[2:] if tensor is not None)
        wanted = 30 * (2 + 4 + 2)  # mu, L, pi
        assert abs(trained - wanted) <= 20  # half a hidden unit
    assert yardsticks.beside(registry.layer_type(name), FIELD) == ["kan"] and not yardsticks.beside(GM, SMALL)


def test_what_is_not_installed_stands_not_beside(monkeypatch):
    monkeypatch.setattr(yardsticks, "lacking", lambda extra: "needs it")
    assert yardsticks.beside(GMNM, FIELD) == []
