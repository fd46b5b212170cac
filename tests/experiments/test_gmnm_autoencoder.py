"""The autoencoders of the GMNM paper: counts, shapes, what a head weighs, photographs, and the claims of its tables."""

import base64
import math

import numpy as np
import pytest
import torch

from gmbench import registry
from gmbench.claims.statistics import Run
from gmbench.claims.verdicts import AGREES, BETTER, DOES_NOT_HOLD, HOLDS, NO_DIFFERENCE, NOT_RUN, UNDECIDABLE
from gmbench.contract import ContractError
from gmbench.data import Data, data_set
from gmbench.experiments import experiment
from gmbench.experiments.gmnm import autoencoder as gmnm_autoencoder
from gmbench.experiments.gmnm import claims
from gmbench.experiments.gmnm.autoencoder import ARMS, EXPERIMENT, LATENT, MAPS, network_of
from gmbench.experiments.gmnm.claims import AUTOENCODER
from gmbench.experiments.plan import cells
from gmbench.runs.carry import pack
from gmbench.training.minimise import mean_square

COUNTS = {"ae": 2813453, "ae-att": 3224973, "ae-gmnm": 2778813, "ae-att-gmnm": 3190333, "ae-dense": 2778813}


def built(arm, data="digits", image=None, **more):
    layer = pack(registry.load().implementation(EXPERIMENT.layer_type_of(arm), "eager"))
    part = None if arm in EXPERIMENT.baselines else layer
    spec = {"arm": arm, "data": data, "seed": 0, "device": "cpu", "implementation": part, "initialisation": None} | more
    known = data_set(data)
    images = torch.rand(20, math.prod(image or known.shape), generator=torch.Generator().manual_seed(1))
    labels = torch.zeros(20, dtype=torch.long)
    found = Data(data, images, labels, images, labels, known.classes, "d", image or known.image)
    return network_of(spec, ARMS[arm], found), images


def size(network):
    return sum(p.numel() for p in network.parameters())


def test_the_counts_are_near_those_of_table_4_and_attention_s_is_exact():
    found = {arm: size(built(arm, "cifar-10")[0]) for arm in COUNTS}
    assert found == COUNTS
    printed = dict(zip(claims.AUTOENCODERS, claims.TABLE_4, strict=True))
    assert all(found[arm] == pytest.approx(count, rel=2e-4) for arm, count in printed.items())
    assert found["ae-att"] - found["ae"] == printed["ae-att"] - printed["ae"] == 411520
    said = " ".join(text for _, text in EXPERIMENT.decisions)
    assert str(COUNTS["ae"]) in said and str(COUNTS["ae-gmnm"]) in said


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("data", ["digits", "mnist", "cifar-100"])
def test_every_network_gives_images_like_its_own(arm, data):
    network, images = built(arm, data)
    out = network(images)
    assert out.shape == images.shape and out.min() > 0 and out.max() < 1
    assert network.code(images).shape == (20, LATENT)


def test_images_that_are_not_square_are_refused():
    with pytest.raises(ContractError, match="square images, not of 60 features"):
        built("ae", image=(1, 6, 10))
    with pytest.raises(ContractError, match="square images, not of 4 features"):
        built("ae", "iris")


@pytest.mark.parametrize("arm", [arm for arm in ARMS if ARMS[arm].head])
def test_a_head_weighs_each_map_of_an_image(arm):
    network, images = built(arm)
    code = network.code(images)
    weights = network.head(code)
    assert weights.shape == (20, MAPS)
    expected = network.output(torch.einsum("bchw,bc->bchw", network.decoder(code), weights))
    assert torch.allclose(network(images), expected, atol=1e-6)
    network.head = None
    assert not torch.allclose(network(images), expected, atol=1e-3)


@pytest.mark.parametrize("arm", ["ae-gmnm", "ae-dense"])
def test_a_head_does_not_feel_the_scale_of_latent_vectors(arm):
    network, images = built(arm)
    code = network.code(images)
    assert torch.allclose(network.head(20 * code), network.head(code), atol=1e-2)


def test_a_head_has_as_many_parameters_as_the_dense_network_in_its_place():
    assert size(built("ae-gmnm")[0].head) == size(built("ae-dense")[0].head)


