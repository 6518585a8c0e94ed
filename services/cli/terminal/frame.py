"""The frame of a table of numbers: its period, what it was computed from, and how old that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from kieng.kpi.v1 import view_pb2
from services.cli.terminal.screen import Screen

HASH_CHARACTERS = 12


def period_text(first: str, last: str) -> str:
    """Return a range of months as text: one month, or `2025-01 – 2025-07`."""  # noqa: RUF002
    return first if first == last else f"{first} – {last}"  # noqa: RUF001


def age_text(screen: Screen, view: view_pb2.ViewInfo, now: datetime | None = None) -> str:
    """Return how old the newest event in a view is, in words; or that nothing has been read yet.

    Args:
        screen: language of the text.
        view: what the numbers stand on.
        now: the present time; None to look at the clock.
    """
    if not view.HasField("newest_event_at"):
        return screen.text("kpi.reading")
    age = (now or datetime.now(UTC)) - view.newest_event_at.ToDatetime(tzinfo=UTC)
    age = max(timedelta(0), age)
    if age < timedelta(seconds=1):
        return screen.text("kpi.fresh")
    # Imported late, because it takes longer than most commands.
    from babel.dates import format_timedelta

    shown = format_timedelta(age, threshold=1.5, locale=screen.lang.value)
    return screen.text("kpi.age", age=shown)


def newest_text(screen: Screen, view: view_pb2.ViewInfo) -> str:
    """Return when the newest event in a view was made: a file does not age by itself."""
    from babel.dates import format_datetime

    newest = view.newest_event_at.ToDatetime(tzinfo=UTC).astimezone()
    return screen.text(
        "report.newest", time=format_datetime(newest, "long", locale=screen.lang.value)
    )


def position_text(view: view_pb2.ViewInfo) -> str:
    """Return the position of the log that a view has read up to, as `--at-vector` takes it."""
    return ",".join(f"{each.partition}:{each.next_offset}" for each in view.progress)


def frame_text(screen: Screen, view: view_pb2.ViewInfo) -> str:
    """Return the line below numbers: what they were computed from, and how old that is."""
    digest = view.digest[:HASH_CHARACTERS]
    return screen.text("kpi.frame", view=view.view_id, digest=digest, age=age_text(screen, view))


def title_of(
    screen: Screen, view: view_pb2.ViewInfo, cells: Sequence[view_pb2.Cell], measure: str
) -> str:
    """Return the title of a table: months, measure, view id, digest and age.

    Args:
        screen: language of the title.
        view: view that the cells come from.
        cells: cells of the table.
        measure: `declared` or `verified`.
    """
    first = min((cell.from_month for cell in cells), default="")
    last = max((cell.to_month for cell in cells), default="")
    return screen.text(
        "kpi.title",
        measure=screen.text(f"measure.{measure}"),
        period=period_text(first, last),
        view=view.view_id,
        digest=view.digest[:HASH_CHARACTERS],
        age=age_text(screen, view),
    )
