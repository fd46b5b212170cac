"""The command line: thin commands over the library; everything heavy is imported inside the command."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import IO, Any

import click

from gmbench import __version__
from gmbench.contract import ContractError


class Range(click.FloatRange):
    """A number in a range; NaN, which is in every range, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value!r} is not a number.", param, ctx)
        return found


class Group(click.Group):
    """A group that lists its commands in the order of a first session and turns bad input into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from gmbench.names import nearest

        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise BadInput(f"there is no command {name!r}{nearest(name, self.commands)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _one_line():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("gmbench: interrupted", err=True)
            sys.exit(130)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            return super().parse_args(ctx, args)  # prints the help
        with _one_line():
            return super().parse_args(ctx, args)


class BadInput(click.ClickException):
    """One line on standard error, exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"gmbench: {self.format_message()}", err=True)


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """Turn bad input, also what click finds wrong, into a failure of one line."""
    try:
        yield
    except ContractError as error:
        raise BadInput(str(error)) from None
    except BrokenPipeError:  # whoever read the output has had enough
        raise
    except OSError as error:  # a folder that may not be read, a name that is too long, a disk that is gone
        where = f"{error.filename}: " if error.filename else ""
        raise BadInput(f"{where}{error.strerror or error}") from None
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "gmbench"
        raise BadInput(f"{error.format_message()} ({where} --help says more)") from None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gmbench")
def main() -> None:
    """Check, time and compare Gaussian-mixture neural layers."""


# what several commands take
STORE = click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
DEVICE = click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)


def emit(rows: object) -> None:
    """Print what a program will read."""
    click.echo(json.dumps(rows, indent=1, default=str))
