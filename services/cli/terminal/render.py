"""Renders values and messages of the contract as JSON and as text."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Self, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.kpi.v1 import view_pb2
from services import facts
from services.texts import Lang

NOTHING = "–"  # noqa: RUF001  an en dash is what a reader expects
EXACT_DIGITS_MAX = 15
"""Maximum number of digits of a number that a spreadsheet keeps; longer ones would be rounded."""
TIME_PATTERNS = {Lang.vi: "%d/%m/%Y %H:%M:%S", Lang.en: "%Y-%m-%d %H:%M:%S"}

Exact = int | float | str


class Shown(str):
    """A text for people that also carries the exact value for other programs.

    ``exact`` is the number, a date or time in ISO 8601, or the name that contracts use.
    """

    exact: Exact

    def __new__(cls, text: str, exact: Exact) -> Self:
        """Return ``text`` as a `Shown` that carries the exact value."""
        shown = super().__new__(cls, text)
        shown.exact = exact
        return shown


def value_json(value: view_pb2.Value) -> Any:
    """Return a value for JSON: an integer, a ratio as in `ratio_json`, or None if it is unset."""
    if value.HasField("ratio"):
        return ratio_json(value.ratio)
    return value.whole if value.HasField("whole") else None


def ratio_json(ratio: view_pb2.Ratio) -> dict[str, int]:
    """Return a ratio for JSON, exactly: an object with the keys `numerator` and `denominator`."""
    return {"numerator": ratio.numerator, "denominator": ratio.denominator}


def value_text(value: view_pb2.Value, unit: str, lang: Lang) -> str:
    """Return a value as text, e.g. `1,234`, `12.5%` or `0.33`.

    It is a dash if the value is unset or its denominator is 0.

    Args:
        value: value to show.
        unit: unit of measure of the indicator; with `percent` a ratio is shown as percentage,
            otherwise as a decimal number.
        lang: language whose separators are used.
    """
    if value.HasField("whole"):
        return number_text(value.whole, lang)
    if not value.HasField("ratio") or not value.ratio.denominator:
        return NOTHING
    quotient = value.ratio.numerator / value.ratio.denominator
    if unit == "percent":
        return percent_text(quotient, lang)
    return hundredths_text(quotient, lang)


def hundredths_text(number: float, lang: Lang) -> Shown:
    """Return a number with two decimal places, e.g. `1,234.50`, as the language writes it."""
    return _decimal(number, lang, number, "#,##0.00")


def number_text(number: int, lang: Lang) -> Shown:
    """Return an integer with the thousands separators of a language: 1.234.567 or 1,234,567."""
    exact = number if len(str(abs(number))) <= EXACT_DIGITS_MAX else str(number)
    return _decimal(number, lang, exact)


def decimal_text(number: float, lang: Lang) -> Shown:
    """Return a number with at most one decimal place, e.g. `1,234.5`, as the language writes it."""
    return _decimal(number, lang, number, "#,##0.#")


def with_sign(difference: str) -> str:
    """Return the text of a difference, with a `+` in front if it is positive.

    Only a `Shown` carries the number that decides this; any other text, e.g. a dash, is returned
    unchanged.
    """
    if not isinstance(difference, Shown) or float(difference.exact) <= 0:
        return difference
    return Shown(f"+{difference}", difference.exact)


def _decimal(number: float, lang: Lang, exact: Exact, pattern: str | None = None) -> Shown:
    return Shown(_written(number, lang, pattern), exact)


@lru_cache(4096, typed=True)
def _written(number: float, lang: Lang, pattern: str | None) -> str:
    """Return a number as the language writes it; most cells of a table have few different ones."""
    # Imported here, so that a command can call a service before it reads the rules of languages.
    from babel.numbers import format_decimal

    return format_decimal(number, format=pattern, locale=lang.value)


def percent_text(quotient: float, lang: Lang) -> Shown:
    """Return a quotient as a percentage with at most one decimal place, e.g. 0.125 as `12.5%`."""
    from babel.numbers import format_percent

    return Shown(format_percent(quotient, format="#,##0.#%", locale=lang.value), quotient)


def cell_json(cell: view_pb2.Cell) -> dict[str, Any]:
    """Return the values of one unit, indicator and range of months, as `--output json` prints them.

    The object has the keys `unit`, `indicator`, `from`, `to`, `declared` and `verified`. Target,
    pace, contradictions and breakdown are included if the cell has them.
    """
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
        document["pace"] = pace_json(cell.pace)
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


def pace_json(pace: view_pb2.Pace) -> dict[str, Any]:
    """Return the pace of a target, i.e. how it is judged, as `--output json` prints it.

    `expected` and `forecast` are exact ratios, as in `ratio_json`. `forecast_range` is None if no
    range is known.
    """
    has_range = pace.HasField("forecast_low")
    return {
        "on": pace.on_date,
        "value": pace.value,
        "gap": pace.gap,
        "expected": ratio_json(pace.expected),
        "forecast": ratio_json(pace.forecast),
        "forecast_range": [pace.forecast_low, pace.forecast_high] if has_range else None,
        "season_years": pace.season_years,
        "standing": enum_text(view_pb2.Pace.Standing.Name(pace.standing), "STANDING_"),
        "past_forecasts": [
            {"year": each.year, "forecast": each.forecast, "actual": each.actual}
            for each in pace.past_forecasts
        ],
    }


def view_json(view: view_pb2.ViewInfo, now: datetime) -> dict[str, Any]:
    """Return id, progress, digest and age of a view as the JSON object that `--output json` prints.

    `progress` maps partitions of the log to the next offset. `age_seconds` is the age of the newest
    event at ``now``; None before the first event.
    """
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
        "dismissed": view.dismissed,
        "log_trouble": view.log_trouble,
    }


def message_json(message: Message) -> dict[str, Any]:
    """Return a message as a JSON object, with the field names of the contract, and enums by name.

    Unlike in protobuf's own JSON, 64-bit integers are numbers, not strings.
    """
    # Imported here, because tables need none of it.
    from google.protobuf.json_format import MessageToDict

    document = MessageToDict(message, preserving_proto_field_name=True)
    # Two implementations of descriptors share an interface, but not a class.
    _numbers(cast(Descriptor, message.DESCRIPTOR), document)
    return document


def _numbers(descriptor: Descriptor, document: dict[str, Any]) -> None:
    """Turn 64-bit integers in a document into numbers; protobuf writes them as strings."""
    for field in descriptor.fields:
        value = document.get(field.name)
        if field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64):
            if isinstance(value, str):
                document[field.name] = int(value)
        elif field.message_type is not None:
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    _numbers(field.message_type, item)


def time_text(moment: Timestamp, lang: Lang) -> str:
    """Return a time in the local time zone, e.g. `31/03/2025 09:30:00 +07:00`; empty if unset."""
    if not moment.seconds:
        return ""
    local = moment.ToDatetime(tzinfo=UTC).astimezone()
    offset = local.isoformat(timespec="seconds")[-6:]
    return Shown(
        f"{local.strftime(TIME_PATTERNS[lang])} {offset}", local.isoformat(timespec="seconds")
    )


def iso_day_text(day: str, lang: Lang) -> str:
    """Return a day, given as `2025-03-31`, as the language writes it, e.g. `31/03/2025`.

    Any other text, also an empty one, is returned unchanged.
    """
    try:
        read = date.fromisoformat(day)
    except ValueError:
        return day
    return Shown(read.strftime(TIME_PATTERNS[lang].partition(" ")[0]), day)


def day_text(moment: Timestamp, lang: Lang) -> str:
    """Return the day of a time in the local time zone, e.g. `31/03/2025`; empty if it is unset."""
    if not moment.seconds:
        return ""
    local = moment.ToDatetime(tzinfo=UTC).astimezone()
    pattern = TIME_PATTERNS[lang].partition(" ")[0]
    return Shown(local.strftime(pattern), local.date().isoformat())


def word_text(group: str, name: str, lang: Lang) -> Shown:
    """Return the words for a protobuf name, e.g. `phân hạng` for fact `quartile`.

    Formats for data keep the name, and so does a name that has no words.

    Args:
        group: `fact`, `value` or `type`.
        name: name as the contracts have it.
        lang: language of the words.
    """
    return Shown(facts.word(lang.value, group, name), name)


def enum_text(name: str, prefix: str) -> str:
    """Return an enum name in the form that commands accept: `verified` for `STATE_VERIFIED`."""
    return name.removeprefix(prefix).lower()
