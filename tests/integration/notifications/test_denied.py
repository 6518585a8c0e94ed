"""What is denied changes nothing in anybody's inbox or subscription."""

from __future__ import annotations

from functools import partial

from services.kernel.mongo import Mongo
from services.notifications.config import Settings
from services.notifications.domain import Subscription
from services.notifications.schema import DATABASE
from services.notifications.service import NotificationsService
from services.notifications.store import Subscriptions
from tests.integration.denying import content_of, deny_everything
from tests.integration.partners.serving import credential, running


def test_denied_calls_change_no_byte(settings: Settings, connection: Mongo) -> None:
    Subscriptions(connection).set("alpha/spy", Subscription(email="a@example.org"))
    with running(NotificationsService, settings) as channel:
        before = content_of(connection, DATABASE)
        credentials = [
            partial(credential, "alpha", "spy"),
            partial(credential, "beta", "spy", unit="beta/one"),
        ]
        assert deny_everything(channel, NotificationsService.serves, credentials) > 30
        assert content_of(connection, DATABASE) == before
