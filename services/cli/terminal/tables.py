"""A table that never breaks a word, so that its content can be copied however narrow the screen is.

Ids, digests and commands are copied from answers, so a column is at least as wide as its longest
word. If the columns then do not fit, each row is written as lines `heading  value` instead.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from services.cli.terminal.escaping import visible

PROSE_WIDTH_MIN = 20
"""Minimum width in characters of a column of text; a narrower one would be tiring to read."""
# Per column a border and a space at each side; one more border at the end.
FRAME_WIDTH = 3
INDENT = "   "
BETWEEN = " · "
LABEL = "field"
"""Key of the heading of a first column whose cells name their rows."""
_COMMAND = re.compile(r"\s*`(kieng [^`]+)`[.,;:]?\s*")


class WholeTable(Table):
    """A table of texts that keeps its words whole.

    ``keys`` are the keys of the headings, as given to `Screen.table`; ``lines`` are the cells of
    all rows, as they were added. On a terminal a table without rows is the sentence ``nothing``.
    """

    def __init__(self, keys: Sequence[str], title: str = "", nothing: str = "") -> None:
        super().__init__(title=title or None, title_justify="left")
        self.keys = list(keys)
        self.nothing = nothing
        self.lines: list[tuple[str, ...]] = []

    @property
    def headings(self) -> list[str]:
        """The headings of all columns."""
        return [_plain(column.header) for column in self.columns]

    def add_row(self, *cells: RenderableType | None, **options: object) -> None:
        """Add a row of texts; cells that are missing at its end are empty.

        Invisible characters are escaped when the row is printed, but not in ``lines``.
        """
        line = tuple(map(_plain, cells))
        self.lines.append((*line, *[""] * (len(self.columns) - len(line))))
        shown = (cell if isinstance(cell, Text) else _shown(_plain(cell)) for cell in cells)
        super().add_row(*shown, **options)  # type: ignore[arg-type]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render as a table if all words fit, and otherwise as a list of rows.

        A column without any text is left out if that makes the others fit.
        """
        if self.nothing and not self.lines:
            yield Text(": ".join(filter(None, (_plain(self.title), self.nothing))))
            return
        widths = self._widths(options.max_width)
        filled = self._filled() if widths is None else None
        if filled is not None and filled.fits(options.max_width):
            yield filled
            return
        if widths is None:
            yield from self._stacked(options.max_width)
            return
        for column, width in zip(self.columns, widths, strict=True):
            column.width = width
        if self.title:
            room = sum(widths) + FRAME_WIDTH * len(widths) + 1
            self.title = "\n".join(_flow(_plain(self.title).split(BETWEEN), room))
        yield from super().__rich_console__(console, options)

    def _filled(self) -> WholeTable | None:
        """Return a copy without the columns that have no text; None if each has some."""
        kept = [n for n, cells in enumerate(zip(*self.lines, strict=True)) if any(cells)]
        if len(kept) in (0, len(self.columns)):
            return None
        found = copy(self)
        found.keys = [self.keys[n] for n in kept]
        found.columns = [replace(self.columns[n], _index=place) for place, n in enumerate(kept)]
        found.lines = [tuple(line[n] for n in kept) for line in self.lines]
        return found

    def fits(self, width: int) -> bool:
        """Return True if the table fits into ``width`` characters without breaking a word."""
        return self._widths(width) is not None

    def _widths(self, width: int) -> list[int] | None:
        """Return the width of each column; None if words would have to be broken."""
        room = width - FRAME_WIDTH * len(self.columns) - 1
        columns = list(zip(self.headings, *map(_shown_line, self.lines), strict=True))
        natural = [max(map(_width, column)) for column in columns]
        if sum(natural) <= room:
            return natural
        least = [
            wide if given.no_wrap else max(_word(column), min(wide, PROSE_WIDTH_MIN))
            for given, column, wide in zip(self.columns, columns, natural, strict=True)
        ]
        return _shared(least, natural, room - sum(least))

    def _stacked(self, width: int) -> Iterator[Text]:
        if self.title:
            for line in _flow(_plain(self.title).split(BETWEEN), width):
                yield Text(line, style="table.title")
        is_labelled = self.keys[:1] == [LABEL] and len(self.columns) > 1
        yield from self._labelled(width) if is_labelled else self._listed(width)
        if self.caption:
            yield Text(_plain(self.caption), style="table.caption")

    def _labelled(self, width: int) -> Iterator[Text]:
        """Yield each row as a label with its values below each other.

        A word that is too long for the room beside the labels begins further left.
        """
        indent = max((_width(visible(line[0])) for line in self.lines), default=0) + 2
        for label, value, *others in self.lines:
            named = zip(self.headings[2:], others, strict=True)
            values = [value, *(f"{name}: {other}" for name, other in named if other)]
            for number, piece in enumerate(_pieces("\n".join(values), width - indent)):
                head = _whole(visible("" if number else label), "table.header")
                start = max(cell_len(head.plain) + 2, min(indent, width - cell_len(piece)))
                head.append(" " * (start - cell_len(head.plain)))
                head.append(piece, style="none")
                yield head

    def _listed(self, width: int) -> Iterator[Text]:
        """Yield each row as its first cell and, below it, the others with their headings."""
        for first, *others in self.lines:
            yield from (_whole(piece, "table.header") for piece in _pieces(first, width))
            named = zip(self.headings[1:], others, strict=True)
            items = [f"{name}: {_shown(cell)}" for name, cell in named if cell]
            for line in _flow(items, width - len(INDENT)):
                yield _whole(INDENT + line, "none")


