"""Whose refusals are answered late, and that none is forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from services.kernel.config import KernelSettings
from services.kernel.errors import Exhausted
from services.kernel.front import slow_answers
from services.kernel.front.slow_answers import SlowAnswers
from services.kernel.interceptors import Call
from tests.unit.kernel.front.test_reception import GET, Code, bearer, limited
from tests.unit.kernel.serving import refused, running, token, watch
from tests.waiting import wait_until

BURST = int(slow_answers.PROMPT_AT_ONCE)


@contextmanager
def started() -> Iterator[SlowAnswers]:
    answers = SlowAnswers()
    answers.start()
    try:
        yield answers
    finally:
        answers.stop()
        answers.close()


def refuse(answers: SlowAnswers, caller: str, number: int, ended: list[int]) -> None:
    for each in range(number):
        answers.answer(caller, partial(ended.append, each))


def test_who_is_refused_again_and_again_is_answered_late_and_nobody_else_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slow_answers, "SLOW_SECONDS", 0.2)
    many, other = list[int](), list[int]()
    with started() as answers:
        began = time.monotonic()
        refuse(answers, "spins", BURST + 30, many)
        assert len(many) <= BURST + 1
        refuse(answers, "calm", BURST, other)
        assert len(other) == BURST
        wait_until(lambda: len(many) == BURST + 30)
        assert time.monotonic() - began >= 0.2
    assert many[-20:] == sorted(many[-20:]), "in the order in which they came"


def test_a_stop_answers_all_that_waits_and_then_everything_at_once() -> None:
    ended = list[int]()
    with started() as answers:
        refuse(answers, "spins", BURST + 30, ended)
        assert len(ended) < BURST + 30
        answers.stop()
        wait_until(lambda: len(ended) == BURST + 30)
        refuse(answers, "spins", 5, ended)
        assert len(ended) == BURST + 35


def test_answers_that_wait_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_answers, "WAITING_MAX", 10)
    ended = list[int]()
    with started() as answers:
        refuse(answers, "spins", BURST + 100, ended)
        assert len(ended) >= BURST + 85


def test_its_thread_ends() -> None:
    before = set(threading.enumerate())
    with started():
        (thread,) = set(threading.enumerate()) - before
    wait_until(lambda: not thread.is_alive())


def answered_late_after(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each caller be refused so often at once, and then only when the service stops."""
    monkeypatch.setattr(slow_answers, "PROMPT_AT_ONCE", float(number))
    monkeypatch.setattr(slow_answers, "PROMPT_PER_SECOND", 0.0)
    monkeypatch.setattr(slow_answers, "SLOW_SECONDS", 60.0)


def test_whoever_calls_again_at_once_after_each_refusal_is_slowed_and_nobody_else_is(
    settings: KernelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A core was busy with one client that repeated what was refused, without a pause."""
    answered_late_after(5, monkeypatch)
    with running(limited(settings)) as client:
        forgery = bearer(f"{token('beta')[:-20]}{'A' * 20}")
        call: Any = client.channel.unary_unary(GET)
        for _ in range(5):
            assert (
                refused(lambda: call(b"", timeout=5, metadata=forgery)).code()
                is Code.UNAUTHENTICATED
            )
        late = [call.future(b"", timeout=20, metadata=forgery) for _ in range(50)]
        for _ in range(20):
            client.get()
        assert not any(each.done() for each in late)
        client.container.stop()
        assert {each.code() for each in late} == {Code.UNAUTHENTICATED}


def test_a_stream_that_its_service_refuses_is_slowed_too(
    settings: KernelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replays beside a running one were refused 450 times a second."""
    answered_late_after(1, monkeypatch)

    def refuse(request: Any, call: Call) -> None:
        if call.method.server_streaming:
            raise Exhausted("another one runs", retry_after_seconds=2)

    with running(limited(settings)) as client:
        client.behaviour.answer = refuse
        assert refused(lambda: list(watch(client))).code() is Code.RESOURCE_EXHAUSTED
        late = watch(client)
        next(late)
        for _ in range(20):
            client.get()
        assert late.is_active()
        client.container.stop()
        assert refused(lambda: next(late)).code() is Code.RESOURCE_EXHAUSTED
