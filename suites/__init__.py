"""The checks as tests: ``pytest suites``. Performance lies in ``suites/perf``, for ``asv run``."""
