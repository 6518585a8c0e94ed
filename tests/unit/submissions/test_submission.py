"""Versions over restores, units above, and when a submission was handed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from services.submissions.domain import transitions
from services.submissions.domain.submission import (
    EPOCH_BITS,
    Change,
    Submission,
    ancestors,
    next_version,
)
from tests.unit.submissions import builders


def test_a_version_after_a_restore_is_greater_than_all_before() -> None:
    assert next_version(0, 0) == 1
    assert next_version(7, 0) == 8
    assert next_version(7, 1) == (1 << EPOCH_BITS) + 8
    assert next_version(next_version(7, 1), 1) == (1 << EPOCH_BITS) + 9
    assert next_version(next_version(7, 1), 2) > next_version((1 << EPOCH_BITS) - 2, 1)


def test_the_units_above_come_from_the_id_with_the_unit_last() -> None:
    assert list(ancestors("alpha/sci/lab")) == ["alpha", "alpha/sci", "alpha/sci/lab"]
    assert list(ancestors("alpha")) == ["alpha"]


def test_the_digest_of_a_content_is_that_of_its_bytes() -> None:
    one, same, other = (builders.content(doi) for doi in ("10.1/a", "10.1/a", "10.1/b"))
    assert one.sha256 == same.sha256 != other.sha256
    assert len(one.sha256) == 64


def test_a_draft_that_was_amended_is_handed_in_when_it_is_submitted() -> None:
    made = builders.submitted()
    created, handed_in = made.audit[0], made.audit[-1]
    later = builders.NOW + timedelta(hours=1)
    audit = (created, replace(created, action="amend"), replace(handed_in, at=later))
    assert replace(made, audit=audit).handed_in_at == later


def test_what_was_submitted_on_creation_was_handed_in_then_whatever_came_later() -> None:
    made = builders.submitted()
    created, handed_in = made.audit[0], made.audit[-1]
    again = replace(handed_in, at=builders.NOW + timedelta(days=9))
    audit = (created, replace(created, action="return"), again)
    assert replace(made, audit=audit).handed_in_at == made.created_at


def test_a_withdrawn_draft_is_handed_in_when_its_record_reappears() -> None:
    """A claim that was never submitted has not been reported, however long ago it was drafted."""
    later = builders.NOW + timedelta(days=60)
    gone = transitions.withdraw(builders.draft(), builders.change())
    renewed = transitions.renew(gone, builders.content(), at(later))
    assert renewed.handed_in_at == later
    withdrawn = transitions.withdraw(renewed, at(later + timedelta(days=1)))
    again = transitions.renew(withdrawn, builders.content(), at(later + timedelta(days=2)))
    assert again.handed_in_at == later


def test_what_was_withdrawn_and_submitted_again_was_handed_in_the_first_time() -> None:
    for first in (builders.withdrawn(), transitions.withdraw(created(), builders.change())):
        again = at(builders.NOW + timedelta(days=60))
        renewed = transitions.renew(first, builders.content(), again)
        assert renewed.handed_in_at == first.handed_in_at < again.now


def at(now: datetime) -> Change:
    return replace(builders.change(), now=now)


def created() -> Submission:
    """Submitted at once, as an import does."""
    asked = ("s-1", "alpha", builders.content(), None, builders.change())
    return transitions.create(*asked, submit=True)
