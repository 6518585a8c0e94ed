"""The stack with the demo's data, started once, and the mails that it sends."""

from __future__ import annotations

import os
import threading
from asyncio import Server
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser

from tests.distribution import BREAKS, E2E, MENDING, last_user_of_the_stack, unit_of_work
from tests.e2e import sample
from tests.e2e.browsing import browser, chromium
from tests.e2e.collecting import Collector, collecting
from tests.e2e.comparing import Comparison
from tests.e2e.running import RunningStack

# The first test of a session pays for the start and the import.
SECONDS_MAX = 480
FEWER = 2
"""The stack that breaks imports so many times fewer than the other: a few of every type."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(E2E):
            item.add_marker(pytest.mark.timeout(SECONDS_MAX))


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    """A browser for the tests of a module."""
    if not chromium():
        pytest.skip("no Chromium here: apt-get install chromium, and run it again")
    with browser() as found:
        yield found


def workers_of(config: pytest.Config) -> int:
    """How many processes run the tests of this session."""
    return int(getattr(config, "workerinput", {}).get("workercount", 1))


@dataclass
class Mailbox:
    """Every mail that was handed over."""

    mails: list[Message] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        with self.lock:
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 kept"

    def of(self, receiver: str) -> list[Message]:
        """Mails to an address."""
        with self.lock:
            return [mail for mail in self.mails if mail["To"] == receiver]


class _Controller(Controller):
    # Port 0: the system gives one, and aiosmtpd's own start-up check needs to know it.
    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library gives it no types


@pytest.fixture(scope="session")
def mail_server() -> Iterator[_Controller]:
    controller = _Controller(Mailbox(), hostname="127.0.0.1", port=0)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture(scope="session")
def mailbox(mail_server: _Controller) -> Mailbox:
    """What the stack sent by e-mail."""
    mailbox = mail_server.handler
    assert isinstance(mailbox, Mailbox)
    return mailbox


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """What the stack sent as traces."""
    with collecting() as running:
        yield running


@pytest.fixture(scope="session")
def stack(
    mail_server: _Controller,
    collector: Collector,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
    measured: Callable[[str], None],
) -> Iterator[RunningStack]:
    """`kieng demo` of a sample, after it has imported and counted everything; it stays up."""
    broker: str = pytestconfig.getoption("--broker")
    mail = {"KIENG_SMTP_HOST": "127.0.0.1", "KIENG_SMTP_PORT": str(mail_server.port)}
    # Its consumers ask an idle embedded broker less often than people are given: a third of a core.
    own = {**mail, "KIENG_KAFKA_FETCH_WAIT_MS": "250"}
    own |= {"KIENG_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "500"}
    running = RunningStack(tmp_path_factory.mktemp("e2e"), broker, own)
    files = tmp_path_factory.mktemp("sample")
    # Figures of the whole demo are looked at on the other stack, if there are two.
    is_breaking = unit_of_work(os.environ["PYTEST_CURRENT_TEST"]) == BREAKS
    if is_breaking and workers_of(pytestconfig) > 1:
        sample.take_a_part(FEWER)
    sample.write(files)
    options = ("--files", str(files), "--json-out", str(running.answer))
    try:
        total = running.start("demo", *options, until="kieng doctor")
        measured(f"demo: import {running.seconds('import')} s, from nothing {total:.1f} s")
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def comparison(stack: RunningStack, measured: Callable[[str], None]) -> Iterator[Comparison]:
    """Compares every cell of the stack with the oracle, at the end in any case."""
    made = Comparison(stack, measured)
    yield made
    if stack.is_running:
        made.check()


@pytest.fixture(scope="module", autouse=True)
def _every_cell_equals_the_oracles(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compare before what might mend a cell, and when a stack ends; end it after its last module.

    Otherwise a cell that went wrong stays wrong, as the log stays the same.
    """
    every = request.session.items
    here = (item for item in every if item.path == request.path)
    if not any("stack" in getattr(item, "fixturenames", ()) for item in here):
        yield
        return
    stack: RunningStack = request.getfixturevalue("stack")
    comparison: Comparison = request.getfixturevalue("comparison")
    if request.path.name in MENDING:
        comparison.check()
    yield
    # A session may go on for minutes, and an idle stack costs a tenth of a core.
    workers = workers_of(request.config)
    if stack.is_running and request.path == last_user_of_the_stack(every, request.path, workers):
        comparison.check()
        stack.stop()
