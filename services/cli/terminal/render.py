"""Renders values of the contract as JSON, and as text in a language."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from babel.numbers import format_decimal, format_percent
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.kpi.v1 import view_pb2
from services.cli.terminal.texts import Lang

NOTHING = "–"  # noqa: RUF001  an en dash is what a reader expects


def value_json(value: view_pb2.Value) -> Any:
    """Return a value as JSON: an integer, or numerator and denominator."""
    if value.HasField("ratio"):
        return ratio_json(value.ratio)
    return value.whole if value.HasField("whole") else None


def ratio_json(ratio: view_pb2.Ratio) -> dict[str, int]:
    """Return a fraction as numerator and denominator, which stay exact in JSON."""
    return {"numerator": ratio.numerator, "denominator": ratio.denominator}


def value_text(value: view_pb2.Value, unit: str, lang: Lang) -> str:
    """Return a value as text.

    Args:
        value: the value.
        unit: unit of the indicator: `percent` shows ratios so, anything else as a number.
        lang: whose separators to use.
    """
    if value.HasField("whole"):
        return number_text(value.whole, lang)
    if not value.HasField("ratio") or not value.ratio.denominator:
        return NOTHING
    quotient = value.ratio.numerator / value.ratio.denominator
    if unit == "percent":
        return percent_text(quotient, lang)
    return str(format_decimal(quotient, format="#,##0.00", locale=lang.value))


def number_text(number: int, lang: Lang) -> str:
    """Return an integer with the separators of a language: 1.234.567 or 1,234,567."""
    return str(format_decimal(number, locale=lang.value))


def percent_text(quotient: float, lang: Lang) -> str:
    """Return a part of one as percent with at most one decimal."""
    return str(format_percent(quotient, format="#,##0.#%", locale=lang.value))


def cell_json(cell: view_pb2.Cell) -> dict[str, Any]:
    """Return a cell with its target, pace and split as `--output json` prints it."""
    document = {
        "unit": cell.unit_id,
        "indicator": cell.indicator_code,
        "from": cell.from_month,
        "to": cell.to_month,
        "declared": value_json(cell.declared),
        "verified": value_json(cell.verified),
    }
    if cell.HasField("target"):
        document["target"] = cell.target
    if cell.HasField("pace"):
        document["pace"] = {
            "on": cell.pace.on_date,
            "expected": ratio_json(cell.pace.expected),
            "forecast": ratio_json(cell.pace.forecast),
            "standing": enum_text(view_pb2.Pace.Standing.Name(cell.pace.standing), "STANDING_"),
        }
    if cell.HasField("contradictions"):
        marks = cell.contradictions
        document["contradictions"] = {"declared": marks.declared, "verified": marks.verified}
    if cell.HasField("split"):
        document["by"] = cell.split.by
        document["terms"] = [
            {"term": t.term, "declared": value_json(t.declared), "verified": value_json(t.verified)}
            for t in cell.split.terms
        ]
        document["again"] = {
            "declared": value_json(cell.split.declared_again),
            "verified": value_json(cell.split.verified_again),
        }
    return document


def view_json(view: view_pb2.ViewInfo, now: datetime) -> dict[str, Any]:
    """Return view, position, digest and age of an answer as `--output json` prints them."""
    age = None
    if view.HasField("newest_event_at"):
        newest = view.newest_event_at.ToDatetime(tzinfo=UTC)
        age = max(0.0, round((now - newest).total_seconds(), 3))
    return {
        "view_id": view.view_id,
        "catalogue_version": view.catalogue_version,
        "progress": {str(p.partition): p.next_offset for p in view.progress},
        "age_seconds": age,
        "digest": view.digest,
        "parked": view.parked,
        "log_trouble": view.log_trouble,
    }


def message_json(message: Message) -> dict[str, Any]:
    """Return a message as JSON: field names of the contract, enums by name."""
    document = MessageToDict(message, preserving_proto_field_name=True)
    # Two implementations share the type's interface, but not its name.
    _numbers(cast(Descriptor, message.DESCRIPTOR), document)
    return document


def _numbers(descriptor: Descriptor, document: dict[str, Any]) -> None:
    """Make integers of 64 bits numbers; protobuf writes them as texts for JavaScript."""
    for field in descriptor.fields:
        value = document.get(field.name)
        if field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64):
            if isinstance(value, str):
                document[field.name] = int(value)
        elif field.message_type is not None:
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    _numbers(field.message_type, item)


def time_text(moment: Timestamp) -> str:
    """Return a moment in local time, empty when it is unset."""
    if not moment.seconds:
        return ""
    return moment.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def enum_text(name: str, prefix: str) -> str:
    """Return an enum value as commands take it: `STATE_VERIFIED` -> `verified`."""
    return name.removeprefix(prefix).lower()
