"""Random search for a failing case, shrunk by hypothesis; the corpus of old ones comes first."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.strategies import SearchStrategy

from gmbench.checks import corpus, records
from gmbench.checks.cases import Case, hexadecimal
from gmbench.checks.errors import inputs_of
from gmbench.checks.profiles import Profile
from gmbench.contract import Implementation

MOST_INCONCLUSIVE = 0.05  # share of the cases
SHRINK_SECONDS = 10.0


@dataclass
class CaseResult:
    """What one case showed: an error in ulps, whether the reference was too vague, and why it failed, if it did."""

    ulps: float | None = None
    undecided: bool = False
    failure: str = ""


class _Failed(Exception):  # noqa: N818
    pass


def search(
    implementation: Implementation,
    check: str,
    dtype: str,
    device: str,
    profile: Profile,
    strategy: SearchStrategy[Case],
    judge: Callable[[Case], CaseResult],
    examples: int,
    replayed: bool = True,
    only: Case | None = None,
) -> records.Record:
    """Judge cases until one fails, then shrink it; the record of what was seen.

    :param check: the name of the check
    :param strategy: draws the cases
    :param judge: the outcome of one case
    :param examples: how many to draw
    :param replayed: judge the corpus of the layer type first, and add to it
    :param only: judge this case, and no other
    """
    largest: tuple[float, Case] | None = None
    seen: dict[str, list[float]] = defaultdict(list)
    last: list[tuple[Case, CaseResult]] = []
    undecided = 0
    shrinking_since: list[float] = []

    def note(case: Case) -> CaseResult:
        nonlocal undecided, largest
        outcome = judge(case)
        if outcome.failure:
            last[:] = [(case, outcome)]
            return outcome
        if not last:  # statistics are of the search, not of the shrinking
            undecided += outcome.undecided
            if outcome.ulps is not None and not outcome.undecided:
                seen[case.regime].append(outcome.ulps)
                if largest is None or outcome.ulps > largest[0]:
                    largest = outcome.ulps, case
        return outcome

    old = [only] if only else corpus.cases(implementation) if replayed else []
    known = next((case for case in old if note(case).failure), None)
    found_before = last[:]
    if known is not None:
        last.clear()  # known to fail; the hunt may find a smaller one

    @hypothesis.seed(profile.seed)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )
    @hypothesis.given(strategy)
    def hunt(case: Case) -> None:
        if shrinking_since and time.monotonic() - shrinking_since[0] > SHRINK_SECONDS:
            # out of time: hypothesis takes what it has for the smallest, and replays it
            if last and case == last[0][0]:
                raise _Failed
            return
        if note(case).failure:
            if not shrinking_since:
                shrinking_since.append(time.monotonic())
            raise _Failed

    try:
        if only is None:
            hunt()
    except _Failed:
        pass
    except (hypothesis.errors.Flaky, ExceptionGroup):
        if last:
            last[0][1].failure += " (not every time: the same input gave different results)"

    last = last or found_before
    cases = sum(map(len, seen.values())) + undecided
    record = records.Record(
        *(implementation.key, check, dtype, device),
        ulps=largest[0] if largest else None,
        claim=implementation.ulps.get(dtype),
        cases=cases,
        inconclusive=undecided,
        regimes={
            regime: {"cases": len(values), "worst": max(values), "median": statistics.median(values)}
            for regime, values in sorted(seen.items())
        },
        worst=largest[1].as_dict() if largest else None,
    )
    if last:
        case, outcome = last[0]
        if replayed:
            corpus.add(case, implementation, check)
        failed = replace(record, status=records.FAILED, message=outcome.failure, ulps=outcome.ulps)
        return replace(failed, counterexample=describe(case, dtype))
    if implementation.approximate:
        return replace(record, status=records.APPROXIMATE, message=implementation.approximate)
    if cases == undecided:
        return replace(record, status=records.INCONCLUSIVE, message="no case was conclusive")
    if undecided > MOST_INCONCLUSIVE * cases:
        said = f"the reference could not decide {undecided} of {cases} cases"
        return replace(record, status=records.INCONCLUSIVE, message=said)
    return record


def describe(case: Case, dtype: str) -> dict[str, Any]:
    """A failing case as plain data: its structure, and its numbers in decimal and, exactly, in hexadecimal floats.

    The numbers are left out, as None, where there are more than 200.
    """
    inputs, G = inputs_of(case, dtype)
    exact = {**inputs, "G": G}
    small = sum(array.size for array in exact.values()) <= 200
    return {
        "case": case.as_dict(),
        "text": str(case),
        "dtype": dtype,
        "decimal": {name: array.tolist() for name, array in exact.items()} if small else None,
        "exact": {name: hexadecimal(array) for name, array in exact.items()} if small else None,
    }
