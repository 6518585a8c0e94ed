"""Answers ExplainKpi: the works that a cell consists of, read from one snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import Message

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.submissions.v1 import events_pb2, facts_pb2
from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.cube import Cube
from services.kpi.domain.disagreement import claims_of, disagreements
from services.kpi.domain.explanation import adds_something, narrowed, share_of
from services.kpi.domain.fold import restored
from services.kpi.domain.months import month_range
from services.kpi.domain.targets import target_of
from services.kpi.domain.work import Work
from services.kpi.query import answers
from services.kpi.query.cells import check_unit, find_indicator
from services.kpi.query.live_view import LiveView, ViewState
from services.kpi.store.cancellation import while_wanted
from services.kpi.store.reads import Progress, Snapshots, StoredRow, is_at
from services.kpi.store.works import StoredWork
from services.kpi.wire import events
from services.kpi.wire.contradictions import encode_disagreement
from services.kpi.wire.values import encode_value
from services.kpi.wire.vocabulary import enum_word

PAGE_SIZE = 100


def explain(
    request: kpi_service_pb2.ExplainKpiRequest, live: LiveView, snapshots: Snapshots
) -> kpi_service_pb2.ExplainKpiResponse:
    """Return a page of the works that a cell consists of, by work key.

    The contributions of all pages add up to the cell exactly, except in distinct counts. The cell
    and the works are of the same position. A page may hold fewer works than requested and still not
    be the last; only a page without token is.

    Raises:
        InvalidArgument: the unit or indicator is unknown, the range is invalid, or the page token
            belongs to another query.
        CallerLeft: the caller left meanwhile.
    """
    with live.read() as state:
        seen = Seen(state)
        catalogue = state.catalogue
        check_unit(request.unit_id, catalogue, "unit_id")
        indicator = find_indicator(request.indicator_code, catalogue, "indicator_code")
        first, last = month_range(request.from_month, request.to_month)
        measure = answers.decode_measure(request.measure)
        base = catalogue.indicators.get(indicator.attainment_of, indicator)
        target = target_of(state.targets, request.unit_id, base, (first, last))
        cell = (request.unit_id, indicator, measure, first, last, target.value if target else 0)
        value = state.cube.value(*cell)
        members = state.cube.members(*cell[:5])
    size = request.page_size or PAGE_SIZE
    progress, rows, works = snapshots.works(
        seen.view.view_id,
        request.unit_id,
        catalogue.types_of(indicator),
        answers.read_page_token(request.page_token, request),
        size,
        seen.progress,
    )
    if not is_at(progress, seen.progress):
        cube = cube_of(rows, catalogue, indicator)
        value, members = cube.value(*cell), cube.members(*cell[:5])
    number = numbers(members)
    unit = catalogue.tree.number[request.unit_id]
    explained, counting = [], narrowed(catalogue, indicator)
    for stored in while_wanted(works, snapshots.is_wanted):
        work, said = restored_of(stored, counting)
        share, member = share_of(work.contributed, catalogue, unit, indicator, measure, first, last)
        if adds_something(share):
            message = _explained(work, said, measure, catalogue)
            message.work_key, message.member = stored.work_key, member
            message.contribution.CopyFrom(encode_value(share))
            message.claims.extend(claims_in(said, measure))
            message.member_number = number.get(member, 0)
            explained.append(message)
    more = answers.page_token(request, works[-1].work_key) if len(works) == size else ""
    return kpi_service_pb2.ExplainKpiResponse(
        view=seen.info(progress),
        value=encode_value(value),
        works=explained,
        next_page_token=more,
    )


def _explained(
    work: Work, said: Iterable[events_pb2.SubmissionChanged], measure: int, catalogue: Catalogue
) -> kpi_service_pb2.ExplainedWork:
    """Return a message with the leading claim of a work and the contradictions of other claims."""
    claims, ids = claims_of(work, measure), ids_of(said)
    leading = claims[0].name if claims else ""
    facts = facts_of(said, leading, measure)
    return kpi_service_pb2.ExplainedWork(
        leading_submission_id=ids[leading] if leading else "",
        title=getattr(facts, "title", "") or getattr(facts, "name", ""),
        partner_id=getattr(facts, "partner_id", ""),
        **(readiness(facts) if isinstance(facts, facts_pb2.Product) else {}),
        disagreements=[
            encode_disagreement(each, ids, catalogue.tree.ids[each.claim.unit])
            for each in disagreements(claims)
        ],
    )


def readiness(product: facts_pb2.Product) -> dict[str, Any]:
    """Return the fields `trl` and `stage` of ExplainedWork for a product.

    `trl` is the technology readiness level, 0 if unknown; `stage` is the enum's name in lower case,
    without prefix.
    """
    stage = enum_word(facts_pb2.Product.Stage.DESCRIPTOR, product.stage)
    return {"trl": product.trl, "stage": stage}


def claim_in(event: events_pb2.SubmissionChanged, measure: int) -> events_pb2.Claim:
    """Return the claim of an event that counts in a measure; else the other one, maybe empty.

    They differ where a verified submission was amended.

    Args:
        event: the event.
        measure: 0 declared, 1 verified.
    """
    is_verified = event.HasField("verified") and (measure or not event.HasField("declared"))
    return event.verified if is_verified else event.declared


def facts_of(
    said: Iterable[events_pb2.SubmissionChanged], leading: str, measure: int
) -> Message | None:
    """Return the facts that one submission claims of a work, see `claim_in`.

    None if it is not among the events or claims nothing.

    Args:
        said: newest events of the submissions about the work.
        leading: full name of the submission; empty for none.
        measure: 0 declared, 1 verified.
    """
    for event in said:
        if events.name_of(event) == leading:
            claim = claim_in(event, measure)
            facts: Message | None = getattr(claim.facts, claim.facts.WhichOneof("kind") or "", None)
            return facts
    return None


def ids_of(said: Iterable[events_pb2.SubmissionChanged]) -> dict[str, str]:
    """Return full name -> id of the submissions about a work.

    Args:
        said: newest events of these submissions.
    """
    return {events.name_of(event): event.submission_id for event in said}


def numbers(members: Iterable[str]) -> dict[str, int]:
    """Return member -> number from 1, by which a member can be shown without naming it.

    The order is that of hashes, so that the numbers reveal nothing about the members.
    """
    ordered = sorted(members, key=lambda member: hashlib.sha256(member.encode()).digest())
    return {member: number for number, member in enumerate(ordered, start=1)}


class Seen:
    """View, position and digest of a state, for an answer built after its lock is released.

    Args:
        state: the live view, under its lock.
    """

    def __init__(self, state: ViewState) -> None:
        self.view = state.view
        self.progress = state.progress
        self._digest = state.cube.digest()
        self._dismissed = state.dismissed

    def info(self, progress: Progress) -> view_pb2.ViewInfo:
        """Return view and position of an answer as a protobuf message.

        The digest is only included if the state was at the same position.

        Args:
            progress: position of the answer.
        """
        digest = self._digest if is_at(progress, self.progress) else ""
        return answers.encode_view(self.view, progress, digest, self._dismissed)


def cube_of(rows: list[StoredRow], catalogue: Catalogue, indicator: Indicator) -> Cube:
    """Return a cube of stored rows, with only the columns that one indicator needs."""
    base = catalogue.indicators.get(indicator.attainment_of, indicator)
    names = {
        catalogue.columns[catalogue.number[component, measure, ""]].name
        for component in (base.value, base.denominator)
        if component is not None
        for measure in (0, 1)
    }
    cube = Cube(catalogue)
    for row in rows:
        cells = {cell: value for cell, value in row.cells.items() if cell[0] in names}
        cube.put(row.partition, row.unit_id, row.month, cells)
    return cube


def restored_of(
    stored: StoredWork, catalogue: Catalogue
) -> tuple[Work, list[events_pb2.SubmissionChanged]]:
    """Decode a stored work; return it and the newest event of each of its submissions.

    Args:
        stored: the work.
        catalogue: rules by which its contribution is computed.
    """
    said = list(events.decode_stored(stored.sources, catalogue))
    statements = {events.name_of(event): statement for event, statement in said}
    return restored(statements, catalogue), [event for event, _ in said]


def claims_in(
    said: Iterable[events_pb2.SubmissionChanged], measure: int
) -> Iterator[kpi_service_pb2.ExplainedClaim]:
    """Yield each claim in the events of a work as a protobuf message; no retractions.

    Args:
        said: newest events of the submissions about the work.
        measure: measure of the number, 0 declared, 1 verified; see `claim_in`.
    """
    for event in said:
        if not (event.HasField("declared") or event.HasField("verified")):
            continue
        claim = claim_in(event, measure)
        is_verified = event.HasField("verified") and claim == event.verified
        yield kpi_service_pb2.ExplainedClaim(
            submission_id=event.submission_id,
            version=event.version,
            institution_id=event.institution_id,
            unit_id=claim.unit_id,
            verified=is_verified,
            evidence_sha256=claim.evidence_sha256,
            verified_at=event.verified_at
            if is_verified and event.HasField("verified_at")
            else None,
        )
