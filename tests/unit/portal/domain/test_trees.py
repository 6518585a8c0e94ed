"""Trees of units, whole and cut."""

from __future__ import annotations

from services.portal.domain.trees import Branch, tree

BELOW = {"root": ["a", "b"], "a": ["a1", "a2"], "b": ["b1"], "a1": ["a1x", "a1y"]}


def drawn(branch: Branch) -> list[str]:
    return [branch.unit_id, *(each for lower in branch.below for each in drawn(lower))]


def test_a_small_tree_is_drawn_whole_in_order() -> None:
    assert drawn(tree("root", BELOW, 99)) == ["root", "a", "a1", "a1x", "a1y", "a2", "b", "b1"]
    assert drawn(tree("b", BELOW, 99)) == ["b", "b1"]


def test_a_long_one_is_cut_level_by_level_and_says_where() -> None:
    found = tree("root", BELOW, 5)
    assert drawn(found) == ["root", "a", "a1", "a2", "b", "b1"]
    a1 = found.below[0].below[0]
    assert (a1.count, a1.below) == (2, ())


def test_what_is_directly_below_the_top_is_always_drawn() -> None:
    assert drawn(tree("root", BELOW, 0)) == ["root", "a", "b"]
