"""No institution alone changes by what all are counted: catalogue, rollback, log generation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import bson
import grpc
import pytest
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from google.protobuf.message import Message

from kieng.kpi.v1 import (
    catalogue_service_pb2,
    catalogue_service_pb2_grpc,
    edition_service_pb2,
    edition_service_pb2_grpc,
    kpi_service_pb2,
    kpi_service_pb2_grpc,
    parked_service_pb2_grpc,
    target_service_pb2,
    target_service_pb2_grpc,
)
from kieng.proposals.v1 import (
    events_pb2,
    proposal_pb2,
    proposal_service_pb2,
    proposal_service_pb2_grpc,
)
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.domain.catalogue import FOLD_VERSION
from services.kpi.store.documents import DATABASE
from tests.conftest import RunningBroker, RunningDatabase
from tests.integration.kpi import tokens
from tests.integration.kpi.api.test_catalogues import (
    View,
    followed,
    other_catalogue,
    publish,
)
from tests.integration.kpi.test_service import (
    SELECTION,
    Stack,
    lose_the_log,
    publish_three,
    running,
    settings,
)
from tests.integration.partners.serving import Log
from tests.waiting import wait_until

__all__ = ["settings"]

STUBS: tuple[Any, ...] = (
    kpi_service_pb2_grpc.KpiServiceStub,
    catalogue_service_pb2_grpc.CatalogueServiceStub,
    target_service_pb2_grpc.TargetServiceStub,
    edition_service_pb2_grpc.EditionServiceStub,
    parked_service_pb2_grpc.ParkedServiceStub,
    proposal_service_pb2_grpc.ProposalServiceStub,
)
DENIED = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
Metadata = tuple[tuple[str, str], ...]


@pytest.fixture
def fresh_broker(start_broker: Callable[[], RunningBroker]) -> RunningBroker:
    """A log of its own for every test, or the records of one would count in the next."""
    return start_broker()


def call(stack: Stack, name: str, request: Message, metadata: Metadata) -> Any:
    """Answer of an RPC for anybody; a stream to its end."""
    made = (stub(stack.channel) for stub in STUBS)
    method = next(getattr(stub, name) for stub in made if hasattr(stub, name))
    answer = method(request, timeout=20, metadata=metadata)
    return list(answer) if hasattr(answer, "__next__") else answer


def code_of(stack: Stack, name: str, request: Message, metadata: Metadata) -> grpc.StatusCode:
    """Status of a refused call."""
    with pytest.raises(grpc.RpcError) as refusal:
        call(stack, name, request, metadata)
    return refusal.value.code()


def steward(institution: str) -> Metadata:
    return tokens.credential(institution, "steward")


def content(mongo: RunningDatabase, *without: str) -> dict[str, list[bytes]]:
    """Every document of the database, as bytes, when every event of a proposal is published."""
    connection = Mongo(mongo.uri, 5000)
    database = connection.database(DATABASE)
    as_stored = CodecOptions[dict[str, Any]](uuid_representation=UuidRepresentation.STANDARD)
    wait_until(lambda: database["proposals"].find_one({"unsent": True}) is None)
    found = {
        name: sorted(
            bson.encode(document, codec_options=as_stored) for document in database[name].find({})
        )
        for name in database.list_collection_names()
        if name not in without
    }
    connection.close()
    return found


def seen(stack: Stack, institution: str) -> list[bytes]:
    """What an institution reads, but the age of the answer and the time that it needed."""
    metadata = tokens.credential(institution, "auditor")
    numbers = call(stack, "GetKpis", kpi_service_pb2.GetKpisRequest(selection=SELECTION), metadata)
    views = call(stack, "ListViews", catalogue_service_pb2.ListViewsRequest(), metadata)
    request = catalogue_service_pb2.GetCatalogueRequest()
    catalogue = call(stack, "GetCatalogue", request, metadata)
    cells = [cell.SerializeToString(deterministic=True) for cell in numbers.cells]
    others = (views, catalogue)
    return [*cells, *(each.SerializeToString(deterministic=True) for each in others)]


def without_articles() -> catalogue_service_pb2.PublishCatalogueRequest:
    """The catalogue without KNW-03, by which universities are compared."""
    message = other_catalogue()
    kept = [each for each in message.indicators if each.code != "KNW-03"]
    return catalogue_service_pb2.PublishCatalogueRequest(
        indicators=kept, taxonomies=message.taxonomies
    )


def rejected(stack: Stack, found: proposal_pb2.Proposal, institution: str) -> None:
    request = proposal_service_pb2.RejectProposalRequest(proposal_id=found.proposal_id)
    after = call(stack, "RejectProposal", request, steward(institution)).proposal
    assert after.state == proposal_pb2.STATE_REJECTED


def test_one_university_neither_changes_the_catalogue_nor_rolls_it_back(
    settings: Settings, mongo: RunningDatabase
) -> None:
    with running(settings) as stack:
        publish_three(stack)
        before, theirs = content(mongo, "proposals"), seen(stack, "beta")
        answer = call(stack, "PublishCatalogue", without_articles(), steward("alpha"))
        assert (answer.version, answer.view_id) == (0, "")
        assert answer.proposal.state == proposal_pb2.STATE_OPEN
        assert list(answer.proposal.approved_by) == ["alpha"]
        assert list(answer.proposal.members) == ["alpha", "beta", "gamma"]
        assert content(mongo, "proposals") == before
        assert seen(stack, "beta") == theirs
        rejected(stack, answer.proposal, "beta")
        assert content(mongo, "proposals") == before

        # With everybody's approval another one takes over; nobody alone brings back the former.
        assert followed(stack, publish(stack, other_catalogue())).state == View.STATE_LIVE
        before, theirs = content(mongo, "proposals"), seen(stack, "beta")
        request = catalogue_service_pb2.RollBackCatalogueRequest()
        back = call(stack, "RollBackCatalogue", request, steward("alpha"))
        assert (back.view_id, back.proposal.state) == ("", proposal_pb2.STATE_OPEN)
        get = proposal_service_pb2.GetProposalRequest(proposal_id=back.proposal.proposal_id)
        shown = call(stack, "GetProposal", get, steward("beta")).content
        meant = catalogue_service_pb2.RollBackCatalogueRequest()
        assert shown.payload.Unpack(meant)
        assert (meant.from_view_id, meant.to_view_id) == (
            f"g1-c2-f{FOLD_VERSION}",
            f"g1-c1-f{FOLD_VERSION}",
        )
        assert content(mongo, "proposals") == before
        assert seen(stack, "beta") == theirs
        rejected(stack, back.proposal, "gamma")


def test_one_university_opens_no_log_generation_and_an_emergency_is_told_to_all(
    settings: Settings, mongo: RunningDatabase
) -> None:
    with running(settings) as stack:
        publish_three(stack)
    lose_the_log(mongo)
    with running(settings) as stack:
        wait_until(lambda: "LOG_DIVERGED" in stack.unready())
        wait_until(lambda: "LOG_DIVERGED" in log_trouble(stack))
        before, theirs = content(mongo, "proposals"), seen(stack, "beta")
        request = catalogue_service_pb2.OpenLogGenerationRequest()
        operator = tokens.credential("alpha", "operator")
        answer = call(stack, "OpenLogGeneration", request, operator)
        assert (answer.generation, answer.needs_republish) == (0, False)
        # An operator proposes; the vote of the institution is its steward's.
        assert list(answer.proposal.approved_by) == []
        assert content(mongo, "proposals") == before
        assert seen(stack, "beta") == theirs

        urgent = proposal_service_pb2.DeclareEmergencyRequest(
            proposal_id=answer.proposal.proposal_id, reason="the log is lost"
        )
        declared = call(stack, "DeclareEmergency", urgent, steward("alpha")).proposal
        assert (declared.state, declared.quorum) == (proposal_pb2.STATE_OPEN, 2)
        assert content(mongo, "proposals") == before
        approve = proposal_service_pb2.ApproveProposalRequest(proposal_id=declared.proposal_id)
        done = call(stack, "ApproveProposal", approve, steward("beta")).proposal
        assert (done.state, done.outcome) == (
            proposal_pb2.STATE_EFFECTIVE,
            f"g2-c1-f{FOLD_VERSION}",
        )
        opened = call(stack, "OpenLogGeneration", request, operator)
        assert (opened.generation, opened.needs_republish) == (2, True)
        assert not opened.HasField("proposal")
    with Log(settings.kafka_bootstrap, "kieng.kpi.v1") as log:
        told = log.first(lambda r: is_of(r, done.proposal_id))
    event = events_pb2.ProposalChanged.FromString(told.value)
    assert event.proposal.emergency == "the log is lost"
    assert event.proposal.emergency_by == "alpha"


def test_more_partitions_are_agreed_before_the_log_is_touched(
    settings: Settings, mongo: RunningDatabase
) -> None:
    with running(settings) as stack:
        publish_three(stack)
        operator = tokens.credential("alpha", "operator")
        request = catalogue_service_pb2.OpenLogGenerationRequest(partitions=3)
        proposal = call(stack, "OpenLogGeneration", request, operator).proposal
        assert proposal.state == proposal_pb2.STATE_OPEN
        approve = proposal_service_pb2.ApproveProposalRequest(proposal_id=proposal.proposal_id)
        for member in proposal.members:
            voted = call(stack, "ApproveProposal", approve, steward(member)).proposal
        # It waits for the log, and is not lost by the attempts to carry it out.
        assert voted.state == proposal_pb2.STATE_APPROVED
        again = call(stack, "OpenLogGeneration", request, operator)
        assert (again.proposal.state, again.generation) == (proposal_pb2.STATE_APPROVED, 0)
        assert log_trouble(stack) == ""


def log_trouble(stack: Stack) -> str:
    request = kpi_service_pb2.GetKpisRequest(selection=SELECTION)
    return str(stack.call("GetKpis", request).view.log_trouble)


def is_of(record: Any, proposal_id: str) -> bool:
    if dict(record.headers)["ce_type"] != b"kieng.proposals.v1.ProposalChanged":
        return False
    found = events_pb2.ProposalChanged.FromString(record.value).proposal
    return found.proposal_id == proposal_id and found.state == proposal_pb2.STATE_EFFECTIVE


def changes(proposal_id: str) -> Iterator[tuple[str, Message]]:
    """Every RPC of the service that changes something, on things that are there."""
    votes = proposal_service_pb2
    target = target_service_pb2.Target(unit_id="beta", indicator_code="KNW-03", year=2025, value=9)
    yield "PublishCatalogue", without_articles()
    yield "RollBackCatalogue", catalogue_service_pb2.RollBackCatalogueRequest()
    yield "OpenLogGeneration", catalogue_service_pb2.OpenLogGenerationRequest(topic_id="other")
    yield "SetTarget", target_service_pb2.SetTargetRequest(target=target)
    yield (
        "CloseEdition",
        edition_service_pb2.CloseEditionRequest(
            edition_id="x", title="X", unit_id="beta", from_month="2025-01", to_month="2025-02"
        ),
    )
    yield "ApproveProposal", votes.ApproveProposalRequest(proposal_id=proposal_id)
    yield "RejectProposal", votes.RejectProposalRequest(proposal_id=proposal_id)
    yield "DeclareEmergency", votes.DeclareEmergencyRequest(proposal_id=proposal_id, reason="x")


def test_every_denied_change_leaves_every_byte_of_the_database_as_it_was(
    settings: Settings, mongo: RunningDatabase
) -> None:
    with running(settings) as stack:
        publish_three(stack)
        followed(stack, publish(stack, other_catalogue()))
        found = call(stack, "PublishCatalogue", without_articles(), steward("root")).proposal
        before, theirs = content(mongo), seen(stack, "beta")
        whole = tokens.credential("alpha", "steward")[0][1]
        callers: list[Metadata] = [
            (),
            (("authorization", "Bearer x"),),
            (("authorization", whole[:-6] + "AAAAAA"),),
            tokens.credential("alpha", "steward", "operator", unit="alpha/sci"),
            tokens.credential("beta", "steward", "operator", unit="beta/one"),
            tokens.credential("alpha", "viewer", "auditor", "contributor", "reviewer", "approver"),
            tokens.credential("beta", "nobody"),
        ]
        codes = set()
        for metadata in callers:
            for name, request in changes(found.proposal_id):
                code = code_of(stack, name, request, metadata)
                assert code in DENIED, (metadata, name)
                codes.add((name, code))
            assert content(mongo) == before, metadata
        assert len(codes) == 16
        # A steward of another institution does not reach them either.
        alpha = tokens.credential("alpha", "steward", "operator", "auditor")
        for name, request in changes(found.proposal_id):
            if name in ("SetTarget", "CloseEdition"):
                assert code_of(stack, name, request, alpha) == grpc.StatusCode.PERMISSION_DENIED
        assert content(mongo) == before
        assert seen(stack, "beta") == theirs
