"""Calls whose callers leave before they are answered."""

from __future__ import annotations

import threading
from typing import Any

from services.kernel.config import KernelSettings
from services.kernel.interceptors import Call
from tests.unit.kernel.front.test_reception import GET, bearer, limited
from tests.unit.kernel.serving import SERVICE, running, token
from tests.waiting import wait_until


def test_calls_that_were_left_while_they_waited_are_not_answered(settings: KernelSettings) -> None:
    entered, go_on, answered = threading.Semaphore(0), threading.Event(), []

    def slow(request: Any, call: Call) -> None:
        answered.append(call)
        entered.release()
        assert go_on.wait(20)

    with running(limited(settings)) as client:
        client.behaviour.answer = slow
        call: Any = client.channel.unary_unary(GET)
        both = [call.future(b"", timeout=20, metadata=bearer(token())) for _ in range(2)]
        for _ in both:
            assert entered.acquire(timeout=10)
        left = [call.future(b"", timeout=20, metadata=bearer(token())) for _ in range(10)]
        wait_until(lambda: client.server.waiting() == len(left))
        for each in left:
            each.cancel()
        client.behaviour.answer = lambda request, call: None
        go_on.set()
        client.get()
        assert len(answered) == 2


def test_a_call_that_is_left_counts_for_its_caller_and_says_nothing_of_its_method(
    settings: KernelSettings,
) -> None:
    """Else who gives calls up makes them look cheap, now that such work ends early."""
    calls: list[Call] = []

    def slow(request: Any, call: Call) -> None:
        calls.append(call)
        wait_until(lambda: not call.context.is_active())

    with running(limited(settings)) as client:
        client.behaviour.answer = slow
        method: Any = client.channel.unary_unary(GET)
        left = method.future(b"", timeout=20, metadata=bearer(token()))
        wait_until(lambda: bool(calls))
        share = client.server._reception.queues._share("alpha")
        left.cancel()
        wait_until(lambda: not share.running)
        assert share.used > 0
        name = f"{SERVICE.full_name}.GetSubscription"
        assert share.costs.of(name) is None
        client.behaviour.answer = lambda request, call: None
        client.get()
        wait_until(lambda: share.costs.of(name) is not None, what="one that was answered does")
