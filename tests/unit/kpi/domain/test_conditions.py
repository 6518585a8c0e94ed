from __future__ import annotations

import pytest

from services.kpi.domain.conditions import Condition
from services.kpi.domain.work import Fact

# (test, values or bound, fact) -> passes
A_B = frozenset({"a", "b"})
CONDITIONS: list[tuple[Condition, Fact | None, bool]] = [
    (Condition("f", "any_of", A_B), "a", True),
    (Condition("f", "any_of", A_B), "c", False),
    (Condition("f", "any_of", A_B), None, False),
    (Condition("f", "any_of", A_B), "", False),
    (Condition("f", "any_of", A_B), ("c", "b"), True),
    (Condition("f", "any_of", A_B), ("c",), False),
    (Condition("f", "any_of", A_B), (), False),
    (Condition("f", "any_of", frozenset({"true"})), True, True),
    (Condition("f", "any_of", frozenset({"3"})), 3, True),
    (Condition("f", "none_of", A_B), "a", False),
    (Condition("f", "none_of", A_B), "c", True),
    (Condition("f", "none_of", A_B), None, True),
    (Condition("f", "none_of", A_B), ("c", "b"), False),
    (Condition("f", "none_of", A_B), ("c", "d"), True),
    (Condition("f", "none_of", A_B), (), True),
    (Condition("f", "present", bound=1), "a", True),
    (Condition("f", "present", bound=1), None, False),
    (Condition("f", "present", bound=1), "", False),
    (Condition("f", "present", bound=1), (), False),
    (Condition("f", "present", bound=0), None, True),
    (Condition("f", "present", bound=0), ("a",), False),
    (Condition("f", "at_least", bound=2), 2, True),
    (Condition("f", "at_least", bound=2), 1, False),
    (Condition("f", "at_least", bound=2), ("a", "b"), True),
    (Condition("f", "at_least", bound=2), ("a",), False),
    (Condition("f", "at_least", bound=2), None, False),
    (Condition("f", "at_least", bound=2), "22", False),
    (Condition("f", "at_least", bound=0), None, True),
]


@pytest.mark.parametrize(("condition", "fact", "passes"), CONDITIONS)
def test_a_condition_holds_or_not(condition: Condition, fact: Fact | None, passes: bool) -> None:
    assert condition.holds(lambda _: fact) is passes


DATES = {
    "the day itself": ("2025-03-10", "2025-03-10", 0, True),
    "the day before": ("2025-03-09", "2025-03-10", 0, True),
    "a day too late": ("2025-03-11", "2025-03-10", 0, False),
    "the last day of a limit over the end of a month": ("2025-03-02", "2025-01-31", 30, True),
    "the day after it": ("2025-03-03", "2025-01-31", 30, False),
    "a leap year": ("2024-03-01", "2024-01-31", 30, True),
    "not done": (None, "2025-03-10", 30, False),
    "nothing to count from": ("2025-03-10", None, 30, False),
    "a day that no calendar has": ("2025-02-30", "2025-03-10", 30, False),
}


@pytest.mark.parametrize(("done", "due", "days", "passes"), DATES.values(), ids=DATES)
def test_a_date_is_in_time_or_not(
    done: str | None, due: str | None, days: int, passes: bool
) -> None:
    test = Condition("done_on", "within", bound=days, after="due_on")
    assert test.holds({"done_on": done, "due_on": due}.get) is passes


def test_a_minimum_is_the_one_of_the_type() -> None:
    test = Condition("evidence", "minimum", bound=1, bounds=(("receipt", 2),))
    assert test.of_type("receipt") == Condition("evidence", "at_least", bound=2)
    assert test.of_type("other") == Condition("evidence", "at_least", bound=1)
    plain = Condition("evidence", "present", bound=1)
    assert plain.of_type("receipt") is plain
