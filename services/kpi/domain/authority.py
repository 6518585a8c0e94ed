"""What an institution may write to the log.

A topic holds what its producers write, and not every institution trusts every producer. A record is
judged by its own content alone, never by earlier records. One that its institution may not write
changes no number: it is parked with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CHANGE_BITS = 40
"""Number of low bits of a version that count changes.

A version is `(restore epoch << 40) + n`, with n counted from 1.
"""
CHANGES_MAX = (1 << CHANGE_BITS) - 1
EPOCHS_MAX = 1 << 20
"""Highest restore epoch accepted. Epochs are hours since 2026, so these suffice for 119 years."""
OWNER_END = "."
"""Separator after the institution in a submission id; no institution's id contains it."""
OWN_WORK = "sub:"
"""Prefix of the key of a work that only one submission can claim; before that submission's id."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """The origin of a record, as the record itself states it.

    Args:
        institution_id: institution that is responsible for the record; empty if it names none.
        submission_id: id of the submission that the record changes.
        version: version of that submission.
        work_key: key of the work that the record is about.
    """

    institution_id: str
    submission_id: str
    version: int
    work_key: str


def full_name(institution_id: str, submission_id: str) -> str:
    """Return the name of a submission that is unique across institutions: `<institution>.<id>`.

    An id that already begins with this institution is returned unchanged, an older one gets the
    institution as prefix, and an empty id stays empty.
    """
    if not submission_id or owner_of(submission_id) == institution_id:
        return submission_id
    return f"{institution_id}{OWNER_END}{submission_id}"


def seniority(name: str) -> tuple[str, str]:
    """Return a sort key that puts the submission that was created first in front.

    It is the id without the institution, which begins with the time of creation, and then the whole
    name. So sorting by it favours no institution.

    Args:
        name: full name of a submission.
    """
    return name.rpartition(OWNER_END)[2], name


def owner_of(submission_id: str) -> str:
    """Return the institution that a submission id begins with; empty for an older id without it."""
    return submission_id.rpartition(OWNER_END)[0]


def source_of(institution_id: str) -> str:
    """Return the CloudEvents `source` attribute of the events that an institution publishes."""
    return f"kieng/submissions/{institution_id}"


def refusal(speaker: Speaker, unit_ids: Iterable[str]) -> str:
    """Return the reason why an institution may not write a record to the log; empty if it may.

    It may write about its own submissions and units only, with a version of a valid restore epoch.

    Args:
        speaker: origin of the record.
        unit_ids: ids of the units on whose behalf the record claims the work.
    """
    own = speaker.institution_id
    if not own:
        return "no institution answers for it"
    if OWNER_END in speaker.submission_id and owner_of(speaker.submission_id) != own:
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
