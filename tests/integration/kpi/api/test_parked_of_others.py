"""Parked records of one institution are not there for the operators of another."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import (
    parked_service_pb2,
)
from services.kernel.publisher import Event
from services.kpi.config import Settings
from services.kpi.log.topic import SUBMISSIONS
from tests.integration.kpi import tokens
from tests.integration.kpi.api.test_agreement import call, fresh_broker
from tests.integration.kpi.test_service import (
    publish_three,
    running,
    settings,
    verified,
)
from tests.waiting import wait_until

__all__ = ["fresh_broker", "settings"]


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


def claim_of_no_unit() -> Event:
    """What beta says of a unit that the tree does not have."""
    message = verified("s9", "doi:10.1/parked", "beta/unknown")
    return Event(
        event_id="s9",
        topic=SUBMISSIONS,
        key="doi:10.1/parked",
        type=message.DESCRIPTOR.full_name,
        source="kieng/submissions/beta",
        value=message.SerializeToString(),
    )
