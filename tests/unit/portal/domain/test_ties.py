"""Who works with whom, and the picture of it."""

from __future__ import annotations

from services.portal.domain.ties import LEFT, RIGHT, ROW, THICK_MAX, Work, picture, ties


def work(key: str, partner_id: str, *units: str) -> Work:
    return Work(key, "", "ENT-06", units, partner_id)


WORKS = [work("1", "p", "a"), work("2", "q", "a", "b"), work("3", "q", "b"), work("4", "", "a")]


def test_partners_with_most_works_come_first_and_joint_works_count_at_each_unit() -> None:
    first, second = ties(WORKS)
    assert (first.partner_id, first.counts) == ("q", {"a": 1, "b": 2})
    assert len(first.works) == 2
    assert (second.partner_id, second.counts) == ("p", {"a": 1})


def test_what_names_no_partner_is_no_tie() -> None:
    assert ties([work("4", "", "a")]) == []


def test_a_curve_is_as_thick_as_there_are_works() -> None:
    found = picture(ties(WORKS), ["a", "b", "c"])
    assert [unit for unit, _ in found.units] == ["a", "b"]
    assert [partner for partner, _ in found.partners] == ["q", "p"]
    assert [(each.unit_id, each.thick) for each in found.curves] == [
        ("a", 1.5),
        ("b", THICK_MAX),
        ("a", 1.5),
    ]
    assert found.height == 2 * ROW
    assert found.curves[0].path == f"M{LEFT} 15.0C360 15.0 360 15.0 {RIGHT} 15.0"


def test_nothing_is_an_empty_picture() -> None:
    assert picture([], ["a"]).curves == []
