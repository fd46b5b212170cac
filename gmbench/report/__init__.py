"""Reports: pages and tables made from the files of checks, timings and cells in a store, and from nothing else.

:func:`write` makes all of them; the same store gives the same bytes. A page is a pure function of
:class:`~gmbench.report.results.Results` (:mod:`~gmbench.report.claims`, :mod:`~gmbench.report.checks`,
:mod:`~gmbench.report.timings` with :mod:`~gmbench.report.goals`, :mod:`~gmbench.report.experiment` with
:mod:`~gmbench.report.paths`, :mod:`~gmbench.report.faults`, :mod:`~gmbench.report.index`);
:mod:`~gmbench.report.boards`, :mod:`~gmbench.report.tables`, :mod:`~gmbench.report.figures`,
:mod:`~gmbench.report.statistics` and :mod:`~gmbench.report.html` are what they share. Importing this package loads
nothing heavy.
"""

from gmbench.report.pages import write

__all__ = ["write"]
