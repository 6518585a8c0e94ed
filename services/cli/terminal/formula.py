"""Describes in words what an indicator counts, generated from its definition."""

from __future__ import annotations

from functools import partial

from kieng.kpi.v1 import catalogue_pb2
from services.cli.terminal.texts import Lang, text

NEVER = "never"


def words(indicator: catalogue_pb2.Indicator, lang: Lang) -> str:
    """Return one sentence that describes what an indicator counts."""
    if indicator.attainment_of:
        return text(lang, "formula.attainment", code=indicator.attainment_of)
    value = _component(indicator.value, lang)
    if not indicator.HasField("denominator"):
        return value
    denominator = _component(indicator.denominator, lang)
    return text(lang, "formula.ratio", value=value, denominator=denominator)


def _component(component: catalogue_pb2.Component, lang: Lang) -> str:
    is_quantity = component.rule == catalogue_pb2.COUNTING_RULE_FRACTION and component.amount
    rule = catalogue_pb2.CountingRule.Name(component.rule).removeprefix("COUNTING_RULE_").lower()
    counted = text(
        lang,
        "formula.quantity" if is_quantity else f"formula.{rule}",
        works=text(lang, f"works.{component.type}"),
        amount=component.amount,
        member=component.member,
        times=f" × `{component.times}`" if component.times else "",  # noqa: RUF001
        per=f" / {component.per}" if component.per else "",
    )
    conditions = [_condition(test, lang) for test in component.where]
    if conditions:
        joined = text(lang, "formula.and").join(conditions)
        counted = text(lang, "formula.where", text=counted, conditions=joined)
    return _when(counted, component, lang)


def _when(counted: str, component: catalogue_pb2.Component, lang: Lang) -> str:
    dates = [f"`{date}`" for date in (component.date, component.not_before) if date]
    say = partial(text, lang, text=counted, begin=text(lang, "formula.and").join(dates))
    if not component.until:
        return say("formula.in_month")
    if component.until == NEVER:
        return say("formula.as_of_end")
    return say("formula.as_of_end_until", end=f"`{component.until}`")


def _condition(condition: catalogue_pb2.Condition, lang: Lang) -> str:
    test = condition.WhichOneof("test")
    say = partial(text, lang, field=f"`{condition.field}`")
    if test in ("any_of", "none_of"):
        values = text(lang, "formula.or").join(getattr(condition, test).values)
        return say(f"formula.{test}", values=values)
    if test == "at_least":
        return say("formula.at_least", bound=condition.at_least)
    if test == "within":
        within = condition.within
        key = "formula.within_days" if within.days else "formula.within"
        return say(key, days=within.days, after=f"`{within.after}`")
    if test == "minimum":
        limits = ", ".join(f"{kind}: {n}" for kind, n in sorted(condition.minimum.of_type.items()))
        return say("formula.minimum", limits=limits, otherwise=condition.minimum.otherwise)
    return say("formula.present" if condition.present else "formula.absent")
