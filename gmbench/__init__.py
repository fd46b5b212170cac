"""gmbench: the benchmark and verification harness for Gaussian-mixture neural layers.

Importing this package loads no torch; everything that needs it is imported at first use.
"""

from __future__ import annotations

from pathlib import Path as _Path
from typing import TYPE_CHECKING

from gmbench.contract import ContractError
from gmbench.declare import implementation, initialisation

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from typing import Any

    import pandas

    from gmbench import nn
    from gmbench.checks.records import Record
    from gmbench.contract import Implementation
    from gmbench.store.reading import Store

__version__ = "0.1.0"
__all__ = ["ContractError", "check", "columns", "implementation", "initialisation", "load", "nn"]

# In a bare checkout (asv puts one on PYTHONPATH) `references` and `suites` lie beside this package; an
# installation maps them to gmbench.references and gmbench.suites itself.
_root = _Path(__file__).resolve().parent.parent
if (_root / "asv.conf.json").is_file() and (_root / "references").is_dir() and str(_root) not in __path__:
    __path__.append(str(_root))


if not TYPE_CHECKING:

    def __getattr__(name):
        if name == "nn":  # at first use, since it loads torch
            import importlib

            return importlib.import_module("gmbench.nn")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def check(
    implementation: str | Callable[..., Any] | Implementation,
    *,
    profile: str = "ci",
    only: str | Iterable[str] | None = None,
    device: str = "cpu",
) -> list[Record]:
    """Run the checks of one implementation in this process: one record a check and dtype.

    ``assert all(record.ok for record in gmbench.check(mine))`` is a test of one's own layer.

    :param implementation: a decorated function, its record, or a name as ``gmbench list`` prints it
    :param profile: ``smoke`` (seconds), ``ci`` or ``deep`` (10,000 examples a check)
    :param only: names of the checks to run; all where None
    :param device: ``cpu`` or ``cuda``
    :raises ContractError: for an unknown implementation, profile or check, or one that cannot run here
    """
    from gmbench.checks import check as run

    return run(implementation, profile=profile, only=only, device=device)


def load(kind: str, store: Store | str | os.PathLike | None = None) -> pandas.DataFrame:
    """Results as a tidy :class:`pandas.DataFrame`: ``"checks"``, ``"timings"``, ``"cells"`` or ``"claims"``.

    ``store`` is the folder that holds them (default: ``$GMBENCH_STORE``, else ``gmbench-results``). Claims are judged
    on the cells there; without any, by default, on the committed ones of the checkout.

    One row is one check, one timing, one epoch of a cell, or one claim; :func:`columns` says what each column is. Of a
    cell, a column that ends in ``_start`` is the same measure before training.

    :raises ContractError: if there is no such kind, with the nearest one
    """
    from gmbench.results.frames import load as read

    return read(kind, store)


def columns(kind: str) -> dict[str, str]:
    """What the columns of :func:`load`'s frames of a kind are, with their units, by name.

    A star stands for a number. Of ``"cells"`` they are those of every experiment there is.

    :raises ContractError: if there is no such kind, with the nearest one
    """
    from gmbench.results.columns import described

    return described(kind)
