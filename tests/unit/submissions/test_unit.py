"""Until when claims may name a unit, and whom to name then."""

from __future__ import annotations

from services.submissions.domain.unit import Unit


def test_a_unit_exists_on_its_last_day_and_not_after() -> None:
    ended = Unit(last_day="2024-06-02", successor_ids=("alpha/one", "alpha/two"))
    assert not ended.had_ended_by("2024-06-02")
    assert ended.had_ended_by("2024-06-03")
    assert ended.heirs == "alpha/one or alpha/two"


def test_a_unit_without_a_last_day_never_ended() -> None:
    assert not Unit().had_ended_by("9999-12-31")
    assert Unit().heirs == "the unit above it"
