"""The command line: thin commands over the library; everything heavy is imported inside the command."""

from __future__ import annotations

import json
import sys

import click

from gmbench import __version__
from gmbench.contract import ContractError


class Group(click.Group):
    """A group that lists its commands in the order of a first session and turns bad input into one line."""

    def list_commands(self, ctx):
        return list(self.commands)

    def resolve_command(self, ctx, args):
        from gmbench.registry import nearest

        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise click.UsageError(f"there is no command {name!r}{nearest(name, self.commands)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except ContractError as error:
            raise Failure(str(error)) from None
        except KeyboardInterrupt:
            click.echo("gmbench: interrupted", err=True)
            sys.exit(130)


class Failure(click.ClickException):
    """One line on standard error, exit status 2."""

    exit_code = 2

    def show(self, file=None):
        click.echo(f"gmbench: {self.format_message()}", err=True)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gmbench")
def main():
    """Check, time and compare Gaussian-mixture neural layers."""


def emit(rows) -> None:
    """Print what a program will read."""
    click.echo(json.dumps(rows, indent=1, default=str))


if __name__ == "__main__":
    main()
