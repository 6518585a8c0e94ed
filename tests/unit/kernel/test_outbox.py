"""The relay publishes before it clears, is fair, and survives outages; see the simulation, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from pymongo.errors import AutoReconnect

from services.kernel.errors import Unavailable
from services.kernel.outbox import SOON_SECONDS, OutboxRelay
from services.kernel.publisher import Event


def event(number: int) -> Event:
    return Event(str(number), "topic", "key", "type", "source", b"")


@dataclass
class FakeOutbox:
    """Each document is a number, and so is its event."""

    documents: list[int]
    down: Exception | None = None

    def pending(self, limit: int) -> list[int]:
        if self.down:
            raise self.down
        return self.documents[:limit]

    def events(self, documents: Sequence[int]) -> list[Event]:
        return [event(document) for document in documents]

    def clear(self, documents: Sequence[int]) -> None:
        self.documents = [each for each in self.documents if each not in documents]


@dataclass
class FakeBroker:
    """Keeps what was published, while it is up."""

    ids: list[str] = field(default_factory=list)
    is_down: bool = False

    def publish(self, events: Iterable[Event]) -> None:
        if self.is_down:
            raise Unavailable("down")
        self.ids += [each.event_id for each in events]


def test_what_waits_is_published_and_then_cleared() -> None:
    outbox, broker = FakeOutbox([1, 2, 3]), FakeBroker()
    relay = OutboxRelay()
    assert relay.run([outbox], broker.publish, 2) == 0
    # Soon another round finds that nothing waits any more, which ends an overload.
    assert relay.run([outbox], broker.publish, 2) == SOON_SECONDS
    assert relay.run([outbox], broker.publish, 2) is None
    assert broker.ids == ["1", "2", "3"]
    assert outbox.documents == []


def test_nothing_is_cleared_that_the_broker_did_not_acknowledge() -> None:
    outbox, broker = FakeOutbox([1]), FakeBroker(is_down=True)
    outages: list[int] = []
    relay = OutboxRelay(on_outage=lambda: outages.append(1))
    assert relay.run([outbox], broker.publish, 10) == SOON_SECONDS
    assert outbox.documents == [1]
    broker.is_down = False
    relay.run([outbox], broker.publish, 10)
    assert broker.ids == ["1"]
    assert outages == [1]


def test_a_database_that_is_down_ends_the_round_only() -> None:
    outbox, broker = FakeOutbox([1], down=AutoReconnect("down")), FakeBroker()
    relay = OutboxRelay()
    assert relay.run([outbox], broker.publish, 10) == SOON_SECONDS
    outbox.down = None
    relay.run([outbox], broker.publish, 10)
    assert broker.ids == ["1"]


def test_unknown_trouble_is_not_taken_for_an_outage() -> None:
    outbox = FakeOutbox([1], down=ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        OutboxRelay().run([outbox], FakeBroker().publish, 10)


def test_a_long_outbox_does_not_hold_up_another() -> None:
    long, short, broker = FakeOutbox(list(range(100))), FakeOutbox([1000]), FakeBroker()
    relay = OutboxRelay()
    for _ in range(2):
        relay.run([long, short], broker.publish, 10)
    assert "1000" in broker.ids


def test_without_an_outbox_there_is_nothing_to_do() -> None:
    assert OutboxRelay().run([], FakeBroker().publish, 10) is None
