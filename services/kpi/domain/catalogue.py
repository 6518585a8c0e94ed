"""Indicators as data: what counts, where, when and how, frozen together with the unit tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from services.kernel.errors import InvalidArgument
from services.kpi.domain.claims import Fact
from services.kpi.domain.tree import UnitTree

FOLD_VERSION = 1
"""Raise it with every change that can alter a cell; a view names the version that folded it."""

INSTITUTIONS = "institutions"
"""Field that stands for the institutions that claim a work, with those that its facts name."""

NEVER = "never"
"""End of a stock that nothing leaves."""

MEASURES = ("declared", "verified")


class Rule(Enum):
    """How a work counts at a unit and above; see the catalogue's counting rules."""

    WHOLE = "whole"
    FRACTION = "fraction"
    LEAD = "lead"
    MONEY_RECEIVED = "money_received"
    DISTINCT = "distinct"


@dataclass(frozen=True, slots=True)
class Condition:
    """One test on a fact. ``test`` is any_of, none_of, present or at_least."""

    field: str
    test: str
    values: frozenset[str] = frozenset()
    bound: int = 0

    def holds(self, fact: Fact | None) -> bool:
        """Tell whether a fact passes; an unset one is None, an empty text or an empty list."""
        is_set = fact is not None and fact != "" and fact != ()
        if self.test == "present":
            return is_set == bool(self.bound)
        if self.test == "at_least":
            size = fact if isinstance(fact, int) else len(fact) if isinstance(fact, tuple) else 0
            return size >= self.bound
        items = fact if isinstance(fact, tuple) else (_text(fact),) if is_set else ()
        is_one = any(item in self.values for item in items)
        return is_one if self.test == "any_of" else not is_one


def _text(fact: Fact | None) -> str:
    return str(fact).lower() if isinstance(fact, bool) else str(fact)


@dataclass(frozen=True, slots=True)
class Component:
    """One measure over works of one type.

    ``until`` names the date on which a work leaves a stock: empty for a flow, `never` for no end.
    """

    type: str
    rule: Rule
    date: str
    where: tuple[Condition, ...] = ()
    until: str = ""
    amount: str = ""
    member: str = ""

    @property
    def is_stock(self) -> bool:
        """Whether it is read cumulatively up to the last month."""
        return bool(self.until)

    def fields(self) -> set[str]:
        """Return the facts it looks at."""
        named = {self.date, self.until, self.amount, self.member, *(c.field for c in self.where)}
        return named - {"", NEVER}


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator. A ratio has a denominator; an attainment divides another by its target."""

    code: str
    value: Component | None
    denominator: Component | None = None
    attainment_of: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One component and one measure: what a cell of a unit and a month holds several of."""

    name: str
    component: Component
    measure: int


@dataclass(frozen=True)
class Catalogue:
    """Indicators and tree, with the columns they need.

    Args:
        version: from 1.
        indicators: code -> indicator, in the order they are shown.
        tree: unit tree.
    """

    version: int
    indicators: dict[str, Indicator]
    tree: UnitTree
    columns: list[Column] = field(default_factory=list)
    number: dict[tuple[Component, int], int] = field(default_factory=dict)
    components_of: dict[str, list[tuple[int, Component]]] = field(default_factory=dict)
    fields_of: dict[str, frozenset[str]] = field(default_factory=dict)

    @staticmethod
    def build(version: int, indicators: Sequence[Indicator], tree: UnitTree) -> Catalogue:
        """Freeze definitions.

        Raises:
            InvalidArgument: a definition is wrong; names the indicator. The steward's fault.
        """
        check(indicators)
        catalogue = Catalogue(version, {i.code: i for i in indicators}, tree)
        fields: dict[str, set[str]] = {}
        for name, component in _components(indicators):
            if (component, 0) in catalogue.number:
                continue
            declared = len(catalogue.columns)
            for measure, word in enumerate(MEASURES):
                catalogue.number[component, measure] = len(catalogue.columns)
                catalogue.columns.append(Column(f"{name}:{word}", component, measure))
            catalogue.components_of.setdefault(component.type, []).append((declared, component))
            fields.setdefault(component.type, set()).update(component.fields())
        always = {"unit_authors", "payer_unit_id", INSTITUTIONS}
        catalogue.fields_of.update({t: frozenset(f | always) for t, f in fields.items()})
        return catalogue


def _components(indicators: Iterable[Indicator]) -> Iterable[tuple[str, Component]]:
    for indicator in indicators:
        if indicator.value is not None:
            yield indicator.code, indicator.value
        if indicator.denominator is not None:
            yield f"{indicator.code}/denominator", indicator.denominator


def check(indicators: Sequence[Indicator]) -> None:
    """Refuse definitions that cannot be counted.

    Raises:
        InvalidArgument: names the indicator and the field.
    """
    by_code = {indicator.code: indicator for indicator in indicators}
    if len(by_code) != len(indicators):
        raise InvalidArgument("an indicator code stands twice", fields={"indicators": "code twice"})
    for indicator in indicators:
        base = by_code.get(indicator.attainment_of)
        if indicator.attainment_of and (base is None or base.value is None or base.denominator):
            _refuse(indicator.code, "attainment_of", "names no plain indicator of the catalogue")
        if (indicator.value is None) == (not indicator.attainment_of):
            _refuse(indicator.code, "value", "set either value or attainment_of")
        for name, component in _components([indicator]):
            _check_component(name, component)


def _check_component(name: str, component: Component) -> None:
    if (component.rule is Rule.MONEY_RECEIVED) != bool(component.amount):
        _refuse(name, "amount", "goes with the rule money_received, and only with it")
    if (component.rule is Rule.DISTINCT) != bool(component.member):
        _refuse(name, "member", "goes with the rule distinct, and only with it")


def _refuse(code: str, field_name: str, text: str) -> None:
    path = f"indicators[{code}].{field_name}"
    raise InvalidArgument(f"{path}: {text}", fields={path: text})
