"""Content, submissions and changes with defaults, for the tests of submissions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kieng.submissions.v1 import facts_pb2, submission_pb2
from services.submissions import wire
from services.submissions.domain import transitions
from services.submissions.domain.submission import Change, Content, Decision, Submission

NOW = datetime(2025, 7, 1, 3, 0, tzinfo=UTC)
ID = "0198-1"
CONTRIBUTORS = frozenset({"contributor"})
DECIDERS = frozenset({"reviewer", "approver"})


def publication(doi: str = "10.1000/xyz", **fields: Any) -> submission_pb2.Content:
    message = submission_pb2.Content(unit_id=fields.pop("unit_id", "alpha/one"))
    proofs = fields.pop("proofs", 1)
    facts = {"doi": doi, "title": "A title", "issued_on": "2025-03-01", **fields}
    for name, value in facts.items():
        field = getattr(message.facts.publication, name)
        field.extend(value) if isinstance(value, list) else setattr(
            message.facts.publication, name, value
        )
    for number in range(proofs):
        message.evidence.add(title="article", sha256=f"{number:064x}")
    return message


def expert(name: str, person_id: str = "person-1") -> submission_pb2.Content:
    message = submission_pb2.Content(unit_id="alpha/one")
    message.facts.expert.person_id = person_id
    message.facts.expert.name = name
    message.facts.expert.country = "FR"
    message.facts.expert.mode = facts_pb2.Expert.MODE_VISITING
    message.facts.expert.started_on = "2025-02-01"
    message.facts.expert.days = 20
    message.evidence.add(title="invitation", uri="urn:archive:7", sha256="a" * 64)
    return message


def transfer(partner: str = "Partner One", number: str = "12/HD", **fields: Any) -> Any:
    message = submission_pb2.Content(unit_id="alpha/one")
    fact = message.facts.transfer_contract
    fact.number, fact.partner = number, partner
    fact.kind = facts_pb2.TransferContract.KIND_LICENCE
    fact.value_vnd, fact.signed_on = "1000000", "2025-04-01"
    for name, value in fields.items():
        setattr(fact, name, value)
    message.evidence.add(title="contract", sha256="b" * 64)
    return message


def content(doi: str = "10.1000/xyz", **fields: Any) -> Content:
    return wire.decode_content(publication(doi, **fields), ID)


def change(subject: str = "author", request_id: str = "", **fields: Any) -> Change:
    return Change(subject, NOW, request_id, **{"roles": CONTRIBUTORS, **fields})


def by(subject: str, reason: str = "", roles: frozenset[str] = DECIDERS) -> Change:
    return Change(subject, NOW, "", reason=reason, roles=roles, is_institution_wide=True)


def draft(doi: str = "10.1000/xyz", **fields: Any) -> Submission:
    first = content(doi, **fields)
    return transitions.create(ID, "alpha", first, None, change(), submit=False)


def submitted(doi: str = "10.1000/xyz") -> Submission:
    return transitions.submit(draft(doi), change())


def unit_approved() -> Submission:
    return transitions.decide(submitted(), Decision.APPROVE, by("reviewer"))


def verified() -> Submission:
    return transitions.decide(unit_approved(), Decision.VERIFY, by("approver"))


def returned() -> Submission:
    return transitions.decide(submitted(), Decision.RETURN, by("reviewer", "unclear"))


def rejected() -> Submission:
    return transitions.decide(submitted(), Decision.REJECT, by("approver", "not ours"))


def withdrawn() -> Submission:
    return transitions.withdraw(submitted(), change())
