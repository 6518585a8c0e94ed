"""Creates notifications from consumed records; consuming a record again creates none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from services.kernel.errors import NotReady
from services.kernel.kafka import Record
from services.kernel.mongo import DOWN
from services.notifications import metrics, wire
from services.notifications.contradictions import (
    Contradicted,
    notices_of_contradiction,
    units_concerned,
)
from services.notifications.domain import (
    Decided,
    Notice,
    Proposed,
    notice_of_proposal,
    notice_of_target,
    notices_of_decision,
    subscribable,
)
from services.notifications.store import Deliveries, Inbox, Subscriptions


def notify(
    records: Sequence[Record],
    *,
    inbox: Inbox,
    subscriptions: Subscriptions,
    deliveries: Deliveries | None,
    now: datetime,
) -> bool:
    """Create the notifications and e-mails that a batch of records causes. Idempotent.

    Return True if any e-mail is to be sent now.

    Args:
        records: records of one partition, in order.
        inbox: store of notifications.
        subscriptions: store of what people want to receive.
        deliveries: ledger of e-mails; None without a mail server, so that none is added.
        now: creation time of the notifications, UTC.

    Raises:
        InvalidRecord: the producer wrote a record that cannot be decoded; nothing is stored.
        NotReady: the database is down; the batch is retried.
    """
    heard = [record for record in records if wire.is_listened_to(record)]
    events = [event for record in heard if (event := wire.decode_record(record)) is not None]
    wanted: list[Notice] = []
    try:
        fresh = inbox.unknown(
            [notice for event in events for notice in _notices(event, subscriptions)]
        )
        if deliveries is not None:
            # Before the inbox: after a crash in between, the retried batch still finds the notice
            # unknown. In the opposite order its e-mail would be lost.
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
    # Counted last: after an invalid record the others are delivered again.
    for record in records[:1]:
        metrics.RECORDS_SKIPPED.labels(record.topic).inc(len(records) - len(heard))
    return bool(wanted)


def _notices(event: wire.Heard, subscriptions: Subscriptions) -> list[Notice]:
    if isinstance(event, Decided):
        return notices_of_decision(event)
    if isinstance(event, Proposed):
        return [notice_of_proposal(event, each) for each in subscriptions.everybody()]
    if isinstance(event, Contradicted):
        subscribers = subscriptions.to_targets_of(units_concerned(event))
        return notices_of_contradiction(event, subscribers)
    recipients = subscriptions.to_targets_of(subscribable(event.unit_id))
    return [notice_of_target(event, recipient) for recipient in recipients]
