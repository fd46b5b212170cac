"""The diagnostic of the KUMAR note: one GM layer, and the paths of its components."""

from __future__ import annotations

import math
from typing import Any, cast

import torch

from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.kumar import claims, networks
from gmbench.experiments.settings import count
from gmbench.nn import GMLayer

COMPONENTS = 5
THRESHOLDS = (10,)  # % test error

DECISIONS = (
    *networks.DECISIONS,
    ("width", "784-10: one layer whose outputs are the logits"),
    ("rates, batch, order of the data", "as in the main experiment"),
    ("seeds", "0-4; the note shows one run and gives no spread"),
    ("which number is whose", "in the order in which the note names the arms: BL 6.68, KUMAR 6.49"),
    (
        "the plane",
        "the two widest directions of the final mixture of beta, each run its own: means and variances of the "
        "components together (law of total covariance); ellipses are two standard deviations",
    ),
    (
        "nearly static, and large at the start (BL)",
        "over the epochs, averaged over components: the centre moves less than half of the component's initial size "
        "(the root of its summed variances), and the initial size is at least half of the final one",
    ),
    (
        "tight start, outward, growing, turning (KUMAR)",
        "averaged over components: the centre ends at least twice as far from the origin as it began; the "
        "first epoch makes at least a tenth of the whole displacement; the 2-sigma ellipses in the plane end at "
        "least twice as large (mean radius) and their long axes turn by at least 10 degrees between the first epoch's "
        "end and the last's (before training they are circles)",
    ),
    ("onset of motion", "the displacement of the centres in the first epoch, in units of their initial size"),
)


class PathRecorder:
    """The components of one GM layer, epoch by epoch, in the plane of the final mixture's two widest directions.

    Call it at the end of every epoch (and before the first); :meth:`projected` gives the paths once training is over.
    """

    def __init__(self, layer: GMLayer):
        self.layer = layer
        self.states: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self) -> None:
        self.states.append((self.layer.mu.detach().double().cpu(), self.layer.sigma.detach().double().cpu()))

    def projected(self) -> dict[str, Any]:
        """``basis_share``: the share of the final mixture's variance in the plane; and one entry an epoch each of
        ``means`` (K x 2), ``covariances`` (K x 2 x 2), both in the plane through the origin; over all d directions,
        as means over components: ``moved``, the distance from the start; ``distance``, from the origin; ``size``,
        the root of the summed variances. Empty if the layer is not finite.
        """
        mu, sigma = self.states[-1]
        if not (mu.isfinite().all() and sigma.isfinite().all()):
            return {}
        # law of total covariance for a mixture with equal weights
        total = torch.diag((sigma**2).mean(0)) + torch.cov(mu.T, correction=0)
        variances, directions = torch.linalg.eigh(total)
        plane = directions[:, -2:].flip(1)
        plane = plane * plane.sum(0).sign()  # a direction has no sign: the same picture on every machine
        first = self.states[0][0]
        return {
            "basis_share": round(float(variances[-2:].sum() / variances.sum()), 4),
            "means": [_rounded(mu @ plane) for mu, _ in self.states],
            "covariances": [_rounded(torch.einsum("dp,kd,dq->kpq", plane, s**2, plane)) for _, s in self.states],
            "moved": [_rounded((mu - first).norm(dim=1).mean()) for mu, _ in self.states],
            "distance": [_rounded(mu.norm(dim=1).mean()) for mu, _ in self.states],
            "size": [_rounded(s.norm(dim=1).mean()) for _, s in self.states],
        }


def _rounded(tensor: torch.Tensor) -> Any:
    """Nested lists with six significant digits."""

    def shorten(value: Any) -> Any:
        if isinstance(value, list):
            return [shorten(entry) for entry in value]
        return float(f"{value:.6g}") if math.isfinite(value) else None

    return shorten(tensor.tolist())


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. Measures as in ``kumar``; ``paths``: see :class:`PathRecorder`."""
    data, images, generator = networks.prepare(spec)
    given = EXPERIMENT.values(spec)
    widths = [data.features, data.classes]
    network, seen = networks.gm_network(
        spec, widths, given["components"], spec["arm"], images, generator, sigma=given["sigma"]
    )
    optimiser = torch.optim.SGD(networks.rates(network, given["rate"], given["sigma_rate"]), lr=given["rate"])
    paths = PathRecorder(cast(GMLayer, network[0]))
    how = {"thresholds": THRESHOLDS, "watch": paths, "batch": given["batch"], "clip": given["clip"]}
    found = networks.trained(spec, report, data, images, network, optimiser, seen, **how)
    return {**found, "paths": paths.projected()}


EXPERIMENT = Experiment(
    name="kumar-single",
    version=1,
    paper="kumar",
    summary="one GM layer from the baseline and from KUMAR, and where its components go",
    layer_type="gm",
    arms={
        "bl": f"GM layer d-C, K = {COMPONENTS}, baseline initialisation",
        "kumar": f"GM layer d-C, K = {COMPONENTS}, KUMAR initialisation",
    },
    baselines=(),
    headline="kumar",
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(5, 20, range(10)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.SINGLE,
    measures=networks.MEASURES,
    settings=(
        *networks.RATES,
        networks.OF_SIGMA,
        count("components", COMPONENTS, "K; the rates stay"),
        networks.PARAMETRISATION,
    ),
)
