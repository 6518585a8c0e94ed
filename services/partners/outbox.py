"""The outboxes of directory versions and of partners, and the events that are built from them."""

from __future__ import annotations

from collections.abc import Sequence

from kieng.directory.v1 import events_pb2 as directory_events_pb2
from kieng.partners.v1 import events_pb2 as partner_events_pb2
from services.kernel.publisher import Event
from services.partners import metrics, wire
from services.partners.directory_versions import Directories
from services.partners.documents import Change
from services.partners.domain.directory import Directory
from services.partners.domain.partner import Partner
from services.partners.store import Partners

DIRECTORY_TOPIC = "kieng.directory.v1"
DIRECTORY_KEY = "directory"
PARTNERS_TOPIC = "kieng.partners.v1"
SOURCE = "kieng/partners/shared"
UNSENT_PER_RUN = 100


class DirectoryOutbox:
    """The directory versions with an unpublished event, as the relay of the kernel reads them.

    Implements `services.kernel.outbox.Outbox`.
    """

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def pending(self, limit: int) -> list[tuple[Directory, Change]]:
        """Return at most ``limit`` versions with an unpublished event; empty if there is none."""
        return self._directories.unsent(limit)

    def events(self, documents: Sequence[tuple[Directory, Change]]) -> list[Event]:
        """Return the event of each version, in the same order."""
        return [directory_event(directory, change) for directory, change in documents]

    def clear(self, documents: Sequence[tuple[Directory, Change]]) -> None:
        """Record that the events of these versions are published, and count them."""
        metrics.EVENTS_PUBLISHED.labels(DIRECTORY_TOPIC).inc(len(documents))
        for directory, _ in documents:
            self._directories.mark_sent(directory)


class PartnerOutbox:
    """The partners with an unpublished event, as the relay of the kernel reads them.

    Implements `services.kernel.outbox.Outbox`.
    """

    def __init__(self, partners: Partners) -> None:
        self._partners = partners

    def pending(self, limit: int) -> list[tuple[Partner, Change]]:
        """Return at most ``limit`` partners with an unpublished event; empty if there is none."""
        return self._partners.unsent(limit)

    def events(self, documents: Sequence[tuple[Partner, Change]]) -> list[Event]:
        """Return the event of each partner's newest version, in the same order."""
        return [partner_event(partner, change) for partner, change in documents]

    def clear(self, documents: Sequence[tuple[Partner, Change]]) -> None:
        """Record that the events of these versions are published, and count them.

        A partner that was changed meanwhile stays pending.
        """
        metrics.EVENTS_PUBLISHED.labels(PARTNERS_TOPIC).inc(len(documents))
        self._partners.mark_sent([partner for partner, _ in documents])


def directory_event(directory: Directory, change: Change) -> Event:
    """Return the event that publishes a directory version with its whole tree.

    Its id is that of the write, so it is the same in every attempt to publish it.
    """
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
    """Return the event that publishes a partner's version with all fields.

    Its id is that of the write, so it is the same in every attempt to publish it.
    """
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
