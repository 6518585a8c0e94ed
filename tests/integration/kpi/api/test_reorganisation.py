"""A unit that took over from another: both trees, and what is growth and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from services.cli.commands import catalogue_reorganisation
from tests.conftest import RunningBroker
from tests.integration.kpi.api.test_catalogues import (
    View,
    at_rest,
    followed,
    info,
    own_database,
    publish,
    published,
)
from tests.integration.kpi.test_service import Stack, fresh_settings, running
from tests.unit.kpi.builders import article, catalogue_message, changed
from tests.waiting import wait_until

VERIFIED = kpi_service_pb2.MEASURE_VERIFIED
TREE_AS_IS = catalogue_service_pb2.TREE_AS_IS
CLAIMS = [
    ("alpha/eng", "2025-01-10", "doi:10.1/e1"),
    ("alpha/eng", "2025-01-11", "doi:10.1/e2"),
    ("alpha/eng", "2025-01-12", "doi:10.1/both"),
    ("alpha/sci/lab", "2025-01-12", "doi:10.1/both"),
    ("alpha/sci", "2025-01-13", "doi:10.1/s1"),
    *[("alpha/sci", "2025-04-01", f"doi:10.1/n{number}") for number in range(7)],
]


def reorganised() -> list[directory_pb2.Unit]:
    """The units when alpha/eng has ended and alpha/sci has taken over."""
    units = []
    for unit in catalogue_message().units:
        copy = directory_pb2.Unit()
        copy.CopyFrom(unit)
        if copy.unit_id == "alpha/eng":
            copy.valid_to = "2025-02-28"
            copy.successor_ids.append("alpha/sci")
        units.append(copy)
    return units


def compare(stack: Stack, unit_id: str = "alpha/sci") -> Any:
    request = catalogue_service_pb2.CompareTreesRequest(
        unit_id=unit_id, indicator_codes=["KNW-03", "KNW-04"]
    )
    request.before.from_month, request.before.to_month = "2025-01", "2025-02"
    request.after.from_month, request.after.to_month = "2025-03", "2025-04"
    request.trend.from_month, request.trend.to_month = "2025-01", "2025-04"
    return stack.call("CompareTrees", request)


def verified_numbers(answer: Any, code: str) -> Any:
    wanted = (code, VERIFIED)
    return next(n for n in answer.numbers if (n.indicator_code, n.measure) == wanted)


@dataclass(frozen=True)
class Compared:
    """Both trees compared while the view is of the tree as it was."""

    stack: Stack
    answer: Any


@pytest.fixture(scope="module")
def compared(
    pytestconfig: pytest.Config,
    fresh_broker: RunningBroker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Compared]:
    directory = tmp_path_factory.mktemp("reorganisation")
    with own_database(directory) as mongo:
        settings = fresh_settings(pytestconfig, fresh_broker, mongo, directory)
        with running(settings) as stack:
            stack.publish_directory(1, reorganised())
            wait_until(lambda: published(stack, catalogue_message(), directory_version=1))
            for number, (unit, day, work) in enumerate(CLAIMS):
                claim = article(unit, issued_on=day)
                stack.publish(changed(f"s{number}", 1, work, claim, claim))
            at_rest(stack, len(CLAIMS))
            yield Compared(stack, compare(stack))


def test_a_reorganisation_is_shown_in_both_trees(compared: Compared) -> None:
    """Two articles of alpha/eng move; what both units claimed counted for alpha/sci already."""
    assert list(compared.answer.moved_unit_ids) == ["alpha/eng"]
    whole = verified_numbers(compared.answer, "KNW-03")
    assert (whole.as_was_before.whole, whole.as_was_after.whole) == (2, 7)
    assert (whole.as_is_before.whole, whole.as_is_after.whole) == (4, 7)


def test_every_month_of_the_trend_is_answered_in_both_trees(compared: Compared) -> None:
    """The months of a range add up to it, and no month of a tree differs from GetKpis on it."""
    wanted = ("KNW-03", VERIFIED)
    trend = next(t for t in compared.answer.trends if (t.indicator_code, t.measure) == wanted)
    assert [value.whole for value in trend.as_was] == [2, 0, 0, 7]
    assert [value.whole for value in trend.as_is] == [4, 0, 0, 7]


def test_a_unit_with_the_same_units_below_it_has_one_trend(compared: Compared) -> None:
    """What moved within alpha moves no number of alpha, so none of its works is read."""
    answer = compare(compared.stack, "alpha")
    assert not answer.moved_unit_ids
    assert answer.works == 0
    assert compared.answer.works > 0
    for code, months in (("KNW-03", [4, 0, 0, 7]), ("KNW-04", None)):
        trend = next(t for t in answer.trends if (t.indicator_code, t.measure) == (code, VERIFIED))
        assert trend.as_was == trend.as_is
        assert months is None or [value.whole for value in trend.as_was] == months
    whole = verified_numbers(answer, "KNW-03")
    assert (whole.as_was_before.whole, whole.as_is_after.whole) == (4, 7)


def test_the_change_of_a_number_is_split_into_reorganisation_and_growth(compared: Compared) -> None:
    found = catalogue_reorganisation.numbers_json(verified_numbers(compared.answer, "KNW-03"))
    assert (found["change"], found["reorganisation"], found["real"]) == (5, 2, 3)


def test_the_change_of_a_fraction_is_split_exactly(compared: Compared) -> None:
    parts = catalogue_reorganisation.split(verified_numbers(compared.answer, "KNW-04"))
    assert parts is not None
    assert parts == (Fraction(11, 2), Fraction(5, 2), Fraction(3))


def test_a_view_of_the_tree_as_is_has_the_numbers_that_the_comparison_foretold(
    compared: Compared,
) -> None:
    stack = compared.stack
    assert value_of(stack, "alpha/sci", "2025-01") == 2
    view_id = publish(stack, catalogue_message(), directory_version=1, tree=TREE_AS_IS)
    assert followed(stack, view_id).state == View.STATE_LIVE
    wait_until(lambda: info(stack).view_id == view_id)
    assert value_of(stack, "alpha/sci", "2025-01") == 4
    assert compare(stack).numbers == compared.answer.numbers


def value_of(stack: Stack, unit: str, month: str) -> int:
    selection = view_pb2.Selection(
        unit_ids=[unit], indicator_codes=["KNW-03"], from_month=month, to_month=month
    )
    request = kpi_service_pb2.GetKpisRequest(selection=selection)
    (cell,) = stack.call("GetKpis", request).cells
    return int(cell.verified.whole)
