"""Turns records into notifications, each once however often its record comes by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from services.kernel.errors import NotReady
from services.kernel.kafka import Record
from services.kernel.mongo import DOWN
from services.notifications import metrics, wire
from services.notifications.domain import (
    Decided,
    Notice,
    Reached,
    notice_of_decision,
    notice_of_target,
    subscribable,
)
from services.notifications.store import Deliveries, Inbox, Subscriptions


def tell(
    records: Sequence[Record],
    *,
    inbox: Inbox,
    subscriptions: Subscriptions,
    deliveries: Deliveries | None,
    now: datetime,
) -> None:
    """Tell everybody what the records of a batch mean to them. Safe to run twice.

    Args:
        records: records of one partition.
        inbox: where notifications go.
        subscriptions: who wants e-mail, and who hears of targets.
        deliveries: where e-mails are planned; None when there is no mail server.
        now: when the notifications are made, UTC.

    Raises:
        InvalidRecord: a record cannot be decoded; nothing was told.
        NotReady: the database is down; the batch comes again.
    """
    heard = [record for record in records if wire.is_listened_to(record)]
    events = [event for record in heard if (event := wire.decode_record(record)) is not None]
    try:
        fresh = inbox.unknown(
            [notice for event in events for notice in _notices(event, subscriptions)]
        )
        if deliveries is not None:
            # Before the inbox: a crash in between repeats the batch, and finds the notice unknown.
            # The other way round its e-mail would be lost.
            wishes = subscriptions.of(notice.recipient for notice in fresh)
            wanted = [
                notice
                for notice in fresh
                if notice.recipient in wishes and wishes[notice.recipient].wants_mail(notice.kind)
            ]
            deliveries.add(wanted, now)
        inbox.add(fresh, now)
    except DOWN as error:
        raise NotReady(f"the database cannot be reached: {type(error).__name__}") from error
    for kind, count in Counter(notice.kind for notice in fresh).items():
        metrics.NOTIFICATIONS.labels(str(kind)).inc(count)
    # At last: what is invalid has the others handed over again.
    for record in records[:1]:
        metrics.RECORDS_SKIPPED.labels(record.topic).inc(len(records) - len(heard))


def _notices(event: Decided | Reached, subscriptions: Subscriptions) -> list[Notice]:
    if isinstance(event, Decided):
        return [notice_of_decision(event)]
    recipients = subscriptions.to_targets_of(subscribable(event.unit_id))
    return [notice_of_target(event, recipient) for recipient in recipients]
