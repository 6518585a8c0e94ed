"""Indicators as data: what counts, where, when and how, frozen together with the unit tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NoReturn

from services.kernel.errors import InvalidArgument
from services.kpi.domain.conditions import Condition
from services.kpi.domain.cuts import Cut
from services.kpi.domain.shares import WHOLE
from services.kpi.domain.tree import UnitTree

FOLD_VERSION = 3
"""Version of the fold: raise it with every change that can alter a cell; part of a view's id."""

INSTITUTIONS = "institutions"
"""Name of the field of institutions that claim a work or are named by its facts."""

HAPPENED = "happened_on"
"""Name of the field for the date that the type marks as the day on which it happened."""

REPORTED = "reported_on"
"""Name of the field for the day on which the submission was first submitted."""

EVIDENCE = "evidence"
"""Name of the field for the number of distinct proofs of the claim."""

EVERY_TYPE = frozenset({INSTITUTIONS, HAPPENED, REPORTED, EVIDENCE})
"""Fields common to all submission types."""

ANY = "any"
"""Name of the type that means any submission type."""

NEVER = "never"
"""`until` of a stock that works never leave."""

MEASURES = ("declared", "verified")


class Rule(Enum):
    """How a work counts at a unit and above; see the catalogue's counting rules."""

    WHOLE = "whole"
    FRACTION = "fraction"
    LEAD = "lead"
    MONEY_RECEIVED = "money_received"
    DISTINCT = "distinct"
    MONEY_SIGNED = "money_signed"
    CLAIMS = "claims"

    @property
    def is_money(self) -> bool:
        """Whether the counting rule adds up money, in dong."""
        return self in (Rule.MONEY_RECEIVED, Rule.MONEY_SIGNED)


@dataclass(frozen=True, slots=True)
class Component:
    """A component of an indicator: one quantity over works of one type, or of any.

    Args:
        type: submission type, or `ANY`.
        rule: counting rule.
        date: field of the date that determines the month.
        where: conditions that a work must meet.
        until: field of the date on which a work leaves a stock: empty for a flow, `never` for none.
        amount: amount of money, or the quantity that is split.
        member: member of a distinct count.
        times: second factor of the quantity; empty for none.
        per: divisor of the quantity when it is shown.
        not_before: field of a second date that must be reached; empty for none.
    """

    type: str
    rule: Rule
    date: str
    where: tuple[Condition, ...] = ()
    until: str = ""
    amount: str = ""
    member: str = ""
    times: str = ""
    per: int = 1
    not_before: str = ""

    @property
    def is_stock(self) -> bool:
        """Whether the component is a stock: read cumulatively up to the last month."""
        return bool(self.until)

    @property
    def parts(self) -> int:
        """Divisor that turns the component's stored whole numbers into displayed values."""
        return WHOLE if self.rule is Rule.FRACTION and not self.amount else self.per

    def fields(self) -> set[str]:
        """Return the facts that the component uses."""
        named = {self.date, self.until, self.not_before, self.amount, self.times, self.member}
        tested = {name for test in self.where for name in (test.field, test.after)}
        return (named | tested) - {"", NEVER}

    def of_type(self, type_name: str) -> Component:
        """Return the component restricted to works of one type."""
        return replace(self, type=type_name, where=tuple(t.of_type(type_name) for t in self.where))


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator. A ratio has a denominator; an attainment divides another by its target.

    ``direction`` is `up` or `down`, whichever is better, or `none`.
    """

    code: str
    value: Component | None
    denominator: Component | None = None
    attainment_of: str = ""
    cuts: tuple[str, ...] = ()
    direction: str = "up"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of cells: one component and one measure, whole or cut."""

    name: str
    component: Component
    measure: int
    cut: str = ""


