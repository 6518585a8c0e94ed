"""Catalogue messages <-> definitions."""

from __future__ import annotations

from collections.abc import Iterable

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import facts_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import (
    INSTITUTIONS,
    NEVER,
    Catalogue,
    Component,
    Condition,
    Indicator,
    Rule,
)
from services.kpi.domain.tree import Unit, UnitTree

_FACTS = facts_pb2.Facts.DESCRIPTOR.fields_by_name


def decode_catalogue(message: catalogue_pb2.Catalogue) -> Catalogue:
    """Return a catalogue ready to count with.

    Raises:
        InvalidArgument: a definition is wrong; names indicator and field. The steward's fault.
    """
    indicators = [_indicator(indicator) for indicator in message.indicators]
    return Catalogue.build(message.version, indicators, decode_tree(message.units))


def decode_tree(units: Iterable[directory_pb2.Unit]) -> UnitTree:
    """Return the tree of a directory's units."""
    institution = directory_pb2.UNIT_KIND_INSTITUTION
    return UnitTree(Unit(u.unit_id, u.parent_id, u.kind == institution) for u in units)


def _indicator(message: catalogue_pb2.Indicator) -> Indicator:
    value = denominator = None
    if message.HasField("value"):
        value = _component(message.code, message.value)
    if message.HasField("denominator"):
        denominator = _component(f"{message.code}/denominator", message.denominator)
    return Indicator(message.code, value, denominator, message.attainment_of)


def _component(name: str, message: catalogue_pb2.Component) -> Component:
    rule = catalogue_pb2.CountingRule.Name(message.rule).removeprefix("COUNTING_RULE_").lower()
    component = Component(
        type=message.type,
        rule=Rule(rule),
        date=message.date,
        where=tuple(_condition(condition) for condition in message.where),
        until=message.until,
        amount=message.amount,
        member=message.member,
    )
    _check_fields(name, component)
    return component


def _condition(message: catalogue_pb2.Condition) -> Condition:
    test = message.WhichOneof("test") or ""
    if test in ("any_of", "none_of"):
        return Condition(message.field, test, frozenset(getattr(message, test).values))
    return Condition(message.field, test, bound=int(getattr(message, test)))


def _check_fields(name: str, component: Component) -> None:
    """Refuse types and fields that no submission has: a slip would count nothing, silently."""
    if component.type not in _FACTS:
        _refuse(name, "type", f"there is no submission type {component.type!r}")
    message = _FACTS[component.type].message_type
    known = set(message.fields_by_name if message is not None else ()) | {INSTITUTIONS, NEVER}
    for field in sorted(component.fields() - known):
        _refuse(name, field, f"{component.type} has no such field")
    for role, field, ending in (
        ("date", component.date, "_on"),
        ("until", component.until, "_on"),
        ("amount", component.amount, "_vnd"),
    ):
        if field and not field.endswith(ending) and (role, field) != ("until", NEVER):
            _refuse(name, role, f"names a field that ends with {ending}, not {field!r}")


def _refuse(name: str, field: str, text: str) -> None:
    path = f"indicators[{name}].{field}"
    raise InvalidArgument(f"{path}: {text}", fields={path: text})
