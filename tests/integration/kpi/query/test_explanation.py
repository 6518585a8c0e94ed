from __future__ import annotations

from datetime import date

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.query.cells import decode_selection
from services.kpi.query.explanation import explain
from services.kpi.query.live_view import state_cells
from services.kpi.query.overlaps import matrix, overlaps
from services.kpi.store.reads import Snapshots
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import UNITS, article, changed, record, wire_claim

Pages = list[kpi_service_pb2.ExplainKpiResponse]
CODES = ["KNW-01", "KNW-03", "KNW-04", "KNW-05", "COM-01", "COM-03", "COM-06", "ENT-05"]
BOTH = (kpi_service_pb2.MEASURE_DECLARED, kpi_service_pb2.MEASURE_VERIFIED)


def pages(stored: Stored, unit: str, code: str, size: int = 0, **more: object) -> Pages:
    months = {"from_month": "2025-02", "to_month": "2025-06"}
    request = kpi_service_pb2.ExplainKpiRequest(
        unit_id=unit,
        indicator_code=code,
        page_size=size,
        **{**months, **more},  # type: ignore[arg-type]
    )
    found: Pages = []
    live = stored.fresh()
    while not found or found[-1].next_page_token:
        request.page_token = found[-1].next_page_token if found else ""
        found.append(explain(request, live, Snapshots(stored.mongo)))
    return found


def add_up(found: Pages) -> tuple[int, int]:
    """Numerator and, for ratios, denominator of all works listed."""
    values = [work.contribution for page in found for work in page.works]
    return (
        sum(v.ratio.numerator if v.HasField("ratio") else v.whole for v in values),
        sum(v.ratio.denominator for v in values),
    )


def test_the_works_listed_add_up_to_every_cell(stored: Stored) -> None:
    stored.claimed().apply(log(250))
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


def test_pages_of_any_size_list_the_same_works_once(stored: Stored) -> None:
    stored.claimed().apply(log(250))
    whole = [work.work_key for work in pages(stored, "root", "KNW-03")[0].works]
    for size in (1, 3):
        found = pages(stored, "root", "KNW-03", size)
        assert [work.work_key for page in found for work in page.works] == whole
        assert {page.value.whole for page in found} == {len(whole)}
    assert len(whole) > 3


def test_a_work_amended_to_another_type_is_listed_where_it_counts(stored: Stored) -> None:
    amended = changed(
        "s1",
        2,
        "sub:s1",
        declared=wire_claim("alpha", "ip_right", kind=1, granted_on="2025-03-01"),
        verified=article("alpha", issued_on="2025-03-01"),
    )
    stored.claimed().apply([record(0, amended)])
    (page,) = pages(stored, "alpha", "KNW-03")
    assert page.value.whole == 1
    assert add_up([page])[0] == 1
    (page,) = pages(stored, "alpha", "KNW-01", measure=BOTH[0])
    assert page.value.whole == add_up([page])[0] == 1


def test_claims_of_a_work_name_their_submission_and_whether_they_are_verified(
    stored: Stored,
) -> None:
    one = changed("s1", 7, declared=article("alpha"), verified=article("alpha"))
    other = changed("s2", 8, declared=article("beta"))
    stored.claimed().apply([record(0, one), record(1, other)])
    (page,) = pages(stored, "alpha", "KNW-03")
    (work,) = page.works
    found = [(c.submission_id, c.version, c.institution_id, c.verified) for c in work.claims]
    assert found == [("s1", 7, "alpha", True), ("s2", 8, "beta", False)]
    assert page.view.digest == stored.digest()


def test_a_work_names_its_partner_and_a_product_how_ready_it_is(stored: Stored) -> None:
    day = "2025-03-01"
    signed = wire_claim("alpha", "agreement", kind=1, partner_id="p1", signed_on=day)
    made = wire_claim("alpha", "product", title="Sensor", trl=7, stage=2, identified_on=day)
    events = [changed("s1", 1, "a:1", verified=signed), changed("s2", 1, "p:1", verified=made)]
    stored.claimed().apply([record(at, event) for at, event in enumerate(events)])
    found = {code: pages(stored, "alpha", code)[0].works[0] for code in ("ENT-06", "COM-06")}
    told = [(work.partner_id, work.title, work.trl, work.stage) for work in found.values()]
    assert told == [("p1", "", 0, ""), ("", "Sensor", 7, "ready")]


def test_overlaps_are_what_the_sum_of_the_children_counts_too_often(stored: Stored) -> None:
    stored.claimed().apply(log(250))
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


def test_overlaps_of_what_is_no_whole_count_are_refused(stored: Stored) -> None:
    stored.claimed().apply(log(20))
    for code in ("KNW-04", "KNW-05", "KNW-08", "ENT-05"):
        request = kpi_service_pb2.ListOverlapsRequest(
            indicator_code=code, from_month="2025-01", to_month="2025-07"
        )
        with pytest.raises(InvalidArgument):
            overlaps(request, stored.fresh(), Snapshots(stored.mongo))


def test_a_page_is_right_where_the_view_has_moved_on_since_the_memory(stored: Stored) -> None:
    fold, records = stored.claimed(), log(250)
    fold.apply(records[:200])
    behind = stored.fresh()
    fold.apply(records[200:])
    for code in ("KNW-03", "KNW-05", "COM-03"):
        request = kpi_service_pb2.ExplainKpiRequest(
            unit_id="root",
            indicator_code=code,
            from_month="2025-02",
            to_month="2025-06",
            page_size=500,
        )
        late = explain(request, behind, Snapshots(stored.mongo))
        fresh = explain(request, stored.fresh(), Snapshots(stored.mongo))
        assert late.value == fresh.value
        assert late.works == fresh.works
        assert (late.view.digest, fresh.view.digest) == ("", stored.digest())
        assert late.view.progress == fresh.view.progress


@pytest.mark.parametrize("measure", BOTH)
@pytest.mark.parametrize("unit", ["root", "alpha", "gamma"])
def test_the_matrix_explains_a_whole_count_exactly_and_agrees_with_the_list(
    stored: Stored, unit: str, measure: kpi_service_pb2.Measure.ValueType
) -> None:
    fold, records = stored.claimed(), log(250)
    fold.apply(records[:200])
    behind = stored.fresh()
    fold.apply(records[200:])
    asked = kpi_service_pb2.GetOverlapMatrixRequest(
        unit_id=unit,
        indicator_code="KNW-03",
        from_month="2025-01",
        to_month="2025-07",
        measure=measure,
    )
    snapshots = Snapshots(stored.mongo)
    found = matrix(asked, stored.fresh(), snapshots)
    again = matrix(asked, behind, snapshots)
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
