"""What a check yields: one record a check, dtype and device; and what a store keeps of the checks of one run."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gmbench.store.provenance import Made
from gmbench.store.reading import Kind
from gmbench.store.typed import typed

BUILT_IN = "built in"
PASSED, FAILED, INCONCLUSIVE = "passed", "failed", "inconclusive"
UNSUPPORTED, APPROXIMATE = "unsupported", "approximate"


@dataclass(frozen=True)
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
    regimes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    worst: Mapping[str, Any] | None = None
    counterexample: Mapping[str, Any] | None = None
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


@dataclass(frozen=True)
class Declared:
    """Which implementation was checked, as far as a reader has to know.

    :param source: ``built in``, the package, or ``file``
    """

    key: str
    layer_type: str
    source: str = BUILT_IN


@dataclass(frozen=True, kw_only=True)
class CheckedImplementation(Made):
    """The checks of one run of one implementation: a file of kind ``checks``."""

    implementation: Declared
    profile: str
    records: tuple[Record, ...]


CHECKS = Kind[CheckedImplementation]("checks", lambda found: typed(CheckedImplementation, found))


def file_name(key: str, source: str, device: str, profile: str) -> str:
    """The name of the file of what was checked: no two share one, whatever their names have in common."""
    digest = hashlib.sha256(json.dumps([key, source, device, profile]).encode()).hexdigest()[:16]
    outside = "" if source == BUILT_IN else "outside-"
    return f"{outside}{re.sub('[^A-Za-z0-9_-]', '-', key)}-{device}-{profile}-{digest}"
