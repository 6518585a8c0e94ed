"""A mail server that keeps what it gets, an empty database, and the service's settings."""

from __future__ import annotations

import threading
from asyncio import Server
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from services.cli.backups.restore import drop
from services.kernel.mongo import Mongo
from services.notifications.config import Settings
from services.notifications.schema import DATABASE
from tests.conftest import RunningBroker, RunningDatabase
from tests.integration.partners.serving import write_issuers


@dataclass
class Mailbox:
    """Every mail that was handed over; answers the next ones with ``answers`` first."""

    mails: list[EmailMessage] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        with self.lock:
            if self.answers:
                return self.answers.pop(0)
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
            self.receivers.extend(envelope.rcpt_tos)
        return "250 kept"


@dataclass
class MailServer:
    """A running mail server."""

    mailbox: Mailbox
    port: int


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    mailbox = Mailbox()
    # Port 0: the system gives one, and aiosmtpd's own start-up check needs to know it.
    controller = _Controller(mailbox, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield MailServer(mailbox, controller.port)
    finally:
        controller.stop()


class _Controller(Controller):
    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library gives it no types


@pytest.fixture
def connection(mongo: RunningDatabase) -> Iterator[Mongo]:
    found = Mongo(mongo.uri, 5000)
    drop(found, DATABASE)
    yield found
    found.close()


@pytest.fixture
def settings(
    mongo: RunningDatabase,
    broker: RunningBroker,
    mail_server: MailServer,
    connection: Mongo,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    return Settings(
        mongo_uri=mongo.uri,
        kafka_bootstrap=broker.bootstrap,
        kafka_membership="sole",
        kafka_fetch_wait_ms=20,
        issuers_file=write_issuers(tmp_path_factory.mktemp("issuers") / "issuers.json"),
        smtp_host="127.0.0.1",
        smtp_port=mail_server.port,
        smtp_sender="kpi@example.org",
    )
