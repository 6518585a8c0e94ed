"""Writes a plot as SVG; its texts stay texts, which can be searched and read aloud."""

from __future__ import annotations

from pathlib import Path

from services.cli.documents.drawing import draw
from services.cli.terminal.plots import Plot
from services.documents.html import template

PICTURE = Path(__file__).parent / "plot.svg"


def svg_bytes(plot: Plot, lang: str) -> bytes:
    """Return a plot as SVG; the same plot has the same bytes.

    Args:
        plot: the plot.
        lang: language code of its texts.
    """
    made = template(PICTURE).render(sheet=draw(plot), title=plot.title, lang=lang)
    return made.encode()
