"""The works behind a number come in several answers, and are said to add up when they do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.portal.pages.contributions import (
    CALLS_MAX,
    LOOKED_MAX,
    WORKS_MAX,
    Contributions,
    read_contributions,
)

Answer = kpi_service_pb2.ExplainKpiResponse


def answer(value: int, works: int, following: str = "", offset: int = 1) -> Answer:
    position = view_pb2.PartitionProgress(partition=0, next_offset=offset)
    one = kpi_service_pb2.ExplainedWork(contribution=view_pb2.Value(whole=1))
    return Answer(
        view=view_pb2.ViewInfo(view_id="1", progress=[position]),
        value=view_pb2.Value(whole=value),
        works=[one] * works,
        next_page_token=following,
    )


def read(answers: Sequence[Answer], token: str = "") -> tuple[Contributions, list[str]]:
    """What was read of answers given in turn, and the tokens by which they were asked for."""
    left, tokens = iter(answers), list[str]()

    async def ask(request: kpi_service_pb2.ExplainKpiRequest) -> Answer:
        assert request.page_size == LOOKED_MAX
        tokens.append(request.page_token)
        return next(left)

    request = kpi_service_pb2.ExplainKpiRequest(unit_id="vnu", page_token=token)
    return asyncio.run(read_contributions(ask, request)), tokens


@pytest.mark.parametrize(
    ("answers", "works"),
    [
        ([answer(148, 148)], 148),
        ([answer(3, 0, "a"), answer(3, 1, "b"), answer(3, 2)], 3),
        ([answer(2, 1, "a", offset=1), answer(2, 1, offset=2)], 2),
        ([answer(0, 0)], 0),
    ],
)
def test_works_are_read_to_the_last_and_add_up(answers: Sequence[Answer], works: int) -> None:
    found, tokens = read(answers)
    assert (len(found.works), found.is_exact, found.next_page) == (works, True, "")
    assert tokens == ["", *(each.next_page_token for each in answers[:-1])]


@pytest.mark.parametrize("value", [0, 148])
def test_nothing_follows_works_that_add_up_already(value: int) -> None:
    found, tokens = read([answer(value, value, "a")])
    assert (len(found.works), found.is_exact, found.next_page) == (value, True, "")
    assert tokens == [""]


def test_what_adds_up_over_two_positions_is_read_to_the_end() -> None:
    found, tokens = read([answer(1, 0, "a"), answer(1, 1, "b", offset=2), answer(1, 0, offset=2)])
    assert (found.is_exact, tokens) == (True, ["", "a", "b"])


def test_works_below_a_ratio_may_follow_when_its_upper_part_is_complete() -> None:
    half = view_pb2.Value(ratio=view_pb2.Ratio(numerator=1, denominator=2))
    pages = [answer(0, 1, "a"), answer(0, 1)]
    for page, upper in zip(pages, (1, 0), strict=True):
        page.value.CopyFrom(half)
        ratio = view_pb2.Ratio(numerator=upper, denominator=1)
        page.works[0].contribution.CopyFrom(view_pb2.Value(ratio=ratio))
    found, tokens = read(pages)
    assert (len(found.works), found.is_exact, tokens) == (2, True, ["", "a"])


@pytest.mark.parametrize("answers", [[answer(3, 2)], [answer(3, 0)], [answer(3, 2, "a")] * 2])
def test_works_of_one_position_that_do_not_add_up_are_a_fault(answers: Sequence[Answer]) -> None:
    *first, last = answers
    last.next_page_token = ""
    assert read([*first, last])[0].is_exact is False


def test_a_number_that_moved_while_its_works_were_read_is_no_fault() -> None:
    found, _ = read([answer(2, 1, "a", offset=1), answer(3, 1, offset=2)])
    assert found.is_exact is None


def test_a_later_page_says_nothing_about_the_sum() -> None:
    found, tokens = read([answer(600, 100)], token="a")
    assert (found.is_exact, tokens) == (None, ["a"])


def test_a_page_is_full_at_its_limit() -> None:
    fullest = [answer(900, LOOKED_MAX, "a"), answer(900, LOOKED_MAX, "b"), answer(900, 1)]
    found, tokens = read(fullest)
    assert (len(found.works), found.next_page, found.is_exact) == (WORKS_MAX, "b", None)
    assert (found.part, tokens) == (WORKS_MAX, ["", "a"])


def test_the_calls_for_one_page_are_limited() -> None:
    found, tokens = read([answer(1, 0, "a")] * (CALLS_MAX + 1))
    assert (found.works, found.next_page, found.is_exact) == ([], "a", None)
    assert len(tokens) == CALLS_MAX


def test_members_of_a_distinct_count_are_counted_once_over_all_answers() -> None:
    pages = [answer(2, 2, "a"), answer(2, 1)]
    for page, numbers in zip(pages, ([1, 2], [2]), strict=True):
        for work, number in zip(page.works, numbers, strict=True):
            work.member_number = number
    assert read(pages)[0].is_exact is True
