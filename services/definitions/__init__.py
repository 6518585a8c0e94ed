"""Generates a sentence that says what an indicator counts, from its definition in the catalogue.

The command line and the portal share this module; the texts are in `vi.toml` and `en.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from kieng.kpi.v1 import catalogue_pb2

FOLDER = Path(__file__).parent
NEVER = "never"

Name = Callable[[str, str], str]
"""Returns the display text of a protobuf name; called with its group and the name.

The group is `fact` (field of the facts), `value` (enum value) or `type` (submission type).
"""


def as_written(group: str, name: str) -> str:
    """Return a protobuf name unchanged, or in backquotes if it is the name of a fact.

    For example, fact `issued_on` gives "`issued_on`" with the backquotes, value `q1` gives "q1".

    Args:
        group: `fact` for a field of a submission, `value` for an enum value or `type` for a
            submission type.
        name: the name as the contracts have it, e.g. `issued_on`.
    """
    return f"`{name}`" if group == "fact" else name


def words(indicator: catalogue_pb2.Indicator, lang: str, name: Name = as_written) -> str:
    """Return a sentence that describes what an indicator counts, e.g. "number of patents, ...".

    It mentions the conditions on the counted submissions, the dates that decide the month, and the
    denominator of a ratio. A submission type without a text appears under its protobuf name.

    Args:
        indicator: definition of the indicator in the catalogue.
        lang: `vi` or `en`.
        name: returns the display text of each field, enum value and submission type that the
            sentence mentions; by default their protobuf names are shown.
    """
    return _Sentence(lang, name).of(indicator)


@cache
def texts(lang: str) -> Mapping[str, Mapping[str, str]]:
    """Return section -> key -> text of a language, `vi` or `en`; the file is read on first use.

    Section `formula` maps the key of each sentence part to a text with placeholders; section
    `works` maps a submission type to its plural in that language.
    """
    return tomllib.loads((FOLDER / f"{lang}.toml").read_text(encoding="utf-8"))


class _Sentence:
    def __init__(self, lang: str, name: Name) -> None:
        self._formula, self._works = texts(lang)["formula"], texts(lang)["works"]
        self._name = name

    def of(self, indicator: catalogue_pb2.Indicator) -> str:
        if indicator.attainment_of:
            return self._say("attainment", code=indicator.attainment_of)
        value = self._component(indicator.value)
        if not indicator.HasField("denominator"):
            return value
        return self._say("ratio", value=value, denominator=self._component(indicator.denominator))

    def _say(self, key: str, **values: object) -> str:
        return self._formula[key].format(**values)

    def _fact(self, fact: str) -> str:
        return self._name("fact", fact)

    def _component(self, component: catalogue_pb2.Component) -> str:
        is_quantity = component.rule == catalogue_pb2.COUNTING_RULE_FRACTION and component.amount
        rule = catalogue_pb2.CountingRule.Name(component.rule).removeprefix("COUNTING_RULE_")
        counted = self._say(
            "quantity" if is_quantity else rule.lower(),
            # A type that a newer release has added has no text here; its protobuf name is used.
            works=self._works.get(component.type, component.type),
            amount=self._fact(component.amount),
            member=self._fact(component.member),
            times=f" × {self._fact(component.times)}" if component.times else "",  # noqa: RUF001
            per=f" / {component.per}" if component.per else "",
        )
        if component.where:
            joined = self._formula["and"].join(map(self._condition, component.where))
            counted = self._say("where", text=counted, conditions=joined)
        return self._when(counted, component)

    def _when(self, counted: str, component: catalogue_pb2.Component) -> str:
        dates = [self._fact(date) for date in (component.date, component.not_before) if date]
        begin = self._formula["and"].join(dates)
        if not component.until:
            return self._say("in_month", text=counted, begin=begin)
        if component.until == NEVER:
            return self._say("as_of_end", text=counted, begin=begin)
        end = self._fact(component.until)
        return self._say("as_of_end_until", text=counted, begin=begin, end=end)

    def _condition(self, condition: catalogue_pb2.Condition) -> str:
        test, field = condition.WhichOneof("test"), self._fact(condition.field)
        if test in ("any_of", "none_of"):
            values = [self._name("value", each) for each in getattr(condition, test).values]
            return self._say(test, field=field, values=self._formula["or"].join(values))
        if test == "at_least":
            return self._say("at_least", field=field, bound=condition.at_least)
        if test == "within":
            within = condition.within
            key = "within_days" if within.days else "within"
            return self._say(key, field=field, days=within.days, after=self._fact(within.after))
        if test == "minimum":
            of_type = sorted(condition.minimum.of_type.items())
            limits = ", ".join(f"{self._name('type', type_)}: {n}" for type_, n in of_type)
            otherwise = condition.minimum.otherwise
            return self._say("minimum", field=field, limits=limits, otherwise=otherwise)
        return self._say("present" if condition.present else "absent", field=field)
