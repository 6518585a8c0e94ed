"""Reads that cost a service much: every one is left before it is answered."""

from __future__ import annotations

from functools import partial
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.directory.v1 import directory_service_pb2 as directory
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from kieng.kpi.v1 import catalogue_service_pb2, edition_service_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.kpi.v1.edition_service_pb2_grpc import EditionServiceStub
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.partners.v1 import partner_service_pb2 as partners
from kieng.partners.v1.partner_service_pb2_grpc import PartnerServiceStub
from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1 import submission_service_pb2 as submissions
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from tests.hostile.repeating import (
    ABANDONED_SECONDS,
    INDICATOR,
    STREAM_SECONDS,
    YEARS,
    Attack,
    answered,
    repeat,
    repeat_each,
)


def lists(channel: grpc.Channel, metadata: Any) -> None:
    """Lists of submissions by every filter, each of which is read by an index of its own."""
    filters: tuple[dict[str, Any], ...] = (
        {},
        {"work_key": "doi:10.5555/none"},
        {"unit_id": "vnu/hus"},
        {"states": [submission_pb2.STATE_VERIFIED]},
        {"type": "publication"},
        {"source_system": "none"},
        {"record_id": "none"},
        {"submission_id_prefix": "vnu.0"},
        {"changed_since": Timestamp(seconds=1)},
        {"mine": True},
    )
    requests = [submissions.ListSubmissionsRequest(page_size=500, **each) for each in filters]
    stub = SubmissionServiceStub(channel)
    left: Any = {"timeout": ABANDONED_SECONDS, "metadata": metadata}
    repeat_each(*(partial(stub.ListSubmissions, each, **left) for each in requests))


def numbers(channel: grpc.Channel, metadata: Any) -> None:
    """Every number of every unit by month with marks, reports, and both trees month by month."""
    first, last = YEARS
    every = view_pb2.Selection(from_month=first, to_month=last, by_month=True)
    marked = kpi_service_pb2.GetKpisRequest(selection=every, with_contradictions=True)
    report = kpi_service_pb2.GetReportRequest(from_month=first, to_month=last)
    months = catalogue_service_pb2.Months(from_month=first, to_month=last)
    trees = catalogue_service_pb2.CompareTreesRequest(
        unit_id="consortium", before=months, after=months, trend=months
    )
    absence = kpi_service_pb2.ExplainAbsenceRequest(
        work_key="doi:10.5555/none",
        unit_id="consortium",
        indicator_code=INDICATOR,
        from_month=first,
        to_month=last,
    )
    kpis, catalogues = KpiServiceStub(channel), CatalogueServiceStub(channel)
    whole = catalogue_service_pb2.GetCatalogueRequest()
    left: Any = {"timeout": ABANDONED_SECONDS, "metadata": metadata}
    repeat_each(
        partial(kpis.GetKpis, marked, **left),
        partial(kpis.GetReport, report, **left),
        partial(catalogues.CompareTrees, trees, **left),
        partial(kpis.ExplainAbsence, absence, **left),
        partial(catalogues.GetCatalogue, whole, **left),
    )


def editions(channel: grpc.Channel, metadata: Any) -> None:
    """Exports of a closed period, and what it would be today, left half-way."""
    stub = EditionServiceStub(channel)
    every = edition_service_pb2.ListEditionsRequest()
    listed = answered(lambda: stub.ListEditions(every, timeout=20, metadata=metadata))
    edition_id = next((each.edition_id for each in listed.editions), "none")
    export = edition_service_pb2.GetEditionRequest(edition_id=edition_id)
    since = edition_service_pb2.ListRestatementsRequest(edition_id=edition_id)
    left: Any = {"timeout": STREAM_SECONDS, "metadata": metadata}
    repeat_each(
        partial(stub.GetEdition, export, **left),
        lambda: list(stub.ListRestatements(since, **left)),
    )


