"""Escapes control, bidirectional and invisible characters in texts that others wrote.

Printed unchanged, such characters could control the terminal or mislead the reader. Contracts
refuse them, but older submissions, records and messages may contain them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

# Letters and marks that are invisible; the rule `line` of the contracts lists the same.
FILLERS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef"
)
_MAYBE = re.compile(rf"[^ -~\n]|[{FILLERS}]")
# A number with a sign is not a formula.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.,/]+$)")
_FILLER = re.compile(f"[{FILLERS}]")


def visible(text: str) -> str:
    r"""Return a text in which each invisible character is replaced by its code, e.g. `\x1b`.

    Line feeds are kept, because a cell of a table may have several lines.
    """
    if text.isprintable() and not _FILLER.search(text):
        return text
    return _MAYBE.sub(lambda found: _shown(found[0]), text)


def not_computed(cell: str) -> str:
    """Return a CSV cell, with an apostrophe in front if a spreadsheet would compute it.

    So `=1+1` becomes `'=1+1`; a number with a sign, e.g. `-5`, is returned unchanged.
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def json_visible(document: str) -> str:
    r"""Return an equivalent JSON document, with invisible characters escaped, e.g. as `\u202e`."""
    return _MAYBE.sub(lambda found: _json_shown(found[0]), document)


def _is_hidden(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cf", "Cs", "Zl", "Zp") or bool(_FILLER.match(character))


def _shown(character: str) -> str:
    if not _is_hidden(character):
        return character
    return (
        character.encode("ascii", "backslashreplace").decode()
        if character > "\x7f"
        else (f"\\x{ord(character):02x}")
    )


def _json_shown(character: str) -> str:
    if not _is_hidden(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


class EscapingConsole(Console):
    """A console that prints texts literally, without markup and emoji codes, and escaped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text for the layout, already escaped so that its printed width is known."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield segments to print; texts that did not pass `render_str` are escaped here."""
        for segment in super().render(renderable, options):
            shown = segment.text if segment.control else visible(segment.text)
            yield segment if shown == segment.text else segment._replace(text=shown)