def _flow(items: Sequence[str], width: int) -> Iterator[str]:
    """Yield the items in order, as many on a line as it has room for."""
    line = ""
    for item in items:
        if "\n" not in item and line and cell_len(line + BETWEEN + item) <= width:
            line += BETWEEN + item
            continue
        if line:
            yield line
        *full, line = _pieces(item, width)
        yield from full
    if line:
        yield line


def _whole(text: str, style: str) -> Text:
    """Return a line that is printed whole, however wide the screen is."""
    return Text(text, style=style, no_wrap=True, overflow="ignore")


def _pieces(text: str, width: int) -> list[str]:
    """Return the lines of a text; a word that is too long for one stays whole."""
    lines = _shown(text).split("\n")
    return [piece for line in lines for piece in _wrapped(line, max(width, PROSE_WIDTH_MIN))]


def _wrapped(line: str, width: int) -> list[str]:
    if line.startswith("kieng "):
        return [line]
    return textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]


def commands_apart(text: str) -> str:
    """Return a text in which each command in backquotes is on a line of its own, to be copied.

    So "repeat `kieng up`, then wait" has three lines, without backquotes and comma. A single word
    such as `kieng` stays where it is.
    """
    return _COMMAND.sub(lambda found: f"\n{found[1]}\n", text).strip("\n")


def _shared(least: Sequence[int], natural: Sequence[int], spare: int) -> list[int] | None:
    """Return the least widths plus ``spare`` in total, in proportion to what each column lacks."""
    if spare < 0:
        return None
    lacks = [wide - narrow for wide, narrow in zip(natural, least, strict=True)]
    total = sum(lacks) or 1
    return [narrow + spare * lack // total for narrow, lack in zip(least, lacks, strict=True)]


def _plain(cell: RenderableType | None) -> str:
    if isinstance(cell, Text):
        return cell.plain
    # A number carries its exact value with its text, see `render.Shown`.
    return cell if isinstance(cell, str) else str(cell or "")


def _shown(cell: str) -> str:
    return visible(commands_apart(cell))


def _shown_line(line: Sequence[str]) -> list[str]:
    return [_shown(cell) for cell in line]


def _width(text: str) -> int:
    return max((cell_len(line) for line in text.split("\n")), default=0)


def _word(column: Sequence[str]) -> int:
    """Return the width of the widest word; a command is one word."""
    words = (
        word
        for text in column
        for line in text.split("\n")
        for word in ([line] if line.startswith("kieng ") else line.split())
    )
    return max(map(cell_len, words), default=0)
