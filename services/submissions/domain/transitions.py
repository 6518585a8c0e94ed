"""The state machine of a submission: pure functions that return the next version."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.kernel.errors import Conflict, Forbidden, InvalidArgument, WrongState
from services.submissions.domain import deciding, people
from services.submissions.domain.submission import (
    Asked,
    AuditEntry,
    Change,
    Content,
    Decision,
    SourceRecord,
    State,
    Submission,
    next_version,
)

CLOSED = frozenset({State.REJECTED, State.WITHDRAWN})


def create(
    submission_id: str,
    institution_id: str,
    content: Content,
    source: SourceRecord | None,
    change: Change,
    *,
    submit: bool,
) -> Submission:
    """Return the first version of a submission: a draft, or one submitted for review at once.

    Args:
        submission_id: id of the new submission.
        institution_id: institution that owns it.
        content: canonical content.
        source: record of another system that it is imported from, if any.
        change: who creates it, and when.
        submit: whether to submit it for review at once.

    Raises:
        InvalidArgument: the caller wants to submit it, but attached no evidence.
    """
    if submit:
        need_evidence(content.evidence_count)
    version = next_version(0, change.epoch)
    return Submission(
        submission_id=submission_id,
        version=version,
        institution_id=institution_id,
        state=State.SUBMITTED if submit else State.DRAFT,
        content=content,
        verified=None,
        source=source,
        submitted_by=change.subject if submit else "",
        edited_by=change.subject,
        approved_by="",
        decided_by="",
        reason="",
        created_at=change.now,
        updated_at=change.now,
        audit=(_entry(version, "create", content, change),),
        asked=_asked(change),
    )


def amend(submission: Submission, content: Content, change: Change) -> Submission:
    """Return the next version, with another content. Only a draft remains a draft.

    Any other submission is submitted for review again; its verified content, if there is one, keeps
    counting until the next verification.

    Raises:
        WrongState: the submission is rejected or withdrawn.
        InvalidArgument: it is not a draft, and the new content has no evidence.
    """
    _need_state(submission, frozenset(State) - CLOSED, "amended")
    if submission.state is State.DRAFT:
        return _changed(submission, "amend", change, content=content, edited_by=change.subject)
    need_evidence(content.evidence_count)
    return _changed(submission, "amend", change, **_resubmitted(submission, content, change))


def renew(submission: Submission, content: Content, change: Change) -> Submission:
    """Return the next version of a withdrawn submission, which is submitted again with a content.

    This happens e.g. when its source record has reappeared.

    Raises:
        WrongState: the submission is not withdrawn.
        InvalidArgument: the new content has no evidence.
    """
    _need_state(submission, frozenset({State.WITHDRAWN}), "renewed")
    need_evidence(content.evidence_count)
    resubmitted = _resubmitted(submission, content, change)
    # A draft that was withdrawn is submitted for the first time.
    action = "renew" if submission.submitted_by else "submit"
    return _changed(submission, action, change, **resubmitted, reason="")


def submit(submission: Submission, change: Change) -> Submission:
    """Return the next version of a draft or returned submission: submitted for review.

    Raises:
        WrongState: the submission is in another state.
        InvalidArgument: its content has no evidence.
    """
    _need_state(submission, frozenset({State.DRAFT, State.RETURNED}), "submitted")
    need_evidence(submission.content.evidence_count)
    return _changed(submission, "submit", change, **_submitted(change))


def withdraw(submission: Submission, change: Change) -> Submission:
    """Return the next version of a submission: withdrawn, so that it no longer counts anywhere.

    Raises:
        WrongState: the submission is rejected or withdrawn already.
        Forbidden: the caller is neither a contributor who may withdraw it (a verified one only if
            they own it) nor an approver of the institution.
        InvalidArgument: a content was verified, and the caller gives no reason.
    """
    _need_state(submission, frozenset(State) - CLOSED, "withdrawn")
    _need_right_to_withdraw(submission, change)
    if submission.verified is not None:
        _need_reason(change, "it was verified; say why it is withdrawn, its owner is told")
    return _changed(
        submission,
        "withdraw",
        change,
        state=State.WITHDRAWN,
        verified=None,
        verified_at=None,
        reason=change.reason,
    )


def decide(
    submission: Submission, decision: Decision, change: Change, version: int = 0
) -> Submission:
    """Return the next version of a submission: approved, verified, returned or rejected.

    If the same decision was already taken on the same content and still holds, ``submission``
    itself is returned.

    Args:
        submission: newest version of the submission.
        decision: the decision.
        change: who decides, when and why.
        version: version that the caller has read; 0 to decide about the newest.

    Raises:
        Forbidden: the caller lacks the role, holds it only for a unit where the institution is
            needed, ever wrote the submission, or approved the content they want to verify.
        InvalidArgument: the caller gives no reason for a return or rejection.
        Conflict: ``version`` is not the newest, and has another content or other decisions.
        WrongState: the state of the submission does not allow this decision.
    """
    deciding.need_role(decision, change)
    if people.has_written(submission, change.subject):
        text = "a submission cannot be decided by a person who ever submitted or edited it"
        raise Forbidden(text, reason="OWN_WORK")
    if decision in (Decision.RETURN, Decision.REJECT):
        _need_reason(change, "say why; the author sees the reason")
    if deciding.is_taken(submission, decision, change.reason, version):
        return submission
    deciding.need_undecided(submission, decision)
    need_version(submission, version or submission.version)
    if decision is Decision.VERIFY and people.has_approved(submission, change.subject):
        text = "the person who approved for the unit cannot verify for the institution"
        raise Forbidden(text, reason="OWN_APPROVAL")
    fields: dict[str, Any] = {
        "state": deciding.DECIDED[decision],
        "decided_by": change.subject,
        "reason": change.reason,
    }
    if decision is Decision.APPROVE:
        fields["approved_by"] = change.subject
    if decision is Decision.VERIFY:
        fields["verified"] = submission.content
        fields["verified_at"] = _verified_since(submission) or change.now
    if decision is Decision.REJECT:
        fields["verified"] = fields["verified_at"] = None
    return _changed(submission, decision.name.lower(), change, **fields)


def _verified_since(submission: Submission) -> datetime | None:
    """Return when the current work was first verified; None if it does not count as verified."""
    before = submission.verified
    is_same = before is not None and before.work_key == submission.content.work_key
    return submission.verified_at if is_same else None


def repair(submission: Submission, change: Change) -> Submission:
    """Return the unchanged state as a new version, so that its events are published again.

    Raises:
        WrongState: the submission was never submitted, so the log has no events of it.
    """
    if not submission.submitted_by:
        raise WrongState("a draft that was never submitted is not in the log")
    return _changed(submission, "repair", change)


def need_version(submission: Submission, version: int) -> None:
    """Check that ``version``, which the caller has read, is the newest version of the submission.

    Raises:
        Conflict: another change was written first; the details contain the newest version.
    """
    if submission.version != version:
        raise Conflict(
            f"version {version} is not the newest, {submission.version} is; read and repeat",
            details={"version": str(submission.version)},
        )


def _need_right_to_withdraw(submission: Submission, change: Change) -> None:
    if "approver" in change.roles and change.is_institution_wide:
        return
    if "contributor" not in change.roles:
        raise Forbidden("to withdraw needs the role contributor, or approver of the institution")
    if submission.verified is not None and not people.is_owner(submission, change.subject):
        text = "the verified work of others is withdrawn by an approver of the institution"
        raise Forbidden(text, reason="NOT_OWN_WORK")


def _need_reason(change: Change, text: str) -> None:
    if not change.reason.strip():
        raise InvalidArgument(f"reason: {text}", fields={"reason": text})


def _submitted(change: Change) -> dict[str, Any]:
    return {"state": State.SUBMITTED, "submitted_by": change.subject, "approved_by": ""}


def _resubmitted(submission: Submission, content: Content, change: Change) -> dict[str, Any]:
    former = submission.former_keys | {submission.content.work_key}
    edited = {"content": content, "edited_by": change.subject}
    return {**edited, **_submitted(change), "former_keys": former - {content.work_key}}


def _need_state(submission: Submission, allowed: frozenset[State], what: str) -> None:
    if submission.state in (State.SUBMITTED, State.UNIT_APPROVED) and what == "submitted":
        raise WrongState(
            "it was submitted already and waits for a decision; nothing more is needed",
            details={"state": submission.state.name},
        )
    if submission.state not in allowed:
        raise WrongState(
            f"a {submission.state.name.lower()} submission cannot be {what}",
            details={"state": submission.state.name},
        )


def need_evidence(count: int) -> None:
    """Return if a content has some evidence, by its number of documents.

    Raises:
        InvalidArgument: there is none, so the content cannot be submitted. The author's fault.
    """
    if not count:
        text = "has no proof; name the file of one, or its SHA-256"
        raise InvalidArgument(f"content.evidence: {text}", fields={"content.evidence": text})


def _changed(submission: Submission, action: str, change: Change, **fields: Any) -> Submission:
    version = next_version(submission.version, change.epoch)
    content = fields.get("content", submission.content)
    entry = _entry(version, action, content, change)
    return replace(
        submission,
        version=version,
        updated_at=change.now,
        audit=(*submission.audit, entry),
        asked=(*submission.asked, *_asked(change)),
        **fields,
    )


def _asked(change: Change) -> tuple[Asked, ...]:
    asked = Asked(change.request_id, change.request_sha256)
    return (asked,) if asked.sha256 else ()


def _entry(version: int, action: str, content: Content, change: Change) -> AuditEntry:
    return AuditEntry(
        version=version,
        at=change.now,
        subject=change.subject,
        action=action,
        request_id=change.request_id,
        reason=change.reason,
        content_sha256=content.sha256,
    )
