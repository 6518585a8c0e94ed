"""A submission: its content, its state and its audit trail."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.kernel.errors import AlreadyExists

EPOCH_BITS = 40


class State(Enum):
    """State of a submission; the values are the enum numbers of the contract."""

    DRAFT = 1
    SUBMITTED = 2
    UNIT_APPROVED = 3
    VERIFIED = 4
    RETURNED = 5
    REJECTED = 6
    WITHDRAWN = 7


class Decision(Enum):
    """Decision of a reviewer or approver; the values are the enum numbers of the contract."""

    APPROVE = 1
    VERIFY = 2
    RETURN = 3
    REJECT = 4


@dataclass(frozen=True, slots=True)
class Content:
    """What is claimed. The facts are opaque here: the rules use only the other fields.

    ``encoded`` is canonical: two contents are equal if and only if these bytes are equal.
    ``likeness`` is shared by claims that may be about one work; empty if there is none.
    """

    encoded: bytes
    unit_id: str
    type: str
    work_key: str
    evidence_count: int
    likeness: str = ""

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical bytes, lower-case hex."""
        return hashlib.sha256(self.encoded).hexdigest()


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """The record of another system that a submission was imported from."""

    system: str
    record_id: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: who did what, when and why, and the hash of the content it left."""

    version: int
    at: datetime
    subject: str
    action: str
    request_id: str
    reason: str
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request id of a caller was used for: the digest of method and request."""

    request_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Submission:
    """One unit's claim on one work, with its review."""

    submission_id: str
    version: int
    institution_id: str
    state: State
    content: Content
    verified: Content | None
    source: SourceRecord | None
    submitted_by: str
    edited_by: str
    approved_by: str
    decided_by: str
    reason: str
    created_at: datetime
    updated_at: datetime
    audit: tuple[AuditEntry, ...]
    former_keys: frozenset[str] = frozenset()
    """Works it was submitted for before; a republished log has to retract them."""
    asked: tuple[Asked, ...] = ()
    """The requests that changed it; those of releases before 0.4 are missing."""
    verified_at: datetime | None = None
    """When the work that counts as verified was verified first; None without one."""

    def has_seen(self, change: Change) -> bool:
        """Return True if this very change was applied; False for an empty request id.

        Raises:
            AlreadyExists: its request id was used for something else. The caller's fault.
        """
        request_id = change.request_id
        if not request_id or all(entry.request_id != request_id for entry in self.audit):
            return False
        for asked in self.asked:
            if asked.request_id == request_id and asked.sha256 != change.request_sha256:
                raise request_id_taken()
        return True

    @property
    def handed_in_at(self) -> datetime:
        """Time of the first submission for review; later changes do not move it.

        For a draft this is its first `submit`, which only amendments can precede. A submission
        that was submitted on creation can have a `submit` only after a decision.
        """
        for entry in self.audit:
            if entry.action == "submit":
                return entry.at
            if entry.action not in ("create", "amend"):
                break
        return self.created_at


@dataclass(frozen=True, slots=True)
class Change:
    """Who makes a change, when and why; every transition takes one.

    ``subject`` is the opaque subject of the credential, ``epoch`` the restore epoch of the
    database, ``request_id`` the idempotency key and ``request_sha256`` the digest of what is asked
    with it, empty where the server chose the id. ``is_institution_wide`` says that the roles hold
    for the whole institution, not only for a unit of it.
    """

    subject: str
    now: datetime
    request_id: str
    epoch: int = 0
    reason: str = ""
    roles: frozenset[str] = frozenset()
    request_sha256: str = ""
    is_institution_wide: bool = False


def request_id_taken() -> AlreadyExists:
    """Return the refusal of a request id that was used for something else."""
    text = "was used for another request; choose a new one"
    return AlreadyExists(f"request_id: {text}", fields={"request_id": text})


def next_version(version: int, epoch: int) -> int:
    """Return `(epoch << 40) + n`: greater than every version issued, also before a restore."""
    return (epoch << EPOCH_BITS) + (version & ((1 << EPOCH_BITS) - 1)) + 1


def ancestors(unit_id: str) -> Iterator[str]:
    """Yield the unit and everything above it in its institution; ids are paths."""
    slugs = unit_id.split("/")
    yield from ("/".join(slugs[:length]) for length in range(1, len(slugs) + 1))
