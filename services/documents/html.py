"""Writes a report as one HTML file, which needs nothing else and may be printed."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.documents.page import Bar, Page

FOLDER = Path(__file__).parent
WIDTH = 100
"""Length of a bar up to its target; it is drawn up to a quarter beyond."""
BEYOND = Fraction(5, 4)


def html_bytes(page: Page, lang: str) -> bytes:
    """Return a report as HTML; the same page has the same bytes.

    Args:
        page: the report.
        lang: language code of its texts.
    """
    return (
        template(FOLDER / "report.html").render(page=page, lang=lang, width=WIDTH, at=at).encode()
    )


def at(bar: Bar) -> tuple[float, float | None]:
    """Return where the bar ends and where its mark is, in hundredths of the target."""
    reached = max(Fraction(0), min(bar.reached, BEYOND))
    expected = None if bar.expected is None else round(float(min(bar.expected, BEYOND) * WIDTH), 2)
    return round(float(reached * WIDTH), 2), expected


@cache
def template(path: Path) -> Template:
    """Return a template of HTML or SVG; what is filled in is escaped."""
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(path.name)
