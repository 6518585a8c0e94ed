"""Whose refusals are answered late, and that none is forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from services.kernel.front import slow_answers
from services.kernel.front.slow_answers import SlowAnswers
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
