"""Notices of works whose leading claim another institution contradicts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.notifications.domain import ROOT_UNIT_ID, Kind, Notice, Recipient, subscribable


@dataclass(frozen=True, slots=True)
class Claimant:
    """A submission that claims a work, its unit, and who submitted it, if that is known."""

    submission_id: str
    unit_id: str
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A work whose leading claim is contradicted by another institution.

    ``differences`` are field, what the other says, and what counts; empty for nothing.
    """

    event_id: str
    work_key: str
    leading: Claimant
    other: Claimant
    differences: tuple[tuple[str, str, str], ...]


def notices_of_contradiction(found: Contradicted, subscribers: Sequence[str]) -> list[Notice]:
    """Return the notices for those who submitted the two claims, and their units' subscribers.

    Args:
        found: the contradicted work.
        subscribers: keys of people; those of other institutions get no notice.
    """
    both = (found.leading, found.other)
    own = {each.recipient.institution_id: each for each in both}
    authors = [each.recipient.key for each in both if each.recipient.subject]
    told = dict.fromkeys([*authors, *subscribers])
    return [
        _notice_of_contradiction(found, recipient, own[institution_id])
        for recipient in told
        if (institution_id := recipient.partition("/")[0]) in own
    ]


def _notice_of_contradiction(found: Contradicted, recipient: str, own: Claimant) -> Notice:
    differences = (f"{name}: {a or '-'} ≠ {b or '-'}" for name, a, b in found.differences)
    return Notice(
        kind=Kind.WORK_CONTRADICTED,
        about=f"work:{found.work_key}",
        event_key=found.event_id,
        recipient=recipient,
        facts={
            "key": found.work_key,
            "leading_unit": found.leading.unit_id,
            "leading_submission": found.leading.submission_id,
            "other_unit": found.other.unit_id,
            "other_submission": found.other.submission_id,
            "own_submission": own.submission_id,
            "differences": "; ".join(differences),
        },
    )


def units_concerned(found: Contradicted) -> list[str]:
    """Return the claiming units and those above them, up to their institutions."""
    units = [*subscribable(found.leading.unit_id), *subscribable(found.other.unit_id)]
    return [unit_id for unit_id in dict.fromkeys(units) if unit_id != ROOT_UNIT_ID]
