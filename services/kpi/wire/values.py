"""Encodes KPI values as protobuf messages."""

from __future__ import annotations

from kieng.kpi.v1 import view_pb2
from services.kpi.domain.cube import Ratio, Value


def encode_value(value: Value) -> view_pb2.Value:
    """Return the message of a value: an integer, or a ratio, which may be undefined (n/0)."""
    if isinstance(value, Ratio):
        ratio = view_pb2.Ratio(numerator=value.numerator, denominator=value.denominator)
        return view_pb2.Value(ratio=ratio)
    return view_pb2.Value(whole=value)
