"""The frame of a table of numbers: its period, what they were computed from, and their age."""

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
    """Return the age of the newest event in a view, in words, or that nothing has been read yet.

    Args:
        screen: language of the text.
        view: view that the numbers come from.
        now: the present time; None to use the clock. An event after it has the age 0.
    """
    if not view.HasField("newest_event_at"):
        return screen.text("kpi.reading")
    age = (now or datetime.now(UTC)) - view.newest_event_at.ToDatetime(tzinfo=UTC)
    age = max(timedelta(0), age)
    if age < timedelta(seconds=1):
        return screen.text("kpi.fresh")
    # Imported here, because the import takes longer than most commands.
    from babel.dates import format_timedelta

    shown = format_timedelta(age, threshold=1.5, locale=screen.lang.value)
    return screen.text("kpi.age", age=shown)


def newest_text(screen: Screen, view: view_pb2.ViewInfo) -> str:
    """Return the time of the newest event in a view, in the local time zone; see `age_text`.

    For files, which are read later, when an age would be wrong. The view must have an event.
    """
    from babel.dates import format_datetime

    newest = view.newest_event_at.ToDatetime(tzinfo=UTC).astimezone()
    return screen.text(
        "report.newest", time=format_datetime(newest, "long", locale=screen.lang.value)
    )


def position_text(view: view_pb2.ViewInfo) -> str:
    """Return the position up to which a view has read the log, in the form of `--at-vector`.

    E.g. `0:120,1:98`: the next offset of each partition.
    """
    return ",".join(f"{each.partition}:{each.next_offset}" for each in view.progress)


def frame_text(screen: Screen, view: view_pb2.ViewInfo) -> str:
    """Return the line below a table of numbers: the view they come from, its digest and its age.

    A view is the set of all numbers as computed from the log; the digest identifies its state.
    """
    digest = view.digest[:HASH_CHARACTERS]
    return screen.text("kpi.frame", view=view.view_id, digest=digest, age=age_text(screen, view))


def title_of(
    screen: Screen, view: view_pb2.ViewInfo, cells: Sequence[view_pb2.Cell], measure: str
) -> str:
    """Return the title of a table of numbers: months, measure, view id, digest and age.

    Args:
        screen: language of the title.
        view: view that the cells come from.
        cells: numbers in the table; their first and last month are in the title.
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
