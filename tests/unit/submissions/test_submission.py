"""Versions over restores, units above, and when a submission was handed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.submissions.domain.submission import EPOCH_BITS, ancestors, next_version
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
