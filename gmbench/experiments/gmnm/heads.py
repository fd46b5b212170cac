"""GMNM heads of a small CNN at little cost: gradients through them, units that live, their place, their locality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from gmbench.claims.claim import Claim, quick
from gmbench.claims.evidence import Alongside, Below, Beyond, Choices, Together
from gmbench.claims.metric import ERROR
from gmbench.claims.statistics import decades, measure
from gmbench.data import Data
from gmbench.experiments.contract import Budget, Experiment, Report, Spec
from gmbench.experiments.gmnm import classification
from gmbench.experiments.gmnm.claims import loss_gap
from gmbench.experiments.gmnm.classification import BATCH, CALIBRATED, EVALUATED, INSTEAD, run
from gmbench.experiments.gmnm.networks import ACTIVITY, active, features
from gmbench.nn import GMNM
from gmbench.training.loop import finite, outputs

IMAGES, EPOCHS, SEEDS = 12_800, 10, tuple(range(10))
# steps at which the gradient is looked at: the first, when units may have died, and an epoch's last
LOOKED = (0, 20, 99)
ALIVE = 1e-3  # of a unit, at some image

# arms of gmnm-classification, and two of them elsewhere
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "cnn-gmnm-instead": ("cnn-gmnm", {"place": INSTEAD}),
    "cnn-gmnm-instead-calibrated": ("cnn-gmnm", {"place": INSTEAD, "start": CALIBRATED}),
    "cnn-dense-instead": ("cnn-dense", {"place": INSTEAD}),
}
SAME = (
    *("cnn", "cnn-dense", "cnn-gmnm", "cnn-gmnm-mahalanobis", "cnn-gmnm-normalised", "cnn-gmnm-calibrated"),
    "cnn-gmnm-mahalanobis-calibrated",
)
HEADLINE = "cnn-gmnm"
OF = classification.EXPERIMENT


def observe(network: torch.nn.Sequential, data: Data) -> Callable[[], Mapping[str, float | None]]:
    """``front_gradient_*`` of the first convolution; of a GMNM head ``alive`` and ``active``, on the test images."""
    norms: list[torch.Tensor] = []
    front = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))

    def seen(weight: torch.Tensor) -> None:
        assert weight.grad is not None
        norms.append(weight.grad.norm())

    hook = front.weight.register_post_accumulate_grad_hook(seen)

    def measured() -> dict[str, float | None]:
        hook.remove()
        found = {f"front_gradient_{step}": finite(norms[step].item()) for step in LOOKED if step < len(norms)}
        head = network[-1]
        if isinstance(head, GMNM):
            values = features(head, outputs(network[:-1], data.test_images, EVALUATED))
            assert values is not None
            found["alive"] = (values.amax(0) > ALIVE).double().mean().item()
            found["active"] = active(values)
        return found

    return measured


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed: as in ``gmnm-classification``, and the measures of :func:`observe`."""
    arm, changed = OTHERS.get(spec["arm"], (spec["arm"], {}))
    return run({**spec, "arm": arm, "settings": {**changed, **(spec.get("settings") or {})}}, report, observe)


def _through(arm: str) -> Together:
    """A head lets the first convolution have a tenth of the CNN's gradient, or more."""
    return Together(
        *(
            Below("cnn", arm, decades(measure(f"front_gradient_{step}")), f"gradient at step {step}, decades", 1.0)
            for step in LOOKED
        )
    )


def _instead(arm: str) -> Together:
    """A head instead of the linear layer has a lower test loss than the CNN, in no longer a step."""
    return Together(
        Below(arm, "cnn", measure("min_test_loss"), "lowest test loss"),
        Beyond(arm, measure("step_ratio"), "step over the CNN's", below=1.1),
    )


def _narrower(experiment: str, which: str) -> Below:
    """The local head has the smaller gap between test and training loss."""
    local, ridge = (f"{experiment}cnn-gmnm{reading}-calibrated" for reading in ("-mahalanobis", ""))
    return Below(local, ridge, loss_gap(which), f"{which} test less train loss")


