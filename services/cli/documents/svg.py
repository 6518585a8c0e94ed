"""Writes a plot as SVG; its texts stay texts, which can be searched and read aloud."""

from __future__ import annotations

from services.cli.documents.drawing import draw
from services.cli.documents.html import template
from services.cli.terminal.plots import Plot


def svg_bytes(plot: Plot, lang: str) -> bytes:
    """Return a plot as SVG; the same plot has the same bytes.

    Args:
        plot: the plot.
        lang: language code of its texts.
    """
    made = template("plot.svg").render(sheet=draw(plot), title=plot.title, lang=lang)
    return made.encode()
