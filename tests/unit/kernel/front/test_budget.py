from __future__ import annotations

import time

import pytest

from services.kernel.front import log_budget
from services.kernel.front.log_budget import LogBudget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_flood_of_refusals_is_a_few_lines_and_then_one_a_second(clock: list[float]) -> None:
    budget = LogBudget()
    assert [budget.may("x") for _ in range(5)] == [0] * 5
    assert [budget.may("x") for _ in range(100)] == [None] * 100
    assert budget.may("y") == 0
    clock[0] = 1.0
    assert budget.may("x") == 100
    assert budget.may("x") is None


def test_keys_do_not_pile_up(clock: list[float]) -> None:
    budget = LogBudget()
    for number in range(3 * log_budget.KEYS_MAX):
        budget.may(str(number))
    assert len(budget._left) <= log_budget.KEYS_MAX + 1
