"""What is offered beyond what can be published is refused, and an outage refuses nothing."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.kernel.errors import Exhausted
from services.submissions import outbox
from services.submissions.backlog import BULK_LATE_SECONDS, FRESH_SECONDS, LATE_SECONDS, Backlog
from services.submissions.outbox import Outage, SubmissionOutbox


class FakeSubmissions:
    """An outbox whose oldest event is as old as one likes."""

    institution_id = "alpha"

    def __init__(self) -> None:
        self.backlog = Backlog()
        self.age_seconds = 0.0
        self.is_down = False
        self.is_empty = False

    def pending(self, limit: int) -> list[dict[str, Any]]:
        if self.is_down:
            raise AutoReconnect
        if self.is_empty:
            return []
        time_of = datetime.now(UTC) - timedelta(seconds=self.age_seconds)
        return [{"outbox": [{"time": time_of}]}]

    def count_pending(self) -> int:
        return 1

    def clear(self, documents: Any) -> None:
        return None


def outbox_that_has_run(fake: FakeSubmissions, outage: Outage | None = None) -> SubmissionOutbox:
    known = outage or Outage(until=datetime.now(UTC) - timedelta(hours=1))
    return SubmissionOutbox(fake, known)  # type: ignore[arg-type]  # only what it asks of it


def test_who_submits_more_than_is_published_is_told_when_to_come_again() -> None:
    fake = FakeSubmissions()
    outbox = outbox_that_has_run(fake)
    fake.age_seconds = LATE_SECONDS + 4
    outbox.clear(outbox.pending(10))
    with pytest.raises(Exhausted) as refused:
        fake.backlog.need_room()
    assert refused.value.retry_after_seconds == pytest.approx(LATE_SECONDS + 4, abs=1)
    fake.age_seconds = 0.1
    outbox.clear(outbox.pending(10))
    fake.backlog.need_room()


def test_when_nothing_waits_any_more_submissions_are_taken_at_once() -> None:
    """They were refused for 5 seconds more, while the relay had nothing to do."""
    fake = FakeSubmissions()
    outbox = outbox_that_has_run(fake)
    fake.age_seconds = LATE_SECONDS + 4
    outbox.clear(outbox.pending(10))
    fake.is_empty = True
    assert not outbox.pending(10)
    fake.backlog.need_room()


def test_while_the_broker_is_down_and_after_it_submissions_are_taken() -> None:
    fake = FakeSubmissions()
    outbox = outbox_that_has_run(fake)
    fake.age_seconds = 600.0
    outbox.pending(10)  # the broker did not acknowledge: nothing is cleared
    outbox.pending(10)
    fake.backlog.need_room()
    outbox.clear(outbox.pending(10))
    fake.backlog.need_room()


def test_after_an_outage_of_the_database_submissions_are_taken() -> None:
    fake = FakeSubmissions()
    outage = Outage(until=datetime.now(UTC) - timedelta(hours=1))
    outbox = outbox_that_has_run(fake, outage)
    fake.is_down = True
    with pytest.raises(AutoReconnect):
        outbox.pending(10)
    fake.is_down = False
    # It was written just before the outage, or waited for its end and was written then.
    fake.age_seconds = 60.0
    outbox.clear(outbox.pending(10))
    fake.backlog.need_room()
    # Later on, what is as old is late again.
    outage.until -= timedelta(minutes=2)
    outbox.clear(outbox.pending(10))
    with pytest.raises(Exhausted):
        fake.backlog.need_room()


@pytest.mark.parametrize("is_database", [True, False], ids=["database", "broker"])
def test_an_outage_that_one_institution_meets_refuses_nothing_at_another(is_database: bool) -> None:
    one, other = FakeSubmissions(), FakeSubmissions()
    outage = Outage(until=datetime.now(UTC) - timedelta(hours=1))
    first, second = (outbox_that_has_run(each, outage) for each in (one, other))
    one.is_down = is_database
    with suppress(AutoReconnect):
        first.pending(10)  # the round ends here: the second outbox is not read
    one.is_down = False
    other.age_seconds = 60.0
    second.clear(second.pending(10))
    other.backlog.need_room()


@pytest.mark.parametrize("part", ["database", "broker"])
def test_a_part_that_hangs_once_refuses_nothing_and_one_that_hangs_again_is_too_slow(
    monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """What is frozen for less than the limit of a call fails nothing: the call takes long."""
    now = 1000.0
    monkeypatch.setattr(outbox, "time", SimpleNamespace(monotonic=lambda: now))
    fake = FakeSubmissions()
    ours = outbox_that_has_run(fake)
    read = fake.pending

    def one_round(hanging: str, age_seconds: float) -> None:
        def pending(limit: int) -> list[dict[str, Any]]:
            nonlocal now
            now += 20.0 * (hanging == "database")
            return read(limit)

        nonlocal now
        fake.age_seconds = age_seconds
        monkeypatch.setattr(fake, "pending", pending)
        documents = ours.pending(10)
        now += 20.0 * (hanging == "broker")
        ours.clear(documents)

    one_round(part, age_seconds=0.0)
    one_round("", age_seconds=15.0)  # written while it hung
    fake.backlog.need_room()
    one_round(part, age_seconds=0.0)
    ours._outage.until -= timedelta(minutes=1)
    one_round("", age_seconds=15.0)
    with pytest.raises(Exhausted):
        fake.backlog.need_room()


def test_what_a_service_finds_when_it_starts_is_no_overload() -> None:
    fake = FakeSubmissions()
    fake.age_seconds = 600.0
    outbox = outbox_that_has_run(fake, Outage())
    outbox.clear(outbox.pending(10))
    fake.backlog.need_room()


def test_rows_of_an_import_wait_until_publishing_has_caught_up() -> None:
    backlog, went_on = Backlog(), threading.Event()
    backlog.note(BULK_LATE_SECONDS + 0.5)
    backlog.need_room()  # people are not refused yet

    def import_rows() -> None:
        backlog.wait_for_room()
        went_on.set()

    threading.Thread(target=import_rows, daemon=True).start()
    assert not went_on.wait(0.05)
    backlog.note(0.1)
    assert went_on.wait(20)


def test_what_was_seen_long_ago_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = Backlog()
    backlog.note(LATE_SECONDS + 1)
    with pytest.raises(Exhausted):
        backlog.need_room()
    assert LATE_SECONDS > BULK_LATE_SECONDS
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + FRESH_SECONDS)
    monkeypatch.setattr("services.submissions.backlog.time", later)
    backlog.need_room()
