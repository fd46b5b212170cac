"""How fast: samples of one implementation, size, dtype, device and pass, beside the floor.

:mod:`~gmbench.timing.run` is the parent that selects, gates, verifies and makes rows;
:mod:`~gmbench.timing.child` is the process that measures; :mod:`~gmbench.timing.measure` is the clock.
Importing this package loads no torch.
"""
