"""Writes a report as one self-contained HTML file, which can be printed."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.documents.page import Bar, Page

FOLDER = Path(__file__).parent
WIDTH = 100
"""Length of a bar that reaches its target, in hundredths of the target."""
BEYOND = Fraction(5, 4)
"""Longest bar that is drawn, as a multiple of the target."""


def html_bytes(page: Page, lang: str) -> bytes:
    """Return a report as an HTML file in UTF-8; the same page gives the same bytes.

    Args:
        page: the report.
        lang: language of its texts, `vi` or `en`; goes into the `lang` attribute.
    """
    return (
        template(FOLDER / "report.html").render(page=page, lang=lang, width=WIDTH, at=at).encode()
    )


def at(bar: Bar) -> tuple[float, float | None]:
    """Return where a bar ends and where its mark for the expected value is.

    Both are hundredths of the target, so 100 is the target itself; larger values than 125 become
    125. The end is at least 0. The mark is None if no value is expected.
    """
    reached = max(Fraction(0), min(bar.reached, BEYOND))
    expected = None if bar.expected is None else round(float(min(bar.expected, BEYOND) * WIDTH), 2)
    return round(float(reached * WIDTH), 2), expected


@cache
def template(path: Path) -> Template:
    """Return a Jinja template of HTML or SVG by its path; the values it shows are escaped.

    A template is read once per process. Rendering it without a variable that it uses is an error.
    """
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(path.name)
