from typing import Any

import pytest

from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Rule
from services.kpi.wire.catalogue import decode_catalogue
from tests.unit.kpi.builders import UNITS, catalogue_message, real_catalogue

WHOLE = catalogue_pb2.COUNTING_RULE_WHOLE
MONEY = catalogue_pb2.COUNTING_RULE_MONEY_RECEIVED


def with_value(part: str = "value", **fields: Any) -> catalogue_pb2.Catalogue:
    """A catalogue of one indicator with a component of articles, changed in some fields."""
    good: dict[str, Any] = {"type": "publication", "rule": WHOLE, "date": "issued_on"}
    indicator = catalogue_pb2.Indicator(
        code="AAA-01",
        value=catalogue_pb2.Component(**good),
    )
    getattr(indicator, part).CopyFrom(catalogue_pb2.Component(**{**good, **fields}))
    return catalogue_pb2.Catalogue(indicators=[indicator], units=catalogue_message().units)


def where(field: str) -> list[catalogue_pb2.Condition]:
    return [catalogue_pb2.Condition(field=field, present=True)]


DISTINCT = catalogue_pb2.COUNTING_RULE_DISTINCT
REFUSED: dict[str, tuple[catalogue_pb2.Catalogue, str]] = {
    "an unknown type": (with_value(type="poem"), "indicators[AAA-01].value.type"),
    "an unknown date": (with_value(date="signed_on"), "indicators[AAA-01].value.date"),
    "a date that is none": (with_value(date="title"), "indicators[AAA-01].value.date"),
    "a date that never comes": (with_value(date="never"), "indicators[AAA-01].value.date"),
    "an end that is no date": (with_value(until="doi"), "indicators[AAA-01].value.until"),
    "an unknown field in a condition": (
        with_value(where=where("colour")),
        "indicators[AAA-01].value.where[0].field",
    ),
    "an amount that is none": (
        with_value(type="receipt", rule=MONEY, date="received_on", amount="number"),
        "indicators[AAA-01].value.amount",
    ),
    "a list as what a distinct count counts": (
        with_value(rule=DISTINCT, member="fields"),
        "indicators[AAA-01].value.member",
    ),
    "the institutions as what a distinct count counts": (
        with_value(rule=DISTINCT, member="institutions"),
        "indicators[AAA-01].value.member",
    ),
    "a flag as what a distinct count counts": (
        with_value(type="facility", rule=DISTINCT, date="opened_on", member="in_kind"),
        "indicators[AAA-01].value.member",
    ),
    "an unknown field in a denominator": (
        with_value("denominator", where=where("colour")),
        "indicators[AAA-01].denominator.where[0].field",
    ),
}


@pytest.mark.parametrize(("message", "path"), REFUSED.values(), ids=REFUSED)
def test_a_definition_that_would_count_nothing_is_refused(
    message: catalogue_pb2.Catalogue, path: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        decode_catalogue(message)
    assert list(refused.value.fields) == [path]


def test_a_good_definition_is_taken_with_its_conditions_and_its_end() -> None:
    found = decode_catalogue(with_value(where=where("institutions"), until="never"))
    value = found.indicators["AAA-01"].value
    assert value is not None
    assert (value.rule, value.until, value.is_stock) == (Rule.WHOLE, "never", True)
    assert [(c.field, c.test, c.bound) for c in value.where] == [("institutions", "present", 1)]


def test_the_deployed_catalogue_keeps_order_conditions_and_tree() -> None:
    catalogue = real_catalogue()
    codes = [indicator.code for indicator in catalogue_message().indicators]
    assert list(catalogue.indicators) == codes
    assert tuple(catalogue.tree.ids) == UNITS
    assert [catalogue.tree.ids[n] for n in catalogue.tree.institutions()] == [
        "alpha",
        "beta",
        "gamma",
    ]
    funding = catalogue.indicators["ENT-08"].value
    assert funding is not None
    (condition,) = funding.where
    assert (condition.test, condition.values) == ("none_of", frozenset({"state_budget"}))
    assert catalogue.indicators["KNW-08"].attainment_of == "KNW-01"