OUR_HEADS = tuple(arm for arm in SAME if "gmnm" in arm and arm != HEADLINE)
CLAIMS = quick(
    Claim(
        *("GMNM-C40", "sec. 5.1", "gradients are propagated back through GMNM effectively", "effectively", ""),
        Alongside(_through(HEADLINE), {arm: _through(arm) for arm in OUR_HEADS}),
        "our proxy: the gradient of the first convolution is at least a tenth of that of the CNN, which sees the same "
        f"batches, at steps {', '.join(map(str, LOOKED))}. That the mahalanobis head's is 0 by step 20 was known",
    ),
    Claim(
        *(
            "GMNM-C42",
            "summary, first experiments",
            "GMNM in the place of the last linear layer of a small CNN on MNIST",
        ),
        *("lower loss, same speed", ""),
        Alongside(
            Choices(
                {
                    "from the start 'uniform'": _instead("cnn-gmnm-instead"),
                    "from 'calibrated'": _instead("cnn-gmnm-instead-calibrated"),
                }
            ),
            {
                "against a dense head of its size there": Together(
                    *(
                        Below(arm, "cnn-dense-instead", measure("min_test_loss"), "lowest test loss")
                        for arm in ("cnn-gmnm-instead", "cnn-gmnm-instead-calibrated")
                    )
                )
            },
        ),
        f"{IMAGES} images of MNIST, {EPOCHS} epochs: the lowest test loss of any epoch, and a step at most a tenth "
        "longer than the CNN's. The start is open, and a reading of its own",
    ),
    Claim(
        *("GMNM-C44", "summary, failure signatures", "GMNM may regularise by its locality", "may", ""),
        Alongside(
            _narrower("", "last"),
            {
                "the lowest losses of any epoch": _narrower("", "min"),
                "from the start 'uniform'": Below(
                    *("cnn-gmnm-mahalanobis", HEADLINE, loss_gap("last"), "last test less train loss"),
                ),
                "all of MNIST": _narrower("gmnm-classification:", "last"),
            },
        ),
        "our proxy: the last test loss less the last training loss is smaller with a mahalanobis head, whose units are "
        "local, than with a ridge, whose are not; both from a start at which units stay alive",
    ),
)

EXPERIMENT = Experiment(
    name="gmnm-heads",
    version=1,
    paper="gmnm",
    summary="GMNM heads of a small CNN at little cost: gradients through them, live units, their place",
    layer_type=OF.layer_type,
    arms={
        **{arm: OF.arms[arm] for arm in SAME},
        "cnn-gmnm-instead": "the GMNM head in the place of the linear layer",
        "cnn-gmnm-instead-calibrated": "the GMNM head in its place, from a start at which its units stay alive",
        "cnn-dense-instead": "the dense head in the place of the linear layer",
    },
    baselines=("cnn", "cnn-dense", "cnn-dense-instead"),
    headline=HEADLINE,
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets={
        "smoke": Budget(1, SEEDS[:1]),
        "quick": Budget(EPOCHS, SEEDS[:3], images=1000),
        "paper": Budget(EPOCHS, SEEDS, images=IMAGES),
    },
    decisions=(
        *OF.decisions,
        (
            "cost",
            f"{IMAGES} training images, the same for all seeds, {EPOCHS} epochs of {IMAGES // BATCH} steps",
        ),
        ("gradient", f"the norm of the first convolution's at steps {', '.join(map(str, LOOKED))}"),
        ("alive, active", "of a head's units, on the test images after training"),
    ),
    cell=cell,
    claims=CLAIMS,
    measures={
        **OF.measures,
        "front_gradient_*": "norm of the first convolution's gradient at so many steps",
        "alive": "share of a head's units above 0.001 at some test image, at the end",
        **ACTIVITY,
    },
    layer_types={arm: OF.layer_type_of(arm) for arm in SAME},
    preferred=OF.preferred,
    metric=ERROR,
    settings=OF.settings[-2:],
)
