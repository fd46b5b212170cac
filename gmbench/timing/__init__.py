"""How fast: samples of implementations at a size, dtype, device and pass, beside the floor.

:mod:`~gmbench.timing.gate` selects what is timed and says whether it may be, :mod:`~gmbench.timing.session` starts the
measuring processes, :mod:`~gmbench.timing.turns` gives them turns, :mod:`~gmbench.timing.outputs` verifies and
:mod:`~gmbench.timing.records` says what came of it; :mod:`~gmbench.timing.worker` is such a process,
:mod:`~gmbench.timing.workloads` and :mod:`~gmbench.timing.yardsticks` what runs there, :mod:`~gmbench.timing.clock` its
clock. Importing this package loads no torch.
"""
