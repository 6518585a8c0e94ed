"""What is denied changes nothing: neither the database, nor what another university is shown."""

from __future__ import annotations

from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from kieng.kpi.v1 import (
    edition_service_pb2,
    kpi_service_pb2,
    parked_service_pb2,
    parked_service_pb2_grpc,
    target_service_pb2,
)
from services.kernel.mongo import Mongo
from services.kpi.service import KpiQuery
from services.kpi.store.documents import DATABASE
from tests.integration.denying import content_of, deny_everything
from tests.integration.kpi import tokens
from tests.integration.kpi.test_service import RANGE, SELECTION, Stack, stack

__all__ = ["stack"]
# Once an hour the state of the day that has ended is kept.
BY_THEMSELVES = ("days", "parts")


def seen_by_beta(stack: Stack) -> list[bytes]:
    """Everything that beta reads of numbers, targets and editions, as bytes."""
    asked: dict[str, Message] = {
        "GetKpis": kpi_service_pb2.GetKpisRequest(selection=SELECTION, with_contradictions=True),
        "ExplainKpi": kpi_service_pb2.ExplainKpiRequest(unit_id="root", **RANGE),
        "ListOverlaps": kpi_service_pb2.ListOverlapsRequest(**RANGE),
        "ListTargets": target_service_pb2.ListTargetsRequest(year=2025),
        "ListEditions": edition_service_pb2.ListEditionsRequest(),
    }
    answers = (stack.call(name, request, "auditor", of="beta") for name, request in asked.items())
    return [answer.SerializeToString(deterministic=True) for answer in answers]


def set_target(unit_id: str) -> target_service_pb2.SetTargetRequest:
    target = target_service_pb2.Target(unit_id=unit_id, indicator_code="KNW-03", year=2025, value=9)
    return target_service_pb2.SetTargetRequest(target=target)


def close_edition(unit_id: str) -> edition_service_pb2.CloseEditionRequest:
    return edition_service_pb2.CloseEditionRequest(
        edition_id="denied",
        title="denied",
        unit_id=unit_id,
        from_month="2025-01",
        to_month="2025-06",
    )


def refused(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as refusal:
        list(found) if hasattr(found := call(), "__iter__") else found
    code: grpc.StatusCode = refusal.value.code()
    return code


def test_denied_calls_change_no_byte_and_nothing_that_others_see(stack: Stack) -> None:
    mongo = Mongo(stack.settings.mongo_uri, 5000)
    before = content_of(mongo, DATABASE, BY_THEMSELVES)
    seen = seen_by_beta(stack)
    whole, part = partial(tokens.credential, "alpha"), partial(tokens.credential, "alpha")
    credentials = [whole, partial(part, unit="alpha/sci")]
    asked = deny_everything(stack.channel, KpiQuery.serves, credentials)
    assert asked > 250

    # Their method admits them, the thing does not.
    for of, unit_id in (("alpha", "beta"), ("alpha", "root"), ("beta", "alpha/sci")):
        for name, request in (
            ("SetTarget", set_target(unit_id)),
            ("CloseEdition", close_edition(unit_id)),
        ):
            call = partial(stack.call, name, request, "steward", of=of)
            assert refused(call) is grpc.StatusCode.PERMISSION_DENIED, (name, of, unit_id)
    assert content_of(mongo, DATABASE, BY_THEMSELVES) == before
    assert seen_by_beta(stack) == seen
    # Were the same things done by whom they belong to, both would differ.
    stack.call("SetTarget", set_target("beta"), "steward", of="beta")
    assert content_of(mongo, DATABASE, BY_THEMSELVES) != before
    mongo.close()


def test_parked_records_are_shown_to_whole_institutions_only(stack: Stack) -> None:
    stub = parked_service_pb2_grpc.ParkedServiceStub(stack.channel)
    listing = parked_service_pb2.ListParkedRequest()
    one = parked_service_pb2.GetParkedRequest(partition=0, offset=0)
    for role in ("operator", "auditor", "approver"):
        metadata = tokens.credential("alpha", role, unit="alpha/sci")
        for call in (
            partial(stub.ListParked, listing, timeout=10, metadata=metadata),
            partial(stub.GetParked, one, timeout=10, metadata=metadata),
        ):
            assert refused(call) is grpc.StatusCode.PERMISSION_DENIED
        whole = tokens.credential("alpha", role)
        assert stub.ListParked(listing, timeout=10, metadata=whole) is not None
        absent = partial(stub.GetParked, one, timeout=10, metadata=whole)
        assert refused(absent) is grpc.StatusCode.NOT_FOUND
