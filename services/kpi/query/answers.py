"""Encodes the parts that several answers share: view, position, targets, measures, page tokens."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.kpi.v1 import kpi_service_pb2, target_service_pb2, view_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.targets import Target
from services.kpi.query.live_view import ViewState
from services.kpi.store.kept_days import KeptDay
from services.kpi.store.reads import Progress
from services.kpi.store.views import View


def encode_view(
    view: View, progress: Progress, digest: str, dismissed: int = 0
) -> view_pb2.ViewInfo:
    """Return the view and position that an answer is based on, as a protobuf message.

    Args:
        view: the view.
        progress: the position.
        digest: digest of the view at this position; empty if unknown.
        dismissed: number of parked records that an operator has dismissed; 0 for an answer about
            a past position.
    """
    return view_pb2.ViewInfo(
        view_id=view.view_id,
        catalogue_version=view.catalogue_version,
        progress=encode_offsets(progress.next_offsets),
        newest_event_at=_timestamp(progress.newest_event_ms),
        digest=digest,
        # Both numbers were read one after the other; a record may have been mended in between.
        parked=max(progress.parked - dismissed, 0),
        dismissed=dismissed,
        log_trouble="; ".join(reason for _, reason in sorted(view.diverged.items())),
    )


def encode_view_state(state: ViewState) -> view_pb2.ViewInfo:
    """Return view, position and digest of a state in memory as a protobuf message."""
    return encode_view(state.view, state.progress, state.cube.digest(), state.dismissed)


def encode_snapshot(state: ViewState, progress: Progress) -> view_pb2.ViewInfo:
    """Return view and position of a read from the database as a protobuf message.

    Args:
        state: the view in memory.
        progress: position of the read.
    """
    is_same = state.progress == progress
    digest = state.cube.digest() if is_same else ""
    return encode_view(state.view, progress, digest, state.dismissed)


def encode_kept_day(kept: KeptDay) -> kpi_service_pb2.KeptDay:
    """Return a kept day's view, position and digest as a protobuf message, without its cells."""
    taken_at = Timestamp()
    taken_at.FromDatetime(kept.taken_at)
    return kpi_service_pb2.KeptDay(
        day=kept.day,
        view=view_pb2.ViewInfo(
            view_id=kept.view_id,
            catalogue_version=kept.catalogue_version,
            progress=encode_offsets(kept.next_offsets),
            newest_event_at=_timestamp(kept.newest_event_ms),
            digest=kept.digest,
            parked=kept.parked,
        ),
        taken_at=taken_at,
    )


def encode_offsets(next_offsets: Mapping[int, int]) -> list[view_pb2.PartitionProgress]:
    """Return a position as protobuf messages, one for each partition, in order of partition.

    Args:
        next_offsets: partition -> offset of the next record.
    """
    return [
        view_pb2.PartitionProgress(partition=partition, next_offset=offset)
        for partition, offset in sorted(next_offsets.items())
    ]


def _timestamp(milliseconds: int) -> Timestamp | None:
    if not milliseconds:
        return None
    timestamp = Timestamp()
    timestamp.FromMilliseconds(milliseconds)
    return timestamp


def encode_targets(targets: Iterable[Target]) -> list[target_service_pb2.Target]:
    """Return yearly targets as protobuf messages, in the given order."""
    return [
        target_service_pb2.Target(
            unit_id=t.unit_id, indicator_code=t.indicator_code, year=t.year, value=t.value
        )
        for t in targets
    ]


def decode_measure(measure: kpi_service_pb2.Measure.ValueType) -> int:
    """Return the measure of a request as a number: 0 declared; 1 verified, also if unspecified."""
    return 0 if measure == kpi_service_pb2.MEASURE_DECLARED else 1


def encode_measure(measure: int) -> kpi_service_pb2.Measure.ValueType:
    """Return the enum value of a measure: 0 declared, 1 verified."""
    return (kpi_service_pb2.MEASURE_DECLARED, kpi_service_pb2.MEASURE_VERIFIED)[measure]


def page_token(query: Message, last_key: str) -> str:
    """Return an opaque token with which a caller requests the next page.

    Args:
        query: the request, to which the token is bound.
        last_key: key of the last row of the page before.
    """
    return base64.urlsafe_b64encode(f"{_fingerprint(query)}{last_key}".encode()).decode()


def read_page_token(token: str, query: Message) -> str:
    """Return the key of the last row of the previous page; empty for the first page.

    Args:
        token: page token of the request; empty for the first page.
        query: the request; it must select the same as the one that the token was made for.

    Raises:
        InvalidArgument: the token belongs to another query. The caller's fault.
    """
    if not token:
        return ""
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        text = ""
    if text[:16] != _fingerprint(query):
        problem = "belongs to another query; begin again without it"
        raise InvalidArgument(f"page_token: {problem}", fields={"page_token": problem})
    return text[16:]


def _fingerprint(query: Message) -> str:
    plain = type(query)()
    plain.CopyFrom(query)
    plain.ClearField("page_token")
    return hashlib.sha256(plain.SerializeToString(deterministic=True)).hexdigest()[:16]
