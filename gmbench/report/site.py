"""Writes all pages of a store: Markdown, figures, and the same pages as HTML."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gmbench.contract import ContractError
from gmbench.report.text.markdown import text
from gmbench.report.text.page import Page

if TYPE_CHECKING:
    from gmbench.results.read import Results


def write(store: str | os.PathLike | None = None, output: str | os.PathLike | None = None) -> Path:
    """Make all pages from a store; returns the file of the index.

    The same store gives the same bytes. Files that earlier stores gave are left where they are.

    :param output: a folder, made as needed (default: ``report`` in the store)
    :raises ContractError: if there is no such store, or a page cannot be written
    """
    from gmbench.report.figures.svg import svg
    from gmbench.report.text import html
    from gmbench.results.read import read
    from gmbench.store.files import store_folder

    folder = Path(os.path.expanduser(output)) if output else store_folder(store) / "report"
    results, pages = read(store), []
    try:
        for name in ("figures", "html"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for page in every(results):
            for name, figure in page.figures.items():
                (folder / "figures" / f"{name}.svg").write_text(svg(figure), encoding="utf-8", newline="\n")
            page.figures.clear()  # those of all pages together fill a gigabyte
            pages.append(page)
        for page in pages:
            markdown = assemble(page, pages)
            (folder / page.file).write_text(markdown, encoding="utf-8", newline="\n")
            browsed = folder / "html" / html.file_name(page.file)
            browsed.write_text(html.page(markdown, f"{page.title} - gmbench"), encoding="utf-8", newline="\n")
    except OSError as error:
        raise ContractError(f"{error.filename or folder}: cannot be written ({error.strerror or error})") from None
    return folder / "README.md"


def every(results: Results) -> Iterator[Page]:
    """All pages, the index first, each made when it is asked for."""
    from gmbench.report.pages import checks, claims, experiment, faults, index, timings
    from gmbench.results import leaderboard as boards

    for part in (index, claims, checks, timings):
        yield part.page(results)
    for name in boards.names(results):
        yield experiment.page(results, name)
    yield faults.page(results)


def assemble(page: Page, pages: list[Page]) -> str:
    """The Markdown of a page under links to all others."""
    links = [
        f"**{text(title)}**" if other is page else f"[{text(title)}]({other.file})"
        for other, title in ((other, "Index" if other.name == "README" else other.title) for other in pages)
    ]
    return "\n\n".join([" · ".join(links), f"# {text(page.title)}", *page.parts]) + "\n"
