import pytest

from services.kpi.domain.tree import Unit, UnitTree
from tests.unit.kpi.builders import PARENTS, TREE, UNITS

N = TREE.number


def test_units_are_numbered_depth_first_whatever_order_they_come_in() -> None:
    assert tuple(TREE.ids) == UNITS
    backwards = [Unit(unit, above) for unit, above in reversed(PARENTS.items())]
    assert tuple(UnitTree(backwards).ids) == UNITS


def test_a_subtree_is_a_range_of_numbers() -> None:
    for unit in UNITS:
        below = [number for number in N.values() if TREE.holds(N[unit], number)]
        assert sorted(below) == list(range(N[unit], N[unit] + len(below)))


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("alpha/sci/lab", "alpha/eng", "alpha"),
        ("alpha/sci/lab", "alpha/sci", "alpha/sci"),
        ("alpha", "beta/one", "root"),
        ("gamma", "gamma", "gamma"),
        ("root", "beta", "root"),
    ],
)
def test_two_units_meet_in_the_lowest_that_holds_both(one: str, other: str, meets: str) -> None:
    assert TREE.ids[TREE.meeting(N[one], N[other])] == meets
    assert TREE.meeting(N[other], N[one]) == TREE.meeting(N[one], N[other])


def test_every_unit_knows_its_institution_and_its_children() -> None:
    institution = {unit: TREE.institution[N[unit]] for unit in UNITS}
    assert institution["root"] is None
    assert institution["alpha/sci/lab"] == institution["alpha"] == N["alpha"]
    assert [TREE.ids[n] for n in TREE.institutions()] == ["alpha", "beta", "gamma"]
    assert [TREE.ids[n] for n in TREE.children(N["alpha"])] == ["alpha/eng", "alpha/sci"]
    assert list(TREE.children(N["gamma"])) == []


@pytest.mark.parametrize(
    "units",
    [
        [],
        [Unit("a", ""), Unit("b", "")],
        [Unit("a", ""), Unit("b", "absent")],
        [Unit("a", ""), Unit("b", "c"), Unit("c", "b")],
        [Unit("a", "b"), Unit("b", "a")],
    ],
)
def test_what_is_no_tree_is_refused(units: list[Unit]) -> None:
    with pytest.raises(ValueError, match=r"root|parent"):
        UnitTree(units)
