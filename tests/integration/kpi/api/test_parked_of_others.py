"""Parked records of one institution are not there for the operators of another, nor dismissed."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import kpi_service_pb2, parked_service_pb2
from services.kernel.publisher import Event
from services.kpi.config import Settings
from services.kpi.log.topic import SUBMISSIONS
from tests.integration.kpi import tokens
from tests.integration.kpi.api.test_agreement import call, code_of, fresh_broker
from tests.integration.kpi.test_service import (
    SELECTION,
    publish_three,
    running,
    settings,
)
from tests.unit.kpi.builders import article, changed
from tests.waiting import wait_until

__all__ = ["fresh_broker", "settings"]

NUMBERS = kpi_service_pb2.GetKpisRequest(selection=SELECTION)


def test_an_operator_of_one_institution_sees_no_parked_record_of_another(
    settings: Settings,
) -> None:
    with running(settings) as stack:
        publish_three(stack)
        stack.publisher.publish([claim_of_no_unit()])
        everything = parked_service_pb2.ListParkedRequest()
        operators = {i: tokens.credential(i, "operator") for i in ("root", "alpha", "beta")}

        def listed(institution: str) -> list[Any]:
            answer = call(stack, "ListParked", everything, operators[institution])
            return list(answer.records)

        (found,) = wait_until(lambda: listed("root"))
        assert (found.institution_id, found.work_key) == ("beta", "")
        assert [each.work_key for each in listed("beta")] == ["doi:10.1/parked"]
        assert listed("alpha") == []
        there = parked_service_pb2.GetParkedRequest(partition=0, offset=found.offset)
        absent = parked_service_pb2.GetParkedRequest(partition=0, offset=found.offset + 99)
        answers = []
        for request in (there, absent):
            with pytest.raises(grpc.RpcError) as refusal:
                call(stack, "GetParked", request, operators["alpha"])
            answers.append((refusal.value.code(), refusal.value.details()))
        assert answers[0] == answers[1]
        assert answers[0][0] == grpc.StatusCode.NOT_FOUND


def test_a_record_dismissed_by_its_operator_no_longer_counts_and_can_be_mended(
    settings: Settings,
) -> None:
    with running(settings) as stack:
        publish_three(stack)
        stack.publisher.publish([claim_of_no_unit()])
        operators = {i: tokens.credential(i, "operator") for i in ("root", "alpha", "beta")}
        operators["unit"] = tokens.credential("beta", "operator", unit="beta/one")
        operators["auditor"] = tokens.credential("beta", "auditor")

        def listed(**options: bool) -> list[Any]:
            request = parked_service_pb2.ListParkedRequest(**options)  # type: ignore[arg-type]
            return list(call(stack, "ListParked", request, operators["beta"]).records)

        def counts() -> tuple[int, int]:
            view = stack.call("GetKpis", NUMBERS).view
            return view.parked, view.dismissed

        (found,) = wait_until(listed)
        wait_until(lambda: counts() == (1, 0))
        digest = stack.call("GetKpis", NUMBERS).view.digest
        dismissal = parked_service_pb2.DismissParkedRequest(
            partition=0, offset=found.offset, reason="a test of the sender"
        )
        for who, code in (
            ("root", grpc.StatusCode.PERMISSION_DENIED),
            ("alpha", grpc.StatusCode.NOT_FOUND),
            ("unit", grpc.StatusCode.PERMISSION_DENIED),
            ("auditor", grpc.StatusCode.PERMISSION_DENIED),
        ):
            assert code_of(stack, "DismissParked", dismissal, operators[who]) is code, who
        empty = parked_service_pb2.DismissParkedRequest(partition=0, offset=found.offset)
        refused = code_of(stack, "DismissParked", empty, operators["beta"])
        assert refused is grpc.StatusCode.INVALID_ARGUMENT
        assert counts() == (1, 0)

        told = call(stack, "DismissParked", dismissal, operators["beta"]).record
        assert told.dismissal.reason == "a test of the sender"
        assert (told.dismissal.institution_id, told.dismissal.subject) == ("beta", "tester")
        again = call(stack, "DismissParked", dismissal, operators["beta"]).record
        assert again == told
        wait_until(lambda: counts() == (0, 1))
        assert stack.call("GetKpis", NUMBERS).view.digest == digest
        assert listed() == []
        assert listed(with_dismissed=True) == [told]
        one = parked_service_pb2.GetParkedRequest(partition=0, offset=found.offset)
        assert call(stack, "GetParked", one, operators["beta"]).record == told

        stack.publisher.publish([claim_of_no_unit(2, "beta/one")])
        wait_until(lambda: counts() == (0, 0))
        (kept,) = listed(with_mended=True, with_dismissed=True)
        assert kept.mended
        assert kept.dismissal == told.dismissal


def claim_of_no_unit(version: int = 1, unit: str = "beta/unknown") -> Event:
    """What beta says of a unit, by default one that the tree does not have."""
    claim = article(unit)
    message = changed("s9", version, "doi:10.1/parked", claim, claim)
    return Event(
        event_id=f"s9:{version}",
        topic=SUBMISSIONS,
        key="doi:10.1/parked",
        type=message.DESCRIPTOR.full_name,
        source="kieng/submissions/beta",
        value=message.SerializeToString(),
    )
