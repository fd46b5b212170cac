"""Fitting functions: minimise any loss by Adam or L-BFGS, and look at a test error that the loss never sees."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gmbench.contract import ContractError
from gmbench.training.loop import Trained, evaluated

ADAM, LBFGS = "adam", "lbfgs"
FLOATS = {"float32": torch.float32, "float64": torch.float64}
STUCK = 10  # evaluations of a row below which L-BFGS has not moved
HISTORY = 50  # pairs of steps and gradients that L-BFGS remembers
MEASURES = {"evaluations": "of loss and gradient"}


@dataclass(frozen=True)
class Method:
    """An optimiser and its settings: ``steps`` a row of the result; L-BFGS counts its iterations as steps.

    Adam's rate falls to 0 along half a cosine if ``decay``; ``fused`` is torch's faster Adam, whose last bits differ.
    """

    name: str
    steps: int
    rate: float = 1.0
    decay: bool = True
    fused: bool = False


def settings(methods: Mapping[str, Method], rows: int) -> str:
    """How arms are trained, in words: each method, and the arms that have it.

    :param rows: of the whole training
    """
    arms: dict[str, list[str]] = {}
    for arm, method in methods.items():
        said = f"L-BFGS, up to {method.steps} iterations a row"
        if method.name == ADAM:
            falling = "falling to 0 along half a cosine" if method.decay else "constant"
            said = f"Adam at {method.rate:g}, {falling}, {method.steps} steps a row"
        arms.setdefault(said, []).append(arm)
    each = "; ".join(f"{said}: {'all arms' if len(arms) == 1 else ', '.join(named)}" for said, named in arms.items())
    return f"an epoch of the tables and curves is a row, of which there are {rows} in the budget paper. {each}"


def minimise(
    parameters: Iterable[torch.nn.Parameter],
    loss: Callable[[], torch.Tensor],
    test: Callable[[], float],
    method: Method,
    *,
    epochs: int,
    lost: float,
    measures: Callable[[], Mapping[str, float]] = dict,
    report: Callable[..., None] = lambda **progress: None,
) -> Trained:
    """Minimise ``loss()``, which may draw another batch at every call under Adam, and must not under L-BFGS.

    One row before training and one after every ``method.steps``: ``test_error`` is what ``test()`` gives, ``test_loss``
    the same, ``train_loss`` the mean loss of the row's steps (L-BFGS: its last), and what ``measures()`` gives.
    Training whose loss or parameters are not finite has diverged, and ends with its row. L-BFGS that finds nothing to
    improve stays where it is.

    :param lost: stands for a test error that is not finite
    :return: its ``measures`` are ``diverged``, the step at the end of that row, and ``evaluations`` of loss and
        gradient
    :raises ContractError: if there is no such method
    """
    parameters = list(parameters)
    done, step, evaluations = Trained(epochs * method.steps, report), 0, 0
    if method.name == ADAM:
        optimiser: Any = torch.optim.Adam(parameters, lr=method.rate, fused=method.fused or None)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(done.steps, 1)) if method.decay else None
    elif method.name == LBFGS:
        optimiser = torch.optim.LBFGS(
            parameters,
            lr=method.rate,
            max_iter=method.steps,
            max_eval=2 * method.steps,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=HISTORY,
            line_search_fn="strong_wolfe",
        )
        falling = None
    else:
        raise ContractError(f"there is no optimiser {method.name!r}; there is {ADAM}, {LBFGS}")

    def row(train_loss: float | None) -> None:
        found = test()
        error = found if math.isfinite(found) else lost
        done.test(step, error, said=f"{error:.2e}")
        done.row(step, error, found, train_loss, **measures())

    def value() -> torch.Tensor:
        nonlocal evaluations
        evaluations += 1
        optimiser.zero_grad()
        found = loss()
        found.backward()
        return found

    row(None)
    diverged = None
    for _ in range(epochs):
        if method.name == ADAM:
            losses: Any = 0.0
            for _ in range(method.steps):
                losses = losses + value().detach().double()  # where it is: a GPU need not wait
                optimiser.step()
                if falling:
                    falling.step()
            mean = losses.item() / method.steps
            step += method.steps
        else:
            before = evaluations
            optimiser.step(value)
            if evaluations - before < STUCK:
                optimiser.state.clear()  # its memory leads nowhere: the next row starts from the gradient alone
            with torch.no_grad():
                mean = loss().item()
            step += method.steps
        sound = math.isfinite(mean) and all(bool(p.isfinite().all()) for p in parameters)
        row(mean)
        if not sound:
            diverged = step
            break
    done.measures = {"diverged": diverged, "evaluations": evaluations}
    return done


def mean_square(network: torch.nn.Module, x: torch.Tensor, target: torch.Tensor, chunk: int | None = None) -> float:
    """The mean square of a network's error at points ``x (n, d)``, in float64; ``target (n, ...)`` is of as many
    numbers as the network gives.

    :param chunk: points evaluated at once (default: all)
    """
    size, total = chunk or len(x), torch.zeros((), dtype=torch.float64, device=x.device)
    with evaluated(network):
        for points, wanted in zip(x.split(size), target.split(size), strict=True):
            total += (network(points).double().reshape(-1) - wanted.double().reshape(-1)).square().sum()
    return total.item() / target.numel()


def spectral(A: torch.Tensor, y: torch.Tensor, cutoff: float = 1e-12) -> torch.Tensor:
    """The least-squares solution of ``A w = y``, by singular values above ``cutoff`` times the largest; in float64.

    It is what training could reach at best if only the weights of the last layer were free: the oracle of a fit.
    """
    U, S, V = torch.linalg.svd(A.double(), full_matrices=False)
    kept = cutoff * S[0] < S
    return V.mT[:, kept] @ ((U[:, kept].mT @ y.double()) / S[kept].reshape(-1, *[1] * (y.dim() - 1)))
