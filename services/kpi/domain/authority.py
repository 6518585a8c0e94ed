"""What an institution can say in the log; judged by one record alone, whatever came before it.

A topic holds what its producers write, and not every producer is trusted by every institution.
A record that its institution cannot say changes no number: it is parked with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CHANGE_BITS = 40
"""A version is `(restore epoch << 40) + n`, n counted from 1."""
CHANGES_MAX = (1 << CHANGE_BITS) - 1
EPOCHS_MAX = 1 << 20
"""Restore epochs are hours since 2026, so these last for 119 years."""
OWNER_END = "."
"""Ends the institution in a submission id; no institution's id contains it."""
OWN_WORK = "sub:"
"""Begins the key of a work that only one submission can claim."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks in a record, and of what.

    Args:
        institution_id: institution that answers for the record.
        submission_id: submission that it changes.
        version: version of the submission.
        work_key: the work.
    """

    institution_id: str
    submission_id: str
    version: int
    work_key: str


def full_name(institution_id: str, submission_id: str) -> str:
    """Return the name of a submission that none of another institution can have.

    Older ids do not begin with their institution, which is put before them; empty without an id.
    """
    if not submission_id or owner_of(submission_id) == institution_id:
        return submission_id
    return f"{institution_id}{OWNER_END}{submission_id}"


def seniority(name: str) -> tuple[str, str]:
    """Return what full names are ordered by: what follows the institution, and then the name.

    Ids begin with their time after the institution, so that no institution precedes another.
    """
    return name.rpartition(OWNER_END)[2], name


def owner_of(submission_id: str) -> str:
    """Return the institution that a submission id begins with; empty for an older id."""
    return submission_id.rpartition(OWNER_END)[0]


def source_of(institution_id: str) -> str:
    """Return the CloudEvents source of an institution's events."""
    return f"kieng/submissions/{institution_id}"


def refusal(speaker: Speaker, unit_ids: Iterable[str]) -> str:
    """Return why an institution cannot say what a record says; empty if it can.

    Args:
        speaker: who speaks.
        unit_ids: units that the record claims for.
    """
    own = speaker.institution_id
    if not own:
        return "no institution answers for it"
    if owner_of(speaker.submission_id) not in ("", own):
        return f"submission {speaker.submission_id!r} is not one of {own!r}"
    is_single = speaker.work_key.startswith(OWN_WORK)
    if is_single and speaker.work_key != OWN_WORK + speaker.submission_id:
        return f"work {speaker.work_key!r} is not one of submission {speaker.submission_id!r}"
    epoch, change = speaker.version >> CHANGE_BITS, speaker.version & CHANGES_MAX
    if not (0 <= epoch <= EPOCHS_MAX and change):
        return f"version {speaker.version} is of no restore epoch"
    for unit_id in unit_ids:
        if unit_id.partition("/")[0] != own:
            return f"unit {unit_id!r} is not one of {own!r}"
    return ""
