"""What a submission is: its content, its state and the record of everything done to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

EPOCH_BITS = 40


class State(Enum):
    """Where a submission stands; the values are the numbers of the contract."""

    DRAFT = 1
    SUBMITTED = 2
    UNIT_APPROVED = 3
    VERIFIED = 4
    RETURNED = 5
    REJECTED = 6
    WITHDRAWN = 7


class Decision(Enum):
    """What a reviewer or approver decides; the values are the numbers of the contract."""

    APPROVE = 1
    VERIFY = 2
    RETURN = 3
    REJECT = 4


@dataclass(frozen=True, slots=True)
class Content:
    """What is claimed. The facts are opaque here: rules ask only what stands beside them.

    ``encoded`` is canonical: two contents are the same when it is the same bytes.
    """

    encoded: bytes
    unit_id: str
    type: str
    work_key: str
    evidence_count: int

    @property
    def sha256(self) -> str:
        """Hash of the canonical bytes, lower-case hex."""
        return hashlib.sha256(self.encoded).hexdigest()


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """The record of another system that a submission stands for."""

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
class Submission:
    """One unit's claim on one work, and what became of it."""

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
    """Works that it was handed in for before; a log that is filled anew has to take them back."""

    def has_seen(self, request_id: str) -> bool:
        """Tell whether a change with this id was made already; an empty id never was."""
        return bool(request_id) and any(e.request_id == request_id for e in self.audit)

    @property
    def handed_in_at(self) -> datetime:
        """When it was handed in for the first time; what comes later does not move it.

        One that began as a draft was handed in by the first `submit`, which nothing but amendments
        comes before. One that was created and handed in at once may see `submit` only after a
        decision.
        """
        for entry in self.audit:
            if entry.action == "submit":
                return entry.at
            if entry.action not in ("create", "amend"):
                break
        return self.created_at


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, when and why; every transition takes one.

    ``subject`` is the opaque subject of the credential, ``epoch`` the restore epoch of the
    database, ``request_id`` makes a repeat recognisable.
    """

    subject: str
    now: datetime
    request_id: str
    epoch: int = 0
    reason: str = ""
    roles: frozenset[str] = frozenset()


def next_version(version: int, epoch: int) -> int:
    """Return `(epoch << 40) + n`: above every version given out, also before a restore."""
    return (epoch << EPOCH_BITS) + (version & ((1 << EPOCH_BITS) - 1)) + 1


def ancestors(unit_id: str) -> Iterator[str]:
    """Yield the unit and everything above it in its institution; ids are paths."""
    slugs = unit_id.split("/")
    yield from ("/".join(slugs[:length]) for length in range(1, len(slugs) + 1))
