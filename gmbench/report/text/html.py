"""A page of Markdown as a page of HTML that works from the file system: one inline stylesheet, no script."""

from __future__ import annotations

import html
import re

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #ffffff; --faint: #5f6670; --line: #d9dde2;
  --stripe: #f5f7f9; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6ea; --paper: #16181b; --faint: #9aa3ae;
  --line: #363b42; --stripe: #1e2125; --link: #7db8f5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 68rem; color: var(--ink); background: var(--paper);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
p, ul, ol { max-width: 46rem; }
h1 { font-size: 1.7rem; margin: 0.4rem 0 0.8rem; }
h2 { font-size: 1.3rem; margin: 2.4rem 0 0.7rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.08rem; margin: 1.8rem 0 0.5rem; }
a { color: var(--link); }
code { font: 0.88em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--stripe);
  padding: 0.1em 0.3em; border-radius: 3px; overflow-wrap: anywhere; }
pre { background: var(--stripe); padding: 0.7rem 0.9rem; overflow-x: auto; border-radius: 6px; }
pre code { padding: 0; background: none; overflow-wrap: normal; }
.scroll { overflow-x: auto; margin: 0.8rem 0 1.1rem; }
table { border-collapse: collapse; font-size: 0.89rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.32rem 0.55rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--faint); border-bottom: 2px solid var(--line); vertical-align: bottom; }
td { min-width: 3rem; max-width: 30rem; white-space: nowrap; }
td.long { white-space: normal; }
.number { text-align: right; }
tbody tr:nth-child(even) { background: var(--stripe); }
p:has(> img) { max-width: none; }
img { max-width: 100%; height: auto; background: #ffffff; border: 1px solid var(--line); border-radius: 6px;
  padding: 0.3rem; }
"""

SHORT = 28  # characters of a cell that is never broken into lines

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}</body>
</html>
"""


def page(markdown: str, title: str) -> str:
    """The HTML of a page; what looks like HTML in it is shown, never obeyed."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("table_open", lambda *_: '<div class="scroll"><table>\n')
    reader.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = reader.parse(markdown)
    taken: set[str] = set()
    for token, inline in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and inline is not None:
            token.attrSet("id", anchor(inline.content, taken))
        elif token.attrs.pop("style", None):  # of a column of numbers
            token.attrSet("class", "number")
        elif token.type == "td_open" and inline is not None and len(inline.content) > SHORT:
            token.attrSet("class", "long")
        for child in token.children or ():
            for attribute in ("href", "src"):
                if child.attrs.get(attribute):
                    child.attrSet(attribute, target(str(child.attrs[attribute])))
    body = reader.renderer.render(tokens, reader.options, {})
    return PAGE.format(title=html.escape(title), style=STYLE, body=body)


def file_name(markdown_name: str) -> str:
    """The HTML file of a Markdown file: ``README.md`` is ``index.html``."""
    stem = markdown_name.removesuffix(".md")
    return f"{'index' if stem == 'README' else stem}.html"


def target(link: str) -> str:
    """A link of a Markdown page as its HTML page, one folder below, has to give it."""
    if re.match(r"[a-z][a-z+.-]*:|#|/", link, re.IGNORECASE):
        return link
    path, mark, part = link.partition("#")
    if path.startswith("html/"):
        path = path.removeprefix("html/")
    elif path.endswith(".md") and "/" not in path:
        path = file_name(path)
    else:
        path = f"../{path}"
    return path + mark + part


def anchor(heading: str, taken: set[str]) -> str:
    """The name of a heading, formed as GitHub does it."""
    name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    unique, number = name, 0
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    taken.add(unique)
    return unique
