"""Rules of notifications: recipients, content, deduplication and retries. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.kernel.errors import InvalidArgument

ROOT_UNIT_ID = "consortium"
ATTEMPTS_MAX = 10
RETRY_SECONDS_FIRST = 5.0
RETRY_SECONDS_MAX = 3600.0
# A subset of what the contract allows, without characters special in e-mail headers.
EMAIL = re.compile(
    r'[^@\s<>()\[\],;:\\"\x00-\x1f\x7f]{1,64}@[^@\s<>()\[\],;:\\"\x00-\x1f\x7f]{1,189}'
)

Facts = Mapping[str, str | int]


class Kind(StrEnum):
    """Kind of a notification."""

    SUBMISSION_RETURNED = "submission_returned"
    SUBMISSION_VERIFIED = "submission_verified"
    SUBMISSION_REJECTED = "submission_rejected"
    TARGET_REACHED = "target_reached"
    PROPOSAL = "proposal"
    EMERGENCY = "emergency"
    SUBMISSION_WITHDRAWN = "submission_withdrawn"
    WORK_CONTRADICTED = "work_contradicted"
    EMAIL_CONFIRMATION = "email_confirmation"


class Language(StrEnum):
    """Language of texts."""

    VI = "vi"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person: the subject of a token, unique only within its institution."""

    institution_id: str
    subject: str

    @property
    def key(self) -> str:
        """Unique key of both; institution ids contain no slash."""
        return f"{self.institution_id}/{self.subject}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A person's choices; an empty subscription means everything, in the inbox only."""

    email_kinds: tuple[Kind, ...] = ()
    email: str = ""
    language: Language = Language.VI
    target_unit_ids: tuple[str, ...] = ()
    is_confirmed: bool = False
    """Whether its person has shown to receive what is sent to the address."""

    def wants_mail(self, kind: Kind) -> bool:
        """Return True if a kind is sent by e-mail: a code until the address is confirmed.

        Then what was chosen, and every emergency.
        """
        if kind is Kind.EMAIL_CONFIRMATION or not self.is_confirmed:
            return self.needs_code and kind is Kind.EMAIL_CONFIRMATION
        return bool(self.email) and (kind is Kind.EMERGENCY or kind in self.email_kinds)

    @property
    def needs_code(self) -> bool:
        """Whether the address waits for its confirmation."""
        return bool(self.email) and not self.is_confirmed

    def after(self, known: Subscription) -> Subscription:
        """Return this one as it replaces another: a confirmed address stays confirmed."""
        return replace(self, is_confirmed=known.is_confirmed and known.email == self.email)


@dataclass(frozen=True, slots=True)
class Decided:
    """A submission after a decision or the withdrawal by another person.

    ``recipients`` are its authors. ``type`` and ``title`` are empty if nothing counts.
    """

    kind: Kind
    submission_id: str
    version: int
    recipients: tuple[Recipient, ...]
    work_key: str
    unit_id: str = ""
    type: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """A target that was reached; values in the indicator's unit, from January of the year on."""

    unit_id: str
    indicator_code: str
    year: int
    target: int
    value: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal that is new, an emergency or decided.

    ``waits_for`` lists the institutions that have not voted; ``emergency`` is the reason or empty.
    """

    proposal_id: str
    version: int
    state: str
    proposed_by: str
    waits_for: tuple[str, ...] = ()
    emergency: str = ""
    emergency_by: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification to be made for one person.

    ``event_key`` distinguishes events about the same thing: a version, or a target's value.
    ``facts`` are the values from which the texts are rendered, in the reader's language.
    """

    kind: Kind
    about: str
    event_key: str
    recipient: str
    facts: Facts

    @property
    def notification_id(self) -> str:
        """Id derived from event and person, so that a repeated event gives the same id."""
        identity = "\x1f".join((self.about, self.event_key, self.recipient))
        return hashlib.sha256(identity.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Notification:
    """A notice in an inbox. ``order`` grows with time and is unique."""

    notification_id: str
    kind: Kind
    about: str
    recipient: str
    facts: Facts
    order: str
    created_at: datetime
    read_at: datetime | None = None


def notices_of_decision(decided: Decided) -> list[Notice]:
    """Return the notices for the authors of a decided or withdrawn submission."""
    return [_notice_of_decision(decided, recipient) for recipient in decided.recipients]


def _notice_of_decision(decided: Decided, recipient: Recipient) -> Notice:
    return Notice(
        kind=decided.kind,
        about=f"submission:{decided.submission_id}",
        event_key=str(decided.version),
        recipient=recipient.key,
        facts={
            "submission_id": decided.submission_id,
            "work_key": decided.work_key,
            "unit_id": decided.unit_id,
            "type": decided.type,
            "title": decided.title,
        },
    )


def notice_of_target(reached: Reached, recipient: str) -> Notice:
    """Return the notice for one subscriber of a reached target; a raised target gives a new one."""
    return Notice(
        kind=Kind.TARGET_REACHED,
        about=f"target:{reached.unit_id}:{reached.indicator_code}:{reached.year}",
        event_key=str(reached.target),
        recipient=recipient,
        facts={
            "unit_id": reached.unit_id,
            "indicator_code": reached.indicator_code,
            "year": reached.year,
            "target": reached.target,
            "value": reached.value,
        },
    )


def notice_of_proposal(proposed: Proposed, recipient: str) -> Notice:
    """Return the notice of a proposal for one person; each state gives one."""
    return Notice(
        kind=Kind.EMERGENCY if proposed.emergency else Kind.PROPOSAL,
        about=f"proposal:{proposed.proposal_id}",
        event_key=f"{proposed.state}:{bool(proposed.emergency)}",
        recipient=recipient,
        facts={
            "proposal_id": proposed.proposal_id,
            "state": proposed.state,
            "proposed_by": proposed.proposed_by,
            "waits_for": ", ".join(proposed.waits_for) or "-",
            "emergency": proposed.emergency,
            "emergency_by": proposed.emergency_by,
        },
    )


def subscribable(unit_id: str) -> list[str]:
    """Return the units whose subscribers are notified about a unit: itself and its ancestors."""
    parts = unit_id.split("/")
    paths = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return list(dict.fromkeys([*paths, ROOT_UNIT_ID]))


def checked(subscription: Subscription) -> Subscription:
    """Validate a subscription and return it.

    Raises:
        InvalidArgument: the e-mail address is invalid. The caller's fault.
    """
    if subscription.email and not EMAIL.fullmatch(subscription.email):
        text = "is not an address like name@example.org"
        raise InvalidArgument(f"subscription.email {text}", fields={"subscription.email": text})
    return subscription


def retry_seconds(attempts: int) -> float | None:
    """Return the delay before the next retry; None after the last attempt."""
    if attempts >= ATTEMPTS_MAX:
        return None
    return min(RETRY_SECONDS_FIRST * 2.0 ** (attempts - 1), RETRY_SECONDS_MAX)
