from __future__ import annotations

import pytest

from kieng.kpi.v1 import kpi_service_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.query.explanation import explain
from services.kpi.query.overlaps import overlaps
from services.kpi.store.reads import Snapshots
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import article, changed, record, wire_claim

Pages = list[kpi_service_pb2.ExplainKpiResponse]
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


def test_overlaps_of_what_is_no_whole_count_are_refused(stored: Stored) -> None:
    stored.claimed().apply(log(20))
    for code in ("KNW-04", "KNW-05", "KNW-08", "ENT-05"):
        request = kpi_service_pb2.ListOverlapsRequest(
            indicator_code=code, from_month="2025-01", to_month="2025-07"
        )
        with pytest.raises(InvalidArgument):
            overlaps(request, stored.fresh(), Snapshots(stored.mongo))
