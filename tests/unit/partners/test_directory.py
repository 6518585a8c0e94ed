from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from services.kernel.errors import InvalidArgument
from services.partners.domain.directory import (
    Kind,
    Unit,
    arranged,
    entries_of,
    same_tree,
    search,
)
from services.partners.search_text import fold

UNITS_FILE = Path(__file__).parents[3] / "deploy/directory/units.yaml"

ROOT = Unit("root", "", Kind.CONSORTIUM, "Liên minh", "Consortium")
ALPHA = Unit("alpha", "root", Kind.INSTITUTION, "Đại học Một", "University One", "UO")
BETA = Unit("beta", "root", Kind.INSTITUTION, "Đại học Hai", "University Two", "UT")
SCIENCE_A = Unit("alpha/sci", "alpha", Kind.SCHOOL, "Trường Khoa học", "University of Science")
SCIENCE_B = Unit("beta/sci", "beta", Kind.SCHOOL, "Trường Khoa học", "University of Science", "SB")
GROUP = Unit("alpha/sci/lab", "alpha/sci", Kind.GROUP, "Nhóm Đo lường", "Measuring Group")
TREE = (ROOT, ALPHA, SCIENCE_A, GROUP, BETA, SCIENCE_B)


def units_of_the_file() -> list[Unit]:
    return [
        Unit(
            unit_id=unit["unit_id"],
            parent_id=unit.get("parent_id", ""),
            kind=Kind(unit["kind"]),
            name_vi=unit["name"]["vi"],
            name_en=unit["name"]["en"],
            abbreviation=unit.get("abbreviation", ""),
            aliases=tuple(unit.get("aliases", ())),
            valid_from=str(unit.get("valid_from", "")),
            valid_to=str(unit.get("valid_to", "")),
            successor_ids=tuple(unit.get("successor_ids", ())),
        )
        for unit in yaml.load(UNITS_FILE.read_text(), yaml.CSafeLoader)["units"]
    ]


def found(
    query: str, units: tuple[Unit, ...] = TREE, below: str = "", limit: int = 20
) -> list[str]:
    entries = entries_of(units, fold)
    return [u.unit_id for u in search(entries, fold(query), below_unit_id=below, limit=limit)]


def test_units_given_in_any_order_are_arranged_with_parents_before_children() -> None:
    ordered = arranged(tuple(reversed(TREE)), fold)
    assert same_tree(ordered, TREE)
    places = {unit.unit_id: place for place, unit in enumerate(ordered)}
    assert all(places[u.parent_id] < places[u.unit_id] for u in ordered if u.parent_id)


def test_siblings_keep_the_order_they_were_given_in() -> None:
    assert arranged((SCIENCE_B, BETA, ROOT, ALPHA), fold) == (ROOT, BETA, SCIENCE_B, ALPHA)


def test_the_directory_that_installations_start_with_is_valid() -> None:
    units = units_of_the_file()
    assert same_tree(arranged(units, fold), units)


