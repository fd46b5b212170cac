"""What can be asked of uGMM layers beside their value: most probable explanations, and draws from one neuron.

The output of a network is a score: it is no density of its inputs (each component sees one input and ignores the
others), so nothing here is a probability of x. The largest score over a finite set of inputs is well defined.
"""

from __future__ import annotations

import contextlib
import math
import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from gmbench.contract import ContractError
from gmbench.layers.ugmm.module import UGMMLayer

__all__ = ["Explanation", "most_probable_explanation", "sample"]

LIMIT = 4096  # joint states up to which all are tried
ROWS = 1024  # inputs that go through the network at once: eager layers make C d numbers of each
SWEEPS = 100  # a sweep without a change ends the ascent; rounding alone could make one go on for ever

Variables = Mapping[int | tuple[int, ...], Sequence | torch.Tensor]


@dataclass(frozen=True)
class Explanation:
    """The inputs of largest score that were found.

    ``x (..., d)`` completed; ``score (...)`` of it; ``states (..., V)``, the index of each variable's state, in the
    order of the variables. ``exact``: all joint states were tried, by ``"enumeration"``; else ``method`` is
    ``"coordinate ascent"``, and a larger score may exist.
    """

    x: torch.Tensor
    score: torch.Tensor
    states: torch.Tensor
    method: str

    @property
    def exact(self) -> bool:
        """Whether no other states have a larger score."""
        return self.method == "enumeration"


@torch.no_grad()
def most_probable_explanation(
    network: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    variables: Variables,
    *,
    limit: int = LIMIT,
    restarts: int = 8,
    rows: int = ROWS,
    generator: torch.Generator | None = None,
) -> Explanation:
    """The states of discrete variables that give a generative network its largest score, for every row of x.

    All joint states are tried where there are at most ``limit``: of equal ones, the first wins (the last variable's
    states vary fastest). Otherwise coordinate ascent: from ``restarts`` random starts, one variable after the other
    takes its best state, given all others, until a sweep changes nothing; the best end wins. The network is
    evaluated as in ``eval()``. A score that is NaN counts as -infinity.

    :param network: ``(n, d) -> (n, 1)``, such as a stack that ends in one neuron
    :param x: ``(..., d)``; what stands in the variables' columns is not looked at, and may be NaN
    :param variables: the states of each: numbers, for a variable in one column, ``{4: (0, 1, 2)}``; or rows of
        numbers, for one in several, ``{(4, 5): ((1, 0), (0, 1))}``
    :param limit: 0 or more
    :param rows: inputs that go through the network at once: memory grows with it, and the result does not depend on
        it, up to rounding
    :param generator: of the CPU, for the starts; None for the global one
    :raises ContractError: if a variable has no column of x or no state, two share a column, x is not of floating-point
        numbers, or the network has several outputs
    """
    if restarts < 1 or rows < 1:
        raise ContractError("an explanation needs at least 1 restart and 1 row at once")
    if x.ndim < 1 or not x.is_floating_point():
        raise ContractError("x needs at least one axis, its features, and floating-point numbers")
    columns, states = _read(variables, x)
    flat = x.reshape(-1, x.shape[-1]).clone()
    for place, choices in zip(columns, states, strict=True):
        flat[:, place] = choices[0]
    sizes = [len(choices) for choices in states]
    with _evaluating(network):
        search = _Search(network, columns, states, rows)
        if math.prod(sizes) <= limit:
            chosen, score, method = *search.enumerated(flat), "enumeration"
        else:
            # drawn for all rows at once, so that the starts do not depend on how many go through at once
            starts = [torch.randint(size, (restarts, len(flat)), generator=generator) for size in sizes]
            chosen, score = search.ascended(flat, torch.stack(starts, -1).to(x.device))
            method = "coordinate ascent"
    done = search.filled(flat, chosen)
    return Explanation(done.view(x.shape), score.view(x.shape[:-1]), chosen.view(*x.shape[:-1], len(sizes)), method)


def _read(variables: Variables, x: torch.Tensor) -> tuple[list[list[int]], list[torch.Tensor]]:
    """The columns of each variable, and its states ``(S, columns)``."""
    columns, states = [], []
    for name, choices in variables.items():
        alone = not isinstance(name, tuple)
        place = list(name) if isinstance(name, tuple) else [name]
        if not all(isinstance(column, numbers.Integral) and not isinstance(column, bool) for column in place):
            raise ContractError(f"the variable {name!r} is no column, nor a tuple of columns")
        try:
            values = torch.as_tensor(choices, dtype=x.dtype, device=x.device)
        except (TypeError, ValueError, RuntimeError):
            raise ContractError(
                f"the variable {name}: its states are no list of numbers, nor of rows of them"
            ) from None
        values = values.unsqueeze(1) if alone and values.ndim == 1 else values
        if values.ndim != 2 or values.shape[1] != len(place) or 0 in values.shape:
            raise ContractError(f"the variable {name}: its states are no list of {len(place)} numbers each")
        if not values.isfinite().all():
            raise ContractError(f"the variable {name}: a state is not finite")
        columns.append(place)
        states.append(values)
    every = [place for places in columns for place in places]
    if not every:
        raise ContractError("an explanation needs at least one variable")
    if len(set(every)) < len(every) or not all(0 <= place < x.shape[-1] for place in every):
        raise ContractError(f"the variables' columns {every} are not different columns of x, which has {x.shape[-1]}")
    return columns, states


