"""Editions as they are closed, checked and compared, between a real broker and a real database."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from kieng.kpi.v1 import edition_service_pb2, kpi_service_pb2, view_pb2
from kieng.submissions.v1 import events_pb2, submission_pb2
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.store.documents import DATABASE
from services.kpi.wire.frozen import canonical
from tests.conftest import RunningBroker, RunningDatabase
from tests.integration.kpi.test_service import (
    Stack,
    fresh_settings,
    kpis_or_none,
    publish_catalogue,
    running,
    verified,
)
from tests.unit.kpi.builders import article, changed
from tests.waiting import wait_until

PERIOD = {"title": "Synthetic", "from_month": "2025-01", "to_month": "2025-06"}
ROOT = ("root", "KNW-03")
EVERYTHING = kpi_service_pb2.GetKpisRequest(
    selection=view_pb2.Selection(from_month="2025-01", to_month="2025-06")
)
WAITING = article("gamma")


def with_key(settings: Settings) -> Settings:
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
    return compared(list(stack.call("ListRestatements", request, seconds=60)))


def changes(stack: Stack, **more: Any) -> tuple[dict[str, Any], dict[Any, Any], Any]:
    """The same since a position or a day."""
    request = edition_service_pb2.ListChangesRequest(
        from_month="2025-01", to_month="2025-06", **more
    )
    return compared(list(stack.call("ListChanges", request, seconds=60)))


def compared(steps: list[Any]) -> tuple[dict[str, Any], dict[Any, Any], Any]:
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


def publish_first(stack: Stack) -> None:
    """Four works, of which one waits for its verification, in five submissions."""
    publish_catalogue(stack)
    stack.publish(
        *(verified(f"s{n}", f"doi:10.1/{n}", "alpha/sci") for n in range(3)),
        verified("b0", "doi:10.1/0", "beta"),
        changed("s4", 1, "doi:10.1/4", WAITING),
    )
    wait_until(lambda: kpis_or_none(stack) == {"root": 3, "alpha": 3, "beta": 1})
    wait_until(lambda: any(c.declared.whole == 4 for c in stack.call("GetKpis", EVERYTHING).cells))


def publish_later(stack: Stack) -> None:
    """One claim of each cause that restates an edition, and a second one that is late."""
    earlier = article("alpha/sci", issued_on="2024-03-01")
    stack.publish(
        withdrawn("s2", "doi:10.1/2"),
        changed("s1", 2, "doi:10.1/1", earlier, earlier),
        changed("s4", 2, "doi:10.1/4", WAITING, WAITING),
        verified("s5", "doi:10.1/5", "beta/one"),
        verified("s6", "doi:10.1/6", "beta/one"),
    )
    wait_until(lambda: kpis_or_none(stack) == {"root": 4, "alpha": 1, "beta": 3})


@dataclass(frozen=True)
class Closed:
    """The edition h1, and what the service answered just before and just after it was closed."""

    stack: Stack
    known: Any
    edition: Any
    restated_at_once: tuple[dict[str, Any], dict[Any, Any], Any]


@pytest.fixture(scope="module")
def closed(
    pytestconfig: pytest.Config,
    fresh_broker: RunningBroker,
    mongo: RunningDatabase,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Closed]:
    directory = tmp_path_factory.mktemp("closing")
    settings = fresh_settings(pytestconfig, fresh_broker, mongo, directory)
    with running(with_key(settings)) as stack:
        publish_first(stack)
        known = stack.call("GetKpis", EVERYTHING)
        yield Closed(stack, known, close(stack, "h1"), restated(stack))


@pytest.fixture(scope="module")
def moved_on(closed: Closed) -> Stack:
    """The service when claims of the closed months have changed."""
    publish_later(closed.stack)
    return closed.stack


def test_an_edition_is_of_the_view_that_answered_when_it_was_closed(closed: Closed) -> None:
    assert (closed.edition.digest, closed.edition.unit_id) == (closed.known.view.digest, "root")


@pytest.mark.parametrize(
    ("arguments", "more", "status"),
    [
        (["h1"], {}, "ALREADY_EXISTS"),
        (["h2", "viewer"], {}, "PERMISSION_DENIED"),
        (["h2"], {"unit_id": "nowhere"}, "INVALID_ARGUMENT"),
        (["h2"], {"to_month": "2999-01"}, "INVALID_ARGUMENT"),
    ],
    ids=["closed already", "a viewer", "no such unit", "months to come"],
)
def test_an_edition_that_cannot_be_closed_is_refused(
    closed: Closed, arguments: list[str], more: dict[str, str], status: str
) -> None:
    assert refused(closed.stack, *arguments, **more).startswith(status)


def test_the_content_is_signed_in_its_canonical_form(closed: Closed) -> None:
    answer = get_edition(closed.stack)
    public: Any = serialization.load_pem_public_key(answer.public_key.encode())
    public.verify(answer.signature, answer.content)
    assert canonical(json.loads(answer.content)) == answer.content


def test_the_content_has_the_numbers_and_the_position_of_the_view(closed: Closed) -> None:
    content, known = json.loads(get_edition(closed.stack).content), closed.known
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


def test_an_edition_is_listed_with_the_key_that_signed_it(closed: Closed) -> None:
    answer = get_edition(closed.stack)
    request = edition_service_pb2.ListEditionsRequest()
    listed = closed.stack.call("ListEditions", request).editions
    assert [(one.edition_id, one.key_id) for one in listed] == [("h1", answer.edition.key_id)]
    key = closed.stack.call("GetEditionKey", edition_service_pb2.GetEditionKeyRequest())
    assert (key.public_key, key.key_id) == (answer.public_key, answer.edition.key_id)


def test_nothing_is_restated_at_first(closed: Closed) -> None:
    lines, cells, _ = closed.restated_at_once
    assert (lines, cells) == ({}, {})


def test_what_changed_later_is_listed_by_cause_and_adds_up(moved_on: Stack) -> None:
    check_restated(restated(moved_on))


def test_changes_since_a_position_are_those_since_an_edition_that_was_closed_there(
    closed: Closed, moved_on: Stack
) -> None:
    lines, cells, last = changes(moved_on, at=closed.known.view.progress)
    check_restated((lines, cells, last))
    assert last.before.digest == closed.known.view.digest
    assert last.view.digest == moved_on.call("GetKpis", EVERYTHING).view.digest
    assert (lines, cells) == restated(moved_on)[:2]


def test_changes_are_listed_for_one_unit_without_those_below(
    closed: Closed, moved_on: Stack
) -> None:
    only = {"unit_id": "alpha", "indicator_code": "KNW-03", "unit_only": True}
    lines, cells, last = changes(moved_on, at=closed.known.view.progress, **only)
    assert set(lines) == {"doi:10.1/1", "doi:10.1/2"}
    assert cells == {("alpha", "KNW-03"): (3, -2, 1)}
    assert last.adds_up


def test_a_report_has_the_cells_of_the_view(moved_on: Stack) -> None:
    request = kpi_service_pb2.GetReportRequest(to_month="2025-06")
    found = moved_on.call("GetReport", request)
    known = moved_on.call("GetKpis", EVERYTHING)
    assert (found.unit_id, found.from_month, found.to_month) == ("root", "2025-01", "2025-06")
    assert found.view == known.view
    assert [child.unit_id for child in found.children] == ["alpha", "beta", "gamma"]
    moved = {mover.indicator_code: mover for mover in found.movers}
    assert (moved["KNW-03"].before.whole, moved["KNW-03"].now.whole) == (1, 4)


def test_what_changed_is_listed_for_one_unit_and_indicator(moved_on: Stack) -> None:
    lines, cells, last = restated(moved_on, unit_id="gamma", indicator_code="KNW-03")
    assert set(lines) == {"doi:10.1/4"}
    assert cells == {("gamma", "KNW-03"): (0, 1, 1)}
    assert last.adds_up


def test_frozen_works_that_were_replaced_in_the_database_are_refused(
    moved_on: Stack, mongo: RunningDatabase
) -> None:
    with tampered(mongo), pytest.raises(grpc.RpcError, match="not those that were") as told:
        restated(moved_on)
    assert told.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    check_restated(restated(moved_on))


def get_edition(stack: Stack) -> Any:
    request = edition_service_pb2.GetEditionRequest(edition_id="h1")
    return stack.call("GetEdition", request, "viewer")


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


@contextmanager
def tampered(mongo: RunningDatabase) -> Iterator[None]:
    """Somebody replaces the frozen works in the database; they are put back at the end."""
    connection = Mongo(mongo.uri, 5000)
    parts = connection.database(DATABASE)["parts"]
    works = next(d for d in parts.find({}) if "|w|" in d["_id"])
    other = zlib.compress(b'["doi:10.1/1",[],[]]\n')
    parts.update_one({"_id": works["_id"]}, {"$set": {"content": other}})
    try:
        yield
    finally:
        parts.replace_one({"_id": works["_id"]}, works)
        connection.close()
