"""The inbox and the ledger of e-mails, on the real database and a real mail server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from kieng.notifications.v1 import events_pb2, notification_pb2
from kieng.submissions.v1 import submission_pb2
from services.kernel.errors import InvalidRecord, NotReady
from services.kernel.mongo import Mongo
from services.notifications.config import Settings
from services.notifications.domain import Kind, Subscription
from services.notifications.schema import DATABASE
from services.notifications.sending import LEASE
from services.texts import Lang
from tests.integration.notifications.conftest import MailServer
from tests.integration.notifications.process import Process, decisions
from tests.unit.notifications.records import contradicted, reached, record

EVERYTHING = tuple(Kind)
confirmed = partial(Subscription, is_confirmed=True)


@pytest.fixture
def process(connection: Mongo, settings: Settings) -> Process:
    return Process(connection, settings)


def test_a_batch_replayed_reordered_and_after_a_restart_tells_and_mails_once(
    process: Process, mail_server: MailServer
) -> None:
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    batch = decisions(4)
    process.tell([*batch, batch[0]])
    process.send()
    process.tell(batch[::-1])
    process.send()
    restarted = Process(process.mongo, process.settings)
    restarted.tell(batch)
    restarted.send()
    assert sorted(restarted.inbox_of("alpha/u1")) == [f"submission:s{n}" for n in range(4)]
    assert len(mail_server.mailbox.mails) == 4
    assert len({mail["Message-ID"] for mail in mail_server.mailbox.mails}) == 4
    assert restarted.states() == [("sent", 1)] * 4


def test_the_sender_is_woken_only_for_mails(process: Process) -> None:
    assert not process.tell(decisions(1))
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    assert process.tell(decisions(2))
    assert not process.tell(decisions(2))
    assert not process.tell(decisions(3), mailing=False)


def test_an_event_replayed_after_its_author_asked_for_mail_is_not_mailed(
    process: Process, mail_server: MailServer
) -> None:
    process.tell(decisions(1))
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    process.tell(decisions(1))
    process.send()
    assert mail_server.mailbox.mails == []


def test_a_crash_between_the_two_writes_of_a_batch_loses_neither_mail_nor_notification(
    process: Process, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))

    def crash(*arguments: Any) -> int:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(process.inbox, "add", crash)
        with pytest.raises(RuntimeError):
            process.tell(decisions(1))
    process.send()
    assert mail_server.mailbox.mails == []
    process.tell(decisions(1))
    process.send()
    assert process.inbox_of("alpha/u1") == ["submission:s0"]
    assert len(mail_server.mailbox.mails) == 1


def test_the_same_subject_of_another_institution_hears_nothing(process: Process) -> None:
    process.tell(decisions(1))
    assert process.inbox_of("beta/u1") == []


@pytest.mark.parametrize(
    ("state", "language", "subject", "line"),
    [
        ("RETURNED", Lang.vi, "Hồ sơ được trả lại", "được trả lại để chỉnh sửa"),
        ("RETURNED", Lang.en, "Returned", "was sent back"),
        ("VERIFIED", Lang.vi, "Hồ sơ đã được xác minh", "được tính vào chỉ số"),
        ("VERIFIED", Lang.en, "Verified", "counts in the indicators"),
        ("REJECTED", Lang.vi, "Hồ sơ bị từ chối", "không được tính"),
        ("REJECTED", Lang.en, "Rejected", "does not count"),
    ],
)
def test_a_decision_arrives_by_mail_in_the_language_of_its_reader(
    process: Process,
    mail_server: MailServer,
    state: str,
    language: Lang,
    subject: str,
    line: str,
) -> None:
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org", language))
    process.tell(decisions(1, state=submission_pb2.State.Value(f"STATE_{state}")))
    process.send()
    (mail,) = mail_server.mailbox.mails
    assert mail["Subject"].startswith(subject)
    assert "“Một công trình”" in mail["Subject"]
    assert line in mail.get_content()
    assert mail_server.mailbox.receivers == ["a@example.org"]


def test_a_sent_mail_is_published_when_the_broker_is_there_again(process: Process) -> None:
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    process.tell(decisions(1))
    process.broker_is_down = True
    process.send()
    assert process.published == []
    process.broker_is_down = False
    process.send()
    process.send()
    (event,) = process.published
    delivered = events_pb2.NotificationDelivered.FromString(event.value)
    assert event.type == "kieng.notifications.v1.NotificationDelivered"
    assert (event.topic, event.key) == ("kieng.notifications.v1", delivered.notification_id)
    assert event.source == "kieng/notifications/alpha"
    assert delivered.kind == notification_pb2.KIND_SUBMISSION_VERIFIED
    assert delivered.channel == "email"


def test_without_the_wish_or_without_a_mail_server_no_mail_is_planned(process: Process) -> None:
    process.subscriptions.set("alpha/u1", confirmed((Kind.TARGET_REACHED,), "a@example.org"))
    process.tell(decisions(1))
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    process.tell(decisions(2), mailing=False)
    assert len(process.inbox_of("alpha/u1")) == 2
    assert process.states() == []


def test_a_wish_taken_back_before_the_mail_was_sent_holds(
    process: Process, mail_server: MailServer
) -> None:
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    process.tell(decisions(1))
    process.subscriptions.set("alpha/u1", Subscription())
    process.send()
    assert mail_server.mailbox.mails == []
    assert process.states() == [("dropped", 0)]


def test_a_mail_refused_for_now_waits_and_one_refused_for_good_is_over(
    process: Process, mail_server: MailServer
) -> None:
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    mail_server.mailbox.answers = ["451 later", "554 never"]
    process.tell(decisions(2))
    process.send()
    assert sorted(process.states()) == [("failed", 1), ("pending", 1)]
    (waiting,) = process.deliveries.due(datetime.now(UTC) + timedelta(seconds=6), 10)
    assert waiting.due_at > datetime.now(UTC)
    process.deliveries.postpone(waiting, datetime.now(UTC))
    process.send()
    assert sorted(process.states()) == [("failed", 1), ("sent", 2)]
    assert len(mail_server.mailbox.mails) == 1


def test_a_mail_is_given_up_after_ten_attempts(process: Process, mail_server: MailServer) -> None:
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    mail_server.mailbox.answers = ["451 later"] * 20
    process.tell(decisions(1))
    for _ in range(12):
        for waiting in process.deliveries.due(datetime.now(UTC) + timedelta(days=1), 10):
            process.deliveries.postpone(waiting, datetime.now(UTC))
        process.send()
    assert process.states() == [("failed", 10)]


def test_a_mail_server_that_is_down_costs_no_attempt(process: Process) -> None:
    closed = process.settings.model_copy(update={"smtp_port": 1})
    offline = Process(process.mongo, closed)
    offline.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    offline.tell(decisions(1))
    offline.send()
    assert offline.states() == [("pending", 0)]
    process.send()
    assert process.states() == [("sent", 1)]


def test_two_senders_share_the_mails_and_a_dead_one_s_lease_runs_out(process: Process) -> None:
    process.subscriptions.set("alpha/u1", confirmed(EVERYTHING, "a@example.org"))
    process.tell(decisions(1))
    now = datetime.now(UTC)
    (due,) = process.deliveries.due(now, 10)
    assert process.deliveries.claim(due, now, LEASE)
    assert not process.deliveries.claim(due, now, LEASE)
    assert process.deliveries.due(now + LEASE - timedelta(seconds=1), 10) == []
    (again,) = process.deliveries.due(now + LEASE, 10)
    assert process.deliveries.claim(again, now + LEASE, LEASE)


def test_a_reached_target_is_told_to_subscribers_of_the_unit_and_of_everything_above(
    process: Process, mail_server: MailServer
) -> None:
    wishes = {
        "alpha/of-unit": ("alpha/sci",),
        "alpha/of-institution": ("alpha",),
        "beta/of-all": ("consortium", "alpha"),
        "beta/of-other": ("beta", "alpha/science", "alpha/sci/lab"),
    }
    for recipient, units in wishes.items():
        process.subscriptions.set(recipient, Subscription((), "", Lang.vi, units))
    mailed = confirmed((Kind.TARGET_REACHED,), "b@example.org", Lang.en, ("consortium",))
    process.subscriptions.set("beta/of-all", mailed)
    for value in (1250, 1300):
        process.tell([record(reached("alpha/sci", value))])
    process.send()
    about = ["target:alpha/sci:PUB-01:2025"]
    assert [process.inbox_of(recipient) for recipient in wishes] == [about, about, about, []]
    (mail,) = mail_server.mailbox.mails
    assert mail["Subject"] == "Target PUB-01 of 2025 reached: alpha/sci"
    assert "1,250" in mail.get_content()


def test_a_bad_record_is_named_by_its_offset_and_nothing_is_told(process: Process) -> None:
    good, bad, last = decisions(3)
    bad.value = b"\xff\xff"
    with pytest.raises(InvalidRecord) as invalid:
        process.tell([good, bad, last])
    assert invalid.value.offset == 1
    assert process.inbox_of("alpha/u1") == []
    process.tell([good, last])
    assert len(process.inbox_of("alpha/u1")) == 2


def test_a_dead_database_makes_the_batch_come_again(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Mongo("mongodb://127.0.0.1:1", 100)
    monkeypatch.setattr(process.inbox, "_documents", nowhere.database(DATABASE)["notifications"])
    with pytest.raises(NotReady):
        process.tell(decisions(1))
    nowhere.close()


def test_a_contradicted_work_is_told_to_both_authors_and_their_units_alone(
    process: Process, mail_server: MailServer
) -> None:
    for person, unit_id in (
        ("alpha/dean", "alpha"),
        ("beta/dean", "beta/one"),
        ("gamma/dean", "alpha/sci"),
        ("alpha/head", "consortium"),
    ):
        process.subscriptions.set(person, Subscription(target_unit_ids=(unit_id,)))
    process.subscriptions.set(
        "beta/u2", confirmed((Kind.WORK_CONTRADICTED,), "b@example.org", Lang.en)
    )
    process.tell([record(contradicted()), record(contradicted(), 1)])
    process.send()
    for person, count in (
        ("alpha/u1", 1),
        ("beta/u2", 1),
        ("alpha/dean", 1),
        ("beta/dean", 0),
        ("gamma/dean", 0),
        ("alpha/head", 0),
    ):
        assert process.inbox_of(person) == ["work:doi:10.1000/x"] * count, person
    (mail,) = mail_server.mailbox.mails
    assert mail["Subject"] == "Claims differ on doi:10.1000/x: beta"
    assert "Quartile: Q2 ≠ Q1" in mail.get_content()
    assert "kieng submission show beta.1 --institution beta" in mail.get_content()


@pytest.mark.parametrize("missing", ["work_key", "leading", "contradicting"])
def test_a_contradiction_that_names_no_work_or_claim_is_no_record(
    process: Process, missing: str
) -> None:
    event = contradicted()
    event.ClearField(missing)  # type: ignore[arg-type]
    with pytest.raises(InvalidRecord):
        process.tell([record(event)])


def test_three_thousand_decisions_in_a_burst_are_told_once_each(process: Process) -> None:
    burst = decisions(3000)
    for start in range(0, 3000, 500):
        process.tell(burst[start : start + 500])
    process.tell(burst[:500])
    assert process.inbox.unread("alpha/u1") == 3000
