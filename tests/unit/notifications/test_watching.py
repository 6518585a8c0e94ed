"""Streams of notifications: one look for all of them, and nothing read by those that are idle."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kieng.notifications.v1 import notification_pb2
from services.kernel.errors import Exhausted
from services.notifications import watching
from services.notifications.domain import Kind, Notification, Subscription
from services.notifications.store import order_at
from services.notifications.watching import Listeners, watch
from tests.waiting import wait_until


class FakeInbox:
    """Notifications in memory; counts how often they are read, and from when on."""

    def __init__(self) -> None:
        self.stored: list[Notification] = []
        self.reads: list[datetime] = []

    def add(self, recipient: str, about: str, at: datetime | None = None) -> None:
        at = at or datetime.now(UTC)
        order = f"{int(order_at(at), 16) + len(self.stored):032x}"
        found = Notification(
            about, Kind.EMAIL_CONFIRMATION, about, recipient, {"code": "1", "hours": 1}, order, at
        )
        self.stored.append(found)

    def created(self, since: datetime) -> list[Notification]:
        self.reads.append(since)
        found = [each for each in self.stored if each.order >= order_at(since)]
        return sorted(found, key=lambda each: each.order)


class FakeSubscriptions:
    def __init__(self) -> None:
        self.reads = 0

    def get(self, recipient: str) -> Subscription:
        self.reads += 1
        return Subscription()


class FakeCaller:
    """A call whose caller leaves when told to."""

    def __init__(self) -> None:
        self._is_active = True
        self._woken: list[threading.Event] = []

    def is_active(self) -> bool:
        return self._is_active

    @contextmanager
    def waking(self, event: threading.Event) -> Iterator[None]:
        self._woken.append(event)
        yield

    def leave(self) -> None:
        self._is_active = False
        for event in self._woken:
            event.set()


def heard(
    listeners: Any, recipient: str, caller: FakeCaller, subscriptions: Any = None
) -> list[str]:
    """What a stream says until its caller leaves: ids of notifications, and empty signs of life."""
    subscriptions = subscriptions or FakeSubscriptions()
    stream = watch(
        recipient,
        language=notification_pb2.LANGUAGE_UNSPECIFIED,
        listeners=listeners,
        subscriptions=subscriptions,
        caller=caller,
    )
    return [response.notification.notification_id for response in stream]


def test_a_hundred_idle_streams_share_one_read_and_read_nothing_themselves() -> None:
    inbox: Any = FakeInbox()
    listeners, subscriptions = Listeners(), FakeSubscriptions()
    callers = [FakeCaller() for _ in range(watching.WATCHERS_MAX)]
    with ThreadPoolExecutor(len(callers)) as pool:
        streams = [
            pool.submit(heard, listeners, f"r{number}", caller, subscriptions)
            for number, caller in enumerate(callers)
        ]
        wait_until(lambda: sum(map(len, listeners._of.values())) == len(callers))
        for _ in range(3):
            assert not listeners.look(inbox)
        inbox.add("r7", "n1")
        assert listeners.look(inbox)
        assert not listeners.look(inbox)
        assert len(inbox.reads) == 5, "one for each look, whatever the number of streams"
        wait_until(lambda: subscriptions.reads == 1, what="the stream has heard of it")
        for caller in callers:
            caller.leave()
        said = [stream.result(20) for stream in streams]
    assert said[7] == ["", "n1"]
    assert said[:7] + said[8:] == [[""]] * (len(callers) - 1)
    assert subscriptions.reads == 1
    assert not listeners.look(inbox)
    assert len(inbox.reads) == 5, "nobody listens, nothing is read"


def test_a_stream_begins_when_it_is_opened_and_hears_what_is_stored_late() -> None:
    inbox: Any = FakeInbox()
    listeners = Listeners()
    news = threading.Event()
    inbox.add("r", "before", datetime.now(UTC) - timedelta(seconds=1))
    with listeners.join("r", news) as listener:
        opened = datetime.now(UTC)
        inbox.add("r", "second", opened + timedelta(milliseconds=50))
        listeners.look(inbox)
        # Another process stores now what got its place in the order earlier.
        inbox.add("r", "first", opened + timedelta(milliseconds=20))
        listeners.look(inbox)
        listeners.look(inbox)
        assert news.is_set()
        assert [each.about for each in listener.taken()] == ["second", "first"]
        assert listener.taken() == []


def test_what_was_stored_while_the_database_could_not_be_read_is_told_afterwards() -> None:
    inbox: Any = FakeInbox()
    listeners = Listeners()
    with listeners.join("r", threading.Event()) as listener:
        listeners.look(inbox)
        looked = listeners._looked_at
        listeners._looked_at = looked - timedelta(minutes=1)
        inbox.add("r", "meanwhile", datetime.now(UTC) + timedelta(seconds=1))
        listeners.look(inbox)
        assert inbox.reads[-1] == max(listener.began, looked - timedelta(minutes=1, seconds=10))
        assert [each.about for each in listener.taken()] == ["meanwhile"]


def test_an_idle_stream_shows_now_and_then_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SIGN_OF_LIFE_SECONDS", 0.01)
    caller = FakeCaller()
    subscriptions: Any = FakeSubscriptions()
    stream = watch(
        "r",
        language=notification_pb2.LANGUAGE_UNSPECIFIED,
        listeners=Listeners(),
        subscriptions=subscriptions,
        caller=caller,
    )
    for _ in range(4):
        assert not next(stream).HasField("notification")
    caller.leave()
    assert list(stream) == []
    assert subscriptions.reads == 0


def test_beyond_the_limit_listeners_are_refused_until_one_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "WATCHERS_MAX", 1)
    listeners = Listeners()
    with (
        listeners.join("a", threading.Event()),
        pytest.raises(Exhausted),
        listeners.join("b", threading.Event()),
    ):
        pass
    with listeners.join("b", threading.Event()):
        assert set(listeners._of) == {"b"}
