"""Decodes catalogue messages into the indicators and unit tree of the domain."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor import FieldDescriptor

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.kpi.domain.catalogue import (
    ANY,
    INSTITUTIONS,
    Catalogue,
    Component,
    Indicator,
    Rule,
    refuse,
)
from services.kpi.domain.conditions import Condition
from services.kpi.domain.cuts import UNCLASSIFIED, Cut, Days
from services.kpi.domain.tree import Unit, UnitTree
from services.kpi.wire.vocabulary import TYPES, Terms, check_component, fields, near

Taxonomies = dict[str, catalogue_pb2.Taxonomy]


def decode_catalogue(message: catalogue_pb2.Catalogue) -> Catalogue:
    """Return the catalogue of a message in the form that the fold uses, after checking it.

    Raises:
        InvalidArgument: a definition is wrong. The error names the indicator and the field, so that
            the author of the catalogue can correct it.
        ValueError: the units are not a tree.
    """
    taxonomies = _taxonomies(message.taxonomies)
    terms = {t.fact: [term.code for term in t.terms] for t in taxonomies.values()}
    indicators = [_indicator(indicator, terms) for indicator in message.indicators]
    cuts = {
        (component.type, name): _cut(
            f"indicators[{indicator.code}].cuts[{position}]", component.type, name, taxonomies
        )
        for indicator in indicators
        for component in (indicator.value, indicator.denominator)
        if component is not None
        for position, name in enumerate(indicator.cuts)
    }
    tree = decode_tree(message.units)
    return Catalogue.build(message.version, indicators, tree, TYPES, cuts)


def decode_tree(units: Iterable[directory_pb2.Unit]) -> UnitTree:
    """Return the unit tree of these unit messages, which come from a directory or a catalogue.

    Raises ValueError if they are not a tree, as `UnitTree` does.
    """
    institution = directory_pb2.UNIT_KIND_INSTITUTION
    return UnitTree(Unit(u.unit_id, u.parent_id, u.kind == institution) for u in units)


def _taxonomies(messages: Iterable[catalogue_pb2.Taxonomy]) -> Taxonomies:
    found: Taxonomies = {}
    for message in messages:
        if message.code in found:
            refuse(f"taxonomies[{message.code}].code", "stands twice")
        found[message.code] = message
    for code, message in found.items():
        terms = [term.code for term in message.terms]
        for position, term in enumerate(terms):
            if term in terms[:position]:
                refuse(f"taxonomies[{code}].terms[{position}].code", f"{term!r} stands twice")
        other = found.get(message.derived_from)
        if (message.links or message.derived_from) and (other is None or other is message):
            refuse(f"taxonomies[{code}].derived_from", "names no other taxonomy of the catalogue")
        there = [term.code for term in other.terms] if other is not None else []
        for position, link in enumerate(message.links):
            path = f"taxonomies[{code}].links[{position}]"
            _check_term(f"{path}.from", getattr(link, "from"), message.derived_from, there)
            _check_term(f"{path}.to", link.to, code, terms)
    return found


def _check_term(path: str, term: str, code: str, terms: list[str]) -> None:
    if term not in terms:
        refuse(path, f"{term!r} is no term of {code}{near(term, terms)}")


def _cut(path: str, type_name: str, name: str, taxonomies: Taxonomies) -> Cut:
    """Return the cut of this name for works of a type, by a taxonomy or by the values of a fact."""
    if type_name == ANY:
        refuse(path, "works of any type have no fact in common to be split by")
    known = fields(type_name)
    taxonomy = taxonomies.get(name)
    if taxonomy is None:
        if name != INSTITUTIONS and name not in known:
            words = [*taxonomies, *known, INSTITUTIONS]
            refuse(path, f"{name!r} is no taxonomy and no fact of {type_name}{near(name, words)}")
        is_flag = name in known and known[name].type == FieldDescriptor.TYPE_BOOL
        return Cut(name, name, otherwise="false" if is_flag else UNCLASSIFIED)
    other = taxonomies.get(taxonomy.derived_from)
    if taxonomy.fact not in known and (other is None or other.fact not in known):
        refuse(path, f"{type_name} has no fact {taxonomy.fact!r} that names terms of {name}")
    links: dict[str, tuple[tuple[str, Days], ...]] = {}
    for link in taxonomy.links:
        meant = (link.to, Days(link.valid_from, link.valid_to))
        links[getattr(link, "from")] = (*links.get(getattr(link, "from"), ()), meant)
    return Cut(
        name,
        taxonomy.fact,
        {term.code: Days(term.valid_from, term.valid_to) for term in taxonomy.terms},
        other.fact if other is not None else "",
        links,
    )


def _indicator(message: catalogue_pb2.Indicator, terms: Terms) -> Indicator:
    value = denominator = None
    path = f"indicators[{message.code}]"
    if message.HasField("value"):
        value = _component(f"{path}.value", message.value, terms)
    if message.HasField("denominator"):
        denominator = _component(f"{path}.denominator", message.denominator, terms)
    cuts, direction = tuple(message.cuts), message.direction or "up"
    return Indicator(message.code, value, denominator, message.attainment_of, cuts, direction)


def _component(path: str, message: catalogue_pb2.Component, terms: Terms) -> Component:
    rule = catalogue_pb2.CountingRule.Name(message.rule).removeprefix("COUNTING_RULE_").lower()
    check_component(path, message, terms)
    return Component(
        type=message.type,
        rule=Rule(rule),
        date=message.date,
        where=tuple(_condition(condition) for condition in message.where),
        until=message.until,
        amount=message.amount,
        member=message.member,
        times=message.times,
        per=message.per or 1,
        not_before=message.not_before,
    )


def _condition(message: catalogue_pb2.Condition) -> Condition:
    test = message.WhichOneof("test") or ""
    if test in ("any_of", "none_of"):
        return Condition(message.field, test, frozenset(getattr(message, test).values))
    if test == "within":
        within = message.within
        return Condition(message.field, test, bound=within.days, after=within.after)
    if test == "minimum":
        bounds = tuple(sorted(message.minimum.of_type.items()))
        return Condition(message.field, test, bound=message.minimum.otherwise, bounds=bounds)
    return Condition(message.field, test, bound=int(getattr(message, test)))
