"""How fast: samples of implementations at a size, dtype, device and pass, beside the floor.

:mod:`~gmbench.timing.run` selects, gates, verifies and makes rows; :mod:`~gmbench.timing.players` starts the measuring
processes and gives them turns; :mod:`~gmbench.timing.child` is such a process, :mod:`~gmbench.timing.clock` its clock.
Importing this package loads no torch.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "measure":
        from gmbench.timing.run import measure

        return measure
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
