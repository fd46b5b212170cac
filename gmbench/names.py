"""Names that a user gives: what there is, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from gmbench.contract import ContractError

Thing = TypeVar("Thing")


def is_name(name: object) -> bool:
    """Whether it can be the name of an implementation or an initialisation: letters, digits, ``-``, ``_`` and ``.``."""
    return isinstance(name, str) and bool(name) and all(c.isalnum() or c in "-_." for c in name)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'gm'?``, or the list of what there is."""
    known = sorted(known)
    plain = {each.lower(): each for each in known}
    close = [plain[each] for each in difflib.get_close_matches(name.lower(), plain, n=1)]
    return f"; did you mean {close[0]!r}?" if close else f"; there is {', '.join(known) or 'none'}"


def one_of(what: str, name: str, names: Collection[str]) -> str:
    """A name that is one of these.

    :param what: what has such a name, for instance ``"engine"``
    :raises ContractError: if it is none, with the nearest one
    """
    if not isinstance(name, str) or name not in names:
        raise ContractError(f"there is no {what} {name!r}{nearest(str(name), names)}")
    return name


def choose(what: str, name: str, table: Mapping[str, Thing]) -> Thing:
    """The entry of that name.

    :param what: what such an entry is called, for instance ``"arm"``
    :raises ContractError: if there is none, with the nearest name
    """
    return table[one_of(what, name, table)]
