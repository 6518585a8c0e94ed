"""What is denied changes nothing in the directory, among partners or proposals."""

from __future__ import annotations

from functools import partial

import grpc

from services.kernel.mongo import Mongo
from services.partners.schema import DATABASE
from services.partners.service import PartnersService
from tests.integration.denying import content_of, deny_everything
from tests.integration.partners.serving import credential


def test_denied_calls_change_no_byte(channel: grpc.Channel, empty_database: Mongo) -> None:
    before = content_of(empty_database, DATABASE)
    credentials = [
        partial(credential, "alpha", "spy"),
        partial(credential, "alpha", "spy", unit="alpha/sci"),
    ]
    assert deny_everything(channel, PartnersService.serves, credentials) > 80
    assert content_of(empty_database, DATABASE) == before
