"""Many at once go through one by one, and everything that is slow is done before anybody comes."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest

from services.portal import application as applications
from services.portal.config import Settings
from services.portal.loop import Turnstile
from services.portal.pieces import FOLDER
from services.portal.server import ACCEPTED_AT_ONCE, _Server, configuration

MANY = 100
CONNECTIONS = 5 * ACCEPTED_AT_ONCE


def test_one_is_let_in_with_each_step_of_the_loop() -> None:
    turnstile, steps, entered = Turnstile(), list[int](), list[int]()

    async def visitor(number: int) -> None:
        await turnstile.let_in()
        entered.append(number)

    async def within() -> None:
        visitors = [asyncio.create_task(visitor(number)) for number in range(MANY)]
        while len(entered) < MANY:
            before = len(entered)
            await asyncio.sleep(0)
            steps.append(len(entered) - before)
        await asyncio.gather(*visitors)

    asyncio.run(within())
    assert entered == list(range(MANY))
    assert max(steps) == 1


def test_connections_wait_to_be_accepted_and_few_are_at_once() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    async def within() -> list[int]:
        server = _Server(configuration(app, Settings()))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        address = server.servers[0].sockets[0].getsockname()
        accepted = [0]
        with ExitStack() as stack:
            for _ in range(CONNECTIONS):
                # Without room where they wait, this one would have to try again after a second.
                stack.enter_context(socket.create_connection(address, timeout=0.9))
            while accepted[-1] < CONNECTIONS:
                await asyncio.sleep(0)
                accepted.append(len(server.server_state.connections))
        server.should_exit = server.force_exit = True
        await serving
        return accepted

    accepted = asyncio.run(asyncio.wait_for(within(), 20))
    assert max(b - a for a, b in pairwise(accepted)) <= ACCEPTED_AT_ONCE


def test_templates_are_ready_and_spared_by_the_collector_before_the_first_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready: list[int] = []
    app = applications.application(Settings())
    site = app._app._app.state.site
    monkeypatch.setattr(gc, "freeze", lambda: ready.append(len(site.environment.cache)))

    async def within() -> None:
        async with app._app._app.router.lifespan_context(app._app._app):
            pass

    asyncio.run(within())
    assert ready == [len(list((FOLDER / "templates").iterdir()))]