def test_pixels_from_minus_one_come_back_so():
    network, images = built("ae-gmnm", settings={"pixels": "-1 to 1"})
    assert network(100 * images).min() < 0 < 1 > network(images).max()
    (usual, signed) = (
        gmnm_autoencoder.cell(dict(spec, epochs=2), lambda **progress: None)
        for spec in cells(EXPERIMENT, "digits", None, "smoke", ["ae"], [0], variants=[{}, {"pixels": "-1 to 1"}])
    )
    assert signed["measures"]["variance"] == pytest.approx(4 * usual["measures"]["variance"])
    assert signed["photographs"]["originals"] == usual["photographs"]["originals"]
    assert all(row["test_error"] < 8 * signed["measures"]["variance"] for row in signed["epochs"])


def test_attention_works_on_the_encoder_s_last_maps():
    network, images = built("ae-att", "cifar-10")
    seen = []
    network.attention.register_forward_hook(lambda module, given, out: seen.append((given[0].shape, out.shape)))
    network(images)
    assert seen == [((20, 320, 4, 4),) * 2]


def test_encoders_of_a_seed_start_alike_and_of_another_do_not():
    first, *others = (built(arm)[0] for arm in ARMS)
    for other in others:
        assert all(
            torch.equal(p, q) for p, q in zip(first.encoder.parameters(), other.encoder.parameters(), strict=True)
        )
        assert torch.equal(first.latent[1].weight, other.latent[1].weight)
    assert not torch.equal(first.latent[1].weight, built("ae", seed=1)[0].latent[1].weight)


def test_the_mean_square_is_over_all_images_and_pixels():
    network, _ = built("ae")
    images = torch.rand(1234, 64, generator=torch.Generator().manual_seed(2))  # more than are evaluated at once
    with torch.no_grad():
        expected = (network(images).double() - images.double()).square().mean().item()
    assert mean_square(network, images, images, gmnm_autoencoder.EVALUATED) == pytest.approx(expected, rel=1e-5)


@pytest.fixture(scope="module")
def done():
    found = {}
    for arm in ("ae", "ae-att-gmnm"):
        (own,) = cells(experiment("gmnm-autoencoder"), "digits", None, "smoke", arms=[arm])
        found[arm] = gmnm_autoencoder.cell({**own, "epochs": 6}, lambda **progress: None)
    return found


@pytest.mark.parametrize("arm", ["ae", "ae-att-gmnm"])
def test_a_cell_learns_and_measures(done, arm):
    rows, measures = done[arm]["epochs"], done[arm]["measures"]
    assert len(rows) == 7 and rows[-1]["test_error"] < 0.6 * rows[0]["test_error"]
    assert measures["train_best"] == min(row["train_loss"] for row in rows[1:])
    assert measures["train_last"] == rows[-1]["train_loss"] and measures["diverged"] is None
    assert measures["attention_parameters"] == (411520 if "att" in arm else 0)
    assert rows[-1]["test_error"] < 1.3 * measures["variance"] and measures["step_ms"] > 0 < measures["step_ratio"]


def test_a_cell_keeps_test_images_and_what_came_of_them(done):
    from gmbench.data import load

    photographs = done["ae"]["photographs"]
    data = load("digits", normalised=False)
    first = np.frombuffer(base64.b64decode(photographs["originals"][0]), np.uint8)
    assert np.abs(first / 255 - data.test_images[0].numpy()).max() < 1 / 500
    assert {len(each) for each in photographs.values()} == {gmnm_autoencoder.SHOWN}


# -- claims ------------------------------------------------------------------------------------------------------------


def test_every_row_of_tables_4_and_5_is_a_claim():
    assert {claim.id for claim in AUTOENCODER} >= {f"GMNM-A{i:02d}" for i in range(1, 28)}
    by_id = {claim.id: claim for claim in AUTOENCODER}
    for id_, data, arm, published, digit in (
        ("GMNM-A09", "cifar-10", "ae", 0.0187, 1e-4),
        ("GMNM-A14", "cifar-10", "ae-gmnm", 0.0153, 1e-4),
        ("GMNM-A17", "cifar-100", "ae", 0.020, 1e-3),
        ("GMNM-A24", "cifar-100", "ae-att-gmnm", 0.0144, 1e-4),
    ):
        claim = by_id[id_]
        assert (claim.data, claim.evidence.arm, claim.evidence.low) == (data, arm, published)
        assert claim.evidence.digit == pytest.approx(digit)
    assert (by_id["GMNM-A07"].evidence.low, by_id["GMNM-A07"].evidence.high) == pytest.approx(
        (16.5 / 23.5, 17.5 / 22.5)
    )