def change(old: Unit, **fields: object) -> Callable[[], tuple[Unit, ...]]:
    return lambda: tuple(replace(u, **fields) if u is old else u for u in TREE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("units", "path"),
    [
        (change(GROUP, parent_id="alpha/none"), "units[3].parent_id"),
        (change(GROUP, parent_id="alpha/sci/lab"), "units[3].parent_id"),
        (change(GROUP, parent_id=""), "units[3].parent_id"),
        (change(GROUP, parent_id="root"), "units[3].parent_id"),
        (change(GROUP, parent_id="beta/sci"), "units[3].unit_id"),
        (change(GROUP, unit_id="alpha/sci"), "units[3].unit_id"),
        (change(GROUP, unit_id="alpha-sci/lab"), "units[3].unit_id"),
        (change(BETA, unit_id="be/ta"), "units[5].parent_id"),
        (change(BETA, parent_id="alpha"), "units[4].parent_id"),
        (change(BETA, name_vi="ĐẠI HỌC, MỘT"), "units[4].name.vi"),
        (change(BETA, name_en="university one"), "units[4].name.en"),
        (change(BETA, valid_from="2024-02-30"), "units[4].valid_from"),
        (change(BETA, valid_from="2024-02-02", valid_to="2024-02-01"), "units[4].valid_to"),
        (change(BETA, successor_ids=("alpha",)), "units[4].successor_ids"),
        (
            change(BETA, valid_to="2024-02-01", successor_ids=("beta",)),
            "units[4].successor_ids",
        ),
        (
            change(BETA, valid_to="2024-02-01", successor_ids=("gone",)),
            "units[4].successor_ids",
        ),
        (change(ROOT, parent_id="alpha"), "units[0].parent_id"),
        (change(ROOT, kind=Kind.GROUP), "units"),
        (change(BETA, kind=Kind.CONSORTIUM), "units"),
    ],
)
def test_what_is_no_tree_is_refused_with_the_place_of_the_mistake(
    units: Callable[[], tuple[Unit, ...]], path: str
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        arranged(units(), fold)
    assert path in refusal.value.fields


def test_a_circle_away_from_the_root_is_refused() -> None:
    one = Unit("alpha/a", "alpha/b", Kind.GROUP, "A", "A")
    two = Unit("alpha/b", "alpha/a", Kind.GROUP, "B", "B")
    with pytest.raises(InvalidArgument) as refusal:
        arranged((*TREE, one, two), fold)
    assert set(refusal.value.fields) == {"units[6].parent_id", "units[7].parent_id"}


def test_a_thousand_mistakes_are_told_as_the_first_twenty() -> None:
    lost = [Unit(f"x/{n}", "none", Kind.GROUP, f"{n}", f"{n}") for n in range(1000)]
    with pytest.raises(InvalidArgument) as refusal:
        arranged((*TREE, *lost), fold)
    assert len(refusal.value.fields) == 20


def test_an_order_of_siblings_is_no_other_tree_and_a_changed_day_is() -> None:
    assert same_tree(TREE, tuple(reversed(TREE)))
    assert not same_tree(TREE, change(BETA, valid_to="2030-01-01")())


@pytest.mark.parametrize(
    ("query", "unit_ids"),
    [
        ("alpha/sci", ["alpha/sci", "alpha/sci/lab"]),
        ("uo", ["alpha"]),
        ("dai hoc", ["alpha", "beta"]),
        ("ĐẠI HỌC HAI", ["beta"]),
        ("do luong nhom", ["alpha/sci/lab"]),
        ("University of Science", ["alpha/sci", "beta/sci"]),
        ("science university", ["alpha/sci", "beta/sci"]),
        ("nothing like this", []),
        ("TKH", ["alpha/sci", "beta/sci"]),
        ("Trường KH", ["alpha/sci", "beta/sci"]),
        ("KH", []),
        ("NĐL", ["alpha/sci/lab"]),
        ("Nhóm ĐLX", []),
    ],
)
def test_units_are_found_without_regard_to_case_and_diacritics(
    query: str, unit_ids: list[str]
) -> None:
    assert found(query) == unit_ids


@pytest.mark.parametrize(
    "query", ["Trường ĐHKHTN", "ĐHKHTN", "truong dh khtn", "KHTN", "trường ĐH KHTN"]
)
def test_a_unit_is_found_by_the_initials_of_its_name(query: str) -> None:
    assert found(query, tuple(units_of_the_file()), below="vnu")[:1] == ["vnu/hus"]


def test_a_better_match_comes_first() -> None:
    exact_name = replace(SCIENCE_A, unit_id="alpha/x", name_en="UO")
    prefix = replace(SCIENCE_A, unit_id="alpha/y", name_en="UO and more")
    words = replace(SCIENCE_A, unit_id="alpha/z", name_en="More of UO")
    tree = (words, prefix, exact_name, ALPHA)
    assert found("uo", tree) == ["alpha", "alpha/x", "alpha/y", "alpha/z"]


def test_a_search_below_a_unit_leaves_out_the_unit_and_everything_beside() -> None:
    assert found("university", below="root") == ["alpha", "alpha/sci", "beta", "beta/sci"]
    assert found("university", below="beta") == ["beta/sci"]


def test_a_search_stops_at_its_limit() -> None:
    assert found("university", limit=1) == ["alpha"]


@pytest.mark.parametrize(("query", "below"), [("!?", ""), ("uo", "gamma")])
def test_a_search_for_nothing_or_below_nothing_is_refused(query: str, below: str) -> None:
    with pytest.raises(InvalidArgument):
        found(query, below=below)


def test_two_universities_with_a_unit_of_the_same_name_are_both_found() -> None:
    units = arranged(units_of_the_file(), fold)
    assert found("university of science", units)[:2] == ["vnu/hus", "vnu-hcm/hcmus"]
