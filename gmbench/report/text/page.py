"""What a page is, before it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gmbench.report.text.markdown import text


@dataclass
class Page:
    """A page of Markdown, and the figures that it shows, by name."""

    name: str  # of its file, without .md
    title: str
    parts: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def add(self, *parts: str) -> None:
        """Append paragraphs, tables or headings; an empty one is passed over."""
        self.parts += [part for part in parts if part]

    def show(self, name: str, figure: Any, alternative: str) -> None:
        """Append a figure, if there is one."""
        if figure is not None:
            self.figures[name] = figure
            self.add(f"![{text(alternative)}](figures/{name}.svg)")

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.md"


def slug(*words: Any) -> str:
    """A name of a file or a figure from any words."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in "-".join(map(str, words)).lower())
    return "-".join(filter(None, kept.split("-")))


def file_of(name: str) -> str:
    """The name of the page of an experiment; it is never that of another page."""
    own = slug(name)
    return f"experiment-{own}" if own in ("", "readme", "index", "checks", "timings", "claims") else own
