"""Several decisions together: parts of one claim, a ledger, the arms of a leaderboard, the universes of a claim."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmbench.claims.decisions import sign_flips
from gmbench.claims.verdicts import (
    AGAINST,
    AGREES,
    DEPENDS,
    DOES_NOT_HOLD,
    FAVOURABLE,
    FEWEST,
    HOLDS,
    LEVEL,
    NO_DIFFERENCE,
    NOT_RUN,
    REVERSED,
    TOO_FEW,
    UNDECIDABLE,
    WORSE,
    Decision,
)

SHUFFLES = 4999  # of the arms of a leaderboard


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: of all that are at most a level, the chance that one is wrong is at most the level,
    whatever depends on what (Holm 1979, Scand. J. Stat. 6(2))::

        max over j <= i of min(1, (N - j + 1) p_(j)),     p_(1) <= ... <= p_(N)
    """
    order = np.argsort(ps, kind="stable")
    found = np.empty(len(ps))
    steps = np.asarray(ps, float)[order] * np.arange(len(ps), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return found.tolist()


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Adjusted p-values of a whole ledger: of all that are at most a level, the expected share of wrong ones is at
    most the level (Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57(1)), by ``scipy.stats``.
    """
    from scipy.stats import false_discovery_control

    return false_discovery_control(ps).tolist() if len(ps) else []


def adjusted(parts: Sequence[Decision]) -> list[Decision]:
    """The parts of one claim, those that speak against it after Holm.

    One part that is reversed, or differs, speaks against the whole claim, so the more parts there are, the likelier is
    one by chance: what a test decided against it at 5 %, and does not at Holm's adjusted p-value, is as undecided as
    it would have been without. A part that holds says nothing by itself: the claim needs them all (an
    intersection-union test, Berger 1982, Technometrics 24(4): if each part is tested at 5 %, "all hold" is wrong in at
    most 5 %), so each keeps its own 5 %.

    All parts that a test decides, or will once they are run, are adjusted together, so that no verdict is lost when a
    part is run; what is the same for any seed takes no part. The seeds that would speak against a part are those at
    the level of Holm's first step, 5 % over the number of parts.
    """
    tested = [i for i, part in enumerate(parts) if part.p is not None or part.verdict in (NOT_RUN, TOO_FEW)]
    ps = [1.0 if parts[i].p is None else _own(parts[i]) for i in tested]
    found = list(parts)
    for i, p in zip(tested, holm(ps), strict=True):
        part = parts[i]
        lost = part.verdict in AGAINST and p > LEVEL
        towards = part.verdict if lost else part.towards
        found[i] = dataclasses.replace(
            part,
            verdict=part.otherwise if lost else part.verdict,
            holm=None if part.p is None else p,
            towards=towards,
            level=part.level / len(tested) if towards in AGAINST else part.level,
        )
    return found


def _own(part: Decision) -> float:
    """The p-value of one part by itself, which may have been one of several already."""
    p = part.p if part.holm is None else part.holm
    return 1.0 if p is None else p


def conjunction(parts: Sequence[Decision]) -> Decision:
    """A claim of several parts that must all hold, part by part: each holds at 5 %, and is against it after Holm
    (:func:`adjusted`).

    In this order: *not run* while a part is, since no part decides beside one that was not run; *does not hold* where
    a part is reversed or differs; *holds* where all hold (*agrees*, if all are printed numbers, and where those differ
    to one side, that side); *too few seeds* where a part has too few (as many would decide as speak against a part, or
    else as the part takes that takes most); *depends on a choice*; *undecidable by runs*; else *no difference*: the
    parts that do not hold are without one.

    :raises ValueError: if there is no part
    """
    if not parts:
        raise ValueError("no parts")
    found = tuple(adjusted(parts))
    verdicts = {part.verdict for part in found}
    held = sum(part.verdict in FAVOURABLE for part in found)
    said = f"{held} of {len(found)} hold"
    kinds = {part.towards if part.verdict == TOO_FEW else part.verdict for part in found}
    numbers = not kinds & {HOLDS, REVERSED, NO_DIFFERENCE, DOES_NOT_HOLD}
    against = verdicts & set(AGAINST)
    missing = tuple(dict.fromkeys(name for part in found for name in part.missing))
    if NOT_RUN in verdicts:
        verdict, said = NOT_RUN, f"{said}; no cells of {', '.join(missing)}"
    elif against:
        verdict = next(iter(against)) if numbers and len(against) == 1 else DOES_NOT_HOLD
    elif held == len(found):
        verdict = AGREES if numbers else HOLDS
    else:
        verdict = next(each for each in (TOO_FEW, DEPENDS, UNDECIDABLE, NO_DIFFERENCE) if each in verdicts)
    return Decision(
        verdict, said, seeds=_fewest(found), missing=missing, parts=found, enough=lambda level: _needed(found)
    )


def parted(values: Decision, lost: Decision) -> Decision:
    """A claim on values that some seeds do not have, since they diverged or never get there. It has two parts: the
    values of the seeds that have one, and how many have none.

    The values decide, unless how many are lost speaks against it, after Holm of the two: more than the paper lost
    (*differs, ours worse*), or, of an ordering, than the other arm (*does not hold*).

    :param values: by :func:`~gmbench.claims.decisions.printed`, :func:`~gmbench.claims.decisions.ordering` and others
    :param lost: by :func:`~gmbench.claims.decisions.counted`, the lower the better, or by
        :func:`~gmbench.claims.decisions.fewer`
    """
    first, second = adjusted([values, lost])
    said = "; ".join(filter(None, [first.reason, f"lost: {second.reason}"]))
    shown = dataclasses.replace(second, shown=f"lost: {second.reason}")
    found = dataclasses.replace(first, reason=said, parts=(first, shown))
    if second.verdict not in (WORSE, REVERSED) or first.verdict in (WORSE, REVERSED):
        return found
    verdict = WORSE if second.verdict == WORSE else DOES_NOT_HOLD
    decided = dataclasses.replace(found, verdict=verdict, otherwise=first.verdict, p=second.p, holm=second.holm)
    return dataclasses.replace(decided, difference=None, factor=None)  # by those that are lost, not by the values


def tiers(arms: Mapping[str, Mapping[int, float]], *, least: int = FEWEST) -> dict[str, int | None]:
    """The tier of each arm of a leaderboard, from 1: arms that no test tells apart. An arm with fewer than ``least``
    seeds has none, and is not compared.

    1. The arms are put in order by their means, the lowest first (of equal means by name).
    2. The first arm without a tier leads the next one. Its candidates are all that follow.
    3. A test of leader and candidates together: over the seeds that all of them have, the values of a seed are
       exchanged among the arms, and the largest difference of two arms' means is compared with that between the
       leader and the last candidate (:func:`exchanges`; two arms alone: :func:`sign_flips`, which is the same).
    4. Where p is at most 5 % times the share of the board's arms that were tested, the last candidate is told apart;
       it waits for a later tier, and 3 is repeated without it. Otherwise, or where they have fewer than ``least``
       common seeds, leader and candidates are the tier, and 2 is repeated.

    So no arm is in a better tier than one with a lower mean. Where all arms are alike the board is split in at most
    5 % of cases, and so are groups of arms that are alike among themselves, taken together, to the extent that
    exchanging unlike arms only widens the largest difference: the levels are those of Ryan (1960), the order of the
    tests that of a closed multiple-range test. Holm over all pairs would ask a sign-flip test of ten pairs for more
    than it has: 28 pairs of 8 arms times 2/2^10 are above 5 %. The first of a tier is told apart from the leader of
    the one before, not from all its arms.

    :param arms: of each its values by seed, the lower the better, in decades where means are of decades; of the seeds
        that trained

    :raises ValueError: if a value is not finite
    """
    if not all(math.isfinite(value) for values in arms.values() for value in values.values()):
        raise ValueError("a value is not finite")
    ranked = [name for name, values in arms.items() if len(values) >= least]
    ranked.sort(key=lambda name: (float(np.mean(sorted(arms[name].values()))), name))
    found: dict[str, int | None] = dict.fromkeys(arms)
    tier, rest = 0, ranked
    while rest:
        tier += 1
        together = rest
        while len(together) > 1 and _apart(together, arms, least) <= LEVEL * len(together) / len(ranked):
            together = together[:-1]
        found |= dict.fromkeys(together, tier)
        rest = rest[len(together) :]
    return found


def _apart(names: Sequence[str], arms: Mapping[str, Mapping[int, float]], least: int) -> float:
    """The p-value of the first and the last of some arms, exchanged among all of them."""
    seeds = sorted(set.intersection(*(set(arms[name]) for name in names)))
    if len(seeds) < least:
        return 1.0
    table = np.array([[arms[name][seed] for name in names] for seed in seeds])
    gaps = table[:, -1] - table[:, 0]
    if gaps.sum() <= 0:
        return 1.0  # over the common seeds the order is another
    return float(sign_flips(gaps)) if len(names) == 2 else exchanges(table)


def exchanges(table: np.ndarray) -> float:
    """The p-value that the columns of a table are alike: the share of exchanges within its rows whose largest
    difference of two columns' means is at least that of the last and the first, by ``scipy.stats.permutation_test``:
    4999 exchanges by a fixed generator, counted with the observed one (Phipson and Smyth 2010).

    :param table: ``(seeds, arms)``; the order of the seeds does not matter
    """
    from scipy.stats import permutation_test

    def largest(*columns: np.ndarray, axis: int) -> np.ndarray:
        return np.ptp([np.mean(column, axis=axis) for column in columns], axis=0)

    # the first row is exchanged as the others are, so rows in an order of their own are the same for any order
    rows = table[np.lexsort(table.T[::-1])]
    found = permutation_test(
        list(rows.T),
        largest,
        permutation_type="samples",
        vectorized=True,
        n_resamples=SHUFFLES,
        alternative="greater",
        rng=np.random.default_rng(0),
    )
    gap = float(rows[:, -1].mean() - rows[:, 0].mean())
    null = found.null_distribution
    return float((np.sum(null >= gap * (1 - 1e-12)) + 1) / (len(null) + 1))


def over_choices(found: Mapping[str, Decision]) -> Decision:
    """A claim whose words leave open how it is to be read, over its readings: the verdict that they have in common, or
    *depends on a choice*. *Not run* while one is; *too few seeds* while the others agree and more of ours would decide
    one.
    """
    parts = tuple(found.values())
    verdicts = {part.verdict for part in parts}
    missing = tuple(dict.fromkeys(name for part in parts for name in part.missing))
    open_ = any(part.verdict == TOO_FEW and part.needed for part in parts)
    settled = {part.verdict for part in parts if part.verdict != TOO_FEW or not part.needed}
    if NOT_RUN in verdicts:
        verdict = NOT_RUN
    elif len(settled) > 1:
        verdict = DEPENDS
    else:
        verdict = TOO_FEW if open_ else settled.pop()
    said = "; ".join(f"{name}: {part.said}" for name, part in found.items())
    return dataclasses.replace(
        parts[0], verdict=verdict, reason=said, parts=parts, missing=missing, enough=lambda level: _most(parts)
    )


def over_universes(found: Mapping[str, tuple[Decision, bool]], hint: str = "") -> Decision:
    """A claim whose setting is not disclosed, over its universes: of each its decision, and whether it is anchored,
    that is, whether the paper's baseline comes out there as printed. Only anchored ones count.

    *Holds* where it does in all, *no difference* where there is none in any, *reversed* where it is in all, *does not
    hold* where it holds in none and not all are the same; *depends on a choice* where it holds in one and does not in
    another, whatever the others say. *Too few seeds* or *not run* while the anchored universes that are decided agree
    and others are not; *not run* also where none is anchored: the paper's setting is then not among them.

    Each universe is decided by itself, at 5 %; the reason says in how many.

    :param hint: why none can be anchored, such as ``not anchored: reduced budget``: then all count, and what they say
        is a hint and no verdict on the paper, as the reason tells
    """
    anchored = {name: decision for name, (decision, counts) in found.items() if counts or hint}
    if not anchored:
        return Decision(NOT_RUN, f"none of {len(found)} universes has the paper's baseline")
    verdicts = [decision.verdict for decision in anchored.values()]
    held = sum(verdict in FAVOURABLE for verdict in verdicts)
    refused = {verdict for verdict in verdicts if verdict in (*AGAINST, NO_DIFFERENCE)}
    open_ = [verdict for verdict in verdicts if verdict not in (*FAVOURABLE, *AGAINST, NO_DIFFERENCE)]
    if held and refused:
        verdict = DEPENDS
    elif open_:
        verdict = next(each for each in (NOT_RUN, TOO_FEW, DEPENDS, UNDECIDABLE) if each in open_)
    elif held:
        verdict = HOLDS
    else:
        verdict = refused.pop() if len(refused) == 1 else DOES_NOT_HOLD
    parts = tuple(anchored.values())
    said = f"holds in {held} of {len(anchored)} anchored universes, of {len(found)}"
    if hint:
        said = f"a hint, {hint}: holds in {held} of {len(found)} universes"
    return Decision(verdict, said, seeds=_fewest(parts), parts=parts, enough=lambda level: _most(parts))


def _fewest(parts: Sequence[Decision]) -> int:
    """The seeds of the part that has the fewest, of those that have any."""
    return min((part.seeds for part in parts if part.seeds), default=0)


def _most(parts: Sequence[Decision]) -> int | None:
    """The seeds that would decide all parts; None if for one no number would."""
    needed = [part.needed for part in parts if part.verdict == TOO_FEW]
    return None if None in needed else max((n for n in needed if n is not None), default=None)


def _needed(parts: Sequence[Decision]) -> int | None:
    """The seeds that would decide all parts together: the fewest that would speak against one, or else for all."""
    against = [part.needed for part in parts if part.verdict == TOO_FEW and part.towards in AGAINST]
    return min((n for n in against if n is not None), default=None) or _most(parts)


@dataclass(frozen=True)
class Effect:
    """What one factor does to an outcome.

    :param share: of the outcome's variance over universes that its main effect explains, beyond the other factors'
    :param levels: the mean outcome at each of its values, as if the others' were balanced
    :param aliased: other factors vary with it, so that its share cannot be told from theirs
    """

    factor: str
    share: float
    levels: Mapping[Any, float]
    aliased: bool = False


def main_effects(universes: Iterable[tuple[Mapping[str, Any], float]]) -> list[Effect]:
    """Which factor decides: the main effects of declared factors on an outcome, the largest first.

    Least squares of the outcome (such as the mean paired difference of a universe) on a constant and the factors'
    values, coded so that the effects of a factor add up to 0. A factor's share is the growth of the residual sum of
    squares when it is left out, over the sum of squares about the mean: in a full or an orthogonal fractional
    factorial the usual analysis of variance, whose shares and the interactions' add up to 1 (Fisher 1935, The Design of
    Experiments).

    :param universes: of each the value of every factor, and the outcome

    :returns: nothing where there are no universes
    :raises ValueError: if universes have other factors, or an outcome is not finite
    """
    rows = list(universes)
    if not rows:
        return []
    names = list(rows[0][0])
    if any(list(choices) != names for choices, _ in rows):
        raise ValueError("universes have other factors")
    y = np.array([outcome for _, outcome in rows], float)
    if not np.isfinite(y).all():
        raise ValueError("an outcome is not finite")
    values = {name: list(dict.fromkeys(choices[name] for choices, _ in rows)) for name in names}
    columns = {name: _coded([choices[name] for choices, _ in rows], values[name]) for name in names}

    def fitted(chosen: Sequence[str]) -> tuple[float, int, np.ndarray]:
        """The residual sum of squares, the rank, and the coefficients."""
        design = np.hstack([np.ones((len(y), 1)), *(columns[name] for name in chosen)])
        solution, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
        return float(np.square(y - design @ solution).sum()), int(rank), solution

    whole, rank, solution = fitted(names)
    total = float(np.square(y - y.mean()).sum())
    found, place = [], 1
    for name in names:
        without, less, _ = fitted([other for other in names if other != name])
        width = columns[name].shape[1]
        effects = np.concatenate([solution[place : place + width], [-solution[place : place + width].sum()]])
        levels = {value: float(solution[0] + effect) for value, effect in zip(values[name], effects, strict=True)}
        share = (without - whole) / total if total > 0 else 0.0
        found.append(Effect(name, max(share, 0.0), levels, rank - less < width))
        place += width
    return sorted(found, key=lambda effect: -effect.share)


def _coded(chosen: Sequence[Any], values: Sequence[Any]) -> np.ndarray:
    """A column for each value but the last: 1 where it is chosen, -1 where the last is, so that effects add up to 0."""
    table = np.array([[value == each for each in values] for value in chosen], float)
    return table[:, :-1] - table[:, -1:]


def deciding(effects: Sequence[Effect]) -> str:
    """The factor whose main effect explains at least half of the variance; empty if none does, or others vary with
    it.
    """
    return next((each.factor for each in effects if each.share >= 0.5 and not each.aliased), "")
