"""Who listens to notifications gets each, and costs the database nothing while there are none."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from services.kernel.mongo import Mongo
from services.notifications.config import Settings
from services.notifications.store import Inbox, Subscriptions
from tests.integration.notifications.process import Process, decisions
from tests.integration.notifications.test_service import (
    SUBMISSIONS,
    decision,
    produce,
    watch,
)
from tests.integration.notifications.test_service import channel as channel
from tests.integration.notifications.test_service import subject as subject
from tests.waiting import wait_until


def test_idle_listeners_read_nothing_and_their_process_looks_once_for_all(
    channel: grpc.Channel, settings: Settings, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[str] = Counter()

    def count(name: str, real: Any) -> Any:
        def counted(*given: Any) -> Any:
            reads[name] += 1
            return real(*given)

        return counted

    for kind, name in ((Inbox, "created"), (Inbox, "since"), (Subscriptions, "of")):
        monkeypatch.setattr(kind, name, count(name, getattr(kind, name)))
    with ExitStack() as streams:
        opened = [watch(channel, f"{subject}-{number}") for number in range(30)]
        for stream in opened:
            streams.callback(stream.cancel)
            next(stream)
        reads.clear()
        wait_until(lambda: reads["created"] == 3)
        assert reads == {"created": 3}
        produce(settings, SUBMISSIONS, decision(f"{subject}-7", 1))
        assert next(opened[7]).notification.about == f"submission:{subject}-7-1"
        assert not reads["since"]


def test_notifications_of_the_very_time_are_among_those_since_it(
    connection: Mongo, settings: Settings
) -> None:
    process = Process(connection, settings)
    process.tell(decisions(4))
    first = min(
        process.inbox.created(datetime(2025, 1, 1, tzinfo=UTC)), key=lambda each: each.order
    )
    # An order begins with the milliseconds of its time, in twelve hexadecimal digits.
    moment = datetime.fromtimestamp(int(first.order[:12], 16) / 1000, UTC)
    assert first in process.inbox.created(moment)
    assert first in process.inbox.since(first.recipient, moment)
