"""Sets a subscription, and confirms its address by the code of the mail."""

from __future__ import annotations

import re
from email.message import EmailMessage, Message

from kieng.notifications.v1 import notification_pb2
from kieng.notifications.v1 import notification_service_pb2 as api
from tests.integration.notifications.conftest import MailServer
from tests.integration.partners.serving import Caller
from tests.waiting import wait_until

SUBJECTS = ("Confirm this address", "Xác nhận địa chỉ này")


def codes(mail_server: MailServer) -> list[str]:
    """The codes of all confirmation mails so far."""
    mails = [mail for mail in mail_server.mailbox.mails if mail["Subject"] in SUBJECTS]
    return [code_of(mail) for mail in mails]


def code_of(mail: Message) -> str:
    assert isinstance(mail, EmailMessage)
    (code,) = set(re.findall(r"[2-9A-Z]{5}-[2-9A-Z]{5}", mail.get_content()))
    return str(code)


def told(mail_server: MailServer) -> list[EmailMessage]:
    """All other mails."""
    return [mail for mail in mail_server.mailbox.mails if mail["Subject"] not in SUBJECTS]


def subscribe(client: Caller, mail_server: MailServer, wish: notification_pb2.Subscription) -> None:
    sent = len(codes(mail_server))
    answer = client.SetSubscription(api.SetSubscriptionRequest(subscription=wish))
    assert not answer.subscription.email_confirmed
    wait_until(lambda: len(codes(mail_server)) == sent + 1)
    (code,) = codes(mail_server)[sent:]
    answer = client.ConfirmEmail(api.ConfirmEmailRequest(code=code))
    assert answer.subscription.email_confirmed
