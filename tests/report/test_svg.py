"""How figures become SVG: small, the same picture, and XML whatever is written in it."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from gmbench.report.figures.style import SHADES, drawn, show
from gmbench.report.figures.svg import UNITS, compact, outline, palette, svg

SVG = "{http://www.w3.org/2000/svg}"


def figure(draw, **more):
    """A figure with one panel, on which ``draw`` draws."""

    @drawn
    def made():
        found = Figure(figsize=(4, 3), layout="constrained", **more)
        draw(found.subplots())
        return found

    return made()


def points(path):
    """The corners of the lines of a path, in its own units."""
    found, here, command = [], np.zeros(2, int), ""
    for part in re.findall(r"[A-Za-z]|-?\d+ ?-?\d+", path):
        if part.isalpha():
            command = part
        else:
            step = np.array(re.findall(r"-?\d+", part), int)
            here = step if command == "M" else here + step
            found.append(here)
    return np.array(found)


def test_a_path_is_rounded_and_its_errors_do_not_add_up():
    corners = np.cumsum(np.full((500, 2), [0.333333, -0.123457]), axis=0) + 100
    source = "M " + "\nL ".join(f"{x:.6f} {y:.6f}" for x, y in corners) + "\n"
    short = outline(source, UNITS)
    assert np.abs(points(short) - UNITS * corners).max() <= 0.5
    assert len(short) < len(source) / 4


@pytest.mark.parametrize(
    "source, short",
    [
        ("M 0 0 \nL 1.04 0 \nL 1.04 -2.26 \nz \n", "M0 0l10 0 0-23z"),
        ("M 1 1 L 2 2 z M 3 3 L 4 4 z", "M10 10l10 10zM30 30l10 10z"),
        ("M 1 1 Q 2 2 3 1 Q 4 0 5 1", "M10 10q10 10 20 0 10-10 20 0"),
        ("M 1 1 C 1 2 2 2 2 1 L 0 0", "M10 10c0 10 10 10 10 0l-20-10"),
        ("M 1 1 L 1.001 1.002 L 2 1", "M10 10l0 0 10 0"),  # the first may be a dot
        ("M 1 1 L 2 1 L 2.001 1.002 L 3 1", "M10 10l10 0 10 0"),
        ("M 0 0 M 5 5 L 6 6", "M0 0M50 50l10 10"),
        ("M 1e-07 0 L 1 1", "M0 0l10 10"),
        ("", ""),
    ],
)
def test_steps_are_relative_and_say_their_letter_once(source, short):
    assert outline(source, 10) == short


def test_a_path_is_moved_before_it_is_rounded():
    assert outline("M 0.04 0.04 L 1 1", 10, 0.02, 7) == "M1 70l9 10"


def test_few_colours_are_a_palette_of_the_very_same_colours():
    few = np.random.default_rng(0).integers(0, 6, (9, 7, 1)) * [40, 20, 10]
    many = np.random.default_rng(0).integers(0, 256, (40, 40, 3))
    for pixels, mode in ((few, "P"), (many, "RGB")):
        opaque = np.dstack([pixels, np.full(pixels.shape[:2], 255)]).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(opaque).save(buffer, "PNG")
        found = Image.open(io.BytesIO(palette(buffer.getvalue())))
        assert found.mode == mode and np.array_equal(np.asarray(found.convert("RGB")), pixels)


def test_a_picture_is_an_image_of_its_own_pixels():
    field = np.linspace(-1, 1, 64 * 64).reshape(64, 64)
    written = svg(figure(lambda axes: show(axes, field, -1, 1, "RdBu_r")))
    (image,) = ET.fromstring(written).iter(f"{SVG}image")
    pixels = Image.open(io.BytesIO(base64.b64decode(image.get("href").partition(",")[2])))
    assert pixels.size == (64, 64) and len(pixels.convert("RGB").getcolors()) == SHADES
    assert (image.get("width"), image.get("height")) == ("64", "64") and len(image.get("href")) < 5000
    red, _, blue = pixels.convert("RGB").getpixel((0, 0))
    assert blue > red, "the first row is the uppermost"
    assert pixels.convert("RGB").getpixel((0, 32)) == pytest.approx((247, 247, 247), abs=1), "0 is white"


def test_text_stays_text_and_marks_that_recur_are_defined_once():
    def draw(axes):
        axes.plot(range(20), range(20), "o-", label="a")
        axes.set_title("  two  spaces & <b>$x$</b>")
        axes.set_ylabel("upright")

    root = ET.fromstring(svg(figure(draw)))
    texts = {each.text: each for each in root.iter(f"{SVG}text")}
    assert (
        "  two  spaces & <b>$x$</b>" in texts and root.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"
    )
    assert texts["upright"].get("transform").endswith("rotate(-90)") and texts["upright"].get("x") is None
    marks = [each.get("href") for each in root.iter(f"{SVG}use")]
    assert max(map(marks.count, marks)) == 20
    assert {each.get("id") for each in root.iter() if each.get("id")} >= {mark[1:] for mark in marks}


def test_every_name_is_defined_and_every_definition_used():
    def draw(axes):
        axes.plot([0, 1, 2], [0, 5, 1], "s--", alpha=0.5)
        axes.fill_between([0, 1, 2], [0, 1, 0], [1, 2, 1], alpha=0.2)
        axes.set_xlim(0.5, 1.5)

    written = svg(figure(draw))
    root = ET.fromstring(written)
    defined = [each.get("id") for each in root.iter() if each.get("id")]
    used = {each.get("href")[1:] for each in root.iter(f"{SVG}use")} | set(re.findall(r"url\(#(\w+)\)", written))
    assert len(defined) == len(set(defined)) and set(defined) == used
    styled = re.findall(r"^\.(\w+)\{", written, re.M)
    classes = {name for each in root.iter() for name in (each.get("class") or "").split()}
    assert len(styled) == len(set(styled)) and set(styled) == classes
    assert not list(root.iter(f"{SVG}metadata")) and "style=" not in written


def test_the_lines_lie_where_matplotlib_drew_them():
    x = np.linspace(0, 7, 300)
    found = figure(lambda axes: axes.plot(x, np.sin(x) * x))
    buffer = io.StringIO()
    drawn(found.savefig)(buffer, format="svg")
    curve = max(ET.fromstring(buffer.getvalue()).iter(f"{SVG}path"), key=lambda path: len(path.get("d")))
    corners = np.array(re.findall(r"([-\d.]+) ([-\d.]+)", curve.get("d")), float)
    short = max(ET.fromstring(compact(buffer.getvalue())).iter(f"{SVG}path"), key=lambda path: len(path.get("d")))
    rounded = np.rint(UNITS * corners)
    assert np.array_equal(points(short.get("d")), rounded[np.append(True, np.diff(rounded, axis=0).any(axis=1))])


@pytest.mark.parametrize("name", ["bell \x07", "escape \x1b[31m", "nul \x00", "not a character \ufffe"])
def test_characters_that_no_xml_can_hold_are_replaced(name):
    with pytest.warns(UserWarning):  # there is no such glyph
        written = svg(figure(lambda axes: axes.set_title(name)))
    assert any("\ufffd" in (each.text or "") for each in ET.fromstring(written).iter(f"{SVG}text"))


def test_a_figure_gives_the_same_bytes_each_time():
    def draw(axes):
        axes.plot([0, 1, 2], [0, 5, 1], "s--")
        show(axes, np.eye(3), 0, 1)

    assert svg(figure(draw)) == svg(figure(draw))
