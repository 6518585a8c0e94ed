"""Builds notices of works whose leading claim is contradicted by another institution. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.notifications.domain import ROOT_UNIT_ID, Kind, Notice, Recipient, subscribable


@dataclass(frozen=True, slots=True)
class Claimant:
    """A submission that claims a work, its unit, and the person who submitted it.

    The subject of ``recipient`` is empty if that person is not known.
    """

    submission_id: str
    unit_id: str
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A work whose leading claim is contradicted by another institution.

    ``differences`` are triples: a field, the value of the other claim, and the value that counts;
    a value is empty if the claim has none.
    """

    event_id: str
    work_key: str
    leading: Claimant
    other: Claimant
    differences: tuple[tuple[str, str, str], ...]


def notices_of_contradiction(found: Contradicted, subscribers: Sequence[str]) -> list[Notice]:
    """Return the notices for the people who submitted the two claims, and for subscribers.

    Each person gets one at most; a person who is not known gets none.

    Args:
        found: the contradicted work.
        subscribers: keys of people who subscribed to the units; those of institutions other than
            the two get no notice.
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
    """Return the ids of the two claiming units and of all units above them, each once.

    The consortium is not among them.
    """
    units = [*subscribable(found.leading.unit_id), *subscribable(found.other.unit_id)]
    return [unit_id for unit_id in dict.fromkeys(units) if unit_id != ROOT_UNIT_ID]
