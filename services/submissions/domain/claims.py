"""Which works a submission contributes to, and which events a change of it publishes."""

from __future__ import annotations

from dataclasses import dataclass

from services.submissions.domain.submission import Content, State, Submission

DECLARED = frozenset({State.SUBMITTED, State.UNIT_APPROVED, State.VERIFIED})
CLOSED = frozenset({State.REJECTED, State.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Notice:
    """The content of one event: what a version of a submission claims of one work.

    With neither a declared nor a verified content it is a retraction: the submission no longer
    counts for that work. ``is_primary`` is true for exactly one notice of a version, so that users
    are notified once.
    """

    work_key: str
    declared: Content | None
    verified: Content | None
    is_primary: bool


def claim_on(submission: Submission, work_key: str) -> tuple[Content | None, Content | None]:
    """Return the declared and the verified content of a submission that count for a work.

    Each is None if no such content counts: it is about another work, or the state of the submission
    excludes it, e.g. a draft declares nothing and a withdrawn one has nothing verified.
    """
    declared = submission.content if submission.state in DECLARED else None
    verified = submission.verified if submission.state not in CLOSED else None
    return (
        declared if declared and declared.work_key == work_key else None,
        verified if verified and verified.work_key == work_key else None,
    )


def live_keys(submission: Submission) -> frozenset[str]:
    """Return the keys of the works for which the submission counts: none, one, or two.

    There are two after an amendment to another work, while the verified one still counts.
    """
    candidates = {submission.content.work_key}
    if submission.verified:
        candidates.add(submission.verified.work_key)
    return frozenset(key for key in candidates if any(claim_on(submission, key)))


def notices(previous: Submission | None, submission: Submission) -> list[Notice]:
    """Return one notice per work that a new version concerns; that of its current work is last.

    Retractions of other works come first. A submission that was never submitted has no notices.

    Args:
        previous: the version before. Without it, the notices are the full current state for a new
            log; they also retract former works, because old events about these may still be in
            flight.
        submission: the new version.
    """
    if not submission.submitted_by:
        return []
    current = submission.content.work_key
    live = live_keys(submission)
    before = live_keys(previous) if previous else submission.former_keys
    old = [key for key in sorted(before | live) if key != current]
    ordered = sorted(old, key=lambda key: key in live)
    return [
        Notice(key, *claim_on(submission, key), is_primary=key == current)
        for key in [*ordered, current]
    ]
