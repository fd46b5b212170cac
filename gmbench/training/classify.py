"""Training a classifier on tensors that lie on the device: no loader, one permutation an epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from gmbench.data import Data
from gmbench.training.loop import Trained, batches, evaluated, finite

CHUNK = 500  # test images evaluated at once: a GM layer makes K numbers of every entry of an image

# what is measured, and what it is
MEASURES = {
    "logit_std": "deviation of all logits before training",
    "class_std": "mean over outputs of a logit's deviation over images, before training",
    "offset_std": "deviation of the logits' means over images, before training",
    "hidden_std": "deviation of what the first layer puts out, before training",
    "steps_to_*": "training steps to the first test with at most so many % error; None for never",
}


def evaluate(
    network: torch.nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    criterion: Callable[..., torch.Tensor] = cross_entropy,
) -> tuple[float, float]:
    """Error in % and mean loss over images ``(n, d)`` with labels ``(n,)``, without dropout; logits that are not finite
    count as wrong.

    :param criterion: as :func:`train` has it
    """
    wrong, loss = torch.zeros((), device=images.device), torch.zeros((), device=images.device)
    with evaluated(network):
        for x, y in zip(images.split(CHUNK), labels.split(CHUNK), strict=True):
            logits = network(x)
            right = (logits.argmax(1) == y) & logits.isfinite().all(1)
            wrong += (~right).sum()
            loss += criterion(logits, y, reduction="sum")
    return 100 * wrong.item() / len(images), loss.item() / len(images)


def at_start(network: torch.nn.Module, images: torch.Tensor) -> dict[str, Any]:
    """Numbers of a network before training, on some images ``(n, d)``.

    :return: ``parameters``; ``logit_std`` over all entries; ``class_std``, the mean over outputs of each one's
        deviation over images; ``offset_std``, the deviation of the outputs' means; ``hidden_std`` after the first
        module of several
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
    clip: float = 0.0,
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
    :param clip: the largest norm of a step's gradient, over all parameters; 0: any
    :param watch: called before training and at the end of every epoch
    :param criterion: the loss ``criterion(logits, labels, reduction="mean" or "sum")``; default: cross-entropy
    :return: its ``measures`` are ``steps_to_<threshold>``, the step of the first hit or None, and ``diverged``, the
        first step whose loss was not finite
    """
    number = math.ceil(len(data.train_images) / batch)  # of batches in an epoch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * number) if decay else None
    falls = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones) if milestones else None
    first: dict[float, int | None] = dict.fromkeys(thresholds)
    done, step, device = Trained(epochs * number, report), 0, data.train_images.device

    def test() -> tuple[float, float]:
        error, loss = evaluate(network, data.test_images, data.test_labels, criterion)
        for threshold in thresholds:
            if first[threshold] is None and error <= threshold:
                first[threshold] = step
        done.test(step, round(error, 4))
        return error, loss

    def row(train_loss: float | None) -> None:
        done.row(step, *test(), train_loss)
        watch()

    row(None)
    network.train()
    drawn = batches((data.train_images, data.train_labels), batch, order)
    sound = torch.ones((), dtype=torch.bool, device=device)
    good = torch.zeros((), dtype=torch.int64, device=device)  # steps before the first loss that is not finite
    for _ in range(epochs):
        total = torch.zeros((), device=device)
        for place in range(1, number + 1):
            images, labels = next(drawn)
            loss = criterion(network(images), labels)
            optimiser.zero_grad()
            loss.backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
            optimiser.step()
            if schedule:
                schedule.step()
            total += loss.detach() * len(images)
            sound &= loss.detach().isfinite()
            good += sound
            step += 1
            # the end of an epoch is tested anyway; once every threshold is reached there is nothing to
            # look for
            if step % interval == 0 and place < number:
                if None in first.values():
                    test()
                else:
                    report(step=step, steps=done.steps, epoch=len(done.epochs) - 1)
        if falls:
            falls.step()
        row(total.item() / len(data.train_images))
        if not sound:
            break
    done.measures = {f"steps_to_{threshold:g}": hit for threshold, hit in first.items()}
    done.measures["diverged"] = None if sound else int(good) + 1
    return done
