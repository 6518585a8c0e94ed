"""The rules of decisions: who may take which, in which state, and whether it was taken before."""

from __future__ import annotations

from services.kernel.errors import Forbidden, WrongState
from services.submissions.domain.submission import (
    AuditEntry,
    Change,
    Decision,
    State,
    Submission,
)

IN_REVIEW = frozenset({State.SUBMITTED, State.UNIT_APPROVED})
DECIDABLE = {
    Decision.APPROVE: frozenset({State.SUBMITTED}),
    Decision.VERIFY: IN_REVIEW,
    Decision.RETURN: IN_REVIEW,
    Decision.REJECT: IN_REVIEW | {State.RETURNED},
}
DECIDERS = {
    Decision.APPROVE: frozenset({"reviewer"}),
    Decision.VERIFY: frozenset({"approver"}),
    Decision.RETURN: frozenset({"reviewer", "approver"}),
    Decision.REJECT: frozenset({"approver"}),
}
DECIDED = {
    Decision.APPROVE: State.UNIT_APPROVED,
    Decision.VERIFY: State.VERIFIED,
    Decision.RETURN: State.RETURNED,
    Decision.REJECT: State.REJECTED,
}
"""Decision -> state that it leads to."""
HANDED_IN_BY = frozenset({"create", "amend", "renew", "submit"})
"""Actions that open a new review, in which nothing is decided yet."""


def need_role(decision: Decision, change: Change) -> None:
    """Check that the caller has the role for a decision; an approver needs it for the institution.

    Raises:
        Forbidden: the caller lacks the role, or holds it only for a unit.
    """
    held = change.roles & DECIDERS[decision]
    if not held:
        wanted = " or ".join(sorted(DECIDERS[decision]))
        raise Forbidden(f"this decision needs the role {wanted}")
    if held == {"approver"} and not change.is_institution_wide:
        text = "an approver decides for the institution; your credential holds for a unit of it"
        raise Forbidden(text, reason="SCOPE_TOO_NARROW")


def is_taken(submission: Submission, decision: Decision, reason: str, version: int) -> bool:
    """Return True if a decision was taken already on the same content and still holds.

    A reason that is given again must be the same; an empty one fits every decision.

    Args:
        submission: newest version of the submission.
        decision: decision that is asked for.
        reason: its reason.
        version: version that was read before deciding; 0 for the newest.
    """
    # A verification confirms an approval; any other later decision overrules it.
    is_confirmed = decision is Decision.APPROVE and submission.state is State.VERIFIED
    holds = is_confirmed or submission.state is DECIDED[decision]
    if not holds or not _had(submission, version):
        return False
    found = _taken(submission, decision.name.lower())
    return found is not None and (not reason.strip() or found.reason == reason)


def need_undecided(submission: Submission, decision: Decision) -> None:
    """Check that the state of a submission still allows a decision.

    Raises:
        WrongState: it does not; if a decision led to that state, the error says by whom, when and
            why.
    """
    if submission.state in DECIDABLE[decision]:
        return
    state = submission.state.name.lower()
    details = {"state": submission.state.name}
    stands = _last(submission)
    if stands is None:
        raise WrongState(
            f"a {state} submission cannot be decided so ({decision.name.lower()})", details=details
        )
    because = f": {stands.reason}" if stands.reason else ""
    raise WrongState(
        f"it is {state} since {stands.at:%Y-%m-%d %H:%M} UTC, by {stands.subject}{because}; "
        f"this decision ({decision.name.lower()}) was not taken",
        reason="ALREADY_DECIDED",
        details={
            **details,
            "decided_at": stands.at.isoformat(),
            "decided_by": stands.subject,
            "reason": stands.reason,
        },
    )


def _had(submission: Submission, version: int) -> bool:
    """Return True if that version had the present content."""
    return not version or any(
        entry.version == version and entry.content_sha256 == submission.content.sha256
        for entry in submission.audit
    )


def _taken(submission: Submission, action: str) -> AuditEntry | None:
    """Return the newest decision of a kind in the present review; None without one."""
    for entry in reversed(submission.audit):
        if entry.action == action:
            return entry
        if entry.action in HANDED_IN_BY:
            break
    return None


def _last(submission: Submission) -> AuditEntry | None:
    """Return the decision that made the present state; None if it was not made by one."""
    for decision, state in DECIDED.items():
        if state is submission.state:
            return _taken(submission, decision.name.lower())
    return None
