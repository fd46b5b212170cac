"""What a check yields: one record a check, dtype and device."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

PASSED, FAILED, INCONCLUSIVE = "passed", "failed", "inconclusive"
UNSUPPORTED, APPROXIMATE = "unsupported", "approximate"


@dataclass
class Record:
    """The outcome of one check of one implementation in one dtype on one device.

    ``ulps`` is the largest error seen and ``claim`` what was claimed, in units of the error measure; ``cases`` is how
    many were judged, ``inconclusive`` for how many of them the reference was too vague. ``regimes`` maps each kind of
    input to its number of cases and their worst and median ulps; ``worst`` is the case of the largest error,
    ``counterexample`` the smallest failing one with its numbers.
    """

    implementation: str
    check: str
    dtype: str
    device: str
    status: str = PASSED
    message: str = ""
    ulps: float | None = None
    claim: float | None = None
    cases: int = 0
    inconclusive: int = 0
    regimes: dict[str, dict[str, float]] = field(default_factory=dict)
    worst: dict[str, Any] | None = None
    counterexample: dict[str, Any] | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Neither failed nor inconclusive."""
        return self.status in (PASSED, UNSUPPORTED, APPROXIMATE)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return asdict(self)

    def line(self) -> str:
        """One aligned line for a terminal."""
        error = "" if self.ulps is None else f"{self.ulps:9.3g} ulps"
        claim = "" if self.claim is None or self.ulps is None else f"of {self.claim:g}"
        cases = f"{self.cases} cases" if self.cases else ""
        return f"{self.status:12} {self.implementation:20} {self.dtype:8} {self.check:20} {error:14} {claim:8} {cases}"
