"""Writes a plot as PNG, with the vendored fonts, which contain all Vietnamese letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import pairwise
from math import hypot

from PIL import Image, ImageDraw, ImageFont

from services.cli.documents.drawing import Drawing, Point, Text, draw
from services.cli.terminal.plots import Plot
from services.documents import FONTS

SCALE = 2
"""Pixels of the picture per pixel of the drawing, so that it is sharp on paper and good screens."""
FINER = 2
"""Pixels drawn per pixel of the picture, which is then scaled down so that lines are smooth."""
DASH, GAP = 6.0, 4.0


def png_bytes(plot: Plot) -> bytes:
    """Return a plot as a PNG file; equal plots give equal bytes."""
    sheet = draw(plot)
    picture = _lines(sheet).resize(
        (sheet.width * SCALE, sheet.height * SCALE), Image.Resampling.BOX
    )
    pen = ImageDraw.Draw(picture)
    for text in sheet.texts:
        _write(pen, text)
    content = BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()


def _lines(sheet: Drawing) -> Image.Image:
    fine = SCALE * FINER
    picture = Image.new("RGB", (sheet.width * fine, sheet.height * fine), "white")
    pen = ImageDraw.Draw(picture)
    for line in sheet.lines:
        for points in _dashes(line.points) if line.is_dashed else [line.points]:
            fine_points = [(x * fine, y * fine) for x, y in points]
            pen.line(fine_points, line.colour, round(line.width * fine), joint="curve")
    return picture


def _dashes(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Yield the dashes of a line; one that goes around a corner is in two parts."""
    at = 0.0
    for (x, y), (to_x, to_y) in pairwise(points):
        length = hypot(to_x - x, to_y - y)
        done = 0.0
        while done < length:
            is_gap = at >= DASH
            part = min(length - done, (DASH + GAP if is_gap else DASH) - at)
            if not is_gap:
                ends = (done / length, (done + part) / length)
                yield [(x + (to_x - x) * end, y + (to_y - y) * end) for end in ends]
            done += part
            at = (at + part) % (DASH + GAP)


def _write(pen: ImageDraw.ImageDraw, text: Text) -> None:
    name = "BeVietnamPro-SemiBold.ttf" if text.is_bold else "BeVietnamPro-Regular.ttf"
    # The layout of letters does not depend on which libraries this machine has.
    basic = ImageFont.Layout.BASIC
    font = ImageFont.truetype(FONTS / name, text.size * SCALE, layout_engine=basic)
    anchor = "rs" if text.is_right else "ls"
    pen.text((text.x * SCALE, text.y * SCALE), text.text, text.colour, font, anchor)