@contextlib.contextmanager
def _evaluating(network: object) -> Iterator[None]:
    """A network with all its modules in evaluation mode; afterwards each is as it was."""
    modes = {module: module.training for module in network.modules()} if hasattr(network, "modules") else {}
    try:
        for module in modes:
            module.training = False
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


class _Search:
    """Looks for the states of the largest score, ``rows`` inputs at once."""

    def __init__(
        self, network: Callable[..., torch.Tensor], columns: list[list[int]], states: list[torch.Tensor], rows: int
    ):
        self.network, self.columns, self.states, self.rows = network, columns, states, rows

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """``(n,)`` for x ``(n, d)``."""
        found = []
        for part in x.split(self.rows):
            out = self.network(part)
            if out.shape != (len(part), 1):
                raise ContractError(f"the network is to have one output, and has shape {tuple(out.shape)}")
            found.append(out.squeeze(1).nan_to_num(nan=-math.inf, posinf=math.inf, neginf=-math.inf))
        return torch.cat(found) if found else x.new_zeros(0)

    def filled(self, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """x ``(n, d)`` with the states of index ``chosen (n, V)``."""
        x = x.clone()
        for place, choices, index in zip(self.columns, self.states, chosen.unbind(1), strict=True):
            x[:, place] = choices[index]
        return x

    def enumerated(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The best of all joint states, and its score."""
        sizes = [len(choices) for choices in self.states]
        strides = torch.tensor([math.prod(sizes[place + 1 :]) for place in range(len(sizes))], device=x.device)
        lengths = torch.tensor(sizes, device=x.device)
        best = x.new_full((len(x),), -math.inf)
        index = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        # as many joint states at once as `rows` has room for: the tables stay of the size of x and of `rows`
        step = max(1, self.rows // max(1, len(x)))
        for number in torch.arange(math.prod(sizes), device=x.device).split(step):
            joint = number.unsqueeze(1) // strides % lengths
            tried = self.filled(x.repeat(len(number), 1), joint.repeat_interleave(len(x), 0))
            score, place = self.scores(tried).view(len(number), len(x)).max(0)
            index = torch.where(score > best, number[place], index)
            best = torch.maximum(score, best)
        return index.unsqueeze(1) // strides % lengths, best

    def ascended(self, x: torch.Tensor, starts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The best of what coordinate ascent reaches from the starts ``(restarts, n, V)``, and its score."""
        best = x.new_full((len(x),), -math.inf)
        chosen = starts[0].clone()
        for start in starts:
            states, score = self._climbed(x, start)
            better = score > best
            chosen[better], best = states[better], torch.maximum(score, best)
        return chosen, best

    def _climbed(self, x: torch.Tensor, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where coordinate ascent ends from one start a row, and the score there."""
        states, score = states.clone(), x.new_full((len(x),), -math.inf)
        active = torch.arange(len(x), device=x.device)
        for _ in range(SWEEPS):
            before = states[active]
            for variable, choices in enumerate(self.states):
                for some in active.split(max(1, self.rows // len(choices))):
                    tried = states[some].repeat_interleave(len(choices), 0)
                    tried[:, variable] = torch.arange(len(choices), device=x.device).repeat(len(some))
                    found = self.scores(self.filled(x[some].repeat_interleave(len(choices), 0), tried))
                    value, place = found.view(len(some), len(choices)).max(1)
                    # compared with the present state's score of the same call: an equal one changes nothing
                    present = (
                        found.view(len(some), len(choices)).gather(1, states[some, variable].unsqueeze(1)).squeeze(1)
                    )
                    states[some, variable] = torch.where(value > present, place, states[some, variable])
                    score[some] = value
            active = active[(states[active] != before).any(1)]
            if not len(active):
                break
        return states, score


@torch.no_grad()
def sample(
    layer: UGMMLayer, neuron: int, shape: Sequence[int] = (), generator: torch.Generator | None = None
) -> torch.Tensor:
    """Draws from one neuron's mixture: a component by its weight, then y ~ N(mu, sigma^2) of that component.

    This reads the neuron's parameters as the paper writes them, with ONE y common to all components:
    sum over k of pi_k N(y; mu_k, sigma_k^2). The layer itself evaluates component k at its own input x_k, so y is
    neither an input nor an output of the layer, and a draw of y is no draw of x. Dropout does not matter here.

    :param shape: of the result
    :param generator: of the CPU, where the draws are made; None for the global one
    :raises ContractError: if there is no such neuron, or the shape is none
    """
    if not isinstance(neuron, numbers.Integral) or not 0 <= neuron < layer.out_features:
        raise ContractError(f"there is no neuron {neuron}: the layer has {layer.out_features}")
    if isinstance(shape, int) or any(length < 0 for length in shape):
        raise ContractError(f"the shape of a sample is a sequence of lengths, such as (1000,), not {shape!r}")
    mu = layer.mu if layer.tied else layer.mu[neuron]
    mu, log_sigma = mu.cpu(), layer.log_deviations()[neuron].cpu()
    weights = layer.logits[neuron].double().softmax(0).cpu()
    count = math.prod(shape)
    if not count:
        return layer.mu.new_zeros(tuple(shape))
    chosen = torch.multinomial(weights, count, replacement=True, generator=generator)
    noise = torch.randn(count, dtype=mu.dtype, generator=generator)
    return (mu[chosen] + log_sigma[chosen].exp() * noise).view(tuple(shape)).to(layer.mu.device)
