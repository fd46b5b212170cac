"""The first epoch of the KUMAR note's single layer: how soon its logits have their scale, and what moves until then."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import torch

from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.kumar import claims, networks, single
from gmbench.experiments.settings import EPOCHS, IMAGES
from gmbench.nn import GMLayer
from gmbench.training.loop import finite

SETTLED = 2.0  # the deviation of the logits is too large above so many times that after epoch 1


class Look(NamedTuple):
    """A layer after some steps.

    :param deviation: of the logits, over all entries
    :param by_readout: the same with U and v as they are now, and mu and sigma of the start
    :param readout: the change of U and v since the start, over their norm there
    :param centres: the change of mu since the start, over its norm there
    """

    step: int
    deviation: float
    by_readout: float
    readout: float
    centres: float


class Looks:
    """What training does to a layer, seen before it and after some of its first steps: call it after each.

    :param images: on which the logits' deviation is taken, ``(n, d)``
    :param steps: that are looked at: of every ten from 20 on the last, of every fifty from 200 on
    """

    def __init__(self, layer: GMLayer, images: torch.Tensor, steps: int):
        self.layer, self.images, self.steps, self.step = layer, images, steps, 0
        self.start = {name: p.detach().clone() for name, p in layer.named_parameters()}
        self.seen = [self._look()]

    def __call__(self) -> None:
        self.step += 1
        each = 1 if self.step <= 20 else 10 if self.step <= 200 else 50
        if self.step == self.steps or (self.step < self.steps and self.step % each == 0):
            self.seen.append(self._look())

    @torch.no_grad()
    def _look(self) -> Look:
        now = {name: p.detach() for name, p in self.layer.named_parameters()}
        swapped = {name: now[name] if name in ("U", "v") else self.start[name] for name in now}
        alone = torch.func.functional_call(self.layer, swapped, (self.images,))
        deviations = self.layer(self.images).std().item(), alone.std().item()
        return Look(self.step, *deviations, self._change(now, "U", "v"), self._change(now, "mu"))

    def _change(self, now: dict[str, torch.Tensor], *names: str) -> float:
        """Of some parameters together."""
        moved, was = (
            math.hypot(*(each.norm().item() for each in tensors))
            for tensors in ((now[n] - self.start[n] for n in names), (self.start[n] for n in names))
        )
        return moved / was


def measured(seen: list[Look]) -> dict[str, float | None]:
    """``settled``: the first step looked at from which on the deviation of the logits is at most :data:`SETTLED` times
    that at the last one; ``readout_change`` and ``centre_change`` until the last one;
    ``moved_before``: the part of the centres' change that is there when the deviation has settled; ``by_readout``: the
    part of the change of the deviation's logarithm until then that U and v make alone. None where there is none.
    """
    first, end = seen[0], seen[-1]
    if not all(0 < look.deviation < math.inf for look in seen):
        return dict.fromkeys(("settled", "readout_change", "centre_change", "moved_before", "by_readout"))
    large = [place for place, look in enumerate(seen) if look.deviation > SETTLED * end.deviation]
    then = seen[large[-1] + 1 if large else 0]
    whole = math.log(then.deviation / first.deviation)
    return {
        "settled": then.step,
        "readout_change": finite(end.readout),
        "centre_change": finite(end.centres),
        "moved_before": finite(then.centres / end.centres) if end.centres else None,
        "by_readout": finite(math.log(then.by_readout / first.deviation) / whole) if whole else None,
    }


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. Measures as in ``kumar``, and of the first epoch those of :func:`measured`; ``looks``: see
    :class:`Look`.
    """
    data, images, generator = networks.prepare(spec)
    network, seen = networks.gm_network(
        spec, [data.features, data.classes], single.COMPONENTS, spec["arm"], images, generator
    )
    optimiser = torch.optim.SGD(networks.rates(network), lr=networks.RATE)
    looks = Looks(cast(GMLayer, network[0]), images, math.ceil(len(data.train_images) / networks.BATCH))
    optimiser.register_step_post_hook(lambda *_: looks())
    found = networks.trained(spec, report, data, images, network, optimiser, seen)
    rows = [[finite(number) for number in look] for look in looks.seen]
    return {**found, "measures": {**found["measures"], **measured(looks.seen)}, "looks": rows}


DECISIONS = (
    *networks.DECISIONS,
    ("network and training", "those of kumar-single, and its first epoch alone"),
    ("looks", "before training, after each of 20 steps, each tenth to 200, each fiftieth, and the end of the epoch"),
    (
        "the scale is corrected (BL)",
        "from the first look on from which the deviation of the logits, over the calibration images, is at most "
        f"{SETTLED:g} times that after epoch 1 (it falls below, and grows again as the network learns, which corrects "
        "nothing); many steps: more than 100 of 938",
    ),
    (
        "rescaling the readout rather than relocating components (BL)",
        "U and v change by more of their norm in epoch 1 than the centres mu of theirs. Beside it: the part of the "
        "change of the logarithm of the deviation until it is corrected that U and v make alone, with mu and sigma of "
        "the start",
    ),
    (
        "defers that motion until the output scale has been corrected (BL)",
        "less than a tenth of the centres' change of epoch 1 is there when the deviation has settled",
    ),
    ("feature learning rather than output rescaling (KUMAR)", "the centres change by more of their norm than U and v"),
)

EXPERIMENT = Experiment(
    name="kumar-early",
    version=1,
    paper="kumar",
    summary="the first epoch of one GM layer from the baseline and from KUMAR, step by step",
    layer_type="gm",
    arms=single.EXPERIMENT.arms,
    baselines=(),
    headline="kumar",
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(1, 1, range(10)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.EARLY,
    measures={
        **networks.MEASURES,
        "settled": "step from which on the deviation of the logits is at most twice that after epoch 1",
        "readout_change": "change of U and v in epoch 1 over their norm before",
        "centre_change": "change of mu in epoch 1 over its norm before",
        "moved_before": "part of centre_change that is there at step settled",
        "by_readout": "part of the change of the logits' scale until then that U and v make alone",
    },
    settings=(EPOCHS, IMAGES),
)
