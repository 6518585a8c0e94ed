"""The requests by which a service is asked which numbers some events would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kieng.kpi.v1.kpi_service_pb2 import TryEventsRequest

MESSAGE_BYTES = 256 * 1024
MESSAGE_EVENTS = 1_000
"""Limits of one message, far below those of the service."""


def event_previews(
    submitted: Sequence[bytes], verified: Sequence[bytes], by_month: bool = False
) -> Iterator[TryEventsRequest]:
    """Yield the messages of one call of TryEvents; the first one has no events.

    Args:
        submitted: encoded events of submissions as they would be submitted.
        verified: encoded events of the same submissions once they were verified.
        by_month: whether to compare months instead of years.
    """
    yield TryEventsRequest(by_month=by_month)
    for several in _groups(submitted):
        yield TryEventsRequest(submitted=several)
    for several in _groups(verified):
        yield TryEventsRequest(verified=several)


def _groups(events: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Split events into groups that are small enough for one message each."""
    several: list[bytes] = []
    size = 0
    for event in events:
        if several and (size + len(event) > MESSAGE_BYTES or len(several) == MESSAGE_EVENTS):
            yield several
            several, size = [], 0
        several.append(event)
        size += len(event)
    if several:
        yield several
