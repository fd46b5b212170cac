"""Training a classifier on tensors that lie on the device: no loader, one permutation an epoch."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from gmbench.contract import ContractError
from gmbench.data import Data, load

CHUNK = 500  # test images evaluated at once: a GM layer makes K numbers of every entry of an image
WARM = 5  # steps before any is timed: memory and caches find their places
ORDER = 1_000_000  # added to a seed for the data order, so that no arm's initialisation shifts it


def data_on(device: str, name: str, digest: str, normalised: bool = True) -> Data:
    """The data set on a device.

    :param normalised: False: pixels are left in [0, 1]
    :raises ContractError: if it cannot be had, or is not the one with this digest
    """
    data = load(name, normalised)
    if data.digest != digest:
        raise ContractError(f"the data set {name!r} found here is not the one that the spec names by its digest")
    return data.to(device)


def order_of(seed: int) -> torch.Generator:
    """The generator of the data order: the same for all arms of a seed."""
    return torch.Generator().manual_seed(ORDER + seed)


def evaluate(network, images, labels, criterion=cross_entropy) -> tuple[float, float]:
    """Error in % and mean loss over images ``(n, d)``, without dropout; logits that are not finite count as wrong."""
    wrong, loss = torch.zeros((), device=images.device), torch.zeros((), device=images.device)
    with evaluated(network):
        for x, y in zip(images.split(CHUNK), labels.split(CHUNK), strict=True):
            logits = network(x)
            right = (logits.argmax(1) == y) & logits.isfinite().all(1)
            wrong += (~right).sum()
            loss += criterion(logits, y, reduction="sum")
    return 100 * wrong.item() / len(images), loss.item() / len(images)


@contextlib.contextmanager
def evaluated(network: torch.nn.Module) -> Iterator[None]:
    """A network as it is evaluated: no dropout, no gradients; afterwards as it was."""
    before = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(before)


def at_start(network: torch.nn.Module, images) -> dict[str, Any]:
    """Numbers of a network before training, on some images.

    ``parameters``; ``logit_std`` over all entries; ``class_std``, the mean over outputs of each one's deviation over
    images; ``offset_std``, the deviation of the outputs' means; ``hidden_std`` after the first module of several.
    """
    with evaluated(network):
        logits = network(images)
        found = {
            "parameters": sum(p.numel() for p in network.parameters()),
            "logit_std": finite(logits.std().item()),
            "class_std": finite(logits.std(0).mean().item()),
            "offset_std": finite(logits.mean(0).std().item()),
        }
        first, *others = network.children()
        if others:
            found["hidden_std"] = finite(first(images).std().item())
    return found


@dataclass
class Trained:
    """What training left: ``epochs``, one row each, the first (epoch 0) before training; ``measures`` of the whole,
    ``steps_to_<threshold>`` and ``diverged`` (the first step whose loss was not finite), None if that did not happen;
    ``tests``, all pairs of a step and the test error there.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    measures: dict[str, int | None] = field(default_factory=dict)
    tests: list[tuple[int, float]] = field(default_factory=list)


def train(
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    data: Data,
    *,
    epochs: int,
    batch: int,
    order: torch.Generator,
    decay: bool = False,
    milestones: Sequence[int] = (),
    thresholds: Sequence[float] = (),
    interval: int = 100,
    watch: Callable[[], None] = lambda: None,
    criterion: Callable[..., torch.Tensor] = cross_entropy,
    report: Callable[..., None] = lambda **progress: None,
) -> Trained:
    """Minimise the mean loss over the images of a batch; the last, partial batch of an epoch is kept.

    Training that diverged ends with its epoch: no step can bring it back.

    :param decay: let every learning rate fall to 0 along half a cosine, step by step
    :param milestones: epochs at whose ends every learning rate falls to a tenth
    :param thresholds: test errors in % whose first hit is looked for, every ``interval`` steps and at
        epoch ends, until all are reached
    :param watch: called before training and at the end of every epoch
    :param criterion: the loss ``criterion(logits, labels, reduction="mean" or "sum")``; default: cross-entropy
    """
    begun, device = time.perf_counter(), data.train_images.device
    steps = epochs * math.ceil(len(data.train_images) / batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps) if decay else None
    falls = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones) if milestones else None
    first: dict[float, int | None] = dict.fromkeys(thresholds)
    done = Trained()
    step = 0

    def test() -> tuple[float, float]:
        error, loss = evaluate(network, data.test_images, data.test_labels, criterion)
        for threshold in thresholds:
            if first[threshold] is None and error <= threshold:
                first[threshold] = step
        done.tests.append((step, round(error, 4)))
        report(step=step, steps=steps, epoch=len(done.epochs), test_error=error)
        return error, loss

    def row(train_loss: float | None) -> None:
        error, loss = test()
        done.epochs.append(
            {
                "epoch": len(done.epochs),
                "step": step,
                "test_error": error,
                "test_loss": finite(loss),
                "train_loss": finite(train_loss),
                "seconds": round(time.perf_counter() - begun, 3),
            }
        )
        watch()

    row(None)
    network.train()
    sound = torch.ones((), dtype=torch.bool, device=device)
    good = torch.zeros((), dtype=torch.int64, device=device)  # steps before the first loss that is not finite
    for _ in range(epochs):
        total = torch.zeros((), device=device)
        chosen = torch.randperm(len(data.train_images), generator=order).to(device).split(batch)
        for number, indices in enumerate(chosen, 1):
            images, labels = data.train_images[indices], data.train_labels[indices]
            loss = criterion(network(images), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule:
                schedule.step()
            total += loss.detach() * len(indices)
            sound &= loss.detach().isfinite()
            good += sound
            step += 1
            # the end of an epoch is tested anyway; once every threshold is reached there is nothing to
            # look for
            if step % interval == 0 and number < len(chosen):
                if None in first.values():
                    test()
                else:
                    report(step=step, steps=steps, epoch=len(done.epochs) - 1)
        if falls:
            falls.step()
        row(total.item() / len(data.train_images))
        if not sound:
            break
    done.measures = {f"steps_to_{threshold:g}": hit for threshold, hit in first.items()}
    done.measures["diverged"] = None if sound else int(good) + 1
    return done


def in_turns(
    networks: tuple[torch.nn.Module, torch.nn.Module],
    losses: Sequence[Callable[[], torch.Tensor]],
    turns: int,
    device: str,
) -> dict[str, float]:
    """How long a training step of a network takes, beside another's; their parameters stay as they are.

    ``step_ms``, the median step of the first; ``step_ratio``, the median ratio to the second's step next to it. They
    take turns in going first.

    :param losses: of each network, on data of its own choice
    """
    taken: list[list[float]] = [[], []]
    # a rate of 0: what was trained stays as it is
    optimisers = [torch.optim.Adam(network.parameters(), lr=0.0) for network in networks]
    for turn in range(turns + WARM):
        sides = list(zip(optimisers, losses, taken, strict=True))
        for optimiser, loss, seconds in sides if turn % 2 else reversed(sides):
            _wait(device)
            begun = time.perf_counter()
            optimiser.zero_grad()
            loss().backward()
            optimiser.step()
            _wait(device)
            if turn >= WARM:
                seconds.append(time.perf_counter() - begun)
    own, other = map(torch.tensor, taken)
    return {"step_ms": 1e3 * own.median().item(), "step_ratio": (own / other).median().item()}


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def finite(number: float | None) -> float | None:
    """The number, or None where it is not finite: a result file is to be plain JSON."""
    return number if number is not None and math.isfinite(number) else None
