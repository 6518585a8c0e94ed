"""The tree as it is, for every way in which units follow units: a tree, each in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.kpi.domain.reorganisation import parents_as_is
from tests.property.kpi.histories import DETERMINISTIC

Parents = dict[str, str]
Successors = dict[str, list[str]]


@st.composite
def reorganisations(draw: st.DrawFn) -> tuple[Parents, Successors]:
    """A tree of up to nine units below a root, of which a third have one to three successors."""
    parents = {"root": ""}
    for number in range(draw(st.integers(2, 9))):
        parents[f"u{number}"] = draw(st.sampled_from(sorted(parents)))
    units = sorted(parents.keys() - {"root"})
    several = st.lists(st.sampled_from(units), min_size=1, max_size=3, unique=True)
    return parents, {unit: draw(several) for unit in units if not draw(st.integers(0, 2))}


def path(unit: str, parents: Mapping[str, str]) -> list[str]:
    """A unit and all above it; ends with an error if they run in a circle."""
    found = [unit]
    while parents[found[-1]]:
        found.append(parents[found[-1]])
        assert len(found) <= len(parents)
    return found


def lowest_common(units: Iterable[str], parents: Mapping[str, str]) -> str:
    shared = [set(path(unit, parents)) for unit in units]
    return max(set.intersection(*shared), key=lambda unit: len(path(unit, parents)))


def needs_itself(unit: str, parents: Parents, after: Successors, seen: Sequence[str] = ()) -> bool:
    """Whether the place of a unit depends on its own, so that no tree can be right for it."""
    if unit in seen:
        return True
    above = {each for other in after.get(unit, ()) for each in path(other, parents)}
    return any(needs_itself(each, parents, after, [*seen, unit]) for each in above)


@settings(DETERMINISTIC, max_examples=100)
@given(reorganisations())
def test_every_reorganisation_leaves_a_tree_of_the_same_units(
    case: tuple[Parents, Successors],
) -> None:
    parents, successors = case
    now = parents_as_is(parents, successors)
    assert now.keys() == parents.keys()
    assert all(path(unit, now)[-1] == "root" for unit in now)
    assert all(now[unit] == parents[unit] for unit in parents.keys() - successors.keys())


@settings(DETERMINISTIC, max_examples=100)
@given(reorganisations())
def test_a_unit_that_ended_stands_where_its_successors_meet_today(
    case: tuple[Parents, Successors],
) -> None:
    parents, successors = case
    assume(not any(needs_itself(unit, parents, successors) for unit in successors))
    now = parents_as_is(parents, successors)
    found = {unit: now[unit] for unit in successors}
    assert found == {unit: lowest_common(after, now) for unit, after in successors.items()}
