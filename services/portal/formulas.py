"""Says in words what an indicator counts, from its definition."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from kieng.kpi.v1 import catalogue_pb2
from services.portal.texts import Lang, text, word

NEVER = "never"


def words(indicator: catalogue_pb2.Indicator, lang: Lang) -> str:
    """Return one sentence that says what an indicator counts."""
    if indicator.attainment_of:
        return text(lang, "formula.attainment", code=indicator.attainment_of)
    value = _component(indicator.value, lang)
    if not indicator.HasField("denominator"):
        return value
    denominator = _component(indicator.denominator, lang)
    return text(lang, "formula.ratio", value=value, denominator=denominator)


def _fact(name: str, lang: Lang) -> str:
    found = word(lang, "fact", name)
    # Lower-case within a sentence, except abbreviations such as DOI.
    return found if found[1:2].isupper() else found[:1].lower() + found[1:]


def _values(group: str, names: Iterable[str], lang: Lang) -> str:
    return text(lang, "formula.or").join(word(lang, group, name) for name in names)


def _component(component: catalogue_pb2.Component, lang: Lang) -> str:
    is_quantity = component.rule == catalogue_pb2.COUNTING_RULE_FRACTION and component.amount
    rule = catalogue_pb2.CountingRule.Name(component.rule).removeprefix("COUNTING_RULE_").lower()
    times = f" × {_fact(component.times, lang)}" if component.times else ""  # noqa: RUF001
    counted = text(
        lang,
        "formula.quantity" if is_quantity else f"formula.{rule}",
        works=word(lang, "works", component.type),
        amount=_fact(component.amount, lang),
        member=_fact(component.member, lang),
        times=times,
        per=f" / {component.per}" if component.per else "",
    )
    conditions = [_condition(test, lang) for test in component.where]
    if conditions:
        joined = text(lang, "formula.and").join(conditions)
        counted = text(lang, "formula.where", text=counted, conditions=joined)
    return _when(counted, component, lang)


def _when(counted: str, component: catalogue_pb2.Component, lang: Lang) -> str:
    dates = [_fact(date, lang) for date in (component.date, component.not_before) if date]
    say = partial(text, lang, text=counted, begin=text(lang, "formula.and").join(dates))
    if not component.until:
        return say("formula.in_month")
    if component.until == NEVER:
        return say("formula.as_of_end")
    return say("formula.as_of_end_until", end=_fact(component.until, lang))


def _condition(condition: catalogue_pb2.Condition, lang: Lang) -> str:
    test = condition.WhichOneof("test")
    say = partial(text, lang, field=_fact(condition.field, lang))
    if test in ("any_of", "none_of"):
        return say(
            f"formula.{test}", values=_values("value", getattr(condition, test).values, lang)
        )
    if test == "at_least":
        return say("formula.at_least", bound=condition.at_least)
    if test == "within":
        within = condition.within
        key = "formula.within_days" if within.days else "formula.within"
        return say(key, days=within.days, after=_fact(within.after, lang))
    if test == "minimum":
        of_type = sorted(condition.minimum.of_type.items())
        limits = ", ".join(f"{word(lang, 'works', kind)}: {n}" for kind, n in of_type)
        return say("formula.minimum", limits=limits, otherwise=condition.minimum.otherwise)
    return say("formula.present" if condition.present else "formula.absent")
