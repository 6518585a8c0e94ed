"""Explains a cell from the stored works of one moment, and lists what several units share."""

from __future__ import annotations

from collections.abc import Iterator

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import events_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Catalogue, Rule
from services.kpi.domain.claims import Work
from services.kpi.domain.explanation import adds_something, share_of
from services.kpi.domain.fold import restored
from services.kpi.domain.image import Image
from services.kpi.domain.months import month_range
from services.kpi.live import Moment
from services.kpi.store.snapshots import Snapshots, StoredRow, StoredWork
from services.kpi.wire import answers, events
from services.kpi.wire.cells import check_unit, encode_value, find_indicator

PAGE_SIZE = 100


def explain(
    request: kpi_service_pb2.ExplainKpiRequest, moment: Moment, snapshots: Snapshots
) -> kpi_service_pb2.ExplainKpiResponse:
    """Return a page of the works behind a cell; all pages add up to the cell exactly.

    Progress, cell and works are read in one transaction, so they speak of the same moment.

    Raises:
        InvalidArgument: unknown unit or indicator, a wrong range, or another query's page token.
    """
    catalogue = moment.catalogue
    check_unit(request.unit_id, catalogue, "unit_id")
    indicator = find_indicator(request.indicator_code, catalogue, "indicator_code")
    first, last = month_range(request.from_month, request.to_month)
    measure = answers.decode_measure(request.measure)
    size = request.page_size or PAGE_SIZE
    progress, rows, works = snapshots.works(
        moment.view.view_id,
        request.unit_id,
        catalogue.types_of(indicator),
        answers.read_page_token(request.page_token, request),
        size,
    )
    image = _image(rows, catalogue)
    target = moment.targets.get(f"{request.unit_id}|{indicator.attainment_of}|{last // 12}")
    value = image.value(
        request.unit_id, indicator, measure, first, last, target.value if target else 0
    )
    unit = catalogue.tree.number[request.unit_id]
    explained = []
    for stored in works:
        work, claims = _restore(stored, catalogue)
        share, member = share_of(work.contributed, catalogue, unit, indicator, measure, first, last)
        if adds_something(share):
            contribution = encode_value(share)
            explained.append(
                kpi_service_pb2.ExplainedWork(
                    work_key=stored.work_key,
                    contribution=contribution,
                    member=member,
                    claims=claims,
                )
            )
    more = answers.page_token(request, works[-1].work_key) if len(works) == size else ""
    return kpi_service_pb2.ExplainKpiResponse(
        view=answers.encode_snapshot(moment, progress),
        value=encode_value(value),
        works=explained,
        next_page_token=more,
    )


def overlaps(
    request: kpi_service_pb2.ListOverlapsRequest, moment: Moment, snapshots: Snapshots
) -> kpi_service_pb2.ListOverlapsResponse:
    """Return the works that several children of a unit claim.

    Raises:
        InvalidArgument: unknown unit or indicator, or one that is not a whole count.
    """
    catalogue = moment.catalogue
    tree = catalogue.tree
    unit_id = request.unit_id or tree.ids[0]
    check_unit(unit_id, catalogue, "unit_id")
    indicator = find_indicator(request.indicator_code, catalogue, "indicator_code")
    if indicator.value is None or indicator.denominator or indicator.value.rule is not Rule.WHOLE:
        text = f"{indicator.code} is not a whole count; overlaps are of whole counts"
        raise InvalidArgument(text, fields={"indicator_code": text})
    first, last = month_range(request.from_month, request.to_month)
    measure = answers.decode_measure(request.measure)
    children = tree.children(tree.number[unit_id])

    def claiming(work: Work) -> list[str]:
        shares = (
            (child, share_of(work.contributed, catalogue, child, indicator, measure, first, last))
            for child in children
        )
        return [tree.ids[child] for child, (value, _) in shares if adds_something(value)]

    ids = [unit_id, *(tree.ids[child] for child in children)]
    progress, rows, works = snapshots.joint_works(moment.view.view_id, indicator.value.type, ids)
    image = _image(rows, catalogue)
    found = []
    for stored in works:
        units = claiming(_restore(stored, catalogue)[0])
        if len(units) > 1:
            found.append(kpi_service_pb2.Overlap(work_key=stored.work_key, unit_ids=units))

    def count(where: str) -> int:
        value = image.value(where, indicator, measure, first, last, 0)
        assert isinstance(value, int)
        return value

    return kpi_service_pb2.ListOverlapsResponse(
        view=answers.encode_snapshot(moment, progress),
        overlaps=found,
        whole=count(unit_id),
        sum_of_children=sum(count(tree.ids[child]) for child in children),
    )


def _image(rows: list[StoredRow], catalogue: Catalogue) -> Image:
    image = Image(catalogue)
    for row in rows:
        image.put(row.partition, row.unit_id, row.month, row.cells)
    return image


def _restore(
    stored: StoredWork, catalogue: Catalogue
) -> tuple[Work, list[kpi_service_pb2.ExplainedClaim]]:
    statements = {}
    claims: list[kpi_service_pb2.ExplainedClaim] = []
    for source in stored.sources:
        event = events.decode_changed(source)
        statements[event.submission_id] = events.decode_statement(event, catalogue, source)
        claims += _claims(event)
    return restored(statements, catalogue), claims


def _claims(event: events_pb2.SubmissionChanged) -> Iterator[kpi_service_pb2.ExplainedClaim]:
    if not (event.HasField("declared") or event.HasField("verified")):
        return
    claim = event.verified if event.HasField("verified") else event.declared
    yield kpi_service_pb2.ExplainedClaim(
        submission_id=event.submission_id,
        version=event.version,
        institution_id=event.institution_id,
        unit_id=claim.unit_id,
        verified=event.HasField("verified"),
        evidence_sha256=claim.evidence_sha256,
    )
