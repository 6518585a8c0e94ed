"""Under which terms of a cut a work counts."""

from __future__ import annotations

from typing import Any

import pytest

from services.kpi.domain.cuts import UNCLASSIFIED, Cut, Days

DATE = "2025-03-10"
AREA = Cut(
    "area",
    "areas",
    terms={"ai": Days(), "energy": Days(), "old": Days(last="2024-12-31")},
    standing_in="fields",
    links={"power": (("energy", Days()), ("old", Days())), "late": (("ai", Days("2026-01-01")),)},
)


def terms(cut: Cut, **facts: Any) -> list[str]:
    return cut.terms_of(facts.get, DATE)


@pytest.mark.parametrize(
    ("days", "holds"),
    [
        (Days(), True),
        (Days(first=DATE), True),
        (Days(last=DATE), True),
        (Days(first="2025-03-11"), False),
        (Days(last="2025-03-09"), False),
    ],
)
def test_both_ends_of_a_validity_are_included(days: Days, holds: bool) -> None:
    assert days.hold(DATE) is holds


def test_a_work_counts_once_under_each_term_that_is_in_use() -> None:
    assert terms(AREA, areas=("energy", "ai", "energy", "old", "odd")) == ["ai", "energy"]


def test_links_stand_in_only_where_the_fact_names_nothing() -> None:
    assert terms(AREA, fields=("power", "late", "odd")) == ["energy"]
    assert terms(AREA, fields=("power",), areas=("ai",)) == ["ai"]
    assert terms(AREA, fields=("power",), areas=("odd",)) == [UNCLASSIFIED]


def test_a_work_without_a_term_counts_under_the_other_one() -> None:
    assert terms(AREA) == [UNCLASSIFIED]
    assert terms(Cut("in_kind", "in_kind", otherwise="false")) == ["false"]


def test_every_value_of_a_field_is_a_term_of_a_cut_without_a_list() -> None:
    assert terms(Cut("trl", "trl"), trl=7) == ["7"]
    assert terms(Cut("in_kind", "in_kind", otherwise="false"), in_kind=True) == ["true"]


def test_a_cut_uses_the_facts_that_it_names() -> None:
    assert AREA.fields() == {"areas", "fields"}
    assert Cut("trl", "trl").fields() == {"trl"}
