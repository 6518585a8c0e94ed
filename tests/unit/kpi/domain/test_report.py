from datetime import date
from fractions import Fraction

from services.kpi.domain.cube import Ratio, Value
from services.kpi.domain.pace import pace
from services.kpi.domain.report import Held, Rank, by_urgency, movers, ranked, shares

ON = date(2025, 3, 14)
"""Day 73, a fifth of the year."""


def held(code: str, target: int, value: int) -> Held:
    return Held(code, target, value, pace(target, value, 0, ON))


def test_who_is_behind_comes_first_by_the_part_of_the_target_that_is_missing() -> None:
    unjudged = Held("U", 10, Ratio(1, 2), None)
    little, much = held("L", 100, 19), held("M", 1_000_000_000, 0)
    reached, on_pace, closer = held("R", 10, 10), held("P", 100, 20), held("Q", 100, 30)
    given = [unjudged, reached, closer, on_pace, little, much]
    assert [each.indicator_code for each in by_urgency(given)] == ["M", "L", "P", "Q", "R", "U"]


def test_children_are_ranked_by_their_own_targets_and_then_by_their_share() -> None:
    best = Rank("best", [held("A", 10, 20), held("B", 10, 5)], None)
    worse = Rank("worse", [held("A", 10, 7)], Fraction(1))
    most, some = Rank("most", [], Fraction(1, 2)), Rank("some", [], Fraction(1, 4))
    nothing = Rank("nothing", [], None)
    found = ranked([nothing, some, most, worse, best])
    assert [each.unit_id for each in found] == ["best", "worse", "most", "some", "nothing"]
    assert best.attainment == Fraction(3, 4)
    assert most.attainment is None


def test_a_child_that_is_behind_ranks_below_one_that_is_on_pace_with_less() -> None:
    behind, on_pace = held("A", 10, 1), held("A", 100, 20)
    first = Rank("behind", [held("B", 10, 20), behind], None)
    second = Rank("on pace", [on_pace], None)
    assert (first.attainment, second.attainment) == (Fraction(11, 20), Fraction(1, 5))
    assert [each.unit_id for each in ranked([first, second])] == ["on pace", "behind"]


def test_a_ceiling_is_attained_by_who_stays_below_it() -> None:
    kept, empty = Held("A", 10, 10, None, True), Held("A", 10, 0, None, True)
    broken = Held("A", 10, 40, None, True)
    assert [each.attainment for each in (kept, empty, broken)] == [1, 1, Fraction(1, 4)]
    ranks = [Rank("broke it", [broken], None), Rank("kept it", [kept], None)]
    assert [each.unit_id for each in ranked(ranks)] == ["kept it", "broke it"]


def test_a_count_by_parts_attains_its_target_by_parts() -> None:
    assert Held("A", 2, Ratio(3, 6), None).attainment == Fraction(1, 4)


def test_shares_are_of_what_the_children_did_together_and_weigh_each_target_alike() -> None:
    found = shares({"a": [1, 0, 500], "b": [3, 0, 500]})
    assert found == {"a": Fraction(3, 8), "b": Fraction(5, 8)}
    assert shares({"a": [0], "b": [0]}) == {"a": None, "b": None}
    assert shares({}) == {}


def test_movers_are_ordered_by_how_much_of_the_larger_value_changed() -> None:
    before: dict[str, Value] = {
        "A": 100,
        "B": 10,
        "C": 5,
        "D": Ratio(1, 0),
        "E": Ratio(1, 2),
        "F": 0,
    }
    before["D"] = Ratio(1, 0)
    now: dict[str, Value] = {"A": 90, "B": 20, "C": 5, "D": Ratio(1, 2), "E": Ratio(9, 10), "F": 3}
    found = movers(before, now)
    assert [each.indicator_code for each in found] == ["B", "E", "A", "F"]
    assert (found[2].before, found[2].now) == (100, 90)


def test_what_came_from_nothing_is_told_after_what_changed_and_by_its_size() -> None:
    before: dict[str, Value] = {"A": 0, "B": 0, "C": 7, "D": 2_000, "E": 10, "F": 20}
    now: dict[str, Value] = {"A": 1, "B": 900, "C": 0, "D": 1_900, "E": 20, "F": 40}
    codes = [each.indicator_code for each in movers(before, now)]
    assert codes == ["F", "E", "D", "B", "C", "A"]
