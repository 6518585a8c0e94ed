from __future__ import annotations

import time

import pytest

from services.kernel.front import budget as module
from services.kernel.front.budget import Budget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_flood_is_a_burst_and_then_one_a_second(clock: list[float]) -> None:
    budget = Budget(5.0, 1.0)
    assert [budget.may("x") for _ in range(5)] == [0] * 5
    assert [budget.may("x") for _ in range(100)] == [None] * 100
    assert budget.may("y") == 0
    clock[0] = 1.0
    assert budget.may("x") == 100
    assert budget.may("x") is None


def test_keys_do_not_pile_up(clock: list[float]) -> None:
    budget = Budget(5.0, 1.0)
    for number in range(3 * module.KEYS_MAX):
        budget.may(str(number))
    assert len(budget._left) <= module.KEYS_MAX + 1
