"""Editions as they are closed, checked and compared, between a real broker and a real database."""

from __future__ import annotations

import json
import zlib
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from kieng.kpi.v1 import catalogue_service_pb2, edition_service_pb2, kpi_service_pb2, view_pb2
from kieng.submissions.v1 import events_pb2, submission_pb2
from services.kernel.mongo import Mongo
from services.kpi.store.documents import DATABASE
from services.kpi.wire.frozen import canonical
from tests.integration.kpi.test_service import (
    Stack,
    kpis_or_none,
    lose_the_log,
    publish_catalogue,
    running,
    settings,
    verified,
    wait_until,
)
from tests.unit.kpi.builders import INSTITUTIONS, article, changed

__all__ = ["settings"]
PERIOD = {"title": "Synthetic", "from_month": "2025-01", "to_month": "2025-06"}
ROOT = ("root", "KNW-03")


@pytest.fixture
def signing(settings: Any) -> Any:
    """The settings of an installation that has a key for editions."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return settings.model_copy(update={"edition_key": SecretStr(pem.decode())})


def close(stack: Stack, edition_id: str, role: str = "steward", **more: str) -> Any:
    request = edition_service_pb2.CloseEditionRequest(edition_id=edition_id, **{**PERIOD, **more})
    return list(stack.call("CloseEdition", request, role, seconds=60))[-1].edition


def refused(stack: Stack, *arguments: str, **more: str) -> str:
    with pytest.raises(grpc.RpcError) as told:
        close(stack, *arguments, **more)
    return f"{told.value.code().name}: {told.value.details()}"


def restated(stack: Stack, **more: Any) -> tuple[dict[str, Any], dict[Any, Any], Any]:
    """Work -> [(submission, cause)], (unit, indicator) -> (closed, by works, now), last message."""
    request = edition_service_pb2.ListRestatementsRequest(edition_id="h1", **more)
    steps = list(stack.call("ListRestatements", request, seconds=60))
    causes = edition_service_pb2.RestatedClaim.Cause
    lines = {
        line.work_key: [(c.submission_id, causes.Name(c.cause)[6:].lower()) for c in line.claims]
        for step in steps
        for line in step.restatements
    }
    cells = {
        (c.unit_id, c.indicator_code): (c.closed.whole, c.by_works.whole, c.now.whole)
        for step in steps
        for c in step.cells
    }
    return lines, cells, steps[-1]


def withdrawn(submission: str, work_key: str) -> events_pb2.SubmissionChanged:
    event = changed(submission, 2, work_key)
    event.state = submission_pb2.STATE_WITHDRAWN
    return event


def test_a_closed_edition_is_signed_for_good_and_what_became_of_it_adds_up_in_any_log(
    signing: Any, mongo: Any
) -> None:
    with running(signing) as stack:
        publish_catalogue(stack)
        waiting = changed("s4", 1, "doi:10.1/4", article("gamma"))
        stack.publish(
            *(verified(f"s{n}", f"doi:10.1/{n}", "alpha/sci") for n in range(3)),
            verified("b0", "doi:10.1/0", "beta"),
            waiting,
        )
        wait_until(lambda: kpis_or_none(stack) == {"root": 3, "alpha": 3, "beta": 1})
        everything = kpi_service_pb2.GetKpisRequest(
            selection=view_pb2.Selection(from_month="2025-01", to_month="2025-06")
        )
        wait_until(
            lambda: any(c.declared.whole == 4 for c in stack.call("GetKpis", everything).cells)
        )
        known = stack.call("GetKpis", everything)
        edition = close(stack, "h1")
        assert (edition.digest, edition.unit_id) == (known.view.digest, "root")

        assert refused(stack, "h1").startswith("ALREADY_EXISTS")
        assert refused(stack, "h2", "viewer").startswith("PERMISSION_DENIED")
        assert refused(stack, "h2", unit_id="nowhere").startswith("INVALID_ARGUMENT")
        assert refused(stack, "h2", to_month="2999-01").startswith("INVALID_ARGUMENT")
        check_content(stack, known)
        assert restated(stack)[:2] == ({}, {})

        stack.publish(
            withdrawn("s2", "doi:10.1/2"),
            changed("s1", 2, "doi:10.1/1", *[article("alpha/sci", issued_on="2024-03-01")] * 2),
            changed("s4", 2, "doi:10.1/4", waiting.declared, waiting.declared),
            verified("s5", "doi:10.1/5", "beta/one"),
            verified("s6", "doi:10.1/6", "beta/one"),
        )
        wait_until(lambda: kpis_or_none(stack) == {"root": 4, "alpha": 1, "beta": 3})
        first = restated(stack)
        check_restated(first)
        lines, cells, last = restated(stack, unit_id="gamma", indicator_code="KNW-03")
        assert set(lines) == {"doi:10.1/4"}
        assert cells == {("gamma", "KNW-03"): (0, 1, 1)}
        assert last.adds_up

    lose_the_log(mongo)
    with running(signing) as stack:
        wait_until(lambda: kpis_or_none(stack))
        request = edition_service_pb2.ListRestatementsRequest(edition_id="h1")
        with pytest.raises(grpc.RpcError, match="is gone"):
            list(stack.call("ListRestatements", request))
        opening = catalogue_service_pb2.OpenLogGenerationRequest()
        generation = stack.call("OpenLogGeneration", opening, "operator").generation
        stack.publish(
            *(
                events_pb2.LogRepublished(institution_id=name, generation=generation)
                for name in INSTITUTIONS
            )
        )
        wait_until(lambda: stack.call("GetKpis", everything).view.view_id.startswith("g2-"))
        check_restated(restated(stack))
        tamper(mongo)
        with pytest.raises(grpc.RpcError) as told:
            list(stack.call("ListRestatements", request))
        assert told.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def check_content(stack: Stack, known: Any) -> None:
    request = edition_service_pb2.GetEditionRequest(edition_id="h1")
    answer = stack.call("GetEdition", request, "viewer")
    public: Any = serialization.load_pem_public_key(answer.public_key.encode())
    public.verify(answer.signature, answer.content)
    content = json.loads(answer.content)
    assert canonical(content) == answer.content
    assert content["view"]["digest"] == known.view.digest
    assert content["view"]["progress"] == {
        str(p.partition): p.next_offset for p in known.view.progress
    }
    frozen = {(unit, code): both for unit, code, *both in content["cells"]}
    for cell in known.cells:
        if cell.verified.HasField("whole"):
            both = [cell.declared.whole, cell.verified.whole]
            assert frozen.get((cell.unit_id, cell.indicator_code), [0, 0]) == both
    assert frozen["alpha/sci", "KNW-03"] == [3, 3]
    assert {unit["unit_id"] for unit in content["definitions"]["units"]} >= {"root", "beta/one"}
    assert content["works"] == 4
    listed = stack.call("ListEditions", edition_service_pb2.ListEditionsRequest()).editions
    assert [(one.edition_id, one.key_id) for one in listed] == [("h1", answer.edition.key_id)]
    key = stack.call("GetEditionKey", edition_service_pb2.GetEditionKeyRequest())
    assert (key.public_key, key.key_id) == (answer.public_key, answer.edition.key_id)


def check_restated(found: tuple[dict[str, Any], dict[Any, Any], Any]) -> None:
    lines, cells, last = found
    assert lines == {
        "doi:10.1/1": [("s1", "amended")],
        "doi:10.1/2": [("s2", "withdrawn")],
        "doi:10.1/4": [("s4", "newly_verified")],
        "doi:10.1/5": [("s5", "late")],
        "doi:10.1/6": [("s6", "late")],
    }
    assert cells[ROOT] == (3, 1, 4)
    assert cells["alpha", "KNW-03"] == cells["alpha/sci", "KNW-03"] == (3, -2, 1)
    assert cells["beta", "KNW-03"] == (1, 2, 3)
    assert last.adds_up


def tamper(mongo: Any) -> None:
    """Somebody replaces the frozen works in the database."""
    connection = Mongo(mongo.uri, 5000)
    parts = connection.database(DATABASE)["parts"]
    works = next(d for d in parts.find({}) if "|w|" in d["_id"])

    other = zlib.compress(b'["doi:10.1/1",[],[]]\n')
    parts.update_one({"_id": works["_id"]}, {"$set": {"content": other}})
    connection.close()


def test_an_installation_without_a_key_closes_nothing(settings: Any) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        wait_until(lambda: kpis_or_none(stack) is not None)
        assert "KIENG_EDITION_KEY_FILE" in refused(stack, "h1")
