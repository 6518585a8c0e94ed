"""What a submission counts for per work, and which events a change publishes."""

from __future__ import annotations

from dataclasses import dataclass

from services.submissions.domain.submission import Content, State, Submission

DECLARED = frozenset({State.SUBMITTED, State.UNIT_APPROVED, State.VERIFIED})
CLOSED = frozenset({State.REJECTED, State.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Notice:
    """The content of one event: everything that a version counts for one work.

    Without a claim the submission counts nothing there (a retraction). ``is_primary`` is true on
    exactly one notice of a version: the one that notifications react to.
    """

    work_key: str
    declared: Content | None
    verified: Content | None
    is_primary: bool


def claim_on(submission: Submission, work_key: str) -> tuple[Content | None, Content | None]:
    """Return the declared and the verified content for one work; None where nothing counts."""
    declared = submission.content if submission.state in DECLARED else None
    verified = submission.verified if submission.state not in CLOSED else None
    return (
        declared if declared and declared.work_key == work_key else None,
        verified if verified and verified.work_key == work_key else None,
    )


def live_keys(submission: Submission) -> frozenset[str]:
    """Return the keys of the works to which the submission contributes."""
    candidates = {submission.content.work_key}
    if submission.verified:
        candidates.add(submission.verified.work_key)
    return frozenset(key for key in candidates if any(claim_on(submission, key)))


def notices(previous: Submission | None, submission: Submission) -> list[Notice]:
    """Return one notice per work that a version concerns; retractions of old works come first.

    A submission that was never submitted has none. Without ``previous`` the notices are the full
    current state, for a new log: they retract former works too, because an old event of those
    may still be in flight.
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
