"""Who may dismiss a parked record, and what a repeat does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from kieng.kpi.v1 import parked_service_pb2
from services.kernel.access import Principal
from services.kernel.errors import (
    AlreadyExists,
    Forbidden,
    InvalidArgument,
    NotFound,
    Refusal,
    WrongState,
)
from services.kpi.api.parked import Caller, dismiss_parked, list_parked
from services.kpi.domain.parking import Parked
from services.kpi.store.dismissals import Dismissal
from services.kpi.store.parked import StoredParked
from tests.unit.kpi.view_states import view

INSTITUTIONS = {"alpha", "beta"}
REQUEST = parked_service_pb2.DismissParkedRequest(partition=0, offset=7, reason="a test")


class FakeRecords:
    """Stands for the stored records: the one at 0:7, of an institution."""

    def __init__(self, institution_id: str, *, is_open: bool = True) -> None:
        parked = Parked("no facts", "t", institution_id, "s1", 3, "doi:10.1/a", 1000, b"raw")
        self.kept = StoredParked(0, 7, parked, is_open)

    def get(self, _view: Any, place: tuple[int, int]) -> StoredParked | None:
        return self.kept if place == self.kept.place else None

    def page(self, _view: Any, _owner: str, after: tuple[int, int], *_: Any, **__: Any) -> Any:
        raise AssertionError(f"the database is asked for what comes after {after}")

    def dismiss(self, _view: Any, _place: Any, dismissal: Dismissal) -> Dismissal:
        self.kept = replace(self.kept, dismissal=self.kept.dismissal or dismissal)
        assert self.kept.dismissal is not None
        return self.kept.dismissal


def dismissed(
    records: FakeRecords, institution: str, **changes: Any
) -> parked_service_pb2.ParkedRecord:
    """Dismiss the record as an operator of an institution, `root` operating the platform."""
    principal = Principal("op", institution, institution, frozenset({"operator"}))
    request = parked_service_pb2.DismissParkedRequest()
    request.CopyFrom(REQUEST)
    for name, value in changes.items():
        setattr(request, name, value)
    caller = Caller(principal, runs_platform=institution == "root")
    return dismiss_parked(request, caller, view(), cast(Any, records), INSTITUTIONS).record


@pytest.mark.parametrize(
    ("owner", "operator"), [("alpha", "alpha"), ("", "root"), ("unknown", "root"), ("root", "root")]
)
def test_a_record_is_dismissed_by_its_own_operator_or_that_of_the_platform(
    owner: str, operator: str
) -> None:
    before = datetime.now(UTC)
    found = dismissed(FakeRecords(owner), operator).dismissal
    assert (found.reason, found.institution_id, found.subject) == ("a test", operator, "op")
    assert before <= found.dismissed_at.ToDatetime(tzinfo=UTC) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("owner", "operator", "refusal"),
    [
        ("alpha", "beta", NotFound),
        ("", "alpha", NotFound),
        ("unknown", "alpha", NotFound),
        ("alpha", "root", Forbidden),
    ],
)
def test_nobody_else_dismisses_it(owner: str, operator: str, refusal: type[Refusal]) -> None:
    records = FakeRecords(owner)
    with pytest.raises(refusal):
        dismissed(records, operator)
    assert records.kept.dismissal is None


def test_an_absent_record_looks_like_that_of_others() -> None:
    texts = set()
    for operator, offset in (("beta", 7), ("beta", 8), ("root", 8)):
        with pytest.raises(NotFound) as refused:
            dismissed(FakeRecords("alpha"), operator, offset=offset)
        texts.add(refused.value.message)
    assert len(texts) == 1


def test_a_repeat_changes_nothing_and_another_reason_is_refused() -> None:
    records = FakeRecords("alpha")
    first = dismissed(records, "alpha")
    assert dismissed(records, "alpha") == first
    with pytest.raises(AlreadyExists):
        dismissed(records, "alpha", reason="another")
    assert dismissed(records, "alpha") == first


def test_of_two_at_once_with_different_reasons_the_second_is_refused() -> None:
    class Raced(FakeRecords):
        def get(self, view: Any, place: tuple[int, int]) -> StoredParked | None:
            before = super().get(view, place)
            self.dismiss(view, place, Dismissal("the first", "alpha", "op", datetime.now(UTC)))
            return before

    with pytest.raises(AlreadyExists):
        dismissed(Raced("alpha"), "alpha")


def test_a_mended_record_is_not_dismissed_but_a_repeat_still_answers() -> None:
    with pytest.raises(WrongState) as refused:
        dismissed(FakeRecords("alpha", is_open=False), "alpha")
    assert refused.value.reason == "MENDED"
    records = FakeRecords("alpha")
    first = dismissed(records, "alpha")
    records.kept = replace(records.kept, is_open=False)
    assert dismissed(records, "alpha").dismissal == first.dismissal


@pytest.mark.parametrize(
    "place", ["0", "0|", "|7", "-1|7", "0|7|", "0|" + "9" * 19, "9" * 10 + "|7", "0|\u0667", " 0|7"]
)
def test_a_page_token_with_a_place_that_no_log_has_is_refused(place: str) -> None:
    """Among them numbers beyond 63 bits, which the database cannot compare with."""
    principal = Principal("op", "alpha", "alpha", frozenset({"operator"}))
    asked = parked_service_pb2.ListParkedRequest(page_token=f"{view().view_id}|{place}")
    with pytest.raises(InvalidArgument) as refused:
        list_parked(asked, Caller(principal, False), view(), cast(Any, FakeRecords("alpha")))
    assert list(refused.value.fields) == ["page_token"]
