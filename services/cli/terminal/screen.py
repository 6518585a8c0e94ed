"""Prints the output of a command: answers on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from rich.console import RenderableType

from services.cli.terminal.escaping import EscapingConsole, json_visible
from services.cli.terminal.formats import csv_text, markdown_text, parts, xlsx_bytes
from services.cli.terminal.tables import WholeTable, commands_apart
from services.cli.terminal.texts import text, texts
from services.kernel.lossy_stream import LossyStream
from services.texts import Lang

if TYPE_CHECKING:
    from rich.progress import Progress

FILE_COLUMNS = 150
"""Width in characters of output to a file or pipe."""


class Output(StrEnum):
    """Format in which an answer is printed: for people, or exactly for other programs."""

    table = "table"
    json = "json"
    csv = "csv"
    xlsx = "xlsx"
    markdown = "markdown"


class Screen:
    """The two output streams of a command: `answers` on stdout and `messages` on stderr.

    Args:
        output: format of answers.
        lang: language of names and headings.
    """

    def __init__(self, output: Output = Output.table, lang: Lang = Lang.vi) -> None:
        self.output = output
        self.lang = lang
        self.answers = EscapingConsole()
        if not self.answers.is_terminal and "COLUMNS" not in os.environ:
            self.answers = EscapingConsole(width=FILE_COLUMNS)
        self.messages = EscapingConsole(file=cast(TextIO, LossyStream(sys.stderr)))

    @property
    def is_json(self) -> bool:
        """Whether answers are printed as JSON."""
        return self.output is Output.json

    def text(self, key: str, **values: object) -> str:
        """Return the text of a key in the language of the screen, with its values filled in.

        Raises:
            KeyError: there is no such key, or a value that the text needs is missing.
        """
        return text(self.lang, key, **values)

    def say(self, key: str, style: str = "", **values: object) -> None:
        """Print the text of a key on stderr, with its values filled in.

        Args:
            key: key of the text, e.g. `up.stopped`.
            style: style of rich, e.g. `bold red`; empty for none.
            values: values of the placeholders in the text.
        """
        self.messages.print(self.text(key, **values), style=style, soft_wrap=True)

    def answer(self, document: Any, show: Callable[[], RenderableType]) -> None:
        """Print the answer of a command: ``document`` as JSON, or else what ``show`` returns.

        ``show`` is called only if the output format is not JSON; see `Screen.show`.
        """
        if self.is_json:
            self.json_line(document, indent=2)
        else:
            self.show(show())

    def show(self, shown: RenderableType) -> None:
        """Print an answer of tables and sentences in the output format of the command.

        CSV and XLSX hold only tables; the sentences are then printed on stderr.
        """
        found = list(parts(shown))
        if self.output is Output.markdown:
            self._write(f"{markdown_text(found)}\n".encode())
            return
        if self.output in (Output.csv, Output.xlsx):
            self._write_tables([part for part in found if isinstance(part, WholeTable)])
        for part in found:
            if isinstance(part, str):
                self._say_sentences(part)
            elif self.output is Output.table:
                # A word that is wider than the screen is printed whole.
                self.answers.print(part, crop=False)

    def _write_tables(self, tables: Sequence[WholeTable]) -> None:
        if self.output is Output.csv:
            self._write(csv_text(tables).encode())
            return
        self._write(xlsx_bytes(tables) if tables else b"")

    def _write(self, content: bytes) -> None:
        self.answers.file.flush()
        if raw := getattr(self.answers.file, "buffer", None):
            raw.write(content)
            raw.flush()
        else:
            self.answers.file.write(content.decode())

    def _say_sentences(self, text: str) -> None:
        """Print sentences; a command that a line break would split gets a line of its own."""
        console = self.answers if self.output is Output.table else self.messages
        for line in text.split("\n"):
            is_long = len(line) > console.width
            console.print(commands_apart(line) if is_long else line, soft_wrap=True)

    @contextmanager
    def into(self, path: Path) -> Iterator[None]:
        """Write answers to a file during the `with` block instead of printing them.

        The file is replaced if it exists.

        Raises:
            OSError: the file cannot be written.
        """
        printed = self.answers
        with path.open("w", encoding="utf-8", newline="") as file:
            self.answers = EscapingConsole(file=file, width=FILE_COLUMNS)
            try:
                yield
            finally:
                self.answers = printed

    def fields(self, document: dict[str, Any], words: Mapping[str, str] | None = None) -> None:
        """Print an answer as a JSON object, or else as a table with a row per field.

        In the table the names of fields are translated where a text exists, a list of texts is
        joined, and a value that holds others is written as JSON.

        Args:
            document: the answer.
            words: name of a field -> what the table has instead of its value, e.g. a word for an
                enum; None for none.
        """
        table = self.table("field", "value")
        names = texts(self.lang)
        for name, value in {**document, **(words or {})}.items():
            table.add_row(names.get(f"answer.{name}", name), self._told(value))
        self.answer(document, lambda: table)

    def _told(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return self.text(f"truth.{'yes' if value else 'no'}")
        if value is None or value == []:
            return "–"  # noqa: RUF001  as a reader expects
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return ", ".join(value)
        return json.dumps(value, ensure_ascii=False)

    def json_line(self, document: Any, indent: int | None = None) -> None:
        """Print one JSON value on stdout, on one line unless ``indent`` is given."""
        line = json.dumps(document, ensure_ascii=False, indent=indent)
        self.answers.file.write(json_visible(line) + "\n")
        self.answers.file.flush()

    def table(self, *headings: str, title: str = "") -> WholeTable:
        """Return an empty table; its headings are keys of texts, with `heading.` left out.

        A `>` in front of a key aligns its column to the right.
        """
        result = WholeTable(
            [heading.removeprefix(">") for heading in headings], title, self.text("table.nothing")
        )
        for heading in headings:
            is_number = heading.startswith(">")
            label = self.text("heading." + heading.removeprefix(">"))
            result.add_column(label, justify="right" if is_number else "left", overflow="fold")
        return result

    def progress(self) -> Progress:
        """Return a progress bar on stderr, a context manager; it is shown only on a terminal."""
        from services.cli.terminal.progress import progress_bar

        return progress_bar(self.messages)
