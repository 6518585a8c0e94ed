"""Nothing but a code is sent to an address before its person has sent the code back."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kieng.notifications.v1 import notification_pb2
from kieng.notifications.v1 import notification_service_pb2 as api
from services.kernel.mongo import Mongo
from services.notifications.config import Settings
from services.notifications.confirmation import ATTEMPTS_MAX, CODES_PER_HOUR_MAX
from services.notifications.schema import DATABASE
from services.notifications.service import NotificationsService
from tests.integration.notifications.confirming import codes, subscribe, told
from tests.integration.notifications.conftest import MailServer
from tests.integration.notifications.test_service import (
    SUBMISSIONS,
    caller,
    decision,
    listed,
    produce,
    subject,
)
from tests.integration.partners.serving import Caller, running
from tests.waiting import wait_until

__all__ = ["subject"]
WISH = notification_pb2.Subscription(
    email="victim@example.org",
    email_kinds=[notification_pb2.KIND_SUBMISSION_VERIFIED],
    language=notification_pb2.LANGUAGE_EN,
)


def set_to(client: Caller, email: str) -> Any:
    wish = notification_pb2.Subscription()
    wish.CopyFrom(WISH)
    wish.email = email
    return client.SetSubscription(api.SetSubscriptionRequest(subscription=wish))


def refused(client: Caller, code: str) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as refusal:
        client.ConfirmEmail(api.ConfirmEmailRequest(code=code))
    return refusal.value.code()


def test_an_address_is_mailed_after_its_code_came_back_and_not_before(
    settings: Settings, mail_server: MailServer, connection: Mongo, subject: str
) -> None:
    with running(NotificationsService, settings) as channel:
        client = caller(channel, subject)
        assert not set_to(client, "victim@example.org").subscription.email_confirmed
        wait_until(lambda: len(codes(mail_server)) == 1)
        produce(settings, SUBMISSIONS, decision(subject, 1))
        wait_until(lambda: listed(client).unread == 2)
        (code,) = codes(mail_server)
        stored = str(list(connection.database(DATABASE)["subscriptions"].find()))
        inbox = str(listed(client).notifications)
        for place in (stored, inbox):
            assert code not in place
            assert code.replace("-", "") not in place

        other = caller(channel, f"{subject}-other")
        set_to(other, "victim@example.org")
        wait_until(lambda: len(codes(mail_server)) == 2)
        assert refused(other, code) is grpc.StatusCode.INVALID_ARGUMENT, "another's code"
        assert refused(client, "22222-22222") is grpc.StatusCode.INVALID_ARGUMENT
        found = client.ConfirmEmail(api.ConfirmEmailRequest(code=code.lower())).subscription
        assert found.email_confirmed
        assert client.ConfirmEmail(api.ConfirmEmailRequest(code="again")).subscription == found
        produce(settings, SUBMISSIONS, decision(subject, 2))
        wait_until(lambda: len(told(mail_server)) == 1)
        assert set(mail_server.mailbox.receivers) == {"victim@example.org"}

        # The same address stays confirmed, another one begins again.
        assert set_to(client, "victim@example.org").subscription.email_confirmed
        assert not set_to(client, "other@example.org").subscription.email_confirmed
        produce(settings, SUBMISSIONS, decision(subject, 3))
        wait_until(lambda: listed(client).unread == 5)
        wait_until(lambda: len(codes(mail_server)) == 3)
        assert len(told(mail_server)) == 1


def test_attempts_and_codes_are_limited(
    settings: Settings, mail_server: MailServer, subject: str
) -> None:
    with running(NotificationsService, settings) as channel:
        client = caller(channel, subject)
        set_to(client, "a@example.org")
        wait_until(lambda: len(codes(mail_server)) == 1)
        for _ in range(ATTEMPTS_MAX):
            assert refused(client, "22222-22222") is grpc.StatusCode.INVALID_ARGUMENT
        # Not even the right one, from now on.
        assert refused(client, codes(mail_server)[0]) is grpc.StatusCode.FAILED_PRECONDITION
        for number in range(1, CODES_PER_HOUR_MAX):
            set_to(client, f"a{number}@example.org")
        with pytest.raises(grpc.RpcError) as refusal:
            set_to(client, "a9@example.org")
        assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        kept = client.GetSubscription(api.GetSubscriptionRequest()).subscription
        assert kept.email == f"a{CODES_PER_HOUR_MAX - 1}@example.org"
        # A code that waits to be sent goes to the address of now, so that may get several.
        wait_until(lambda: len(codes(mail_server)) >= 2)
        assert len(codes(mail_server)) <= CODES_PER_HOUR_MAX
        assert "a9@example.org" not in {m["To"] for m in mail_server.mailbox.mails}


def test_a_subscription_of_an_older_release_is_sent_nothing_until_it_is_confirmed(
    settings: Settings, mail_server: MailServer, connection: Mongo, subject: str
) -> None:
    connection.database(DATABASE)["subscriptions"].insert_one(
        {
            "_id": f"alpha/{subject}",
            "email_kinds": ["submission_verified"],
            "email": "a@example.org",
            "language": "en",
            "target_unit_ids": [],
        }
    )
    with running(NotificationsService, settings) as channel:
        client = caller(channel, subject)
        produce(settings, SUBMISSIONS, decision(subject, 1))
        wait_until(lambda: listed(client).unread == 1)
        assert refused(client, "22222-22222") is grpc.StatusCode.FAILED_PRECONDITION
        known = client.GetSubscription(api.GetSubscriptionRequest()).subscription
        subscribe(client, mail_server, known)
        produce(settings, SUBMISSIONS, decision(subject, 2))
        wait_until(lambda: len(told(mail_server)) == 1)
