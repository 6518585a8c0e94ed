"""Changes and previews of changes that cost a service much, also those that are refused."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import grpc
from uuid_utils import uuid7

from kieng.directory.v1 import directory_service_pb2 as directory
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from kieng.kpi.v1 import catalogue_service_pb2, edition_service_pb2, kpi_service_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.kpi.v1.edition_service_pb2_grpc import EditionServiceStub
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.proposals.v1 import proposal_service_pb2
from kieng.proposals.v1.proposal_service_pb2_grpc import ProposalServiceStub
from kieng.submissions.v1 import (
    events_pb2,
    facts_pb2,
    import_service_pb2,
    log_service_pb2,
    review_service_pb2,
    submission_pb2,
)
from kieng.submissions.v1 import submission_service_pb2 as submissions
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from kieng.submissions.v1.log_service_pb2_grpc import LogServiceStub
from kieng.submissions.v1.review_service_pb2_grpc import ReviewServiceStub
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.importing.batches import ROWS_PER_BATCH
from tests.hostile.repeating import STREAM_SECONDS, YEARS, Attack, answered, repeat, repeat_each

INSTITUTION, UNIT = "vnu", "vnu/hus"
ROWS = 500
NUMBERS = count()


def publication(number: int) -> facts_pb2.Facts:
    """An indexed article of the attacker."""
    return facts_pb2.Facts(
        publication=facts_pb2.Publication(
            doi=f"10.5555/hostile.{number}",
            title="Synthetic article",
            issued_on="2021-03-01",
            indexes=[facts_pb2.Publication.INDEX_SCOPUS],
        )
    )


def previews(channel: grpc.Channel, metadata: Any) -> None:
    """What every number would become by thousands of events."""
    claims = [
        events_pb2.Claim(
            unit_id=UNIT, source=submission_pb2.SOURCE_DECLARED, facts=publication(number)
        )
        for number in range(ROWS)
    ]
    events = [
        events_pb2.SubmissionChanged(
            submission_id=f"{INSTITUTION}.hostile{number}",
            version=1,
            institution_id=INSTITUTION,
            work_key=f"doi:10.5555/hostile.{number}",
            state=submission_pb2.STATE_SUBMITTED,
            declared=claim,
            primary=True,
        ).SerializeToString()
        for number, claim in enumerate(claims)
    ]
    message = kpi_service_pb2.TryEventsRequest(submitted=events, by_month=True)
    stub = KpiServiceStub(channel)
    left: Any = {"timeout": STREAM_SECONDS, "metadata": metadata}
    repeat(lambda: list(stub.TryEvents(iter([message] * 4), **left)))


def rows(first: int) -> list[import_service_pb2.ImportSubmissionsRequest]:
    """A batch of rows of an import."""
    proof = submission_pb2.Evidence(title="synthetic document", sha256="0" * 64)
    return [
        import_service_pb2.ImportSubmissionsRequest(
            row=number + 1,
            source_record=submission_pb2.SourceRecord(system="hostile", record_id=str(number)),
            content=submission_pb2.Content(
                unit_id=UNIT, facts=publication(number), evidence=[proof]
            ),
        )
        for number in range(first, first + ROWS)
    ]


def imports(channel: grpc.Channel, metadata: Any) -> None:
    """Imports of the same rows and trials of them, left half-way."""
    every = rows(0)
    parts = [every[at : at + ROWS_PER_BATCH] for at in range(0, ROWS, ROWS_PER_BATCH)]
    whole = [import_service_pb2.ImportBatchesRequest(rows=part) for part in parts]
    tried = [import_service_pb2.TryImportRequest(row=row, with_events=True) for row in every]
    together = [import_service_pb2.TryBatchesRequest(rows=part, with_events=True) for part in parts]
    stub = ImportServiceStub(channel)
    left: Any = {"timeout": STREAM_SECONDS, "metadata": metadata}
    repeat_each(
        lambda: list(stub.ImportBatches(iter(whole), **left)),
        lambda: list(stub.TryImport(iter(tried), **left)),
        lambda: list(stub.TryBatches(iter(together), **left)),
    )


def decisions(channel: grpc.Channel, metadata: Any) -> None:
    """Decisions on hundreds of submissions and trials of them, left half-way."""
    request = submissions.ListSubmissionsRequest(
        states=[submission_pb2.STATE_SUBMITTED, submission_pb2.STATE_VERIFIED], page_size=ROWS
    )
    reading = SubmissionServiceStub(channel)
    listed = answered(lambda: reading.ListSubmissions(request, timeout=20, metadata=metadata))
    # Of a version that nobody has reached: each is read and judged, and none changes anything.
    asked = [
        review_service_pb2.DecideSubmissionsRequest(
            request_id=str(uuid7()),
            submission_id=each.submission_id,
            version=1_000_000,
            decision=review_service_pb2.DECISION_REJECT,
            reason="hostile",
        )
        for each in listed.submissions
    ]
    tried = [review_service_pb2.TryDecisionsRequest(decision=each) for each in asked]
    stub = ReviewServiceStub(channel)
    left: Any = {"timeout": STREAM_SECONDS, "metadata": metadata}
    repeat_each(
        lambda: list(stub.DecideSubmissions(iter(asked), **left)),
        lambda: list(stub.TryDecisions(iter(tried), **left)),
    )


def republications(channel: grpc.Channel, metadata: Any) -> None:
    """The institution's part of the log once more, left half-way."""
    request = log_service_pb2.RepublishLogRequest(generation=1)
    stub = LogServiceStub(channel)
    repeat(lambda: list(stub.RepublishLog(request, timeout=STREAM_SECONDS, metadata=metadata)))


