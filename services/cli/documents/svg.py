"""Writes a plot as SVG, whose texts can be searched and read aloud."""

from __future__ import annotations

from pathlib import Path

from services.cli.documents.drawing import draw
from services.cli.terminal.plots import Plot
from services.documents.html import template

PICTURE = Path(__file__).parent / "plot.svg"


def svg_bytes(plot: Plot, lang: str) -> bytes:
    """Return a plot as an SVG file in UTF-8; equal plots give equal bytes.

    ``lang`` is the language code of its texts, e.g. `vi`.
    """
    made = template(PICTURE).render(sheet=draw(plot), title=plot.title, lang=lang)
    return made.encode()
