"""Claims on the time of training steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gmbench.claims.claim import Claim
from gmbench.claims.evidence.combined import Undecidable
from gmbench.claims.evidence.numbers import Beside, Number
from gmbench.claims.statistics import measure


def step_times(
    series: str, first: int, source: str, printed: Mapping[str, tuple[str, int]], data: str = "", before: str = ""
) -> Iterator[Claim]:
    """Claims on the milliseconds of training steps: ratios to the first arm's, which no run can decide itself.

    Cells measure ``step_ms``, and ``step_ratio`` to that arm's step in turns with it.

    :param series: of the claims' names, which are numbered from ``first``
    :param printed: what an arm is called, and its whole milliseconds
    :param before: said before each name
    """
    (baseline, (called, whole)), *others = printed.items()
    yield Claim(
        *(f"{series}{first:02d}", source, f"{before}{called}, a training step", f"{whole}", "ms"),
        Undecidable(
            "a time on a machine of the paper says nothing on another; the others are judged as ratios to it",
            beside=(Beside("median step here, ms", baseline, measure("step_ms")),),
        ),
        data=data,
    )
    for number, (arm, (name, ms)) in enumerate(others, first + 1):
        low, high = (ms - 0.5) / (whole + 0.5), (ms + 0.5) / (whole - 0.5)
        yield Claim(
            *(f"{series}{number:02d}", source, f"{before}{name}, a training step", f"{ms}", "ms"),
            Number(
                *(arm, measure("step_ratio"), low, high),
                what=f"over the {called}'s",
                beside=(
                    Beside("median step here, ms", arm, measure("step_ms")),
                    Beside(f"the {called} over itself", baseline, measure("step_ratio")),
                ),
            ),
            f"as a ratio to the {called}'s {whole} ms: both are rounded, so {low:.2f} to {high:.2f}; steps in turns in "
            "one process",
            data=data,
        )
