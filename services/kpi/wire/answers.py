"""Values, views and explanations -> protobuf; and requests -> what they ask for."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, target_service_pb2, view_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.image import Ratio, Value
from services.kpi.domain.months import month_range, month_text
from services.kpi.live import Moment
from services.kpi.store.registry import View
from services.kpi.store.snapshots import Progress
from services.kpi.store.targets import Target

UNITS_MAX = 1000
INDICATORS_MAX = 100
CELLS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Units, indicators and ranges of months that a caller asks for."""

    unit_ids: Sequence[str]
    indicators: Sequence[Indicator]
    ranges: Sequence[tuple[int, int]]


def decode_selection(message: view_pb2.Selection, catalogue: Catalogue) -> Selection:
    """Return what is asked for.

    Raises:
        InvalidArgument: an unknown unit or indicator, a wrong range, or too much. The caller's.
    """
    tree = catalogue.tree
    units = list(message.unit_ids) or [
        tree.ids[0],
        *(tree.ids[number] for number in tree.institutions()),
    ]
    codes = list(message.indicator_codes) or list(catalogue.indicators)
    if len(units) > UNITS_MAX or len(codes) > INDICATORS_MAX:
        raise InvalidArgument(
            f"ask for at most {UNITS_MAX} units and {INDICATORS_MAX} indicators",
            fields={"selection": "too much at once"},
        )
    for unit_id in units:
        check_unit(unit_id, catalogue, "selection.unit_ids")
    first, last = month_range(message.from_month, message.to_month)
    months = range(first, last + 1)
    ranges = [(m, m) for m in months] if message.by_month else [(first, last)]
    if len(units) * len(codes) * len(ranges) > CELLS_MAX:
        text = f"that is more than {CELLS_MAX} cells; ask for fewer units or months at once"
        raise InvalidArgument(text, fields={"selection": text})
    wanted = [find_indicator(code, catalogue, "selection.indicator_codes") for code in codes]
    return Selection(units, wanted, ranges)


def check_unit(unit_id: str, catalogue: Catalogue, field: str) -> None:
    """Refuse a unit that the tree does not have."""
    if unit_id not in catalogue.tree.number:
        text = f"there is no unit {unit_id!r}; `kieng unit search` finds it"
        raise InvalidArgument(text, fields={field: text})


def find_indicator(code: str, catalogue: Catalogue, field: str) -> Indicator:
    """Return an indicator, or refuse a code that the catalogue does not have."""
    if code not in catalogue.indicators:
        text = f"there is no indicator {code!r} in catalogue version {catalogue.version}"
        raise InvalidArgument(text, fields={field: text})
    return catalogue.indicators[code]


def encode_cells(moment: Moment, selection: Selection) -> list[view_pb2.Cell]:
    """Return the cells of a selection: by unit, then indicator, then range."""
    return [
        _cell(moment, unit_id, indicator, first, last)
        for unit_id in selection.unit_ids
        for indicator in selection.indicators
        for first, last in selection.ranges
    ]


def _cell(
    moment: Moment, unit_id: str, indicator: Indicator, first: int, last: int
) -> view_pb2.Cell:
    year = last // 12
    target = moment.targets.get(f"{unit_id}|{indicator.attainment_of or indicator.code}|{year}")
    denominator = target.value if target else 0
    declared, verified = (
        encode_value(moment.image.value(unit_id, indicator, measure, first, last, denominator))
        for measure in (0, 1)
    )
    return view_pb2.Cell(
        unit_id=unit_id,
        indicator_code=indicator.code,
        from_month=month_text(first),
        to_month=month_text(last),
        declared=declared,
        verified=verified,
        target=target.value if target and not indicator.attainment_of else None,
    )


def encode_value(value: Value) -> view_pb2.Value:
    """Return a value as a message."""
    if isinstance(value, Ratio):
        ratio = view_pb2.Ratio(numerator=value.numerator, denominator=value.denominator)
        return view_pb2.Value(ratio=ratio)
    return view_pb2.Value(whole=value)


def encode_view(view: View, progress: Progress, digest: str) -> view_pb2.ViewInfo:
    """Return what an answer stands on."""
    return view_pb2.ViewInfo(
        view_id=view.view_id,
        catalogue_version=view.catalogue_version,
        progress=[
            view_pb2.PartitionProgress(partition=partition, next_offset=offset)
            for partition, offset in sorted(progress.next_offsets.items())
        ],
        newest_event_at=_timestamp(progress.newest_event_ms),
        digest=digest,
        parked=progress.parked,
    )


def encode_moment(moment: Moment) -> view_pb2.ViewInfo:
    """Return what an answer from memory stands on."""
    return encode_view(moment.view, moment.progress, moment.image.digest())


def encode_snapshot(moment: Moment, progress: Progress) -> view_pb2.ViewInfo:
    """Return what an answer from the database stands on; no digest when memory is elsewhere."""
    is_same = moment.progress == progress
    return encode_view(moment.view, progress, moment.image.digest() if is_same else "")


def _timestamp(milliseconds: int) -> Timestamp | None:
    if not milliseconds:
        return None
    timestamp = Timestamp()
    timestamp.FromMilliseconds(milliseconds)
    return timestamp


def encode_state(view: View) -> catalogue_service_pb2.View:
    """Return where a view stands."""
    state = catalogue_service_pb2.View.State.Value(f"STATE_{view.state.upper()}")
    return catalogue_service_pb2.View(
        view_id=view.view_id,
        state=state,
        generation=view.generation,
        catalogue_version=view.catalogue_version,
        waiting_for=view.awaits,
    )


def encode_targets(targets: Iterable[Target]) -> list[target_service_pb2.Target]:
    """Return targets as messages."""
    return [
        target_service_pb2.Target(
            unit_id=t.unit_id, indicator_code=t.indicator_code, year=t.year, value=t.value
        )
        for t in targets
    ]


def decode_measure(measure: kpi_service_pb2.Measure.ValueType) -> int:
    """Return 0 for declared and 1 for verified, the default."""
    return 0 if measure == kpi_service_pb2.MEASURE_DECLARED else 1


def page_token(query: Message, last_key: str) -> str:
    """Return an opaque token for the page after ``last_key`` of just this query."""
    return base64.urlsafe_b64encode(f"{_fingerprint(query)}{last_key}".encode()).decode()


def read_page_token(token: str, query: Message) -> str:
    """Return the last key of the page before; empty for the first page.

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
