"""What `kieng proposal` finds by a beginning of an id, and shows of a proposal."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from kieng.proposals.v1 import proposal_pb2, proposal_service_pb2
from services.cli.client.proposals import DirectoryProposals, KpiProposals
from services.cli.commands import proposal
from services.cli.errors import Failure
from services.cli.terminal.render import NOTHING

REQUESTS = (
    "kieng.directory.v1.PublishDirectoryRequest",
    "kieng.kpi.v1.OpenLogGenerationRequest",
    "kieng.kpi.v1.PublishCatalogueRequest",
    "kieng.kpi.v1.RollBackCatalogueRequest",
    "kieng.partners.v1.RegisterPartnerRequest",
)
PROGRAM = """
import sys
from importlib import import_module
from google.protobuf import descriptor_pool
from services.cli.commands.proposal import PAYLOADS

for module in PAYLOADS:
    import_module(module)
descriptor_pool.Default().FindMessageTypeByName(sys.argv[1])
"""


@pytest.mark.parametrize("request_name", REQUESTS)
def test_the_request_of_a_proposal_is_known(request_name: str) -> None:
    command = [sys.executable, "-c", PROGRAM, request_name]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


KEPT = {
    DirectoryProposals: ["directory-3fa9c1d2e0b4-1", "terms-0a1b2c3d4e5f-1"],
    KpiProposals: ["catalogue-3fa9c1d2e0b4-1", "catalogue-3fa9c1d2e0b4-2", "rollback-0a1b-1"],
}


class Kept:
    """A stub of the service that keeps some of these proposals."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids

    def ListProposals(self, _: Any) -> Any:
        listed = [proposal_pb2.Proposal(proposal_id=each) for each in self.ids]
        return proposal_service_pb2.ListProposalsResponse(proposals=listed)


def session_of(asked: list[Any]) -> Any:
    """A session that notes which services are asked."""

    def stub(kind: Any) -> Kept:
        asked.append(kind)
        return Kept(KEPT[kind])

    return SimpleNamespace(stub=stub)


@pytest.mark.parametrize(
    ("given", "found", "services"),
    [
        ("directory-3f", "directory-3fa9c1d2e0b4-1", [DirectoryProposals]),
        ("d", "directory-3fa9c1d2e0b4-1", [DirectoryProposals]),
        (" catalogue-3fa9c1d2e0b4-2… ", "catalogue-3fa9c1d2e0b4-2", [KpiProposals]),
        ("r", "rollback-0a1b-1", [KpiProposals]),
        ("terms-ffffffffffff-1", "terms-ffffffffffff-1", [DirectoryProposals]),
    ],
)
def test_the_beginning_of_an_id_is_enough(given: str, found: str, services: list[Any]) -> None:
    asked: list[Any] = []
    stub, full_id = proposal._found(session_of(asked), given)
    assert full_id == found
    assert asked == services
    assert stub.ids == KEPT[services[0]]


@pytest.mark.parametrize(("given", "told"), [("cat", "several ids begin"), ("x", "is no id")])
def test_a_beginning_of_several_or_no_ids_is_refused(given: str, told: str) -> None:
    with pytest.raises(Failure, match=told):
        proposal._found(session_of([]), given)


@pytest.mark.parametrize(
    ("state", "told"),
    [(proposal_pb2.STATE_OPEN, "beta, gamma"), (proposal_pb2.STATE_EXPIRED, NOTHING)],
)
def test_only_an_open_proposal_waits_for_somebody(state: Any, told: str) -> None:
    members = ["alpha", "beta", "gamma"]
    found = proposal_pb2.Proposal(state=state, members=members, approved_by=["alpha"])
    assert proposal._waited_for(found) == told
