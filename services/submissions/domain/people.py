"""Who wrote, approved and owns a submission, judged by its whole history. Pure.

Every rule that compares persons is here. Subjects are opaque, but a person types or configures
them: what differs only in case, blanks or characters that cannot be seen is the same person.
"""

from __future__ import annotations

import unicodedata

from services.submissions.domain.submission import Submission

WRITING = frozenset({"create", "amend", "renew", "submit"})
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Mn", "Zl", "Zp", "Zs"})


def person(subject: str) -> str:
    """Return what identifies the person of a subject; equal for subjects that look alike."""
    compatible = unicodedata.normalize("NFKC", subject).casefold()
    # Composed again, so that accents that belong to a letter stay and loose marks go.
    composed = unicodedata.normalize("NFKC", compatible)
    return "".join(c for c in composed if unicodedata.category(c) not in _UNSEEN)


def writers(submission: Submission, until: int | None = None) -> tuple[str, ...]:
    """Return the subjects that wrote the submission, in order of their first change.

    Args:
        submission: with its history.
        until: newest version to look at; None for all.
    """
    subjects = [submission.submitted_by, submission.edited_by] if until is None else []
    for entry in submission.audit:
        if entry.action in WRITING and (until is None or entry.version <= until):
            subjects.append(entry.subject)
    return _each_once(subjects)


def has_written(submission: Submission, subject: str) -> bool:
    """Return True if a person ever created, amended or submitted it."""
    return _is_among(subject, writers(submission))


def has_approved(submission: Submission, subject: str) -> bool:
    """Return True if a person approved just this content for the unit, now or before."""
    approvals = (
        entry.subject
        for entry in submission.audit
        if entry.action == "approve" and entry.content_sha256 == submission.content.sha256
    )
    return _is_among(subject, (submission.approved_by, *approvals))


def owners(submission: Submission) -> tuple[str, ...]:
    """Return the subjects whose work it is.

    While something is verified, these wrote what was verified: who amended it afterwards has not
    become an owner by that.
    """
    if submission.verified is None:
        return writers(submission)
    verified = [entry.version for entry in submission.audit if entry.action == "verify"]
    return writers(submission, verified[-1]) if verified else writers(submission)


def is_owner(submission: Submission, subject: str) -> bool:
    """Return True if it is this person's own work."""
    return _is_among(subject, owners(submission))


def authors_to_notify(submission: Submission) -> tuple[str, ...]:
    """Return the writers of a withdrawn submission to notify: all but who withdrew it."""
    withdrawals = [entry for entry in submission.audit if entry.action == "withdraw"]
    by = person(withdrawals[-1].subject) if withdrawals else ""
    return tuple(each for each in writers(submission) if person(each) != by)


def _is_among(subject: str, others: tuple[str, ...]) -> bool:
    return person(subject) in {person(other) for other in others if other}


def _each_once(subjects: list[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for subject in filter(None, subjects):
        found.setdefault(person(subject), subject)
    return tuple(found.values())
