"""Which submissions of a work count differently since a period was closed, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

ContributionKey = tuple[str, int, str, str]
"""(unit id, month, column name, member) of a contribution; the member is empty for counts."""


class Cause(Enum):
    """Why a submission counts differently now from when the period was closed.

    `LATE`: it was unknown then, to the edition's unit. `NEWLY_VERIFIED`: it was not verified then.
    `WITHDRAWN` and `REJECTED`: it no longer counts. `AMENDED`: any other change.
    """

    LATE = "late"
    NEWLY_VERIFIED = "newly_verified"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FrozenClaim:
    """A submission as an edition froze it, with what is needed to detect later changes.

    ``unit_id`` is empty after a retraction. ``subject`` is the opaque token subject of the person
    who last submitted. ``declared`` and ``verified`` are hashes of the claims, empty without a
    claim.
    """

    submission_id: str
    version: int
    institution_id: str
    unit_id: str
    subject: str
    state: str
    declared: str
    verified: str


@dataclass(frozen=True, slots=True)
class FrozenWork:
    """A work as an edition, i.e. a signed snapshot of a closed period, froze it.

    ``claims`` are its submissions in order of id; ``contributed`` is what it adds to the cells of
    its units, not rolled up along the tree.
    """

    work_key: str
    claims: tuple[FrozenClaim, ...]
    contributed: Mapping[ContributionKey, int]


@dataclass(frozen=True, slots=True)
class RestatedClaim:
    """A submission that counts differently now, and why.

    ``version_before`` is its version when the period was closed; 0 if it was unknown then.
    """

    claim: FrozenClaim
    cause: Cause
    version_before: int


def restated_claims(
    old: FrozenWork | None, new: FrozenWork | None, measure: int, held: Collection[str]
) -> list[RestatedClaim]:
    """Return the submissions that explain why a work counts differently; at least one.

    They are those whose claim is another one, and in a work of several those that were verified, or
    are no more, since the first verified leads it. If there are none, they are those with a newer
    version: one of them was returned and verified again, so that another one leads.

    Args:
        old: the work when the period was closed; None if the edition did not freeze it.
        new: the work now; None if the present log lacks it. It counts differently than ``old``.
        measure: 0 declared, 1 verified.
        held: ids of the units of the edition.
    """
    before, now = _by_submission(old), _by_submission(new)
    pairs = [(before.get(name), now.get(name)) for name in sorted(before.keys() | now.keys())]
    if old is None:
        # Works that only other units claimed were not frozen, so which claims are late is unknown.
        pairs = [pair for pair in pairs if _told(*pair).unit_id in held] or pairs
    causes = [cause_of(*pair, measure) for pair in pairs]
    if len(pairs) > 1:
        causes = [cause or lead_cause(*pair) for cause, pair in zip(causes, pairs, strict=True)]
    if not any(causes):
        causes = [_cause_of_version(*pair) for pair in pairs]
    return [
        RestatedClaim(_told(*pair), cause, pair[0].version if pair[0] else 0)
        for pair, cause in zip(pairs, causes, strict=True)
        if cause is not None
    ]


def cause_of(old: FrozenClaim | None, new: FrozenClaim | None, measure: int) -> Cause | None:
    """Return why a submission counts differently in a measure; None if it counts as before.

    Args:
        old: the submission when the period was closed; None if it was unknown.
        new: the submission now; None if it is not in the present log.
        measure: 0 declared, 1 verified.
    """
    before = _hash(old, measure)
    now = _hash(new, measure)
    if before == now:
        return None
    if not now:
        state = new.state if new else "withdrawn"
        return {"rejected": Cause.REJECTED, "withdrawn": Cause.WITHDRAWN}.get(state, Cause.AMENDED)
    if old is None:
        return Cause.LATE
    return Cause.NEWLY_VERIFIED if measure and not before else Cause.AMENDED


def lead_cause(old: FrozenClaim | None, new: FrozenClaim | None) -> Cause | None:
    """Return why a submission may lead a work of several as it did not before, or the reverse.

    That is decided by its verification, as declared, too; None if it is verified as before.
    """
    is_same = bool(_hash(old, 1)) == bool(_hash(new, 1))
    return None if is_same else cause_of(old, new, 1)


def _cause_of_version(old: FrozenClaim | None, new: FrozenClaim | None) -> Cause | None:
    """Return the cause of a change that no claim shows; None if the version is the same."""
    is_same = old is not None and new is not None and old.version == new.version
    return None if is_same else Cause.AMENDED


def _hash(claim: FrozenClaim | None, measure: int) -> str:
    if claim is None:
        return ""
    return claim.verified if measure else claim.declared


def _by_submission(work: FrozenWork | None) -> dict[tuple[str, str], FrozenClaim]:
    """Return a work's claims by (submission id, institution id), as older ids are not unique."""
    claims = work.claims if work else ()
    return {(claim.submission_id, claim.institution_id): claim for claim in claims}


def _told(old: FrozenClaim | None, new: FrozenClaim | None) -> FrozenClaim:
    """Return the claim to show in a line; a retraction has no unit and shows its former one."""
    if new is None or old is None:
        claim = new or old
        assert claim is not None
        return claim
    if new.unit_id:
        return new
    return FrozenClaim(
        new.submission_id,
        new.version,
        new.institution_id,
        old.unit_id,
        new.subject,
        new.state,
        new.declared,
        new.verified,
    )
