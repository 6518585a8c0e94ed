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

FOLD_VERSION = 4
"""Version of the fold, part of a view's id. Raise it with every change that can alter a cell."""

INSTITUTIONS = "institutions"
"""Name of the computed fact that holds all institutions claiming a work or named by its facts."""

HAPPENED = "happened_on"
"""Name of the fact that holds the day on which a work happened: the date that its type marks so."""

REPORTED = "reported_on"
"""Name of the fact that holds the day on which the submission was first submitted."""

EVIDENCE = "evidence"
"""Name of the fact that holds the number of distinct proofs of the claim."""

EVERY_TYPE = frozenset({INSTITUTIONS, HAPPENED, REPORTED, EVIDENCE})
"""Names of the facts that works of every submission type have."""

ANY = "any"
"""Value of `Component.type` that matches every submission type."""

NEVER = "never"
"""Value of `Component.until` for a stock that works never leave."""

MEASURES = ("declared", "verified")


class Rule(Enum):
    """Counting rule: how a work counts at the claiming units and their ancestors.

    See the counting rules in the documentation of the catalogue.
    """

    WHOLE = "whole"
    FRACTION = "fraction"
    LEAD = "lead"
    MONEY_RECEIVED = "money_received"
    DISTINCT = "distinct"
    MONEY_SIGNED = "money_signed"
    CLAIMS = "claims"

    @property
    def is_money(self) -> bool:
        """Whether the rule adds up amounts of money, in dong."""
        return self in (Rule.MONEY_RECEIVED, Rule.MONEY_SIGNED)


@dataclass(frozen=True, slots=True)
class Component:
    """A component of an indicator: one quantity over works of one submission type, or of any type.

    Args:
        type: submission type, or `ANY`.
        rule: counting rule.
        date: name of the date fact that determines the month in which a work counts.
        where: conditions that a work must meet, all of them.
        until: name of the date fact on which a work leaves a stock, or `NEVER`; empty for a flow.
        amount: name of the fact with the amount of money or the quantity to split; empty for none.
        member: name of the fact whose different values a distinct count counts; empty for others.
        times: name of the fact that `amount` is multiplied by; empty for none.
        per: divisor of the quantity when it is displayed.
        not_before: name of a second date fact; a work counts from the later of both. Empty for
            none.
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
        """Whether it is a stock, read up to a range's last month; else a flow, read within it."""
        return bool(self.until)

    @property
    def parts(self) -> int:
        """Divisor that turns the component's stored integers into displayed values."""
        return WHOLE if self.rule is Rule.FRACTION and not self.amount else self.per

    def fields(self) -> set[str]:
        """Return the names of all facts that the component reads."""
        named = {self.date, self.until, self.not_before, self.amount, self.times, self.member}
        tested = {name for test in self.where for name in (test.field, test.after)}
        return (named | tested) - {"", NEVER}

    def of_type(self, type_name: str) -> Component:
        """Return the component for works of one submission type, with that type's bounds."""
        return replace(self, type=type_name, where=tuple(t.of_type(type_name) for t in self.where))


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator of a catalogue: a count or sum, a ratio of two, or an attainment.

    Args:
        code: code of the indicator, e.g. `KNW-01`.
        value: what is counted, the numerator of a ratio; None for an attainment.
        denominator: lower part of a ratio; None for other indicators.
        attainment_of: code of the indicator that an attainment divides by its target; else empty.
        cuts: names of the cuts by which the value can be split.
        direction: `up` or `down`, whichever is better, or `none`.
    """

    code: str
    value: Component | None
    denominator: Component | None = None
    attainment_of: str = ""
    cuts: tuple[str, ...] = ()
    direction: str = "up"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of cells: one component in one measure, as a whole or split by a cut.

    Args:
        name: name of the column in rows, e.g. `KNW-01:declared`.
        component: what is counted.
        measure: 0 declared, 1 verified.
        cut: name of the cut; empty for the whole.
    """

    name: str
    component: Component
    measure: int
    cut: str = ""


@dataclass(frozen=True)
class Catalogue:
    """A frozen catalogue: indicators and unit tree, with the columns that the indicators need.

    Args:
        version: version of the catalogue, from 1.
        indicators: code -> indicator, in display order.
        tree: the unit tree.
        columns: all columns; a column's number is its index.
        number: (component, measure, name of a cut or empty for the whole) -> column number.
        components_of: submission type -> its components, each with the number of its declared
            column.
        cuts_of: number of a declared column -> its cuts, each with the number of the cut's declared
            column.
        fields_of: submission type -> names of the facts that its components read.
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
        """Return a catalogue of these definitions, after checking them.

        Args:
            version: version of the catalogue, from 1.
            indicators: definitions in display order.
            tree: the unit tree.
            types: all submission types; components of type `any` apply to each.
            cuts: (submission type, name of the cut) -> cut, for every cut that an indicator names.

        Raises:
            InvalidArgument: a definition is wrong. The message names the indicator and the field,
                so that the author of the catalogue can correct it.
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
        """Return the submission types whose works an indicator counts, sorted.

        An attainment counts what its indicator does; a component of type `any` counts every type.
        """
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
    """Check that indicators can be counted as defined; an empty list passes.

    Raises:
        InvalidArgument: a definition is wrong; the message names the indicator and the field.
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
    """Raise the error of a wrong definition in a catalogue.

    Args:
        path: path of the wrong field, e.g. `indicators[KNW-01].value`.
        text: what is wrong with it.

    Raises:
        InvalidArgument: always.
    """
    raise InvalidArgument(f"{path}: {text}", fields={path: text})
