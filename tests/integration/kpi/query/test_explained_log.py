"""Works and overlaps of a log that has everything in it, which is folded once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kpi.query.cells import decode_selection
from services.kpi.query.explanation import explain
from services.kpi.query.live_view import LiveView, state_cells
from services.kpi.query.overlaps import matrix, overlaps
from services.kpi.store.reads import Snapshots
from tests.conftest import RunningDatabase
from tests.integration.kpi.conftest import Stored, storing
from tests.integration.kpi.logs import log
from tests.integration.kpi.query.test_explanation import BOTH, add_up, pages
from tests.unit.kpi.builders import UNITS


@dataclass(frozen=True)
class Told:
    """A view with the whole log, and a memory of it from before the last 50 records."""

    stored: Stored
    behind: LiveView


@pytest.fixture(scope="module")
def told(mongo: RunningDatabase) -> Iterator[Told]:
    """Tests only read it."""
    with storing(mongo) as stored:
        fold, records = stored.claimed(), log(250)
        fold.apply(records[:200])
        behind = stored.fresh()
        fold.apply(records[200:])
        yield Told(stored, behind)


def test_the_works_listed_add_up_to_every_cell(told: Told) -> None:
    stored = told.stored
    with stored.fresh().read() as state:
        selection = decode_selection(
            view_pb2.Selection(
                unit_ids=UNITS,
                indicator_codes=[
                    "KNW-01",
                    "KNW-03",
                    "KNW-04",
                    "KNW-05",
                    "COM-03",
                    "COM-06",
                    "COM-01",
                    "ENT-05",
                ],
                from_month="2025-02",
                to_month="2025-06",
            ),
            state.catalogue,
        )
        cells = state_cells(state, selection, date(2025, 7, 1))
    listed = 0
    for cell in cells:
        found = pages(stored, cell.unit_id, cell.indicator_code, 500)
        value = found[0].value
        assert value == cell.verified
        listed += sum(len(page.works) for page in found)
        if cell.indicator_code in {"COM-01", "ENT-05"}:
            members = {work.member for page in found for work in page.works}
            numbers = {(work.member_number, work.member) for page in found for work in page.works}
            assert value.whole == len(members) == len(numbers)
            assert {number for number, _ in numbers} == set(range(1, len(members) + 1))
        elif cell.indicator_code == "KNW-05":
            assert add_up(found) == (value.ratio.numerator, value.ratio.denominator)
        else:
            whole = value.ratio.numerator if value.HasField("ratio") else value.whole
            assert add_up(found)[0] == whole
    assert listed > 100


def test_pages_of_any_size_list_the_same_works_once(told: Told) -> None:
    stored = told.stored
    whole = [work.work_key for work in pages(stored, "root", "KNW-03")[0].works]
    for size in (1, 3):
        found = pages(stored, "root", "KNW-03", size)
        assert [work.work_key for page in found for work in page.works] == whole
        assert {page.value.whole for page in found} == {len(whole)}
    assert len(whole) > 3


def test_overlaps_are_what_the_sum_of_the_children_counts_too_often(told: Told) -> None:
    stored = told.stored
    for unit in ("", "root", "alpha"):
        for measure in BOTH:
            request = kpi_service_pb2.ListOverlapsRequest(
                unit_id=unit,
                indicator_code="KNW-03",
                from_month="2025-01",
                to_month="2025-07",
                measure=measure,
            )
            found = overlaps(request, stored.fresh(), Snapshots(stored.mongo))
            extra = sum(len(one.unit_ids) - 1 for one in found.overlaps)
            assert all(len(one.unit_ids) > 1 for one in found.overlaps)
            # A claim of the unit itself counts at no child.
            assert found.sum_of_children - extra <= found.whole
            assert found.overlaps or unit == "alpha"


def test_a_page_is_right_where_the_view_has_moved_on_since_the_memory(told: Told) -> None:
    stored = told.stored
    for code in ("KNW-03", "KNW-05", "COM-03"):
        request = kpi_service_pb2.ExplainKpiRequest(
            unit_id="root",
            indicator_code=code,
            from_month="2025-02",
            to_month="2025-06",
            page_size=500,
        )
        late = explain(request, told.behind, Snapshots(stored.mongo))
        fresh = explain(request, stored.fresh(), Snapshots(stored.mongo))
        assert late.value == fresh.value
        assert late.works == fresh.works
        assert (late.view.digest, fresh.view.digest) == ("", stored.digest())
        assert late.view.progress == fresh.view.progress


@pytest.mark.parametrize("measure", BOTH)
@pytest.mark.parametrize("unit", ["root", "alpha", "gamma"])
def test_the_matrix_explains_a_whole_count_exactly_and_agrees_with_the_list(
    told: Told, unit: str, measure: kpi_service_pb2.Measure.ValueType
) -> None:
    stored = told.stored
    asked = kpi_service_pb2.GetOverlapMatrixRequest(
        unit_id=unit,
        indicator_code="KNW-03",
        from_month="2025-01",
        to_month="2025-07",
        measure=measure,
    )
    snapshots = Snapshots(stored.mongo)
    found = matrix(asked, stored.fresh(), snapshots)
    again = matrix(asked, told.behind, snapshots)
    again.view.digest = found.view.digest
    assert again == found
    listing = kpi_service_pb2.ListOverlapsRequest(
        unit_id=unit,
        indicator_code="KNW-03",
        from_month="2025-01",
        to_month="2025-07",
        measure=measure,
        page_size=2,
    )
    works: list[frozenset[str]] = []
    while True:
        page = overlaps(listing, stored.fresh(), snapshots)
        works += [frozenset(one.unit_ids) for one in page.overlaps]
        listing.page_token = page.next_page_token
        if not page.next_page_token:
            break
    counts = {one.unit_ids[0]: one.works for one in found.children}
    assert (found.whole, sum(counts.values())) == (page.whole, page.sum_of_children)
    for size, listed in ((2, found.pairs), (3, found.triples)):
        for one in listed:
            assert len(one.unit_ids) == size
            assert one.works == sum(set(one.unit_ids) <= units for units in works)
            assert one.works_of_them_only == sum(set(one.unit_ids) == units for units in works)
    pairs, triples = (sum(one.works for one in each) for each in (found.pairs, found.triples))
    # Inclusion and exclusion; no unit of this tree has more than three children.
    assert found.whole == sum(counts.values()) - pairs + triples + found.own

    def listed_at(where: str) -> set[str]:
        months = {"from_month": "2025-01", "to_month": "2025-07"}
        found = pages(stored, where, "KNW-03", 500, measure=measure, **months)
        return {work.work_key for page in found for work in page.works}

    assert found.own == len(listed_at(unit).difference(*map(listed_at, counts)))
