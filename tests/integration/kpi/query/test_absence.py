from __future__ import annotations

from typing import Any

from kieng.kpi.v1 import kpi_service_pb2
from services.kpi.domain.absence import Finding, Reason
from services.kpi.query.absence import absence, encode_finding
from services.kpi.store.parked import ParkedRecords
from services.kpi.store.reads import Snapshots
from tests.integration.kpi.conftest import Stored
from tests.unit.kpi.builders import article, changed, record

NAMES = kpi_service_pb2.Finding.Reason
MONTHS = {"from_month": "2025-01", "to_month": "2025-07"}


def asked(
    stored: Stored, work: str, institution: str = "alpha", **more: object
) -> kpi_service_pb2.ExplainAbsenceResponse:
    fields = {"unit_id": "alpha", "indicator_code": "KNW-03", **MONTHS, **more}
    request = kpi_service_pb2.ExplainAbsenceRequest(work_key=work, **fields)  # type: ignore[arg-type]
    parked = ParkedRecords(stored.mongo)
    return absence(request, stored.fresh(), Snapshots(stored.mongo), parked, institution)


def reasons(answer: kpi_service_pb2.ExplainAbsenceResponse) -> list[str]:
    return [NAMES.Name(finding.reason).removeprefix("REASON_") for finding in answer.findings]


def test_a_work_is_found_in_whatever_partition_it_is(stored: Stored) -> None:
    rice = article("alpha", title="Rice")
    one = changed("s1", 1, "doi:10.1/a", rice, rice)
    other = changed("s2", 1, "doi:10.1/b", article("beta"), article("beta"))
    stored.claimed().apply([record(0, one)])
    there = record(0, other)
    there.partition = 3
    stored.claimed(3).apply([there])
    found = asked(stored, "doi:10.1/a")
    assert (found.counts, found.contribution.whole, reasons(found)) == (True, 1, ["COUNTS"])
    assert [claim.submission_id for claim in found.claims] == ["s1"]
    assert (found.title, found.date_field) == ("Rice", "issued_on")
    assert found.counts_from == "2025-03-10"
    found = asked(stored, "doi:10.1/b")
    assert (found.counts, reasons(found)) == (False, ["UNIT_NOT_BELOW"])
    assert found.view.digest == stored.digest()
    assert reasons(asked(stored, "doi:10.1/c")) == ["UNKNOWN"]


def test_why_an_event_was_parked_is_told_to_its_own_institution_only(stored: Stored) -> None:
    good = changed("s1", 1, "doi:10.1/a", article("alpha"))
    bad = changed("s1", 2, "doi:10.1/a", article("alpha/absent"), article("alpha/absent"))
    fold = stored.claimed()
    fold.apply([record(0, good), record(1, bad)])
    own = asked(stored, "doi:10.1/a", submission_id="s1", version=2)
    assert reasons(own) == ["OLDER_VERSION", "NOT_VERIFIED", "PARKED"]
    assert "alpha/absent" in own.findings[2].found
    assert own.findings[2].wanted == "2"
    strange = asked(stored, "doi:10.1/a", "beta")
    assert (reasons(strange)[-1], strange.findings[-1].found) == ("PARKED", "")
    mended = changed("s1", 3, "doi:10.1/a", article("alpha"), article("alpha"))
    fold.apply([record(2, mended)])
    assert reasons(asked(stored, "doi:10.1/a")) == ["COUNTS"]


def test_who_a_person_is_is_no_finding() -> None:
    condition: Any = {"reason": Reason.CONDITION, "wanted": "any_of x"}
    person = encode_finding(Finding(field="person_id", found="0000-0002-1825-0097", **condition))
    assert (person.field, person.found) == ("person_id", "")
    assert encode_finding(Finding(field="country", found="FR", **condition)).found == "FR"
