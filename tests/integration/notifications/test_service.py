"""The whole service in this process: broker, database and mail server in, gRPC out."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import grpc
import pytest
from kafka import KafkaProducer
from prometheus_client import REGISTRY

from kieng.notifications.v1 import events_pb2, notification_pb2
from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from kieng.submissions.v1 import submission_pb2
from services.kernel.container import NativeContainer
from services.kernel.grpc import DRAIN_SECONDS_MAX, GrpcServer
from services.notifications.config import Settings
from services.notifications.service import NotificationsService
from tests.integration.kernel.raw_records import ODD, write_raw
from tests.integration.notifications.confirming import subscribe, told
from tests.integration.notifications.conftest import MailServer
from tests.integration.partners.serving import Caller, Log, credential, running
from tests.unit.notifications.records import changed, reached, record
from tests.waiting import wait_until

SUBMISSIONS, KPI = "kieng.submissions.v1", "kieng.kpi.v1"


@pytest.fixture
def channel(settings: Settings) -> Iterator[grpc.Channel]:
    with running(NotificationsService, settings) as channel:
        yield channel


@pytest.fixture
def subject() -> str:
    """A person of this test alone: the broker's records are shared by all tests."""
    return f"u-{uuid.uuid4()}"


def caller(channel: grpc.Channel, subject: str, institution: str = "alpha") -> Caller:
    return Caller(NotificationServiceStub(channel), credential(institution, subject, "contributor"))


def produce(settings: Settings, topic: str, *messages: Any) -> None:
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap)) as producer:
        for message in messages:
            headers = record(message).headers
            producer.send(topic, message.SerializeToString(), b"k", headers=headers).get(timeout=5)


def decision(subject: str, number: int, **fields: Any) -> Any:
    named = {"submission_id": f"{subject}-{number}", "submitted_by": subject}
    return changed(**{**named, **fields})


def listed(client: Caller, **fields: Any) -> Any:
    return client.ListNotifications(api.ListNotificationsRequest(**fields))


def test_decisions_arrive_are_paged_read_and_counted(
    channel: grpc.Channel, settings: Settings, subject: str
) -> None:
    client = caller(channel, subject)
    produce(settings, SUBMISSIONS, *(decision(subject, n) for n in range(5)))
    wait_until(lambda: listed(client).unread == 5)

    first = listed(client, page_size=3)
    rest = listed(client, page_size=3, page_token=first.next_page_token)
    rows = [*first.notifications, *rest.notifications]
    assert [row.about for row in rows] == [f"submission:{subject}-{n}" for n in (4, 3, 2, 1, 0)]
    assert (len(first.notifications), rest.next_page_token) == (3, "")

    ids = [row.notification_id for row in rows[:2]]
    other = caller(channel, subject, "beta")
    assert other.MarkRead(api.MarkReadRequest(notification_ids=ids)).marked == 0
    assert client.MarkRead(api.MarkReadRequest(notification_ids=[*ids, "absent"])).marked == 2
    assert client.MarkRead(api.MarkReadRequest(notification_ids=ids)).marked == 0
    unread = listed(client, unread_only=True)
    assert (unread.unread, len(unread.notifications)) == (3, 3)
    assert listed(client).notifications[0].HasField("read_at")
    assert listed(other).unread == 0

    with pytest.raises(grpc.RpcError) as refusal:
        listed(client, unread_only=True, page_token=first.next_page_token)
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_the_owners_of_withdrawn_work_are_told_and_who_withdrew_it_is_not(
    channel: grpc.Channel, settings: Settings, subject: str
) -> None:
    gone = decision(subject, 1, state=submission_pb2.STATE_WITHDRAWN, declared=None, verified=None)
    gone.authors_to_notify.extend([f"{subject}-first", f"{subject}-second"])
    produce(settings, SUBMISSIONS, gone, decision(subject, 2))

    def unread() -> list[int]:
        return [listed(caller(channel, each)).unread for each in (subject, *gone.authors_to_notify)]

    wait_until(lambda: unread() == [1, 1, 1])
    for owner in gone.authors_to_notify:
        (row,) = listed(caller(channel, owner)).notifications
        assert row.kind == notification_pb2.KIND_SUBMISSION_WITHDRAWN
        assert row.about == f"submission:{subject}-1"


def test_a_restarted_service_and_a_repeated_record_tell_and_mail_nobody_again(
    settings: Settings, mail_server: MailServer, subject: str
) -> None:
    marker = decision(subject, 2)
    with running(NotificationsService, settings) as channel:
        client = caller(channel, subject)
        wish = notification_pb2.Subscription(
            email="a@example.org",
            email_kinds=[notification_pb2.KIND_SUBMISSION_VERIFIED],
            language=notification_pb2.LANGUAGE_EN,
        )
        subscribe(client, mail_server, wish)
        produce(settings, SUBMISSIONS, decision(subject, 1), decision(subject, 1))
        wait_until(lambda: len(told(mail_server)) == 1)
    with running(NotificationsService, settings) as channel:
        produce(settings, SUBMISSIONS, decision(subject, 1), marker)
        wait_until(lambda: len(told(mail_server)) == 2)
        assert listed(caller(channel, subject)).unread == 3, "two decisions, and the code"
    subjects = [mail["Subject"] for mail in told(mail_server)]
    assert subjects == ["Verified: Publication “Một công trình”"] * 2
    with Log(settings.kafka_bootstrap, "kieng.notifications.v1") as log:
        sent = {mail["Message-ID"][1:33] for mail in mail_server.mailbox.mails}
        found: set[str] = set()

        def all_told() -> bool:
            events = (events_pb2.NotificationDelivered.FromString(r.value) for r in log.more())
            found.update(event.notification_id for event in events)
            return sent <= found

        wait_until(all_told)


