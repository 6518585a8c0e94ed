from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from kieng.kpi.v1 import view_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Catalogue, Indicator, Rule
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cuts import Cut, Days
from services.kpi.query.cells import decode_selection, encode_cells
from services.kpi.query.splits import encode_split
from tests.unit.kpi.builders import JANUARY, TREE, both, claim, component, cube_of, said

DAY = date(2025, 12, 31)
MONTHS = (JANUARY, JANUARY + 11)
AREA = Cut(
    "area",
    "areas",
    {"ai": Days(), "energy": Days(), "old": Days(last="2024-12-31")},
    "fields",
    {"power": (("energy", Days()), ("old", Days())), "late": (("ai", Days("2026-01-01")),)},
)
CUTS = {("thing", "area"): AREA, ("thing", "kind"): Cut("kind", "kind", otherwise="false")}
CATALOGUE = Catalogue.build(
    1,
    [
        Indicator("COUNT", component(), cuts=("area", "kind")),
        Indicator("PARTY", component(Rule.DISTINCT, member="partner"), cuts=("area",)),
        Indicator("SHARE", component(Rule.FRACTION), cuts=("area",)),
        Indicator("RATIO", component(Rule.LEAD), component(), cuts=("area",)),
        Indicator("PLAIN", component(until="never")),
    ],
    TREE,
    (),
    CUTS,
)


def split(code: str, *works: Mapping[str, Any], unit: str = "root") -> dict[str, object]:
    """Term -> value of both measures, and what counts again, of works claimed by alpha and beta."""
    changes: dict[int | tuple[int, str], int] = {}
    for facts in works:
        claims = [claim("alpha", "s1", lead=True, **facts), claim("beta", "s2", **facts)]
        for key, value in contribution([both(one) for one in claims], CATALOGUE).items():
            changes[key] = changes.get(key, 0) + value
    cube = cube_of(CATALOGUE, changes)
    found = encode_split(cube, unit, CATALOGUE.indicators[code], "area", MONTHS)
    assert found.declared_again == found.verified_again
    plain = {term.term: _plain(term.verified) for term in found.terms}
    return {**plain, "again": _plain(found.verified_again)}


def _plain(value: view_pb2.Value) -> object:
    if value.HasField("ratio"):
        return value.ratio.numerator, value.ratio.denominator
    return value.whole


def test_a_work_stands_under_each_of_its_terms_and_is_told_to_count_again() -> None:
    several = {"areas": ("ai", "energy")}
    assert split("COUNT", several, {"areas": ("ai",)}) == {"ai": 2, "energy": 1, "again": 1}


def test_terms_cover_works_that_name_none_and_words_that_are_no_term() -> None:
    assert split("COUNT", {}, {"areas": ("odd",)}) == {"unclassified": 2, "again": 0}


def test_a_term_counts_only_on_its_days() -> None:
    assert split("COUNT", {"areas": ("old", "ai")}) == {"ai": 1, "again": 0}
    assert split("COUNT", {"areas": ("old",)}) == {"unclassified": 1, "again": 0}


def test_another_taxonomy_stands_in_where_this_one_names_nothing() -> None:
    assert split("COUNT", {"fields": ("power",)}) == {"energy": 1, "again": 0}
    assert split("COUNT", {"fields": ("power",), "areas": ("ai",)}) == {"ai": 1, "again": 0}
    assert split("COUNT", {"fields": ("late",)}) == {"unclassified": 1, "again": 0}


def test_a_distinct_member_counts_once_under_each_term() -> None:
    works = ({"partner": "p", "areas": ("ai",)}, {"partner": "p", "areas": ("ai", "energy")})
    assert split("PARTY", *works) == {"ai": 1, "energy": 1, "again": 1}


def test_fractions_and_ratios_add_up_in_both_parts() -> None:
    several = {"areas": ("ai", "energy")}
    assert split("SHARE", several, unit="alpha") == {
        "ai": (360_360, 720_720),
        "energy": (360_360, 720_720),
        "again": (360_360, 720_720),
    }
    assert split("RATIO", several, {}) == {
        "ai": (1, 1),
        "energy": (1, 1),
        "unclassified": (1, 1),
        "again": (1, 1),
    }


def test_declared_and_verified_are_split_apart() -> None:
    amended = said(claim(areas=("energy",)), claim(areas=("ai",)))
    cube = cube_of(CATALOGUE, contribution([amended], CATALOGUE))
    found = encode_split(cube, "root", CATALOGUE.indicators["COUNT"], "area", MONTHS)
    told = [(t.term, t.declared.whole, t.verified.whole) for t in found.terms]
    assert told == [("ai", 0, 1), ("energy", 1, 0)]


def wish(**fields: object) -> view_pb2.Selection:
    return view_pb2.Selection(from_month="2025-01", to_month="2025-12", unit_ids=["root"], **fields)  # type: ignore[arg-type]


def test_a_cut_alone_asks_for_all_indicators_that_have_it() -> None:
    asked = decode_selection(wish(by="kind"), CATALOGUE)
    assert [indicator.code for indicator in asked.indicators] == ["COUNT"]
    cube = cube_of(CATALOGUE, contribution([both(claim(kind="a"))], CATALOGUE))
    (cell,) = encode_cells(cube, {}, asked, DAY)
    assert (cell.split.by, [term.term for term in cell.split.terms]) == ("kind", ["a"])
    whole = decode_selection(wish(indicator_codes=["COUNT"]), CATALOGUE)
    (plain,) = encode_cells(cube, {}, whole, DAY)
    assert not plain.HasField("split")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"by": "colour"}, "no indicator of the catalogue is cut by 'colour'"),
        ({"by": "kind", "indicator_codes": ["PARTY"]}, "its cuts are: area"),
        ({"by": "kind", "indicator_codes": ["PLAIN"]}, "its cuts are: none"),
    ],
)
def test_a_cut_that_an_indicator_does_not_have_is_refused(
    wanted: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words) as refused:
        decode_selection(wish(**wanted), CATALOGUE)
    assert list(refused.value.fields) == ["selection.by"]
