"""The experiment kumar-early: what is seen of a layer's first epoch, what is measured of it, and its claim."""

import json
import math

import pytest
import torch

from gmbench import data, registry
from gmbench.claims.statistics import Run
from gmbench.claims.verdicts import DOES_NOT_HOLD, HOLDS
from gmbench.experiments import experiment
from gmbench.experiments.kumar import early
from gmbench.experiments.kumar.early import Look, Looks, measured
from gmbench.experiments.plan import cells
from gmbench.nn import GMLayer, initialise


def silent(**progress):
    pass


def run(name, arm):
    eager = registry.load().implementation("gm", "eager")
    (spec,) = cells(experiment(name), "digits", data.load("digits").digest, "smoke", [arm], [3], eager)
    return experiment(name).cell(spec, silent)


@pytest.fixture(scope="module", params=["bl", "kumar"])
def pair(request):
    """An epoch of one arm, here and in kumar-single."""
    return run("kumar-early", request.param), run("kumar-single", request.param)


def test_looking_changes_no_training(pair):
    here, there = pair
    for one, two in zip(here["epochs"], there["epochs"], strict=True):
        assert {**one, "seconds": 0} == {**two, "seconds": 0}


def test_the_looks_are_of_the_first_epoch(pair):
    found, _ = pair
    looks = [Look(*look) for look in found["looks"]]
    assert [look.step for look in looks] == [*range(21), 23]  # 1437 digits are 23 batches
    assert looks[0].readout == looks[0].centres == 0 and looks[0].deviation == looks[0].by_readout
    assert looks[0].deviation == pytest.approx(found["measures"]["logit_std"])
    assert all(look.centres > 0 and look.readout > 0 for look in looks[1:])
    assert found["measures"]["centre_change"] == looks[-1].centres
    json.dumps(found, allow_nan=False)


def test_a_look_compares_with_the_start():
    layer = GMLayer(4, 2, 3)
    initialise(layer, "bl", None, torch.Generator().manual_seed(0))
    images = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    looks = Looks(layer, images, 400)
    before = layer(images).std().item()
    with torch.no_grad():
        layer.U.mul_(3)
        layer.v.mul_(3)
    looks()
    with torch.no_grad():
        layer.mu.mul_(1.5)
    looks()
    start, one, two = looks.seen
    assert start.deviation == pytest.approx(before)
    assert one == pytest.approx(Look(1, 3 * before, 3 * before, 2, 0), rel=1e-5)
    assert two.by_readout == pytest.approx(3 * before, rel=1e-5) and two.centres == pytest.approx(0.5)
    assert two.deviation == pytest.approx(layer(images).std().item()) != pytest.approx(one.deviation)
    for _ in range(500):
        looks()
    assert [look.step for look in looks.seen] == [*range(21), *range(30, 201, 10), 250, 300, 350, 400]


def test_what_is_measured_of_looks():
    seen = [Look(0, 64, 64, 0, 0), Look(1, 3, 8, 0.1, 0.05), Look(2, 16, 16, 0.2, 0.1), Look(3, 4, 32, 0.3, 0.2)]
    found = measured([*seen, Look(4, 4, 1, 0.5, 0.8)])
    assert found["settled"] == 3  # once more out of range after step 1
    assert (found["readout_change"], found["centre_change"]) == (0.5, 0.8)
    assert found["moved_before"] == pytest.approx(0.25)
    assert found["by_readout"] == pytest.approx(0.25)  # half of four halvings
    still = measured([Look(0, 1, 1, 0, 0), Look(1, 1, 1, 0, 0)])
    assert still["settled"] == 0 and still["moved_before"] is None and still["by_readout"] is None
    for lost in (0.0, math.nan, math.inf):
        assert set(measured([*seen, Look(4, lost, 1, 1, 1)]).values()) == {None}


@pytest.mark.parametrize(("settled", "moved", "verdict"), [(400, 0.02, HOLDS), (10, 0.7, DOES_NOT_HOLD)])
def test_the_claim(settled, moved, verdict):
    def runs_of(arm):
        readout = 0.6 if arm == "bl" else 0.01
        found = {}
        for seed in range(10):
            shift = 1 + seed / 1000
            changes = {"readout_change": readout * shift, "centre_change": 0.3}
            measures = {"settled": settled * shift, "moved_before": moved * shift, **changes}
            found[seed] = Run(seed, (20.0,), (938,), measures)
        return found

    (claim,) = early.EXPERIMENT.claims
    assert claim.id == "KUM-39" and claim.judge(runs_of).verdict == verdict