def test_a_subscription_is_kept_changes_the_language_and_is_checked(
    channel: grpc.Channel, settings: Settings, subject: str
) -> None:
    client = caller(channel, subject)
    empty = client.GetSubscription(api.GetSubscriptionRequest()).subscription
    assert empty == notification_pb2.Subscription(language=notification_pb2.LANGUAGE_VI)
    produce(settings, KPI, reached("alpha/sci", 1201))
    en = notification_pb2.LANGUAGE_EN
    english = notification_pb2.Subscription(language=en, target_unit_ids=["consortium"])
    client.SetSubscription(api.SetSubscriptionRequest(subscription=english))
    assert client.GetSubscription(api.GetSubscriptionRequest()).subscription == english
    target = reached("alpha/sci")
    target.target.indicator_code = "PUB-77"
    produce(settings, KPI, target)
    wait_until(lambda: any("PUB-77" in n.subject for n in listed(client).notifications))
    assert listed(client).notifications[0].subject == "Target PUB-77 of 2025 reached: alpha/sci"
    english.language = notification_pb2.LANGUAGE_VI
    client.SetSubscription(api.SetSubscriptionRequest(subscription=english))
    assert listed(client).notifications[0].subject == "Đạt chỉ tiêu PUB-77 năm 2025: alpha/sci"
    assert listed(client, language=en).notifications[0].subject.startswith("Target PUB-77 of 2025")
    for email in ("nobody", "a,b@example.org"):
        wrong = notification_pb2.Subscription(email=email)
        with pytest.raises(grpc.RpcError) as refusal:
            client.SetSubscription(api.SetSubscriptionRequest(subscription=wrong))
        assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_bad_record_goes_to_the_dead_letters_and_those_around_it_are_told(
    channel: grpc.Channel, settings: Settings, subject: str
) -> None:
    bad = decision(subject, 2, institution_id="")
    produce(settings, SUBMISSIONS, decision(subject, 1), bad, decision(subject, 3))
    wait_until(lambda: listed(caller(channel, subject)).unread == 2)
    with Log(settings.kafka_bootstrap, f"{SUBMISSIONS}.dlq") as log:
        buried = log.first(lambda r: r.value == bad.SerializeToString())
    assert b"no submission_id" in dict(buried.headers)["dlq_reason"]


def watch(channel: grpc.Channel, subject: str) -> Any:
    metadata = credential("alpha", subject, "contributor")
    return NotificationServiceStub(channel).WatchNotifications(
        api.WatchNotificationsRequest(), metadata=metadata
    )


def test_a_listener_hears_of_new_notifications_of_its_own_only(
    channel: grpc.Channel, settings: Settings, subject: str
) -> None:
    produce(settings, SUBMISSIONS, decision(subject, 0))
    wait_until(lambda: listed(caller(channel, subject)).unread == 1)
    stream = watch(channel, subject)
    assert not next(stream).HasField("notification")
    produce(
        settings,
        SUBMISSIONS,
        decision(f"{subject}-x", 1),
        decision(subject, 2),
        decision(subject, 3),
    )
    heard = [next(stream).notification.about for _ in range(2)]
    assert heard == [f"submission:{subject}-{n}" for n in (2, 3)]
    stream.cancel()


def test_listeners_have_a_limit_and_leave_their_place_when_they_hang_up(
    channel: grpc.Channel, subject: str, settings: Settings
) -> None:
    with ExitStack() as streams:
        for _ in range(settings.grpc_streams_per_principal):
            stream = watch(channel, subject)
            streams.callback(stream.cancel)
            next(stream)
        with pytest.raises(grpc.RpcError) as refusal:
            next(watch(channel, subject))
        assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED

    def is_free() -> bool:
        stream = watch(channel, subject)
        try:
            return not next(stream).HasField("notification")
        except grpc.RpcError:
            return False
        finally:
            stream.cancel()

    wait_until(is_free)


def test_a_stop_sends_listeners_home(settings: Settings, subject: str) -> None:
    container = NativeContainer(NotificationsService, settings)
    container.start()
    (server,) = [each for each in container.extensions if isinstance(each, GrpcServer)]
    with (
        ThreadPoolExecutor(1) as pool,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stream = watch(channel, subject)
        next(stream)
        rest = pool.submit(list, stream)
        begin = time.monotonic()
        container.stop()
        assert rest.result(timeout=5) == []
    assert time.monotonic() - begin < DRAIN_SECONDS_MAX / 2


def test_odd_records_are_buried_counted_and_tell_nobody_and_the_others_are_told(
    settings: Settings, subject: str
) -> None:
    topics = (SUBMISSIONS, KPI)

    def dead() -> float:
        name = "kieng_consumer_records_dead_lettered_total"
        labels = [{"topic": topic, "group": "kieng.notifications"} for topic in topics]
        return sum(REGISTRY.get_sample_value(name, each) or 0.0 for each in labels)

    with running(NotificationsService, settings) as channel:
        before = dead()
        for topic in topics:
            write_raw(settings.kafka_bootstrap, topic, *ODD)
        produce(settings, SUBMISSIONS, decision(subject, 1))
        client = caller(channel, subject)
        wait_until(lambda: listed(client).unread == 1)
        wait_until(lambda: dead() == before + len(topics) * len(ODD))
    with running(NotificationsService, settings) as channel:
        # What ended the process ended it again after every restart.
        produce(settings, SUBMISSIONS, decision(subject, 2))
        wait_until(lambda: listed(caller(channel, subject)).unread == 2)
        assert dead() == before + len(topics) * len(ODD)
