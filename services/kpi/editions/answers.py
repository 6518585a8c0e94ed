"""Encodes editions and restatements as protobuf messages."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from kieng.kpi.v1 import edition_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from services.kpi.domain.cube import Ratio
from services.kpi.domain.restated_claims import RestatedClaim
from services.kpi.domain.restatement import Line
from services.kpi.editions.restatements import RestatedCell
from services.kpi.store.editions import Edition
from services.kpi.wire.values import encode_value


def encode_edition(edition: Edition) -> api.Edition:
    """Return an edition as a protobuf message, without its content and signature."""
    closed_at = Timestamp()
    closed_at.FromDatetime(edition.closed_at)
    return api.Edition(
        edition_id=edition.edition_id,
        title=edition.title,
        unit_id=edition.unit_id,
        from_month=edition.from_month,
        to_month=edition.to_month,
        closed_at=closed_at,
        view_id=edition.view_id,
        catalogue_version=edition.catalogue_version,
        digest=edition.digest,
        key_id=edition.key_id,
    )


def encode_line(
    line: Line, divisors: Mapping[str, int], unit_id: str, indicator_code: str
) -> api.Restatement | None:
    """Return a restatement line as a protobuf message; None if it changed no wanted cell.

    Args:
        line: what one work changed, and why.
        divisors: what `divisors_of` returns.
        unit_id: unit whose cells are wanted; empty for all.
        indicator_code: indicator whose cells are wanted; empty for all.
    """
    changes: dict[tuple[str, str], list[int]] = {}
    for (unit, code, part), change in sorted(line.changes.items()):
        if unit_id in ("", unit) and indicator_code in ("", code):
            changes.setdefault((unit, code), [0, 0])[part] += change
    if not any(any(both) for both in changes.values()):
        return None
    return api.Restatement(
        work_key=line.work_key,
        claims=[_claim(claim) for claim in line.claims],
        changes=[
            api.CellDifference(
                unit_id=unit,
                indicator_code=code,
                difference=_difference(both, divisors.get(code, 1)),
            )
            for (unit, code), both in changes.items()
            if any(both)
        ],
    )


def _difference(both: list[int] | tuple[int, int], divisor: int) -> view_pb2.Value:
    if divisor == 1:
        return encode_value(both[0])
    return encode_value(Ratio(both[0], divisor) if divisor else Ratio(*both))


def _claim(restated: RestatedClaim) -> api.RestatedClaim:
    claim = restated.claim
    return api.RestatedClaim(
        submission_id=claim.submission_id,
        institution_id=claim.institution_id,
        unit_id=claim.unit_id,
        submitted_by=claim.subject,
        cause=api.RestatedClaim.Cause.Value(f"CAUSE_{restated.cause.value.upper()}"),
        version_before=restated.version_before,
        version_now=claim.version,
    )


def encode_cell(cell: RestatedCell) -> api.RestatedCell:
    """Return a cell of an edition as a message: its value when closed and now, and the causes."""
    message = api.RestatedCell(
        unit_id=cell.unit_id,
        indicator_code=cell.indicator_code,
        by_works=_difference(cell.by_works, cell.divisor),
    )
    if cell.closed is not None:
        message.closed.CopyFrom(encode_value(cell.closed))
    if cell.now is not None:
        message.now.CopyFrom(encode_value(cell.now))
    if cell.by_definitions is not None:
        difference = _difference(cell.by_definitions, cell.divisor)
        message.by_definitions.CopyFrom(difference)
    return message