def runs(errors, ratio=1.0, sets=("cifar-10", "cifar-100")):
    """Ten seeds of arms, with (train, test) mean squares, of every data set."""

    def find(arm):
        name, _, data = arm.partition("@")
        if name not in errors or (data or "cifar-10") not in sets:
            return {}
        train, test = errors[name]
        own = {"train_best": train, "train_last": train, "step_ratio": ratio, "parameters": COUNTS[name]}
        own["attention_parameters"] = 411520 if "att" in name else 0
        found = {}
        for seed in range(10):
            factor = 1 + 1e-3 * seed
            measures = {**own, "train_best": train * factor, "train_last": train * factor}
            found[seed] = Run(seed, (test * factor,), (10,), measures)
        return found

    return find


def verdict(id_, find):
    return next(claim for claim in AUTOENCODER if claim.id == id_).evidence.judge(find).verdict


AS_PRINTED = {
    "ae": (0.0187, 0.0190),
    "ae-att": (0.0160, 0.0162),
    "ae-gmnm": (0.0152, 0.0153),
    "ae-att-gmnm": (0.0148, 0.0151),
}


APART = {"ae": (0.030, 0.030), "ae-att": (0.024, 0.024), "ae-gmnm": (0.019, 0.019), "ae-att-gmnm": (0.015, 0.015)}


def test_orderings_are_judged_on_both_data_sets():
    assert verdict("GMNM-A25", runs(APART)) == verdict("GMNM-A27", runs(APART)) == verdict("GMNM-A30", runs(APART))
    assert verdict("GMNM-A25", runs(APART)) == HOLDS
    assert verdict("GMNM-A30", runs(APART, ratio=1.3)) == DOES_NOT_HOLD
    assert verdict("GMNM-A25", runs(APART | {"ae-gmnm": (0.019, 0.035)})) == DOES_NOT_HOLD
    assert verdict("GMNM-A25", runs(APART | {"ae-att-gmnm": (0.035, 0.015)})) == DOES_NOT_HOLD
    assert verdict("GMNM-A25", runs(AS_PRINTED)) == NO_DIFFERENCE  # of some parts, by a tenth
    assert verdict("GMNM-A27", runs(APART | {"ae-gmnm": (0.010, 0.019)})) == DOES_NOT_HOLD
    assert verdict("GMNM-A27", runs(APART, sets=("cifar-10",))) == NOT_RUN
    judged = next(c for c in AUTOENCODER if c.id == "GMNM-A25").evidence.judge(runs(APART, sets=("cifar-10",)))
    assert judged.verdict == NOT_RUN and any("cifar-10 alone" in line and HOLDS in line for line in judged.detail)


def test_the_paper_s_own_counts_contradict_that_gmnm_has_the_fewest_parameters():
    assert verdict("GMNM-A26", runs(AS_PRINTED)) == DOES_NOT_HOLD


def test_no_run_decides_the_counts_of_an_architecture_that_is_not_given():
    for claim, count in zip(AUTOENCODER, (2813167, 3224687, 2778723, 3190243), strict=False):
        judged = claim.evidence.judge(runs(AS_PRINTED))
        assert claim.printed == str(count) and judged.verdict == UNDECIDABLE
        assert any("attention here" in line for line in judged.detail) == ("attention" in claim.statement)


def test_a_printed_ratio_is_as_wide_as_the_digits_of_both_numbers():
    cifar_100 = next(gap for what, gap in claims._factors().items() if "cifar-100" in what)
    assert cifar_100.low == pytest.approx(math.log10(0.0195 / 0.01675))
    assert cifar_100.high == pytest.approx(math.log10(0.0205 / 0.01665))


def test_numbers_have_their_value_with_other_pixels_beside():
    claim = next(claim for claim in AUTOENCODER if claim.id == "GMNM-A10")
    judged = claim.evidence.judge(runs({"ae": (0.005, 0.004738)}))
    assert judged.verdict == BETTER
    assert any(line.startswith("pixels in [-1, 1]: 0.019") and AGREES in line for line in judged.detail)
