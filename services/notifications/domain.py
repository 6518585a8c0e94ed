"""Rules of notifications: who receives which, their identity, and retries of e-mails. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.texts import Lang

ROOT_UNIT_ID = "consortium"
ATTEMPTS_MAX = 10
RETRY_SECONDS_FIRST = 5.0
RETRY_SECONDS_MAX = 3600.0

Facts = Mapping[str, str | int]


class Kind(StrEnum):
    """What a notification is about; people choose by kind what is sent by e-mail."""

    SUBMISSION_RETURNED = "submission_returned"
    SUBMISSION_VERIFIED = "submission_verified"
    SUBMISSION_REJECTED = "submission_rejected"
    TARGET_REACHED = "target_reached"
    PROPOSAL = "proposal"
    EMERGENCY = "emergency"
    SUBMISSION_WITHDRAWN = "submission_withdrawn"
    WORK_CONTRADICTED = "work_contradicted"
    EMAIL_CONFIRMATION = "email_confirmation"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person, identified by institution and token subject; subjects are unique within it."""

    institution_id: str
    subject: str

    @property
    def key(self) -> str:
        """Unique key of the person: `<institution>/<subject>`, e.g. `vnu/lan`.

        The first slash ends the institution, whose id has none.
        """
        return f"{self.institution_id}/{self.subject}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a person wants to receive.

    Every notification reaches the inbox; those of ``email_kinds`` are sent to ``email`` as well.
    Of targets, a person is notified only for the units ``target_unit_ids`` and those below them.
    """

    email_kinds: tuple[Kind, ...] = ()
    email: str = ""
    language: Lang = Lang.vi
    target_unit_ids: tuple[str, ...] = ()
    is_confirmed: bool = False
    """Whether the person has confirmed the address by a code that was sent to it."""

    def wants_mail(self, kind: Kind) -> bool:
        """Return True if notifications of this kind are sent by e-mail.

        Until the address is confirmed, only codes are; afterwards, emergencies and ``email_kinds``.
        """
        if kind is Kind.EMAIL_CONFIRMATION or not self.is_confirmed:
            return self.needs_code and kind is Kind.EMAIL_CONFIRMATION
        return bool(self.email) and (kind is Kind.EMERGENCY or kind in self.email_kinds)

    @property
    def needs_code(self) -> bool:
        """Whether the person has to confirm an address: one is set, and it is not confirmed."""
        return bool(self.email) and not self.is_confirmed

    def after(self, known: Subscription) -> Subscription:
        """Return this subscription as the successor of ``known``.

        Its address is confirmed only if it is the confirmed address of ``known``.
        """
        return replace(self, is_confirmed=known.is_confirmed and known.email == self.email)


@dataclass(frozen=True, slots=True)
class Decided:
    """A submission that was decided, or withdrawn by a person other than ``recipients``.

    ``recipients`` are the authors to notify. ``unit_id``, ``type`` and ``title`` are those of its
    claim, empty if it no longer has one.
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
    """A target of a unit and year that was reached.

    ``target`` and ``value`` are in the unit of measure of the indicator; ``value`` is the total
    since January of that year.
    """

    unit_id: str
    indicator_code: str
    year: int
    target: int
    value: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal that is new, declared an emergency, or decided.

    ``waits_for`` are the ids of the institutions that have not voted yet, none once it is decided.
    ``emergency`` is the reason of the institution ``emergency_by``; both are empty if it is no
    emergency.
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
    """A notification to create for one person.

    ``about`` identifies its object, e.g. `submission:<id>`, and ``event_key`` an event among all
    about that object, e.g. the version. ``recipient`` is a `Recipient.key`. ``facts`` maps the
    names of placeholders in the texts to their values.
    """

    kind: Kind
    about: str
    event_key: str
    recipient: str
    facts: Facts

    @property
    def notification_id(self) -> str:
        """Id derived from object, event and person, so that a repeated event gives the same id."""
        identity = "\x1f".join((self.about, self.event_key, self.recipient))
        return hashlib.sha256(identity.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification in a person's inbox; for ``about``, ``recipient`` and ``facts`` see `Notice`.

    ``order`` is unique and sorts notifications by time. ``read_at`` is None while it is unread.
    """

    notification_id: str
    kind: Kind
    about: str
    recipient: str
    facts: Facts
    order: str
    created_at: datetime
    read_at: datetime | None = None


def notices_of_decision(decided: Decided) -> list[Notice]:
    """Return one notice for each author of a decided or withdrawn submission.

    That is one per entry of ``recipients``, in that order.
    """
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
    """Return the notice of a reached target for one person who subscribed to it.

    Reaching a target again gives the same notice; reaching a raised target gives a new one.

    Args:
        reached: the target.
        recipient: key of the person.
    """
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
    """Return the notice of a proposal for one person.

    A person gets one notice per state of the proposal, and one when it becomes an emergency.

    Args:
        proposed: the proposal.
        recipient: key of the person.
    """
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
    """Return the ids of the units whose subscribers are notified of a unit's targets.

    For `vnu/hus` these are `vnu/hus`, `vnu` and `consortium`, in this order.
    """
    parts = unit_id.split("/")
    paths = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return list(dict.fromkeys([*paths, ROOT_UNIT_ID]))


def retry_seconds(attempts: int) -> float | None:
    """Return the seconds to wait after failed attempts; None if there is no further attempt.

    The delay is `RETRY_SECONDS_FIRST` at first and doubles with each attempt up to
    `RETRY_SECONDS_MAX`; `ATTEMPTS_MAX` attempts are made.

    Args:
        attempts: number of attempts that failed, at least 1.
    """
    if attempts >= ATTEMPTS_MAX:
        return None
    return min(RETRY_SECONDS_FIRST * 2.0 ** (attempts - 1), RETRY_SECONDS_MAX)
