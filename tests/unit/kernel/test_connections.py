"""Connections end by age, and when they are idle, and nobody who calls in time notices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc as grpcio
import pytest

from services.kernel import grpc as module
from services.kernel.config import KernelSettings
from services.kernel.interceptors import Call
from tests.unit.kernel.serving import Client, refused, running
from tests.waiting import wait_until

LONG_MS, SHORT_MS = 900_000, 200


class Connections:
    """Keeps the connection of each answered call; a call that says `slow` waits until it may go."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.entered, self.go_on = threading.Event(), threading.Event()

    def __call__(self, request: Any, call: Call) -> None:
        context: Any = call.context
        self.seen.append(context.peer())
        if ("slow", "yes") in context.invocation_metadata():
            self.entered.set()
            assert self.go_on.wait(30)


@contextmanager
def limited(
    settings: KernelSettings, *, age: int = LONG_MS, grace: int = LONG_MS, idle: int = LONG_MS
) -> Iterator[tuple[Client, Connections]]:
    """The toy with these limits on connections, in milliseconds."""
    changed = {"age": age, "age_grace": grace, "idle": idle}
    limits = {f"grpc.max_connection_{name}_ms": limit for name, limit in changed.items()}
    assert limits.keys() <= dict(module.OPTIONS).keys()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "OPTIONS", list({**dict(module.OPTIONS), **limits}.items()))
        with running(settings) as client:
            connections = client.behaviour.answer = Connections()
            try:
                yield client, connections
            finally:
                connections.go_on.set()


def number_used(client: Client, connections: Connections) -> int:
    """Call, which must succeed; the number of connections by which calls have come since."""
    client.get(timeout=20)
    return len(set(connections.seen))


def test_connections_end_after_five_minutes_and_a_call_on_them_has_fifteen_more() -> None:
    limits = {name: ms / 60_000 for name, ms in module.OPTIONS if "max_connection" in name}
    assert limits == {
        "grpc.max_connection_age_ms": 5,
        "grpc.max_connection_age_grace_ms": 15,
        "grpc.max_connection_idle_ms": 5,
    }


def test_an_old_connection_is_replaced_while_no_call_fails_and_a_running_one_goes_on(
    settings: KernelSettings,
) -> None:
    with limited(settings, age=SHORT_MS) as (client, connections), ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.get, timeout=30, slow="yes")
        try:
            assert connections.entered.wait(20)
            wait_until(lambda: number_used(client, connections) == 4)
            assert not slow.done()
        finally:
            connections.go_on.set()
        assert slow.result(20) is not None


def test_a_call_that_goes_on_beyond_the_grace_ends_with_its_connection(
    settings: KernelSettings,
) -> None:
    with limited(settings, age=SHORT_MS, grace=SHORT_MS) as (client, connections):
        ended = refused(lambda: client.get(timeout=30, slow="yes"))
        assert ended.code() is grpcio.StatusCode.UNAVAILABLE
        connections.go_on.set()
        assert number_used(client, connections) == 2


def test_an_idle_connection_is_closed_and_the_next_call_opens_another(
    settings: KernelSettings,
) -> None:
    with limited(settings, idle=SHORT_MS) as (client, connections):
        closed = threading.Event()
        states: list[grpcio.ChannelConnectivity] = []

        def note(state: grpcio.ChannelConnectivity) -> None:
            states.append(state)
            if grpcio.ChannelConnectivity.READY in states[:-1]:
                closed.set()

        client.channel.subscribe(note)
        client.get(timeout=20)
        assert closed.wait(30), states
        client.channel.unsubscribe(note)
        assert number_used(client, connections) == 2


def test_a_connection_with_a_running_call_is_not_idle(settings: KernelSettings) -> None:
    with limited(settings, idle=SHORT_MS) as (client, connections), ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.get, timeout=30, slow="yes")
        assert connections.entered.wait(20)
        address = f"127.0.0.1:{client.server.port}"
        own = [("grpc.use_local_subchannel_pool", 1)]
        with grpcio.insecure_channel(address, options=own) as other:
            # Another one that had no call is closed meanwhile.
            ready, closed = threading.Event(), threading.Event()

            def note(state: grpcio.ChannelConnectivity) -> None:
                if state is grpcio.ChannelConnectivity.READY:
                    ready.set()
                elif ready.is_set():
                    closed.set()

            other.subscribe(note, try_to_connect=True)
            assert closed.wait(30)
            other.unsubscribe(note)
        connections.go_on.set()
        assert slow.result(20) is not None
