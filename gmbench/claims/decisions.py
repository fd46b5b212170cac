"""How one statement is decided: a printed number, an ordering, an equivalence, a limit, a spread, a count.

All from scipy; every resampling has a fixed generator, and no result depends on the order of the seeds. A seed that
diverged is in none of these values: it is counted (:func:`counted`, :func:`fewer`), and :func:`parted` puts the two
parts together.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmbench.claims import intervals
from gmbench.claims.intervals import ROUNDING
from gmbench.claims.metric import MEAN_SQUARE
from gmbench.claims.seeds import (
    Numbers,
    deviation_of,
    ordered,
    pairs_for_equivalence,
    pairs_for_ordering,
    smallest,
)
from gmbench.claims.verdicts import (
    AGREES,
    FEWEST,
    HOLDS,
    LEVEL,
    LOWER,
    NEITHER,
    NO_DIFFERENCE,
    REVERSED,
    TOO_FEW,
    Decision,
    side_of,
)

COUNTED = 200  # seeds that anybody would count; tests of counts are dear
RESAMPLES = 2**14  # of sign flips: exact up to 14 pairs
DRAWS = 20_000  # of what the paper may report
SHARE = 0.25  # of a published error, loss or missing accuracy: the resolution of a claim that declares none


def quarter(published: float | tuple[float, float], whole: float = 0.0, point: float = math.inf) -> float:
    """The resolution of a printed number, in its unit: a quarter of the error, loss or missing accuracy, and no more
    than the difference that the paper makes a point of.

    :param published: the number, or the ends of a range, of which the middle counts
    :param whole: 100 of an accuracy in %, whose missing part counts
    :param point: the difference that the paper makes a point of
    """
    return min(SHARE * abs(whole - float(np.mean(published))), point)


def printed(
    values: Numbers,
    published: float | tuple[float, float],
    rounding: float = 0.0,
    runs_of_paper: int = 1,
    resolution: float | None = None,
    better: str = LOWER,
    *,
    decades: bool = False,
    geometric: bool = False,
    worst: bool = False,
    low: float = -math.inf,
    high: float = math.inf,
) -> Decision:
    """A printed number against ours: agrees, differs (with the side), or too few seeds.

    The paper's number is a sample too. If it is the mean of ``m`` runs of the distribution that our ``n`` values
    ``x`` are of, it lies with 95 % in the t prediction interval (Spence and Stanley 2016, PLOS ONE 11(9), e0162874)::

        mean(x) +- t(n - 1, 0.975) s sqrt(1/n + 1/m),      s^2 = sum (x - mean(x))^2 / (n - 1)

    *Differs*: the whole of published +- ``rounding`` lies outside. *Agrees*: it does not, and the interval's half
    width is at most the resolution, so that it says something. Else *too few seeds*: of ours, where some number
    ``n`` of them would make it narrow enough, or would leave the published value outside (with our mean and deviation
    as they are). The term ``1/m`` stays however many we run: where the paper's own runs vary by more than the
    resolution, and its number is compatible with ours even as n grows without end, no number of ours decides, and the
    seeds that are too few are the paper's. That is *too few seeds* too, with ``needed`` None and the reason; it is not
    *undecidable by runs*, since the paper's authors would decide it by more of theirs, and a number farther from ours
    would have been decided.

    A mean square spans decades, and an interval of its mean by Student's t reaches below 0 on one side and is too
    narrow on the other (of lognormal values with a deviation of 0.7 decades and n = m = 20, 19 % of means lie above it
    instead of 2.5 %). With ``decades`` the logarithms are what is normal. A number of one run is then predicted by the
    same interval of the logarithms, and so is a geometric mean; an arithmetic mean of ``m`` runs by the 2.5 and
    97.5 % quantiles of the mean of m runs that are drawn from the predictive distribution of the logarithms
    (Krishnamoorthy and Mathew 2003, J. Stat. Plan. Inference 115)::

        10^(mean(y) + s(y) (z_0 / sqrt(n) + z_i) sqrt((n - 1) / chi2(n - 1))),     y = log10(x), i = 1 .. m

    The largest of ``m`` runs (``worst``) is predicted from the same draws, without the power of 10.

    Where the paper's number is drawn as ours are, it *differs* in 5 % of cases if they are normal, in 5 to 6 % if they
    are lognormal (with ``decades``), in up to 8 % with heavy tails (Student's t of 3 degrees) or few distinct values,
    and in up to 11 % with an exponential distribution: means of few are not normal then.

    :param values: ours, by seed, of those that trained; all finite
    :param published: the number, or the ends of a printed range
    :param rounding: half a printed digit, and what "about" allows, on either side
    :param runs_of_paper: m, the runs that the number is a mean (or the worst) of: 1 where the paper does not say
    :param resolution: in the unit of the values; default: :func:`quarter` of the published value
    :param better: which side is the better one: ``LOWER``, ``HIGHER`` or ``NEITHER``
    :param decades: the values are positive and span decades, as mean squares do
    :param geometric: the paper's mean is a geometric one (with ``decades``)
    :param worst: the paper prints the largest of its runs
    :param low, high: what the number cannot leave, and neither does its interval

    :raises ValueError: if a value is not finite, or the paper has no run
    """
    found, (first, last) = ordered(values), _ends(published)
    n, m = len(found), runs_of_paper
    wanted = quarter(published) if resolution is None else resolution
    if m < 1:
        raise ValueError(f"the paper has at least one run, not {m}")
    seen: dict[str, Any] = {"seeds": n, "low": first - rounding, "high": last + rounding}
    seen |= {"margin": rounding, "resolution": wanted}
    logs = decades and (geometric or worst or m == 1)
    work = np.array([MEAN_SQUARE.scaled(value) for value in found]) if decades else found
    if n:
        centre = float(found[-1]) if worst else 10 ** float(work.mean()) if logs else float(found.mean())
        end = min(max(centre, first), last)
        seen |= {"centre": centre, "difference": centre - end}
        seen["factor"] = centre / end if centre > 0 and end > 0 else None
        seen["interval"] = None if worst else _of_mean(work if logs else found, low, high, logs)
    if n < intervals.FEWEST:
        few = f"fewer than {intervals.FEWEST} seeds have no interval"
        return Decision(TOO_FEW, few, **seen, enough=lambda level: intervals.FEWEST)
    scaled: Callable[[float], float] = MEAN_SQUARE.scaled if logs else float
    narrow = math.log10(1 + wanted / abs(first + last) * 2) if logs else wanted
    kind = "worst" if worst else "powers" if decades and not logs else "mean"
    paper = _Paper(
        *(float(work.mean()), float(work.std(ddof=1)), m, kind),
        (scaled(first - rounding), scaled(last + rounding)),
        tuple(scaled(end) if math.isfinite(end) else end for end in (low, high)),
    )

    def enough(level: float) -> int | None:
        def decides(n: int) -> bool:
            law = paper.law(n)
            return paper.width(law) <= narrow or paper.apart(law) <= level

        return smallest(decides, n + 1)

    law = paper.law(n)
    shown = tuple(10 ** min(end, 300) if logs else end for end in paper.interval(law))
    seen |= {"prediction": shown, "p": paper.apart(law), "enough": enough}
    said = f"the paper's {_runs(m, worst)} is expected in {shown[0]:.4g} to {shown[1]:.4g}"
    if seen["p"] <= LEVEL:
        return Decision(side_of(paper.printed_less(law), better), said, **seen)
    if paper.width(law) <= narrow:
        return Decision(AGREES, said, **seen)
    endless = paper.law(math.inf)
    if paper.apart(endless) <= LEVEL:
        return Decision(TOO_FEW, said, **seen, towards=side_of(paper.printed_less(law), better))
    if paper.width(endless) <= narrow:
        return Decision(TOO_FEW, said, **seen, towards=AGREES)
    said += (
        f"; no number of ours decides it: {_runs(m, worst)} of the paper's varies by {paper.width(endless):.3g} "
        f"{'decades ' if logs else ''}on either side however many we run, more than the resolution of {narrow:.3g}"
    )
    return Decision(TOO_FEW, said, **(seen | {"enough": None}))


def ordering(differences: Numbers, margin: float = 0.0, alternative: str = "less", *, least: int = FEWEST) -> Decision:
    """An ordering of two arms by paired seeds: holds, reversed, no difference, or too few seeds.

    The exact sign-flip test of :func:`sign_flips` decides, two-sided at 5 %: a claim that is put forward has two ways
    to be decided wrongly where nothing differs, *holds* and *reversed*, and both together are to be 5 %, so each has
    2.5 %. *No difference*: two one-sided t tests at 5 % each put the mean difference within the margin
    (:func:`equivalence`); that is said first, since a difference within the margin is none, however sure it is.

    The test is exact where an exchange of the arms' names changes nothing, whatever the distribution of an arm. Where
    means are equal and one arm's distribution is skewed and the other's is not, it decides wrongly in up to 10 %.

    :param differences: one arm less the other, by common seed, of seeds that trained in both; all finite
    :param margin: the largest difference that counts as none, in the same unit; 0: there is none
    :param alternative: ``"less"``: the claim says that the mean is below 0; or ``"greater"``
    :param least: pairs that it takes (``QUICK`` where a cell takes less than a minute)

    :raises ValueError: if a difference is not finite, or there is no such alternative
    """
    found, sign = ordered(differences), _sign(alternative)
    seen = _seen(found, functools.partial(pairs_for_ordering, found, margin, least=least))
    side = HOLDS if sign * found.sum() < 0 else REVERSED
    seen["towards"] = NO_DIFFERENCE if len(found) and abs(found.mean()) < margin else side if found.any() else ""
    if len(found) < least:
        return Decision(TOO_FEW, f"fewer than {least} pairs", **seen)
    seen["p"] = sign_flips(found)
    if margin > 0 and _equivalent(found, margin) <= LEVEL:
        return Decision(NO_DIFFERENCE, f"within {margin:.3g}", **seen, otherwise=NO_DIFFERENCE)
    if seen["p"] <= LEVEL:
        return Decision(side, **seen)
    return Decision(TOO_FEW, "the test does not tell them apart, nor together", **seen)


def sign_flips(differences: Numbers) -> float | np.ndarray:
    """The two-sided p-value that paired differences are symmetric about 0, by changes of their signs (Fisher 1935).

    Of all 2^n changes of sign, the share whose sum is as far from 0, or farther, by ``scipy.stats.permutation_test``:
    twice the smaller tail. Exact up to 14 pairs; beyond, 16384 changes are drawn by a fixed generator, and counted
    with the observed one (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9(1), 39). At least 2/2^n.

    The result is the same for any order of the pairs, for the arms exchanged, and in any unit: the differences are
    sorted, turned so that their sum is positive, and rounded to 40 bits of the largest, so that sums are exact and
    ties are ties.

    :param differences: ``(..., n)``: pairs are along the last axis
    :returns: ``(...)``, a float for one set of pairs
    """
    from scipy.stats import permutation_test

    values = np.asarray(differences, float)
    if values.shape[-1] < 2:
        return np.ones(values.shape[:-1]) if values.ndim > 1 else 1.0  # one difference is as large with either sign
    peak = np.abs(values).max(-1, keepdims=True)
    whole = np.rint(np.ldexp(values / np.where(peak > 0, peak, 1), 40))
    whole = np.sort(np.where(whole.sum(-1, keepdims=True) < 0, -whole, whole), axis=-1)
    found = permutation_test(
        [whole],
        lambda sample, axis: np.sum(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, 2**22 // whole.size),
        axis=-1,
        rng=np.random.default_rng(0),
    ).pvalue
    return found if values.ndim > 1 else float(found)


def equivalence(differences: Numbers, margin: float, *, least: int = FEWEST) -> Decision:
    """ "Similar", "comparable": holds, reversed (clearly outside the margin), or too few seeds.

    *Holds*: two one-sided t tests at 5 % each (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15(6)) reject that the
    mean is at or below ``-margin``, and that it is at or above ``margin``; ``p`` is the larger of the two.
    *Reversed*: a two-sided t test at 5 % puts the mean outside, that is its 95 % interval lies wholly beyond one of
    the margins; ``p`` is then of that test.

    :param differences: one arm less the other, by common seed; or a ratio to one arm, less 1; all finite
    :param margin: the largest difference that counts as none, in the same unit, above 0
    :param least: pairs that it takes

    :raises ValueError: if a difference is not finite, or the margin not above 0
    """
    found = ordered(differences)
    if not margin > 0:
        raise ValueError(f"a margin is above 0, not {margin:g}")
    seen = _seen(found, functools.partial(pairs_for_equivalence, found, margin, least=least))
    inside = bool(len(found)) and abs(float(found.mean())) <= margin
    seen["towards"] = (HOLDS if inside else REVERSED) if len(found) else ""
    if len(found) < least:
        return Decision(TOO_FEW, f"fewer than {least} pairs", **seen)
    outside = 2 * min(_tail(found, margin, "greater"), _tail(found, -margin, "less"))
    seen["p"] = _equivalent(found, margin) if inside else min(1.0, outside)
    if seen["p"] <= LEVEL:
        return Decision(seen["towards"], f"margin {margin:.3g}", **seen)
    return Decision(TOO_FEW, f"margin {margin:.3g}", **seen)


def noninferiority(differences: Numbers, margin: float, alternative: str = "less", *, least: int = FEWEST) -> Decision:
    """ "No slower", "at most so much worse": holds, reversed, or too few seeds.

    One of the two one-sided t tests, with a limit on one side alone: *holds* where the 95 % t interval of the mean
    lies wholly below ``margin``, *reversed* where it lies wholly above (so each has 2.5 %, as of an ordering).
    A limit that a paper or a proxy sets on one arm is the same, of its values less the limit, with a margin of 0.

    :param differences: one arm less the other, by common seed; all finite
    :param margin: how much worse counts as no worse, in the same unit, 0 or above
    :param alternative: ``"less"``: to be below the margin; ``"greater"``: to be above its negative
    :param least: pairs that it takes

    :raises ValueError: if a difference is not finite, the margin below 0, or there is no such alternative
    """
    found = np.sort(_sign(alternative) * ordered(differences))
    if margin < 0:
        raise ValueError(f"a margin is 0 or above, not {margin:g}")
    enough = functools.partial(pairs_for_ordering, found - margin, 0.0, least=least, exact=False)
    seen = _seen(ordered(differences), enough)
    seen["towards"] = (HOLDS if found.mean() < margin else REVERSED) if len(found) else ""
    if len(found) < least:
        return Decision(TOO_FEW, f"fewer than {least} pairs", **seen)
    seen["p"] = min(1.0, 2 * min(_tail(found, margin, "less"), _tail(found, margin, "greater")))
    if seen["p"] <= LEVEL:
        return Decision(seen["towards"], f"margin {margin:.3g}", **seen)
    return Decision(TOO_FEW, f"margin {margin:.3g}", **seen)


def spread(one: Numbers, other: Numbers, margin: float = 0.0, *, least: int = FEWEST) -> Decision:
    """Whether one arm differs less between seeds than another: as :func:`ordering` of how far each seed is from its
    arm's median (Brown and Forsythe 1974, J. Am. Stat. Assoc. 69), seed by seed, the first less the second.

    Where nothing differs it decides in at most 5 % of cases, normal or heavy-tailed, and in 7 % of skewed ones.

    :param one, other: ``(seeds,)`` of common seeds that trained in both, or ``(seeds, epochs)``: a seed's distance is
        then the mean over epochs
    :param margin: the largest difference of mean distances that counts as none
    :param least: pairs that it takes

    :raises ValueError: if a value is not finite, or the seeds are not as many
    """
    far = [np.asarray(values, float) for values in (one, other)]
    if far[0].shape != far[1].shape:
        raise ValueError(f"the arms have other seeds or epochs: {far[0].shape} and {far[1].shape}")
    if not far[0].size:
        return ordering([], margin, least=least)
    a, b = (np.abs(x - np.median(x, axis=0)).reshape(len(x), -1).mean(1) for x in far)
    return ordering(a - b, margin, least=least)


def identity(values: Numbers, published: float, tolerance: float = 0.0, better: str = NEITHER) -> Decision:
    """A number that is the same whatever the seed, such as a count of parameters: agrees where every seed is within
    the tolerance, differs where one is not. One seed decides.

    :raises ValueError: if a value is not finite, or there is none
    """
    found = ordered(values)
    if not len(found):
        raise ValueError("no value")
    worst = float(found[np.abs(found - published).argmax()])
    factor = worst / published if worst > 0 and published > 0 else None
    seen: dict[str, Any] = {"centre": worst, "seeds": len(found), "difference": worst - published, "factor": factor}
    agrees = abs(worst - published) <= tolerance
    return Decision(AGREES if agrees else side_of(worst > published, better), "the same for any seed", **seen)


def constant(difference: float, margin: float = 0.0) -> Decision:
    """An ordering of two numbers that are the same whatever the seed: holds where the first is lower, or higher by less
    than a margin that the claim allows; no difference where they are equal, reversed where it is higher.
    """
    verdict = HOLDS if difference < margin else NO_DIFFERENCE if difference == 0 else REVERSED
    return Decision(verdict, "the same for any seed", centre=difference, seeds=1)


def counted(
    hits: int, of: int, published: int, published_of: int, resolution: float = SHARE, better: str = NEITHER
) -> Decision:
    """So many of our seeds (or pairs) against so many of the paper's: agrees, differs, or too few seeds.

    *Differs*: Fisher's exact test tells the two shares apart at 5 %. The counts that it does not tell apart are those
    that the paper may have found, given ours: an exact prediction interval. *Agrees*: the published count is in it,
    and its half width is at most the resolution. The interval that is shown is that of our share (Clopper and
    Pearson 1934, Biometrika 26, exact binomial).

    :param resolution: as a share of the paper's seeds
    :param better: ``HIGHER`` where it is good to have many
    :raises ValueError: if there are more hits than seeds, or the paper has no seed
    """
    from scipy.stats import binomtest

    _count(hits, of)
    if published_of < 1:
        raise ValueError("the paper has no seed")
    _count(published, published_of)

    def found(hits: int, of: int) -> tuple[float, float]:
        """The p-value, and the half width."""
        ps = np.array([intervals.same_share(hits, of, k, published_of) for k in range(published_of + 1)])
        may = np.flatnonzero(ps > LEVEL)
        return float(ps[published]), (may[-1] - may[0]) / 2 / published_of

    def enough(level: float) -> int | None:
        def decides(of: int) -> bool:
            p, half = found(round(share * of), of)
            return p <= level or half <= resolution

        return smallest(decides, of + 1, COUNTED)

    if not of:
        return Decision(TOO_FEW, "no seed", enough=lambda level: FEWEST)
    share = hits / of
    p, half = found(hits, of)
    exact = binomtest(hits, of).proportion_ci(1 - LEVEL, method="exact")
    seen: dict[str, Any] = {"centre": share, "seeds": of, "p": p, "enough": enough}
    seen |= {"interval": (float(exact.low), float(exact.high)), "difference": share - published / published_of}
    said = f"{hits} of {of}, the paper's {published} of {published_of}"
    if p <= LEVEL:
        return Decision(side_of(share > published / published_of, better), said, **seen)
    return Decision(AGREES if half <= resolution else TOO_FEW, said, **seen)


def fewer(hits: int, of: int, other: int, other_of: int) -> Decision:
    """Whether fewer seeds of one arm than of another do something, such as diverge: holds, reversed, or too few seeds,
    by Fisher's exact test, two-sided at 5 %.

    :raises ValueError: if there are more hits than seeds
    """
    _count(hits, of)
    _count(other, other_of)
    if not (of and other_of):
        return Decision(TOO_FEW, "no seed", enough=lambda level: FEWEST)
    one, two = hits / of, other / other_of
    p = intervals.same_share(hits, of, other, other_of)

    def enough(level: float) -> int | None:
        def decides(n: int) -> bool:
            return intervals.same_share(round(one * n), n, round(two * n), n) <= level

        return smallest(decides, min(of, other_of) + 1, COUNTED)

    said = f"{hits} of {of}, the other's {other} of {other_of}"
    seen: dict[str, Any] = {"centre": one - two, "seeds": min(of, other_of), "p": p, "enough": enough}
    side = HOLDS if one < two else REVERSED
    return Decision(side if p <= LEVEL else TOO_FEW, said, **seen, towards=side if one != two else "")


@dataclass(frozen=True)
class _Paper:
    """What the paper reports, as our values predict it: of so many runs the mean, the ``worst``, or the mean of
    powers of 10; ``band`` is what it printed, with its rounding, and ``ends`` what it cannot leave.
    """

    middle: float
    deviation: float
    runs: int
    kind: str
    band: tuple[float, float]
    ends: tuple[float, ...]

    def law(self, n: float) -> Any:
        """Its distribution, if our n values have this mean and deviation; n may be infinite."""
        from scipy.stats import norm, t

        if self.kind == "mean":
            scale = self.deviation * math.sqrt(1 / n + 1 / self.runs)
            scale = max(scale, ROUNDING * abs(self.middle), 1e-300)  # a law without width is none to scipy
            return norm(self.middle, scale) if math.isinf(n) else t(n - 1, self.middle, scale)
        drawn = self.middle + self.deviation * _future(n, self.runs)
        if self.kind == "worst":
            return _Drawn(np.sort(drawn.max(1)))
        with np.errstate(over="ignore"):
            return _Drawn(np.sort((10**drawn).mean(1)))

    def interval(self, law: Any) -> tuple[float, float]:
        """The prediction interval by such a distribution."""
        low, high = law.ppf([LEVEL / 2, 1 - LEVEL / 2])
        return max(float(low), self.ends[0]), min(float(high), self.ends[1])

    def width(self, law: Any) -> float:
        """Half of it."""
        low, high = self.interval(law)
        return (high - low) / 2

    def apart(self, law: Any) -> float:
        """The two-sided p-value that what it printed is drawn from there."""
        return min(1.0, 2 * float(min(law.cdf(self.band[1]), law.sf(self.band[0]))))

    def printed_less(self, law: Any) -> bool:
        """Whether it printed less than is expected from ours."""
        return float(law.cdf(self.band[1])) < 0.5


@dataclass(frozen=True)
class _Drawn:
    """A distribution by draws from it, sorted."""

    values: np.ndarray

    def ppf(self, q: float | np.ndarray) -> np.ndarray:
        return np.quantile(self.values, q, method="nearest")  # some may be infinite

    def cdf(self, x: float) -> float:
        return float((np.searchsorted(self.values, x, "right") + 1) / (len(self.values) + 1))

    def sf(self, x: float) -> float:
        return float((len(self.values) - np.searchsorted(self.values, x, "left") + 1) / (len(self.values) + 1))


@functools.lru_cache(maxsize=4)
def _future(n: float, m: int) -> np.ndarray:
    """``(DRAWS, m)``: m runs yet to come, in deviations of n seen ones from their mean; n may be infinite."""
    rng = np.random.default_rng(0)
    first, others = rng.standard_normal((DRAWS, 1)), rng.standard_normal((DRAWS, m))
    if math.isinf(n):
        return others
    return (first / math.sqrt(n) + others) * np.sqrt((n - 1) / rng.chisquare(n - 1, (DRAWS, 1)))


def _of_mean(values: np.ndarray, low: float, high: float, logs: bool) -> intervals.Interval | None:
    """Of our mean, of logarithms as a power; else cut at the ends."""
    found = intervals.of_mean(values.tolist()) if logs else intervals.of_mean(values.tolist(), low, high)
    return (10 ** found[0], 10 ** found[1]) if found and logs else found


def _ends(published: float | tuple[float, float]) -> tuple[float, float]:
    return published if isinstance(published, tuple) else (published, published)


def _runs(m: int, worst: bool) -> str:
    return "one run" if m == 1 else f"{'worst' if worst else 'mean'} of {m} runs"


def _sign(alternative: str) -> int:
    if alternative not in ("less", "greater"):
        raise ValueError(f"an alternative is 'less' or 'greater', not {alternative!r}")
    return 1 if alternative == "less" else -1


def _count(hits: int, of: int) -> None:
    if not 0 <= hits <= of:
        raise ValueError(f"not a count: {hits} of {of}")


def _seen(values: np.ndarray, enough: Callable[[float], int | None]) -> dict[str, Any]:
    """What every decision on paired differences shows."""
    seen: dict[str, Any] = {"seeds": len(values), "enough": enough}
    return seen | (
        {"centre": float(values.mean()), "interval": intervals.of_mean(values.tolist())} if len(values) else {}
    )


def _tail(values: np.ndarray, limit: float, alternative: str) -> float:
    """The p-value of a one-sided t test of the mean against a limit."""
    from scipy.stats import ttest_1samp

    if not deviation_of(values):
        right = values[0] < limit if alternative == "less" else values[0] > limit
        return 0.0 if right else 1.0
    return float(ttest_1samp(values, limit, alternative=alternative).pvalue)


def _equivalent(values: np.ndarray, margin: float) -> float:
    """The larger p-value of the two one-sided t tests."""
    return max(_tail(values, -margin, "greater"), _tail(values, margin, "less"))
