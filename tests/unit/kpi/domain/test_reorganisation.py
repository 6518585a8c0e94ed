from __future__ import annotations

import pytest

from services.kpi.domain.reorganisation import counts_alike, parents_as_is, predecessors
from services.kpi.domain.tree import Unit, UnitTree

WAS = {"root": "", "a": "root", "a/old": "a", "a/old/lab": "a/old", "a/new": "a", "a/other": "a"}


def test_a_unit_that_ended_stands_below_its_successor_with_everything_below_it() -> None:
    now = parents_as_is(WAS, {"a/old": ["a/new"]})
    assert now == {**WAS, "a/old": "a/new"}
    assert predecessors("a/new", WAS, now) == ["a/old"]
    assert predecessors("a", WAS, now) == []
    assert predecessors("a/other", WAS, now) == []


def test_a_unit_that_several_took_over_stays_where_all_of_them_meet() -> None:
    assert parents_as_is(WAS, {"a/old": ["a/new", "a/other"]}) == WAS
    deeper = {**WAS, "a/new/x": "a/new", "a/new/y": "a/new"}
    now = parents_as_is(deeper, {"a/old": ["a/new/x", "a/new/y"]})
    assert now["a/old"] == "a/new"


def test_successors_that_moved_meet_where_they_are_now() -> None:
    split = {"a/old": ["a/new", "a/other"], "a/other": ["a/new"]}
    now = parents_as_is(WAS, split)
    assert (now["a/old"], now["a/other"]) == ("a/new", "a/new")
    two = {**WAS, "b": "root", "b/one": "b"}
    now = parents_as_is(two, {"a/new": ["b/one"], "a/old": ["a/new", "a/other"]})
    assert (now["a/old"], now["a/new"]) == ("root", "b/one")


def test_a_chain_of_successors_ends_at_the_last() -> None:
    now = parents_as_is(WAS, {"a/old": ["a/new"], "a/new": ["a/other"]})
    assert (now["a/old"], now["a/new"]) == ("a/new", "a/other")
    assert predecessors("a/other", WAS, now) == ["a/new", "a/old"]


@pytest.mark.parametrize(
    "successors",
    [{"a/old": ["a/old/lab"]}, {"a/old": ["a/new"], "a/new": ["a/old"]}, {"a/old": []}],
)
def test_a_circle_is_never_made(successors: dict[str, list[str]]) -> None:
    now = parents_as_is(WAS, successors)
    for unit in now:
        path = [unit]
        while path[-1]:
            path.append(now[path[-1]])
            assert len(path) <= len(now) + 1


def tree(parents: dict[str, str]) -> UnitTree:
    return UnitTree(Unit(unit, above, above == "root") for unit, above in parents.items())


@pytest.mark.parametrize(
    ("moved", "alike"),
    [
        ({}, {"root", "a", "a/new", "b", "c"}),
        # Within an institution only the units on both ends of the move count otherwise.
        ({"a/old": "a/new"}, {"root", "a", "b", "c"}),
        # Between two: a work of a, b and c is shared by as many institutions as claim it.
        ({"a/old": "b"}, set()),
    ],
)
def test_trees_count_alike_if_no_claim_moves_into_a_unit_or_to_another_institution(
    moved: dict[str, str], alike: set[str]
) -> None:
    parents = {"root": "", "a": "root", "b": "root", "c": "root", "a/old": "a", "a/new": "a"}
    was, now = tree(parents), tree({**parents, **moved})
    asked = {"root", "a", "a/new", "b", "c"}
    assert {unit for unit in asked if counts_alike(unit, was, now)} == alike
