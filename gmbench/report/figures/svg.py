"""Figures as SVG of few bytes: whole tenths of a point, each style said once, text as text, images with a palette.

What matplotlib writes has six decimals and says the style of every line anew. Nothing changes that an eye can see.
"""

from __future__ import annotations

import base64
import io
import re
import string
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator

import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from gmbench.report.figures.style import drawn

UNITS = 10  # of the page in a point
PADDING = 0.12  # inches around all that is drawn
# of all that has no style of its own; letters are placed for the first font, and the second is as wide
BASE = f"svg{{stroke-width:{UNITS};stroke-linejoin:round;font-family:'DejaVu Sans',Verdana,sans-serif}}"
_SPACE, _HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # no XML can hold these
_SEGMENT = re.compile(r"([MLQCz])([^MLQCz]*)")
_STEP = re.compile(r"(\w+)\(([^)]*)\)")
_LENGTHS = re.compile(r"(?<=-width:|.-size:|harray:|offset:)[^;]+")
_USUAL = re.compile(r"(font-family:[^;]*|text-anchor:start);?")


@drawn
def svg(figure: Figure) -> str:
    """A figure as SVG on white."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    FigureCanvasSVG(figure)  # whose letters the layout is to measure
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine(None)  # else all is drawn once more, to nowhere, only to lay it out
    box = figure.get_tightbbox().padded(PADDING)
    figure.savefig(buffer, format="svg", bbox_inches=box, facecolor="white", metadata=nothing)
    return compact(buffer.getvalue())


def compact(source: str) -> str:
    """The picture of an SVG that matplotlib wrote, in whole tenths of a point."""
    return _Compact(ET.fromstring(_CONTROL.sub("\ufffd", source))).written()


def outline(path: str, scale: float, right: float = 0.0, down: float = 0.0) -> str:
    """A path moved, scaled and rounded to whole numbers; steps go between rounded points, so errors do not add up.

    :param path: of the commands ``M L Q C z``, each with its letter
    """
    found, last, here, start = [], "", [0, 0], [0, 0]
    for letter, numbers in _SEGMENT.findall(path):
        ends = [round(scale * (float(n) + (down if i % 2 else right))) for i, n in enumerate(numbers.split())]
        command, values = letter, ends
        if letter == "M":
            start = ends
        elif letter == "z":
            ends = start
        else:
            command, values = letter.lower(), [end - here[i % 2] for i, end in enumerate(ends)]
        here = ends[-2:]
        if command != last or any(values) or command == "M":  # where nothing moves, nothing is seen
            found.append((" " if command == last != "M" else command) + " ".join(map(str, values)))
            last = command
    return "".join(found).replace(" -", "-")


def palette(picture: bytes) -> bytes:
    """A PNG without transparency; one of at most 256 colours as numbers of a palette."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    colours, numbers = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    image = Image.fromarray(pixels)
    if len(colours) <= 256:
        image = Image.fromarray(numbers.reshape(pixels.shape[:2]).astype(np.uint8))
        image.putpalette(colours.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


class _Compact:
    """A tree written again without groups that do nothing, ids that nobody uses, and styles beside every line."""

    def __init__(self, root: ET.Element):
        self.root = root
        self.defined = {each.get("id"): each for each in root.iter() if each.get("id")}
        self.uses = Counter(each.get(_HREF, "")[1:] for each in root.iter(f"{_SPACE}use"))
        self.names: dict[str, str] = {}  # of what is defined, in the order in which it is first used
        self.classes: dict[str, str] = {}  # of styles

    def written(self) -> str:
        width, height = map(_units, self.root.get("viewBox", "").split()[2:])
        size = {"width": f"{width / UNITS:g}pt", "height": f"{height / UNITS:g}pt", "viewBox": f"0 0 {width} {height}"}
        found = ET.Element("svg", {"xmlns": _SPACE[1:-1], **size, "xml:space": "preserve"})
        style, defs = ET.SubElement(found, "style"), ET.SubElement(found, "defs")
        found.extend(self._parts(self.root))
        defs.extend([self._definition(name) for name in self.names])
        style.text = "\n".join([BASE, *(f".{name}{{{said}}}" for said, name in self.classes.items())])
        for each in (*defs, *found):
            each.tail = "\n"
        return ET.tostring(found, encoding="unicode").replace(" />", "/>") + "\n"

    def _parts(self, parent: ET.Element) -> Iterator[ET.Element]:
        write = {"g": self._group, "path": self._path, "use": self._mark, "image": self._image, "text": self._text}
        for each in parent:
            kind = each.tag.removeprefix(_SPACE)
            if kind in write:
                yield from write[kind](each)

    def _group(self, group: ET.Element) -> Iterator[ET.Element]:
        """What is in a group, and the group where it clips several."""
        made, parts = self._part(group, "g"), list(self._parts(group))
        if made.attrib and [part.tag for part in parts] == ["path"]:
            parts[0].set("class", f"{parts[0].get('class', '')} {made.get('class')}".strip())
        elif made.attrib and parts:
            made.extend(parts)
            parts = [made]
        yield from parts

    def _path(self, path: ET.Element) -> Iterator[ET.Element]:
        yield self._part(path, "path", d=outline(path.get("d", ""), UNITS))

    def _mark(self, use: ET.Element) -> Iterator[ET.Element]:
        """What is defined once and drawn at several places; if at one alone, as a path of its own."""
        name, x, y = use.get(_HREF, "")[1:], use.get("x", "0"), use.get("y", "0")
        if self.uses[name] == 1:
            yield self._part(use, "path", d=outline(self.defined[name].get("d", ""), UNITS, float(x), float(y)))
        else:
            self.defined[name].set("style", use.get("style", ""))  # all of one mark have one
            yield ET.Element("use", href=f"#{_named(self.names, name)}", x=f"{_units(x)}", y=f"{_units(y)}")

    def _image(self, image: ET.Element) -> Iterator[ET.Element]:
        """An image in its own pixels, and how it is stretched to its place."""
        picture = palette(base64.b64decode(image.get(_HREF, "").partition(",")[2]))
        href = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        size = {key: image.get(key, "") for key in ("width", "height")}
        place = " ".join(f"{UNITS * float(n):.5g}" for n in _steps(image)["matrix"])
        yield self._part(image, "image", href=href, **size, transform=f"matrix({place})")

    def _text(self, text: ET.Element) -> Iterator[ET.Element]:
        steps = _steps(text)
        x, y = map(_units, steps.get("translate") or (text.get("x", ""), text.get("y", "")))
        angle = float(steps.get("rotate", "0")[0])
        place = {"transform": f"translate({x} {y})rotate({angle:g})"} if angle else {"x": f"{x}", "y": f"{y}"}
        made = self._part(text, "text", **place)
        made.text = text.text
        yield made

    def _definition(self, name: str) -> ET.Element:
        source = self.defined[name]
        if source.tag != f"{_SPACE}clipPath":
            return self._part(source, "path", id=self.names[name], d=outline(source.get("d", ""), UNITS))
        found = ET.Element("clipPath", id=self.names[name])
        for each in source.iter(f"{_SPACE}rect"):
            sides = {key: f"{_units(each.get(key, '0'))}" for key in ("x", "y", "width", "height")}
            ET.SubElement(found, "rect", sides)
        return found

    def _part(self, source: ET.Element, kind: str, **attributes: str) -> ET.Element:
        """A part of the page, with the classes of its style and its clip path."""
        style = _USUAL.sub("", source.get("style", "").replace(": ", ":").replace("; ", ";")).removesuffix(";")
        styles = [_LENGTHS.sub(lambda n: re.sub(r"[\d.]+", lambda n: f"{UNITS * float(n[0]):.4g}", n[0]), style)]
        clip = source.get("clip-path", "")
        if clip:
            styles.append(f"clip-path:url(#{_named(self.names, clip[5:-1])})")
        made = ET.Element(kind, attributes)
        classes = " ".join(_named(self.classes, each) for each in styles if each)
        if classes:
            made.set("class", classes)
        return made


def _named(names: dict[str, str], what: str) -> str:
    """Its name; if it has none, the first of a, b, ..., z, aa, ab, ... that is free."""
    letters, number = "", len(names) + 1
    while number:
        number, last = divmod(number - 1, 26)
        letters = string.ascii_lowercase[last] + letters
    return names.setdefault(what, letters)


def _units(points: str) -> int:
    return round(UNITS * float(points))


def _steps(part: ET.Element) -> dict[str, list[str]]:
    """The numbers of each step of a transform."""
    return {kind: re.split(r"[ ,]+", numbers) for kind, numbers in _STEP.findall(part.get("transform", ""))}
