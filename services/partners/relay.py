"""The outbox relay: publishes pending events and marks those that are acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from kieng.directory.v1 import events_pb2 as directory_events_pb2
from kieng.partners.v1 import events_pb2 as partner_events_pb2
from services.kernel.errors import Unavailable
from services.kernel.mongo import DOWN
from services.kernel.publisher import Event
from services.partners import metrics, wire
from services.partners.documents import Change
from services.partners.domain.directory import Directory
from services.partners.domain.partner import Partner
from services.partners.store import Directories, Partners

DIRECTORY_TOPIC = "kieng.directory.v1"
DIRECTORY_KEY = "directory"
PARTNERS_TOPIC = "kieng.partners.v1"
SOURCE = "kieng/partners/shared"

Publish = Callable[[Iterable[Event]], None]

log = structlog.get_logger()


def relay(directories: Directories, partners: Partners, publish: Publish) -> bool:
    """Publish pending events. Return True if more may be pending. At least once; repeatable.

    While the broker or the database is down, events stay pending until the next run.
    """
    try:
        return _relay(directories, partners, publish)
    except (Unavailable, *DOWN) as error:
        metrics.RELAY_FAILURES.inc()
        log.warning("events wait in the outbox", reason=type(error).__name__)
        return False


def _relay(directories: Directories, partners: Partners, publish: Publish) -> bool:
    published = directories.unsent()
    if published:
        publish([directory_event(directory, change) for directory, change in published])
        metrics.EVENTS_PUBLISHED.labels(DIRECTORY_TOPIC).inc(len(published))
        for directory, _ in published:
            directories.mark_sent(directory)
    changed = partners.unsent()
    if changed:
        publish([partner_event(partner, change) for partner, change in changed])
        metrics.EVENTS_PUBLISHED.labels(PARTNERS_TOPIC).inc(len(changed))
        partners.mark_sent([partner for partner, _ in changed])
    return bool(published or changed)


def directory_event(directory: Directory, change: Change) -> Event:
    """Return the event of a directory version; its id is the same on every publication."""
    return Event(
        event_id=change.event_id,
        topic=DIRECTORY_TOPIC,
        key=DIRECTORY_KEY,
        type=directory_events_pb2.DirectoryPublished.DESCRIPTOR.full_name,
        source=SOURCE,
        value=wire.encode_published(directory).SerializeToString(),
        time=change.changed_at,
        traceparent=change.traceparent,
    )


def partner_event(partner: Partner, change: Change) -> Event:
    """Return the event of a partner's version."""
    return Event(
        event_id=change.event_id,
        topic=PARTNERS_TOPIC,
        key=partner.partner_id,
        type=partner_events_pb2.PartnerChanged.DESCRIPTOR.full_name,
        source=SOURCE,
        value=wire.encode_changed(partner, change.changed_at).SerializeToString(),
        time=change.changed_at,
        traceparent=change.traceparent,
    )
