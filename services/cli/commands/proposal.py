"""`kieng proposal ...`: lists and shows changes that bind all institutions, and votes on them."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Annotated, Any

import typer
from rich.table import Table

from kieng.directory.v1 import directory_service_pb2 as directory_api
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from kieng.proposals.v1 import proposal_pb2
from kieng.proposals.v1 import proposal_service_pb2 as api
from services.cli.client.consent import DIRECTORY_KINDS, missing, need_effect
from services.cli.client.id_prefixes import completed
from services.cli.client.proposals import DirectoryProposals, KpiProposals
from services.cli.client.stack import CONSORTIUM
from services.cli.errors import NO, Failure
from services.cli.session import Session, with_session
from services.cli.terminal.render import NOTHING, enum_text, message_json, time_text
from services.cli.terminal.screen import Screen

app = typer.Typer(
    no_args_is_help=True, help="List, read and vote on changes that bind all institutions."
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Proposal; the beginning of its id will do.")]
FULL_ID = re.compile(r"[a-z_]+-[0-9a-f]{12}-\d+")
STUBS = (DirectoryProposals, KpiProposals)
KINDS_OF = {
    DirectoryProposals: {*DIRECTORY_KINDS},
    KpiProposals: {*proposal_pb2.Kind.values()} - {*DIRECTORY_KINDS},
}
"""Stub class -> kinds of the proposals that its service keeps."""
PAYLOADS = (
    "kieng.directory.v1.directory_service_pb2",
    "kieng.kpi.v1.catalogue_service_pb2",
    "kieng.partners.v1.partner_service_pb2",
)
"""Modules of the messages that proposals contain."""
DAYS_DEFAULT = 14
"""Days for which a proposal is open by the default terms."""


@app.command("list")
@with_session("viewer")
def list_proposals(
    session: Session,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
) -> None:
    """List the proposals that wait for institutions: who has approved, who has to, until when.

    Example: kieng proposal list --all
    """
    request = api.ListProposalsRequest(open_only=not all_)
    found = [p for kind in STUBS for p in session.stub(kind).ListProposals(request).proposals]
    found.sort(key=lambda each: each.proposed_at.ToNanoseconds(), reverse=True)
    document = {"proposals": [proposal_json(each) for each in found]}
    session.screen.answer(document, lambda: _table(session.screen, found))


@app.command()
@with_session("viewer")
def show(session: Session, proposal_id: Id) -> None:
    """Show a proposal with all that it would change. Read it before you approve it.

    Example: kieng proposal show catalogue-3fa9c1d2e0b4-1 --output json
    """
    # A payload can be decoded only if the module of its message has been imported.
    for module in PAYLOADS:
        import_module(module)
    stub, full_id = _found(session, proposal_id)
    content = stub.GetProposal(api.GetProposalRequest(proposal_id=full_id)).content
    proposal, screen = content.proposal, session.screen
    document = {**proposal_json(proposal), "payload": message_json(content.payload)}
    words = {
        "kind": screen.text(f"proposal_kind.{document['kind']}"),
        "state": screen.text(f"proposal_state.{document['state']}"),
        "proposed_at": time_text(proposal.proposed_at, screen.lang),
        "expires_at": time_text(proposal.expires_at, screen.lang),
        "missing": _waited_for(proposal),
    }
    screen.fields(document, words)


@app.command()
@with_session("steward", institution="", subject=True)
def approve(
    session: Session,
    proposal_id: Id,
    digest: Annotated[
        str, typer.Option(help="Digest that `show` showed; refused if it is another one.")
    ] = "",
) -> None:
    """Approve a proposal in the name of the institution; the last approval lets it take effect.

    Example: kieng proposal approve catalogue-3fa9c1d2e0b4-1 --institution vnu
    """
    stub, full_id = _found(session, proposal_id)
    request = api.ApproveProposalRequest(proposal_id=full_id, digest=digest)
    tell(session.screen, stub.ApproveProposal(request).proposal)


@app.command()
@with_session("steward", institution="", subject=True)
def reject(session: Session, proposal_id: Id) -> None:
    """Reject a proposal in the name of the institution.

    Example: kieng proposal reject catalogue-3fa9c1d2e0b4-1 --institution vnu
    """
    stub, full_id = _found(session, proposal_id)
    request = api.RejectProposalRequest(proposal_id=full_id)
    tell(session.screen, stub.RejectProposal(request).proposal)


@app.command()
@with_session("steward", institution="", subject=True)
def emergency(
    session: Session,
    proposal_id: Id,
    reason: Annotated[str, typer.Option(help="Why it cannot wait; everybody reads it.")],
) -> None:
    """Approve a proposal that cannot wait for everybody; fewer approvals may do, and all are told.

    Example: kieng proposal emergency ID --reason "the broker lost its disk" --institution vnu
    """
    stub, full_id = _found(session, proposal_id)
    request = api.DeclareEmergencyRequest(proposal_id=full_id, reason=reason)
    tell(session.screen, stub.DeclareEmergency(request).proposal)


@app.command()
@with_session("viewer")
def terms(session: Session) -> None:
    """Show how many institutions have to approve a proposal, and how long it is open.

    Example: kieng proposal terms
    """
    request = directory_api.GetDirectoryRequest()
    directory = session.stub(DirectoryServiceStub).GetDirectory(request).directory
    _tell_terms(session.screen, directory.version, directory.terms)


@app.command()
@with_session("steward", institution=CONSORTIUM)
def change_terms(
    session: Session,
    quorum: Annotated[
        int, typer.Option(min=0, max=1000, help="Approvals needed; 0: of all institutions.")
    ],
    emergency_quorum: Annotated[
        int,
        typer.Option(
            min=0, max=1000, help="Approvals that an emergency needs; 0: of more than half."
        ),
    ] = 0,
    days: Annotated[
        int, typer.Option(min=0, max=365, help="Days after which a proposal expires; 0: 14.")
    ] = 0,
) -> None:
    """Propose other terms; as many institutions approve them as the terms that hold now ask for.

    Proposals that are open keep theirs. What is not said becomes the default.

    Example: kieng proposal change-terms --quorum 2 --days 30 --institution vnu
    """
    wanted = proposal_pb2.Terms(
        quorum=quorum, emergency_quorum=emergency_quorum, proposal_days=days
    )
    request = directory_api.ChangeTermsRequest(terms=wanted)
    answer = session.stub(DirectoryServiceStub).ChangeTerms(request)
    if not is_told(session.screen, answer):
        _tell_terms(session.screen, answer.version, answer.terms)


def tell(screen: Screen, proposal: proposal_pb2.Proposal) -> None:
    """Print the state of a proposal and the institutions that have not voted; as JSON all of it."""
    text = screen.text(
        f"proposal.{_state(proposal)}",
        id=proposal.proposal_id,
        missing=_waited_for(proposal),
        outcome=proposal.outcome,
        until=time_text(proposal.expires_at, screen.lang),
    )
    screen.answer({"proposal": proposal_json(proposal)}, lambda: text)


def is_told(screen: Screen, answer: Any) -> bool:
    """Print the proposal in an answer that waits for votes; return True if there was one.

    Nothing is printed if the answer has no proposal, or if it took effect at once.

    Args:
        screen: where to print.
        answer: response of a service with a field `proposal`.

    Raises:
        Failure: the proposal was approved but could not take effect.
    """
    if not answer.HasField("proposal"):
        return False
    if answer.proposal.state == proposal_pb2.STATE_EFFECTIVE:
        return False
    if answer.proposal.state == proposal_pb2.STATE_FAILED:
        need_effect(answer.proposal)
    tell(screen, answer.proposal)
    return True


def proposal_json(proposal: proposal_pb2.Proposal) -> dict[str, Any]:
    """Return a proposal as the JSON object that `--output json` prints.

    Its key `missing` has the ids of the institutions that have not voted.
    """
    return {
        **message_json(proposal),
        "kind": enum_text(proposal_pb2.Kind.Name(proposal.kind), "KIND_"),
        "state": _state(proposal),
        "missing": missing(proposal),
    }


def _waited_for(proposal: proposal_pb2.Proposal) -> str:
    """Return the institutions that a proposal waits for as text: a dash once it is decided."""
    is_open = proposal.state == proposal_pb2.STATE_OPEN
    return ", ".join(missing(proposal) if is_open else ()) or NOTHING


def _state(proposal: proposal_pb2.Proposal) -> str:
    return enum_text(proposal_pb2.State.Name(proposal.state), "STATE_")


def _found(session: Session, given: str) -> tuple[Any, str]:
    """Return the stub of the service that keeps a proposal, and the completed id of the proposal.

    Raises:
        Failure: no kind of proposal is named so, or several ids begin so.
    """
    prefix, dash, _ = given.strip().rstrip("…").partition("-")
    kinds = {
        number
        for name, number in proposal_pb2.Kind.items()[1:]
        if f"{enum_text(name, 'KIND_')}{dash}".startswith(f"{prefix}{dash}")
    }
    if not prefix or not kinds:
        raise Failure(f"{given!r} is no id of a proposal; `kieng proposal list`", NO)
    stubs = [session.stub(kept_by) for kept_by in STUBS if kinds & KINDS_OF[kept_by]]
    if FULL_ID.fullmatch(given):
        return stubs[0], given
    request = api.ListProposalsRequest()
    known = {p.proposal_id: s for s in stubs for p in s.ListProposals(request).proposals}
    full_id = completed(given, known)
    return known.get(full_id, stubs[0]), full_id


def _tell_terms(screen: Screen, version: int, terms: proposal_pb2.Terms) -> None:
    """Print terms that hold, as numbers and as a sentence."""
    document: dict[str, Any] = {
        "version": version,
        "quorum": terms.quorum,
        "emergency_quorum": terms.emergency_quorum,
        "proposal_days": terms.proposal_days or DAYS_DEFAULT,
    }
    quorum = str(terms.quorum) if terms.quorum else screen.text("terms.all")
    urgent = str(terms.emergency_quorum) if terms.emergency_quorum else screen.text("terms.most")
    text = screen.text(
        "terms.hold", quorum=quorum, urgent=urgent, days=document["proposal_days"], version=version
    )
    screen.answer(document, lambda: text)


def _table(screen: Screen, found: list[proposal_pb2.Proposal]) -> Table:
    table = screen.table("proposal_id", "state", "proposed_by", "approved_by", "missing", "until")
    for each in found:
        state = screen.text(f"proposal_state.{_state(each)}")
        if each.emergency:
            state += f" - {screen.text('proposal.urgent')}: {each.emergency}"
        table.add_row(
            each.proposal_id,
            state,
            each.proposed_by,
            ", ".join(each.approved_by),
            _waited_for(each),
            time_text(each.expires_at, screen.lang),
        )
    return table