def searches(channel: grpc.Channel, metadata: Any) -> None:
    """Searches that fit much, and whole trees."""
    trees, registry = DirectoryServiceStub(channel), PartnerServiceStub(channel)
    units = directory.SearchUnitsRequest(query="khoa", page_size=100)
    every = partners.SearchPartnersRequest(page_size=500)
    one = partners.ResolvePartnerRequest(query="Viettel")
    left: Any = {"timeout": ABANDONED_SECONDS, "metadata": metadata}
    repeat_each(
        partial(trees.SearchUnits, units, **left),
        partial(trees.GetDirectory, directory.GetDirectoryRequest(), **left),
        partial(registry.SearchPartners, every, **left),
        partial(registry.ResolvePartner, one, **left),
    )


def explanations(channel: grpc.Channel, metadata: Any) -> None:
    """Explanations of a year of the consortium, left before they are answered."""
    first, last = YEARS
    request = kpi_service_pb2.ExplainKpiRequest(
        unit_id="consortium",
        indicator_code=INDICATOR,
        from_month=first,
        to_month=last,
        measure=kpi_service_pb2.MEASURE_DECLARED,
        page_size=500,
    )
    stub = KpiServiceStub(channel)
    repeat(lambda: stub.ExplainKpi(request, timeout=ABANDONED_SECONDS, metadata=metadata))


def overlaps(channel: grpc.Channel, metadata: Any) -> None:
    """Works that children have in common, and how many, left before they are answered."""
    first, last = YEARS
    asked: Any = {"indicator_code": INDICATOR, "from_month": first, "to_month": last}
    asked["measure"] = kpi_service_pb2.MEASURE_DECLARED
    works = kpi_service_pb2.ListOverlapsRequest(**asked)
    counts = kpi_service_pb2.GetOverlapMatrixRequest(**asked)
    stub = KpiServiceStub(channel)
    left: Any = {"timeout": ABANDONED_SECONDS, "metadata": metadata}
    repeat(lambda: stub.ListOverlaps(works, **left))
    repeat(lambda: stub.GetOverlapMatrix(counts, **left))


def histories(channel: grpc.Channel, metadata: Any) -> None:
    """What has changed since now, for which the log is read twice, left half-way."""
    first, last = YEARS
    months: Any = {"from_month": first, "to_month": last}
    wanted = view_pb2.Selection(unit_ids=["consortium"], indicator_codes=[INDICATOR], **months)
    request = kpi_service_pb2.GetKpisRequest(selection=wanted)
    kpis = KpiServiceStub(channel)
    now = answered(lambda: kpis.GetKpis(request, timeout=20, metadata=metadata)).view
    since = edition_service_pb2.ListChangesRequest(at=now.progress, **months)
    stub = EditionServiceStub(channel)
    repeat(lambda: list(stub.ListChanges(since, timeout=STREAM_SECONDS, metadata=metadata)))


def trials(channel: grpc.Channel, metadata: Any) -> None:
    """What the live catalogue would change, which nothing does: every work is counted anew."""
    first, last = YEARS
    stub = CatalogueServiceStub(channel)
    newest = catalogue_service_pb2.GetCatalogueRequest()
    live = answered(lambda: stub.GetCatalogue(newest, timeout=20, metadata=metadata))
    request = catalogue_service_pb2.TryCatalogueRequest(
        indicators=live.catalogue.indicators,
        taxonomies=live.catalogue.taxonomies,
        from_month=first,
        to_month=last,
    )
    repeat(lambda: list(stub.TryCatalogue(request, timeout=STREAM_SECONDS, metadata=metadata)))


def replays(channel: grpc.Channel, metadata: Any) -> None:
    """Replays of the whole log, left before they are answered."""
    first, last = YEARS
    wanted = view_pb2.Selection(
        unit_ids=["consortium"], indicator_codes=[INDICATOR], from_month=first, to_month=last
    )
    request = kpi_service_pb2.ReplayKpisRequest(selection=wanted)
    stub = KpiServiceStub(channel)
    repeat(lambda: list(stub.ReplayKpis(request, timeout=STREAM_SECONDS, metadata=metadata)))


ATTACKS: tuple[Attack, ...] = (
    lists,
    numbers,
    explanations,
    overlaps,
    histories,
    editions,
    trials,
    replays,
    searches,
)
