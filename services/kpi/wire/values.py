"""Encodes KPI values as protobuf messages."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from kieng.kpi.v1 import view_pb2
from services.kpi.domain.cube import Ratio, Value
from services.kpi.domain.pace import Pace

INT64_MAX = 2**63 - 1


def encode_value(value: Value) -> view_pb2.Value:
    """Return a value as a protobuf message: an integer, or a ratio, whose denominator may be 0.

    What does not fit into 63 bits is the largest number that does: an impossible sum of amounts
    must not keep the others of the answer from being read.
    """
    if isinstance(value, Ratio):
        numerator, denominator = bounded(value.numerator), bounded(value.denominator)
        return view_pb2.Value(ratio=view_pb2.Ratio(numerator=numerator, denominator=denominator))
    return view_pb2.Value(whole=bounded(value))


def encode_pace(pace: Pace) -> view_pb2.Pace:
    """Return the pace of a target as a protobuf message.

    Forecasts that have a range are rounded outwards: the lowest down, the highest up.
    """
    message = view_pb2.Pace(
        on_date=pace.on.isoformat(),
        expected=encode_fraction(pace.expected),
        forecast=encode_fraction(pace.forecast),
        standing=view_pb2.Pace.Standing.Value(f"STANDING_{pace.standing.value.upper()}"),
        value=bounded(pace.value),
        season_years=pace.season_years,
        gap=bounded(pace.gap),
        past_forecasts=[
            view_pb2.PastForecast(
                year=each.year, forecast=bounded(round(each.forecast)), actual=bounded(each.actual)
            )
            for each in pace.past
        ],
    )
    if pace.forecast_range is not None:
        low, high = pace.forecast_range
        message.forecast_low, message.forecast_high = bounded(floor(low)), bounded(ceil(high))
    return message


def encode_fraction(number: Fraction) -> view_pb2.Ratio:
    """Return a fraction as a protobuf ratio, exact if its parts fit into 63 bits.

    Otherwise it is rounded to a whole number.
    """
    if max(abs(number.numerator), number.denominator) > INT64_MAX:
        number = Fraction(bounded(round(number)))
    return view_pb2.Ratio(numerator=number.numerator, denominator=number.denominator)


def bounded(number: int) -> int:
    """Return a number, or the nearest one that a field of the contract holds, in 63 bits.

    An impossible sum of amounts must neither keep others from being read nor stop a process.
    """
    return max(-INT64_MAX, min(INT64_MAX, number))
