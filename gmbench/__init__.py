"""gmbench: the benchmark and verification harness for Gaussian-mixture neural layers.

Importing this package loads no torch; everything that needs it is imported at first use.
"""

from pathlib import Path as _Path

from gmbench.contract import ContractError
from gmbench.declare import implementation, initialisation
from gmbench.results.columns import described

__version__ = "0.1.0"
__all__ = ["ContractError", "check", "implementation", "initialisation", "load"]

# In a bare checkout (asv puts one on PYTHONPATH) `references` and `suites` lie beside this package; an
# installation maps them to gmbench.references and gmbench.suites itself.
_root = _Path(__file__).resolve().parent.parent
if (_root / "asv.conf.json").is_file() and (_root / "references").is_dir() and str(_root) not in __path__:
    __path__.append(str(_root))


def check(implementation, *, profile="ci", only=None):
    """Check one implementation; the records of :func:`gmbench.checks.check`, one a check and dtype."""
    from gmbench.checks import check as run

    return run(implementation, profile=profile, only=only)


def load(kind, store=None):
    """Results as a tidy :class:`pandas.DataFrame`: ``"checks"``, ``"timings"``, ``"cells"`` or ``"claims"``.

    ``store`` is the folder that holds them (default: ``$GMBENCH_STORE``, else ``gmbench-results``). Claims are judged
    on the cells there; without any, by default, on the committed ones of the checkout.

    One row is one check, one timing, one epoch of a cell, or one claim. The columns:
    """
    from gmbench.results.frames import load as read

    return read(kind, store)


load.__doc__ = str(load.__doc__).rstrip() + "\n" + described()
