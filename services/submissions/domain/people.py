"""Who wrote, approved and owns a submission, according to its whole history. Pure.

Every rule that compares persons is here. The subject of a token is an opaque string, but people
type and configure subjects, so those that look alike are taken for the same person.
"""

from __future__ import annotations

import unicodedata

from services.submissions.domain.submission import Submission

WRITING = frozenset({"create", "amend", "renew", "submit"})
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Mn", "Zl", "Zp", "Zs"})
# Letters and a symbol by their category, but nothing is drawn for them.
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def person(subject: str) -> str:
    """Return a comparable key of the person behind a token subject.

    Subjects that differ only in case, blanks or invisible characters give the same key. The key of
    an empty subject is empty.
    """
    compatible = unicodedata.normalize("NFKC", subject).casefold()
    # Composed again, so that accents that belong to a letter stay and loose marks go.
    composed = unicodedata.normalize("NFKC", compatible)
    seen = (c for c in composed if unicodedata.category(c) not in _UNSEEN)
    return "".join(c for c in seen if c not in _FILLERS)


def writers(submission: Submission, until: int | None = None) -> tuple[str, ...]:
    """Return the subjects that wrote the submission, each once, in order of their first change.

    To write means to create, amend, renew or submit. Several subjects of one `person` count as one.

    Args:
        submission: the submission with its audit trail.
        until: newest version to consider; None for all.
    """
    subjects = [submission.submitted_by, submission.edited_by] if until is None else []
    for entry in submission.audit:
        if entry.action in WRITING and (until is None or entry.version <= until):
            subjects.append(entry.subject)
    return _each_once(subjects)


def has_written(submission: Submission, subject: str) -> bool:
    """Return True if this person ever created, amended, renewed or submitted the submission."""
    return _is_among(subject, writers(submission))


def has_approved(submission: Submission, subject: str) -> bool:
    """Return True if this person ever approved the present content on behalf of the unit.

    Approvals of an earlier content do not count.
    """
    approvals = (
        entry.subject
        for entry in submission.audit
        if entry.action == "approve" and entry.content_sha256 == submission.content.sha256
    )
    return _is_among(subject, (submission.approved_by, *approvals))


def owners(submission: Submission) -> tuple[str, ...]:
    """Return the subjects that own the submission: its writers.

    While a content counts as verified, only the writers up to its verification are owners; amending
    the submission afterwards does not make a person an owner.
    """
    if submission.verified is None:
        return writers(submission)
    verified = [entry.version for entry in submission.audit if entry.action == "verify"]
    return writers(submission, verified[-1]) if verified else writers(submission)


def is_owner(submission: Submission, subject: str) -> bool:
    """Return True if this person is one of the submission's `owners`."""
    return _is_among(subject, owners(submission))


def authors_to_notify(submission: Submission) -> tuple[str, ...]:
    """Return the writers of a withdrawn submission except the person who withdrew it.

    For a submission that was never withdrawn, return all its writers.
    """
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