def closings(channel: grpc.Channel, metadata: Any) -> None:
    """Periods that are closed, for which the log is read, left half-way."""
    first, last = YEARS
    stub = EditionServiceStub(channel)

    def close() -> None:
        request = edition_service_pb2.CloseEditionRequest(
            edition_id=f"hostile-{next(NUMBERS)}",
            title="hostile",
            from_month=first,
            to_month=last,
            unit_id=INSTITUTION,
        )
        list(stub.CloseEdition(request, timeout=STREAM_SECONDS, metadata=metadata))

    repeat(close)


def publications(channel: grpc.Channel, metadata: Any) -> None:
    """Trees that differ in what belongs to all, each of which becomes a proposal."""
    stub, proposals = DirectoryServiceStub(channel), ProposalServiceStub(channel)
    newest = directory.GetDirectoryRequest()
    tree = answered(lambda: stub.GetDirectory(newest, timeout=20, metadata=metadata))
    every = proposal_service_pb2.ListProposalsRequest()
    left: Any = {"timeout": STREAM_SECONDS, "metadata": metadata}

    def publish() -> None:
        request = directory.PublishDirectoryRequest(units=tree.directory.units)
        for unit in request.units[:1]:
            unit.abbreviation = f"H{next(NUMBERS)}"
        stub.PublishDirectory(request, **left)

    repeat_each(publish, partial(proposals.ListProposals, every, **left))


def catalogues(channel: grpc.Channel, metadata: Any) -> None:
    """Catalogues that differ, each of which becomes a proposal."""
    stub = CatalogueServiceStub(channel)
    newest = catalogue_service_pb2.GetCatalogueRequest()
    live = answered(lambda: stub.GetCatalogue(newest, timeout=20, metadata=metadata)).catalogue

    def publish() -> None:
        request = catalogue_service_pb2.PublishCatalogueRequest(
            indicators=live.indicators, taxonomies=live.taxonomies
        )
        for indicator in request.indicators[:1]:
            indicator.name.en = f"hostile {next(NUMBERS)}"
        stub.PublishCatalogue(request, timeout=STREAM_SECONDS, metadata=metadata)

    repeat(publish)


ATTACKS: tuple[Attack, ...] = (
    previews,
    imports,
    decisions,
    republications,
    closings,
    publications,
    catalogues,
)
