"""``gmbench store``: how results are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gmbench.cli.base import STORE, Group, main

if TYPE_CHECKING:
    from gmbench.store.pack import Check
    from gmbench.store.reading import Store


@main.group("store", cls=Group)
def store_group() -> None:
    """Pack results, as they are committed, or unpack them."""


@store_group.command("pack")
@STORE
def pack_command(store: str | None) -> None:
    """Put results into packs: one compressed file an experiment, one of all checks, one of all timings.

    Everything reads a pack as it reads single files, and runs skip the cells in it. Single files that come later stand
    beside it until they are packed too, and go before those of the same name.
    """
    from gmbench.store.pack import pack

    _change(store, pack, "into")


@store_group.command("unpack")
@STORE
def unpack_command(store: str | None) -> None:
    """Make single files of packs again."""
    from gmbench.store.pack import unpack

    _change(store, unpack, "out of")


def _change(store: str | None, change: Callable[[Store, str, Check], Mapping[Path, int]], where: str) -> None:
    """Change every kind of results that can be packed, and say what was done."""
    from gmbench.checks.records import CHECKS
    from gmbench.contract import ContractError
    from gmbench.runs.cell import CELLS
    from gmbench.store.reading import Kind, Store
    from gmbench.timing.records import TIMINGS

    opened = Store(store)
    if not opened.exists():
        raise ContractError(f"there is no store {opened.folder}")
    done: dict[Path, int] = {}
    kinds: tuple[Kind[Any], ...] = (CELLS, CHECKS, TIMINGS)
    for kind in kinds:
        done |= change(opened, kind.name, kind.of)
    for path, files in done.items():
        size = f", {path.stat().st_size / 1e3:,.0f} kB" if path.exists() else ""
        click.echo(f"{files} file{'s' * (files != 1)} {where} {path.relative_to(opened.folder)}{size}")
    if not done:
        click.echo(f"nothing to do in {opened.folder}")
