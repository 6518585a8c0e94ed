"""A submission: its content, its state, its audit trail, and the change that leads to a version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.kernel.errors import AlreadyExists

EPOCH_BITS = 40


class State(Enum):
    """State of a submission in its review; the values are the enum numbers of the contract."""

    DRAFT = 1
    SUBMITTED = 2
    UNIT_APPROVED = 3
    VERIFIED = 4
    RETURNED = 5
    REJECTED = 6
    WITHDRAWN = 7


class Decision(Enum):
    """What a reviewer or approver may decide; the values are the enum numbers of the contract."""

    APPROVE = 1
    VERIFY = 2
    RETURN = 3
    REJECT = 4


@dataclass(frozen=True, slots=True)
class Content:
    """What a unit claims of one work.

    ``encoded`` is the whole content as canonical protobuf bytes, equal if and only if two contents
    are equal. The rules do not decode it; they use the other fields only. ``likeness`` is a text
    that claims share if they may be about the same work; empty if the content gives none.
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
    """Identifies the record of another system from which a submission was imported."""

    system: str
    record_id: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of a submission: who did what, when and why.

    ``version`` and ``content_sha256`` are those of the version that the change made; ``action`` is
    e.g. `create` or `verify`; ``reason`` is empty if none was given.
    """

    version: int
    at: datetime
    subject: str
    action: str
    request_id: str
    reason: str
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request id that a caller used, and the SHA-256 of the request that it was used for."""

    request_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Submission:
    """One unit's claim of one work, with the state and history of its review.

    ``content`` is the newest content, ``verified`` the one that counts as verified (None without).
    The names of persons are token subjects, empty if there is none yet; ``reason`` is that of the
    newest decision or withdrawal.
    """

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
    """Keys of works it was submitted for before; a republished log has to retract them."""
    asked: tuple[Asked, ...] = ()
    """The requests that created and changed it; those of releases before 0.4 are missing."""
    verified_at: datetime | None = None
    """When the work that counts as verified was first verified; None if nothing is verified."""

    def has_seen(self, change: Change) -> bool:
        """Return True if a change with the same request id was applied; an empty id matches none.

        Raises:
            AlreadyExists: the caller used the request id for another request before.
        """
        request_id = change.request_id
        if not request_id or all(entry.request_id != request_id for entry in self.audit):
            return False
        for asked in self.asked:
            if asked.request_id == request_id and asked.sha256 != change.request_sha256:
                raise request_id_taken()
        return True

    @property
    def needs_evidence(self) -> bool:
        """Whether a new content has to have evidence: unless it is a draft."""
        return self.state is not State.DRAFT

    @property
    def handed_in_at(self) -> datetime:
        """When it was first submitted for review; when it was created if it never was.

        Later changes do not move this time. A draft is first submitted by a `submit` that only
        amendments and a withdrawal precede. A submission that was submitted on creation can have a
        `submit` only after a decision, and after a withdrawal only a `renew`.
        """
        for entry in self.audit:
            if entry.action == "submit":
                return entry.at
            if entry.action not in ("create", "amend", "withdraw"):
                break
        return self.created_at


@dataclass(frozen=True, slots=True)
class Change:
    """Who makes a change, when and why; the argument of every transition.

    ``subject`` is the subject of the caller's token, ``epoch`` the restore epoch of the database,
    ``request_id`` the idempotency key and ``request_sha256`` the digest of the request, empty if
    the server chose the id. ``is_institution_wide``: the roles hold for the whole institution, not
    only for one of its units.
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
    """Return the error for a request id that the caller used for another request before."""
    text = "was used for another request; choose a new one"
    return AlreadyExists(f"request_id: {text}", fields={"request_id": text})


def next_version(version: int, epoch: int) -> int:
    """Return the version after ``version``: a counter in the lower 40 bits, ``epoch`` above them.

    Raising the epoch makes it greater than every version issued before a restore.
    """
    return (epoch << EPOCH_BITS) + (version & ((1 << EPOCH_BITS) - 1)) + 1


def ancestors(unit_id: str) -> Iterator[str]:
    """Yield the ids of the units above a unit and then its own, the highest first.

    For `vnu/hus` these are `vnu` and `vnu/hus`.
    """
    slugs = unit_id.split("/")
    yield from ("/".join(slugs[:length]) for length in range(1, len(slugs) + 1))
