"""Every work that counts differently names the submissions that explain it, each with its cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.kpi.domain.restated_claims import (
    Cause,
    FrozenClaim,
    FrozenWork,
    cause_of,
    restated_claims,
)

CLAIM = FrozenClaim("s1", 3, "alpha", "alpha/sci", "author-7", "verified", "d1", "v1")
DECLARED = replace(CLAIM, state="submitted", verified="")
GONE = replace(CLAIM, declared="", verified="", unit_id="", state="withdrawn", version=4)
OTHER = FrozenClaim("s2", 1, "beta", "beta/one", "author-9", "verified", "d2", "v2")
EVERYWHERE = ("root", "alpha", "alpha/sci", "beta", "beta/one")


@pytest.mark.parametrize(
    ("old", "new", "measure", "cause"),
    [
        (CLAIM, replace(CLAIM, version=9), 1, None),
        (None, CLAIM, 1, Cause.LATE),
        (None, DECLARED, 1, None),
        (None, DECLARED, 0, Cause.LATE),
        (DECLARED, CLAIM, 1, Cause.NEWLY_VERIFIED),
        (DECLARED, CLAIM, 0, None),
        (CLAIM, replace(CLAIM, verified="v2"), 1, Cause.AMENDED),
        (CLAIM, GONE, 1, Cause.WITHDRAWN),
        (CLAIM, replace(GONE, state="rejected"), 1, Cause.REJECTED),
        (CLAIM, replace(GONE, state="verified"), 1, Cause.AMENDED),
        (CLAIM, None, 1, Cause.WITHDRAWN),
        (GONE, CLAIM, 0, Cause.AMENDED),
        (None, GONE, 1, None),
    ],
)
def test_what_happened_to_a_submission_has_one_cause(
    old: FrozenClaim | None, new: FrozenClaim | None, measure: int, cause: Cause | None
) -> None:
    assert cause_of(old, new, measure) is cause


def causes(
    old: tuple[FrozenClaim, ...] | None,
    new: tuple[FrozenClaim, ...],
    measure: int = 1,
    held: tuple[str, ...] = EVERYWHERE,
) -> dict[str, tuple[Cause, int]]:
    """Submission -> why it is named, and its version before."""
    before = None if old is None else FrozenWork("w", old, {})
    found = restated_claims(before, FrozenWork("w", new, {}), measure, held)
    return {one.claim.submission_id: (one.cause, one.version_before) for one in found}


def test_who_leads_by_a_verification_is_named_where_declared_claims_are_counted() -> None:
    verified = replace(CLAIM, version=4)
    assert causes((DECLARED, OTHER), (verified, OTHER), 0) == {"s1": (Cause.NEWLY_VERIFIED, 3)}
    assert causes((CLAIM, OTHER), (replace(DECLARED, version=4), OTHER), 0) == {
        "s1": (Cause.AMENDED, 3)
    }
    amended = replace(OTHER, version=2, declared="d3")
    assert causes((DECLARED, OTHER), (verified, amended), 0) == {
        "s1": (Cause.NEWLY_VERIFIED, 3),
        "s2": (Cause.AMENDED, 1),
    }


@pytest.mark.parametrize("measure", [0, 1])
def test_who_leads_no_more_since_it_was_returned_and_verified_again_is_named(measure: int) -> None:
    again = replace(CLAIM, version=6)
    assert causes((CLAIM, OTHER), (again, OTHER), measure) == {"s1": (Cause.AMENDED, 3)}


def test_what_only_others_claimed_is_not_called_late() -> None:
    held = ("alpha", "alpha/sci")
    assert causes(None, (CLAIM, OTHER), held=held) == {"s1": (Cause.LATE, 0)}
    assert causes(None, (CLAIM, OTHER)) == {"s1": (Cause.LATE, 0), "s2": (Cause.LATE, 0)}