@dataclass(frozen=True)
class Catalogue:
    """A frozen catalogue: indicators and unit tree, with the columns they need.

    Args:
        version: from 1.
        indicators: code -> indicator, in display order.
        tree: unit tree.
        columns: all columns, by number.
        number: component, measure and cut (empty for the whole) -> number of its column.
        components_of: type -> its components, each with the number of its declared column.
        cuts_of: number of a declared column -> its cuts, each with the number of its own.
        fields_of: type -> facts that its components use.
    """

    version: int
    indicators: dict[str, Indicator]
    tree: UnitTree
    columns: list[Column] = field(default_factory=list)
    number: dict[tuple[Component, int, str], int] = field(default_factory=dict)
    components_of: dict[str, list[tuple[int, Component]]] = field(default_factory=dict)
    cuts_of: dict[int, list[tuple[int, Cut]]] = field(default_factory=dict)
    fields_of: dict[str, frozenset[str]] = field(default_factory=dict)

    @staticmethod
    def build(
        version: int,
        indicators: Sequence[Indicator],
        tree: UnitTree,
        types: Iterable[str] = (),
        cuts: Mapping[tuple[str, str], Cut] | None = None,
    ) -> Catalogue:
        """Return the catalogue of checked definitions.

        Args:
            version: from 1.
            indicators: definitions in display order.
            tree: unit tree.
            types: all submission types, for components of `any`.
            cuts: type and name -> cut, for all cuts that indicators name.

        Raises:
            InvalidArgument: a definition is wrong; names the indicator. The steward's fault.
        """
        check(indicators)
        catalogue = Catalogue(version, {i.code: i for i in indicators}, tree)
        fields: dict[str, set[str]] = {}
        types = sorted(types)
        for name, component, names in _components(indicators):
            of = types if component.type == ANY else [component.type]
            if (component, 0, "") not in catalogue.number:
                column = catalogue._add(name, component)
                for kind in of:
                    listed = catalogue.components_of.setdefault(kind, [])
                    listed.append((column, component.of_type(kind)))
                    fields.setdefault(kind, set()).update(component.fields())
            for cut_name in names:
                if (component, 0, cut_name) not in catalogue.number:
                    cut = (cuts or {})[component.type, cut_name]
                    declared = catalogue.number[component, 0, ""]
                    added = catalogue._add(f"{name}/by-{cut_name}", component, cut_name)
                    catalogue.cuts_of.setdefault(declared, []).append((added, cut))
                    fields[component.type].update(cut.fields())
        always = {"unit_authors", "payer_unit_id", INSTITUTIONS}
        catalogue.fields_of.update({t: frozenset(f | always) for t, f in fields.items()})
        return catalogue

    def _add(self, name: str, component: Component, cut: str = "") -> int:
        declared = len(self.columns)
        for measure, word in enumerate(MEASURES):
            self.number[component, measure, cut] = len(self.columns)
            self.columns.append(Column(f"{name}:{word}", component, measure, cut))
        return declared

    def types_of(self, indicator: Indicator) -> list[str]:
        """Return the submission types that feed an indicator, in order."""
        indicator = self.indicators.get(indicator.attainment_of, indicator)
        named = {c.type for c in (indicator.value, indicator.denominator) if c is not None}
        return sorted(self.components_of if ANY in named else named)


def _components(
    indicators: Iterable[Indicator],
) -> Iterable[tuple[str, Component, tuple[str, ...]]]:
    for indicator in indicators:
        if indicator.value is not None:
            yield indicator.code, indicator.value, indicator.cuts
        if indicator.denominator is not None:
            yield f"{indicator.code}/denominator", indicator.denominator, indicator.cuts


def check(indicators: Sequence[Indicator]) -> None:
    """Check that the definition of an indicator can be counted.

    Raises:
        InvalidArgument: names the indicator and the field.
    """
    by_code: dict[str, Indicator] = {}
    for indicator in indicators:
        if indicator.code in by_code:
            refuse(f"indicators[{indicator.code}].code", "stands twice")
        by_code[indicator.code] = indicator
    for indicator in indicators:
        path = f"indicators[{indicator.code}]"
        base = by_code.get(indicator.attainment_of)
        if indicator.attainment_of and (base is None or base.value is None or base.denominator):
            refuse(f"{path}.attainment_of", "names no plain indicator of the catalogue")
        if (indicator.value is None) == (not indicator.attainment_of):
            refuse(f"{path}.value", "set either value or attainment_of")
        if indicator.cuts and indicator.attainment_of:
            refuse(f"{path}.cuts", "an attainment has no cuts: its target is not split")
        for part, component in (("value", indicator.value), ("denominator", indicator.denominator)):
            if component is not None:
                _check_component(f"{path}.{part}", component)


def _check_component(path: str, component: Component) -> None:
    rule, is_fraction = component.rule, component.rule is Rule.FRACTION
    if rule.is_money and not component.amount:
        refuse(f"{path}.amount", f"the rule {rule.value} needs it")
    if component.amount and not (rule.is_money or is_fraction):
        refuse(f"{path}.amount", "goes with money or a fraction, and only with them")
    if component.times and not (is_fraction and component.amount):
        refuse(f"{path}.times", "goes with the amount of a fraction, and only with it")
    if component.per != 1 and not (is_fraction and component.amount):
        refuse(f"{path}.per", "goes with the amount of a fraction, and only with it")
    if (rule is Rule.DISTINCT) != bool(component.member):
        refuse(f"{path}.member", "goes with the rule distinct, and only with it")
    if component.type == ANY and rule is not Rule.CLAIMS:
        refuse(f"{path}.type", "any goes with the rule claims, and only with it")


def refuse(path: str, text: str) -> NoReturn:
    """Raise the error of a wrong catalogue definition.

    Raises:
        InvalidArgument: always.
    """
    raise InvalidArgument(f"{path}: {text}", fields={path: text})
