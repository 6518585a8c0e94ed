"""`kieng logs`: shows what the processes of a local stack logged, and what they log now."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.errors import DOWN, USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal.screen import Screen

POLL_SECONDS = 0.3
TAIL_BYTES = 4 * 1024 * 1024
LEVELS = ("debug", "info", "warning", "error", "critical")
FIRST = ("timestamp", "level", "service", "event")
"""Keys of a log line that are shown first, without their names."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line in the log of the process ``name``.

    ``fields`` are the keys and values of the line; empty if it is not a JSON object.
    """

    name: str
    text: str
    fields: dict[str, Any]

    @property
    def time(self) -> str:
        """Time of the line as the process wrote it, ISO 8601; empty if the line has none."""
        return str(self.fields.get("timestamp", ""))

    def reaches(self, level: str) -> bool:
        """Return True if the line is at least as severe as ``level``, one of `LEVELS`.

        Also true for a line that has no known level.
        """
        own = str(self.fields.get("level", "critical"))
        return own not in LEVELS or LEVELS.index(own) >= LEVELS.index(level)

    def shown(self) -> str:
        """Return the line as text for people: time, level, process, event, and the other fields.

        A line that is not a JSON object is shown as it is, after the name of the process.
        """
        if not self.fields:
            return f"{self.name}  {self.text}"
        time_, level = self.time[:23].replace("T", " "), str(self.fields.get("level", ""))
        rest = "  ".join(f"{k}={_plain(v)}" for k, v in self.fields.items() if k not in FIRST)
        event = str(self.fields.get("event", ""))
        return f"{time_}  {level:<8} {self.name:<15} {event}  {rest}".rstrip()


@with_session()
def logs(
    session: Session,
    service: Annotated[
        str, typer.Argument(help="A process, e.g. kpi.query or broker; default: all.")
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option(min=0, max=100_000, help="Newest lines of each log.")] = 20,
    level: Annotated[str, typer.Option(help=f"At least: {', '.join(LEVELS)}.")] = "debug",
) -> None:
    """Show the newest lines of the logs of the local stack, also of one that has stopped.

    Example: kieng logs kpi.aggregator --level warning --follow
    """
    if level not in LEVELS:
        raise Failure(f"unknown level {level!r}; there are {', '.join(LEVELS)}", USAGE)
    files = _files(session.data, service)
    # What is written from here on is followed, neither shown twice nor left out.
    ends = {path: _end(path) for path in files}
    found = [line for path, end in ends.items() for line in _newest(path, end, lines, level)]
    # Lines without a time follow the others, in their own order.
    for line in sorted(found, key=lambda each: each.time or "~"):
        _print(session.screen, line)
    if follow:
        while True:
            for line in _appended(ends):
                if line.reaches(level):
                    _print(session.screen, line)
            time.sleep(POLL_SECONDS)


def _files(data: Path, service: str) -> list[Path]:
    """Return the log files in a data folder, or the one of a process.

    Raises:
        Failure: nothing was ever started there, or no process of this name.
    """
    files = {path.stem: path for path in sorted((data / "logs").glob("*.log"))}
    if not files:
        raise Failure(f"no logs in {data}: nothing was started there, see --data", DOWN)
    if service and service not in files:
        raise Failure(f"no log of {service}; there are {', '.join(files)}", USAGE)
    return [files[service]] if service else list(files.values())


def _end(path: Path) -> int:
    """Return the number of bytes up to the end of the last whole line of a file."""
    with path.open("rb") as file:
        begin = max(0, file.seek(0, 2) - TAIL_BYTES)
        file.seek(begin)
        return begin + file.read().rfind(b"\n") + 1


def _newest(path: Path, end: int, number: int, level: str) -> list[Line]:
    """Return the newest lines before the byte ``end``, of the last `TAIL_BYTES` before it."""
    begin = max(0, end - TAIL_BYTES)
    with path.open("rb") as file:
        file.seek(begin)
        texts = file.read(end - begin).decode(errors="replace").split("\n")[:-1]
    # The first is only the rest of a line if the file was not read from its beginning.
    lines = (_line(path, text.rstrip("\r")) for text in texts[1 if begin else 0 :])
    return [line for line in lines if line.reaches(level)][-number:] if number else []


def _appended(ends: dict[Path, int]) -> Iterator[Line]:
    """Yield the complete lines that were appended to files since the last call.

    ``ends`` maps each file to the number of bytes read so far, and is updated. A file that has
    become shorter is read from its beginning.
    """
    for path, end in ends.items():
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(end if size >= end else 0)
            text, mark, _ = file.read().rpartition(b"\n")
            if mark:
                ends[path] = (end if size >= end else 0) + len(text) + 1
                yield from (_line(path, each) for each in text.decode(errors="replace").split("\n"))


def _line(path: Path, text: str) -> Line:
    try:
        fields = json.loads(text)
    except ValueError:
        fields = {}
    return Line(path.stem, text, fields if isinstance(fields, dict) else {})


def _print(screen: Screen, line: Line) -> None:
    if screen.is_json:
        screen.json_line({"process": line.name, **(line.fields or {"text": line.text})})
    else:
        screen.answers.print(line.shown(), soft_wrap=True)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
