"""The command line: thin commands over the library, a file a group; everything heavy is imported inside a command."""

from gmbench.cli import checks, timings, experiments, results, store  # noqa: F401, I001 (in the order of a first session)
from gmbench.cli.base import main

__all__ = ["main"]
