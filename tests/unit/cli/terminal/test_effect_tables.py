"""What a verification would change is told in a few words, at the unit that claims."""

from __future__ import annotations

from kieng.kpi.v1 import kpi_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from services.cli.terminal.effect_tables import in_short, period_text, visible
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.screen import Screen
from services.texts import Lang

SCREEN = Screen(lang=Lang.vi)


def whole(code: str, before: int, after: int, unit: str = "vnu/hus") -> api.Effect:
    effect = api.Effect(unit_id=unit, indicator_code=code, from_month="2025-01", to_month="2025-12")
    effect.before.verified.whole = before
    effect.once_verified.verified.whole = after
    return effect


def ratio(code: str, before: int, after: int) -> api.Effect:
    effect = api.Effect(unit_id="vnu/hus", indicator_code=code, from_month="2025-03")
    effect.before.verified.ratio.CopyFrom(view_pb2.Ratio(numerator=before, denominator=9))
    effect.once_verified.verified.ratio.CopyFrom(view_pb2.Ratio(numerator=after, denominator=9))
    return effect


def test_numbers_are_told_by_their_difference_and_ratios_by_their_code() -> None:
    effects = [ratio("KNW-05", 1, 2), whole("KNW-03", 7, 8), whole("COM-03", 2_000_000, 0)]
    assert in_short(SCREEN, effects, "vnu/hus") == "KNW-03 +1, COM-03 -2.000.000, KNW-05"


def test_only_the_claiming_unit_and_only_what_changes_is_told() -> None:
    effects = [whole("KNW-03", 7, 8, "vnu"), whole("KNW-01", 3, 3), ratio("KNW-05", 2, 2)]
    assert in_short(SCREEN, effects, "vnu/hus") == ""


def test_more_than_three_are_counted() -> None:
    effects = [whole(f"KNW-0{n}", 0, 1) for n in range(1, 6)]
    assert in_short(SCREEN, effects, "vnu/hus") == "KNW-01 +1, KNW-02 +1, KNW-03 +1 và 2 chỉ số nữa"


def test_a_period_is_a_year_or_a_month() -> None:
    assert period_text(whole("KNW-01", 0, 1)) == "2025"
    assert period_text(ratio("KNW-05", 0, 1)) == "2025-03"


def test_what_changes_less_than_is_written_is_left_out() -> None:
    names = Names(units_of_value={"KNW-08": "percent", "KNW-05": "percent"})
    hidden, seen = ratio("KNW-08", 4_500_000, 4_500_001), ratio("KNW-05", 4, 5)
    effects = [hidden, seen, whole("KNW-03", 7, 8)]
    hidden.before.verified.ratio.denominator = 9_000_000
    hidden.once_verified.verified.ratio.denominator = 9_000_000
    assert visible(SCREEN, names, effects, ("before", "once_verified")) == effects[1:]
