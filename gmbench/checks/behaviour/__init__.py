"""Behaviour: how an implementation acts as a function, whatever its formula. A file a kind.

Each check is a generator of faults, one line each, by its name in :data:`CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gmbench.checks.behaviour import autograd, batches, form, layouts, state
from gmbench.checks.behaviour.probe import Probe

__all__ = ["CHECKS", "Probe"]

CHECKS: dict[str, Callable[[Probe], Iterator[str]]] = {
    "form": form.form,
    "shapes": form.shapes,
    "inputs-unchanged": form.inputs_unchanged,
    "deterministic": state.deterministic,
    "no-state": state.no_state,
    "batch-split": batches.batch_split,
    "no-grad": autograd.no_grad,
    "partial-gradients": autograd.partial_gradients,
    "transforms": autograd.transforms,
    "global-state": state.global_state,
    "runs-compiled": autograd.runs_compiled,
    "layouts": layouts.layouts,
}
