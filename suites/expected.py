"""Skips and expected failures of the suites: the one place for them. An entry that matches nothing is an error.

Keys are those of the tests, ``gm/eager-float32-cpu-value``; ``*`` matches anything.
"""

from fnmatch import fnmatchcase

FAILURES: dict[str, str] = {}  # key pattern -> reason


def reason(key: str) -> str | None:
    """Why this check is expected to fail, or None."""
    return next((why for pattern, why in FAILURES.items() if fnmatchcase(key, pattern)), None)


def stale(keys: list[str], device: str) -> list[str]:
    """Entries for this device that match none of the keys."""
    here = [pattern for pattern in FAILURES if f"-{device}-" in pattern]
    return [pattern for pattern in here if not any(fnmatchcase(key, pattern) for key in keys)]
