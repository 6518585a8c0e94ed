"""Streams end with their caller and with the server, whether they look for it or sleep."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from kieng.notifications.v1 import notification_service_pb2 as api
from services.kernel.config import KernelSettings
from services.kernel.interceptors import Call
from tests.unit.kernel.serving import running, watch


def test_a_stream_that_asks_whether_it_is_active_ends_when_the_server_stops(
    settings: KernelSettings,
) -> None:
    def listen(request: Any, call: Call) -> Iterator[Any]:
        while call.is_active():
            Event().wait(0.01)
            yield api.WatchNotificationsResponse()

    with ThreadPoolExecutor(1) as pool, running(settings) as client:
        client.behaviour.answer = listen
        stream = watch(client)
        next(stream)
        stop = pool.submit(client.server.stop)
        assert all(message == api.WatchNotificationsResponse() for message in stream)
        stop.result(10)


@pytest.mark.parametrize("ends", ["the caller leaves", "the server stops"])
def test_a_stream_that_sleeps_is_woken_when_it_is_over(settings: KernelSettings, ends: str) -> None:
    asleep, over = Event(), Event()

    def sleep(request: Any, call: Call) -> Iterator[Any]:
        news = Event()
        with call.waking(news):
            yield api.WatchNotificationsResponse()
            assert call.is_active()
            assert not news.is_set()
            asleep.set()
            assert news.wait(10)
            assert not call.is_active()
        over.set()

    with running(settings) as client:
        client.behaviour.answer = sleep
        stream = watch(client)
        next(stream)
        assert asleep.wait(10)
        if ends == "the caller leaves":
            stream.cancel()
        else:
            client.server.stop()
        assert over.wait(10)


def test_a_call_that_is_over_wakes_whoever_begins_to_wait(settings: KernelSettings) -> None:
    began, woken = Event(), Event()

    def listen(request: Any, call: Call) -> Iterator[Any]:
        yield api.WatchNotificationsResponse()
        began.set()
        while call.is_active():
            Event().wait(0.01)
        news = Event()
        with call.waking(news):
            assert news.wait(10)
        woken.set()

    with running(settings) as client:
        client.behaviour.answer = listen
        stream = watch(client)
        next(stream)
        assert began.wait(10)
        stream.cancel()
        assert woken.wait(10)
