"""Renders the state of a local stack: its processes, the lag of each reader, and rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from services.cli.terminal.render import NOTHING, decimal_text, number_text, percent_text
from services.cli.terminal.screen import Screen
from services.cli.terminal.tables import WholeTable

STYLES = {"ready": "green", "unready": "yellow", "down": "bold red"}
MEGABYTE = 1024 * 1024


def processes(screen: Screen, rows: Sequence[Mapping[str, Any]]) -> WholeTable:
    """Return a table with a row per process: its state and usage; the last row has the totals.

    What is not known of a process, e.g. because it has ended, is a dash and not in the totals.

    Args:
        screen: language of the texts.
        rows: for each process `name`, `state`, `reason`, `pid`, `up_seconds`, `cpu` and
            `memory_bytes`; the last three may be None.
    """
    table = screen.table("process", "state", ">pid", ">since", ">cpu", ">memory")
    for row in rows:
        said = screen.text(f"status.{row['state']}")
        reason = f": {row['reason']}" if row["reason"] else ""
        table.add_row(
            row["name"],
            Text(f"{said}{reason}", style=STYLES[row["state"]]),
            str(row["pid"]),
            span_text(screen, row["up_seconds"]),
            NOTHING if row["cpu"] is None else percent_text(row["cpu"], screen.lang),
            _megabytes(screen, row["memory_bytes"]),
        )
    known = [row for row in rows if row["memory_bytes"] is not None]
    cpu = sum(row["cpu"] or 0 for row in known)
    memory = sum(row["memory_bytes"] for row in known)
    table.add_section()
    total = (percent_text(cpu, screen.lang), _megabytes(screen, memory))
    table.add_row(screen.text("status.total"), "", "", "", *total)
    return table


def lags(screen: Screen, rows: Sequence[Mapping[str, Any]]) -> WholeTable:
    """Return a table with a row per reader and partition: how far it lags, in records and time.

    Args:
        screen: language of the texts.
        rows: for each of them `group`, `topic`, `partition`, `records` and `seconds`, which may be
            None.
    """
    table = screen.table("group", "topic", ">partition", ">behind", ">late")
    for row in rows:
        behind = number_text(row["records"], screen.lang)
        late = span_text(screen, row["seconds"])
        table.add_row(row["group"], row["topic"], str(row["partition"]), behind, late)
    return table


def summary(screen: Screen, found: Mapping[str, Any]) -> str:
    """Return a few lines: the age of the numbers, what waits, and the rates.

    Args:
        screen: language of the text.
        found: `age_seconds`, the numbers in `COUNTS`, `rates` and `log_diverged`.
    """
    age = span_text(screen, found["age_seconds"])
    rates = {name: decimal_text(value, screen.lang) for name, value in found["rates"].items()}
    waiting = {name: number_text(found[name], screen.lang) for name in COUNTS}
    lines = [
        screen.text(
            "status.numbers", age=age, parked=waiting["parked"], dismissed=waiting["dismissed"]
        ),
        screen.text("status.waiting", **waiting),
        screen.text("status.rates", **rates),
    ]
    if found["log_diverged"]:
        lines.append(screen.text("status.diverged"))
    return "\n".join(lines)


COUNTS = ("parked", "dismissed", "waiting_for_review", "outbox")


def span_text(screen: Screen, seconds: float | None) -> str:
    """Return a time span as text in its largest fitting unit, e.g. `3 h`; a dash if it is None.

    A unit fits if the span has at least two of it; fractions are cut off.
    """
    if seconds is None:
        return NOTHING
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return screen.text(f"status.{unit}", number=int(seconds // length))
    return screen.text("status.seconds", number=int(seconds))


def _megabytes(screen: Screen, size: int | None) -> str:
    if size is None:
        return NOTHING
    return screen.text("status.megabytes", number=number_text(size // MEGABYTE, screen.lang))
