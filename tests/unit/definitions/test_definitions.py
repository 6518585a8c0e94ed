"""What an indicator counts, in words."""

from __future__ import annotations

import re

import pytest

from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import facts_pb2
from services import definitions

Condition, Component = catalogue_pb2.Condition, catalogue_pb2.Component
LANGS = ("vi", "en")
PLACE = re.compile(r"\{[a-z]+\}")
WORDS = {
    "one of": (
        Condition(field="kind", any_of=catalogue_pb2.Values(values=["a", "b"])),
        "where `kind` is a or b",
    ),
    "none of": (
        Condition(field="kind", none_of=catalogue_pb2.Values(values=["a"])),
        "where `kind` is not a",
    ),
    "set": (Condition(field="doi", present=True), "where `doi` is set"),
    "not set": (Condition(field="doi", present=False), "where `doi` is not set"),
    "at least": (Condition(field="trl", at_least=7), "where `trl` is at least 7"),
    "on the day": (
        Condition(field="done_on", within=catalogue_pb2.Within(after="due_on")),
        "where `done_on` is `due_on` at the latest",
    ),
    "days after": (
        Condition(field="done_on", within=catalogue_pb2.Within(after="due_on", days=3)),
        "where `done_on` is 3 days after `due_on` at the latest",
    ),
    "a minimum": (
        Condition(
            field="evidence", minimum=catalogue_pb2.Minimum(otherwise=1, of_type={"task": 2})
        ),
        "where enough `evidence` (task: 2, others: 1)",
    ),
}


@pytest.mark.parametrize(("condition", "words"), WORDS.values(), ids=WORDS)
def test_a_condition_is_told_in_words(condition: catalogue_pb2.Condition, words: str) -> None:
    value = Component(
        type="task", rule=catalogue_pb2.COUNTING_RULE_CLAIMS, date="due_on", where=[condition]
    )
    told = definitions.words(catalogue_pb2.Indicator(value=value), "en")
    assert told == f"number of tasks, {words}, in the month of `due_on`"


def test_a_stock_a_ratio_and_an_attainment_are_told() -> None:
    stock = Component(
        type="task",
        rule=catalogue_pb2.COUNTING_RULE_WHOLE,
        date="due_on",
        until="done_on",
        not_before="begin_on",
    )
    endless = Component(
        type="task", rule=catalogue_pb2.COUNTING_RULE_CLAIMS, date="due_on", until="never"
    )
    indicator = catalogue_pb2.Indicator(value=stock, denominator=endless)
    assert definitions.words(indicator, "en") == (
        "number of tasks, each once at every level, as of the end of the period: from `due_on` and "
        "`begin_on` until `done_on`; divided by number of tasks, as of the end of the period: "
        "from `due_on`"
    )
    reached = catalogue_pb2.Indicator(attainment_of="AAA-01")
    assert definitions.words(reached, "vi") == "giá trị của AAA-01 chia cho chỉ tiêu năm"


def test_every_type_and_every_rule_has_its_words() -> None:
    types = [field.name for field in facts_pb2.Facts.DESCRIPTOR.fields]
    for lang in LANGS:
        assert definitions.texts(lang)["works"].keys() == {*types, "any"}
    for rule in catalogue_pb2.CountingRule.values()[1:]:
        value = Component(type="receipt", rule=rule, date="received_on", amount="a", member="m")
        told = [definitions.words(catalogue_pb2.Indicator(value=value), lang) for lang in LANGS]
        assert len(set(told)) == 2


def test_both_languages_have_the_same_texts_with_the_same_names() -> None:
    vi, en = map(definitions.texts, LANGS)
    for section, own in vi.items():
        assert own.keys() == en[section].keys()
        for key, text in own.items():
            assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(en[section][key])), key


def test_who_asks_decides_how_names_are_written() -> None:
    condition = Condition(field="kind", any_of=catalogue_pb2.Values(values=["a"]))
    value = Component(
        type="task", rule=catalogue_pb2.COUNTING_RULE_CLAIMS, date="due_on", where=[condition]
    )
    told = definitions.words(
        catalogue_pb2.Indicator(value=value), "en", lambda group, name: f"<{group} {name}>"
    )
    assert told == (
        "number of tasks, where <fact kind> is <value a>, in the month of <fact due_on>"
    )
