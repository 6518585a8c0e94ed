"""What a new tree touches, and the same change on a tree that others changed in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.kernel.errors import WrongState
from services.partners.domain.changes import difference, institutions, rebased
from services.partners.domain.directory import Kind, Unit


def unit(unit_id: str, parent_id: str, kind: Kind = Kind.SCHOOL) -> Unit:
    return Unit(unit_id=unit_id, parent_id=parent_id, kind=kind, name_vi=unit_id, name_en=unit_id)


ROOT = unit("root", "", Kind.CONSORTIUM)
ALPHA, BETA = unit("alpha", "root", Kind.INSTITUTION), unit("beta", "root", Kind.INSTITUTION)
SCI, ART = unit("alpha/sci", "alpha"), unit("alpha/art", "alpha")
HUS = unit("beta/hus", "beta")
TREE = [ROOT, ALPHA, SCI, ART, BETA, HUS]


def changed(was: Unit, **fields: object) -> list[Unit]:
    return [replace(each, **fields) if each is was else each for each in TREE]  # type: ignore[arg-type]


def test_the_same_tree_in_any_order_touches_nothing() -> None:
    assert not difference(TREE, TREE[::-1]).touched


def test_a_unit_that_changes_touches_itself_and_affects_its_institution() -> None:
    found = difference(TREE, changed(HUS, valid_to="2026-01-01"))
    assert (set(found.touched), set(found.affected)) == ({"beta/hus"}, {"beta"})


def test_a_unit_that_comes_or_goes_touches_the_one_above_it_as_one_that_moves_does() -> None:
    added = difference(TREE, [*TREE, unit("alpha/sci/new", "alpha/art")])
    assert (set(added.touched), set(added.affected)) == (
        {"alpha/sci/new", "alpha/art"},
        {"alpha"},
    )
    gone = difference(TREE, [each for each in TREE if each is not HUS])
    assert (set(gone.touched), set(gone.affected)) == ({"beta/hus", "beta"}, {"beta"})


def test_a_unit_that_moves_touches_where_it_was_and_where_it_comes() -> None:
    found = difference(TREE, changed(SCI, parent_id="alpha/art"))
    assert found.touched == {"alpha/sci", "alpha", "alpha/art"}


def test_who_is_to_succeed_a_unit_is_touched_too() -> None:
    after = changed(SCI, valid_to="2026-01-01", successor_ids=("beta/hus",))
    found = difference(TREE, after)
    assert (set(found.touched), set(found.affected)) == (
        {"alpha/sci", "beta/hus"},
        {"alpha", "beta"},
    )
    assert difference(after, TREE).touched == found.touched


def test_the_entry_of_an_institution_belongs_to_all() -> None:
    found = difference(TREE, changed(ALPHA, valid_to="2026-01-01"))
    assert (set(found.touched), set(found.affected)) == ({"alpha", "root"}, {"alpha"})
    assert difference(TREE, changed(ROOT, name_vi="Khác")).touched == {"root"}
    gamma = unit("gamma", "root", Kind.INSTITUTION)
    assert "root" in difference(TREE, [*TREE, gamma]).touched
    assert difference([], TREE).affected == {"alpha", "beta"}


def test_a_change_leaves_what_others_changed_since_its_base() -> None:
    others = changed(HUS, name_vi="Mới")
    mine = [*changed(SCI, abbreviation="S"), unit("alpha/new", "alpha")]
    assert set(rebased(TREE, mine, others)) == {
        *(each for each in others if each is not SCI),
        replace(SCI, abbreviation="S"),
        unit("alpha/new", "alpha"),
    }
    assert rebased(TREE, TREE, others) == [*others]
    gone = [each for each in TREE if each is not ART]
    assert set(rebased(TREE, gone, others)) == {each for each in others if each is not ART}
    assert rebased([], TREE, []) == TREE


def test_a_change_that_is_there_already_is_no_conflict() -> None:
    mine = changed(SCI, abbreviation="S")
    assert set(rebased(TREE, mine, mine)) == set(mine)


def test_a_unit_that_both_changed_is_a_conflict() -> None:
    for others in (changed(SCI, abbreviation="T"), [e for e in TREE if e is not SCI]):
        with pytest.raises(WrongState) as refusal:
            rebased(TREE, changed(SCI, abbreviation="S"), others)
        assert refusal.value.reason == "STALE_DIRECTORY"
        assert refusal.value.details == {"unit_id": "alpha/sci"}


def test_institutions_that_ended_are_not_bound() -> None:
    after = changed(BETA, valid_to="2026-01-01")
    assert institutions(after, "2026-01-01") == ["alpha", "beta"]
    assert institutions(after, "2026-01-02") == ["alpha"]
