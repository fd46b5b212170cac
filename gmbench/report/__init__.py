"""Reports: pages and figures made from the files of checks, timings and cells in a store, and from nothing else.

:func:`~gmbench.report.site.write` makes all of them; the same store gives the same bytes.
"""
