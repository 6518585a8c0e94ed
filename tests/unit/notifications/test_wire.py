from datetime import UTC, datetime
from typing import Any

import pytest

from kieng.notifications.v1 import notification_pb2
from kieng.proposals.v1 import events_pb2 as proposal_events_pb2
from kieng.proposals.v1 import proposal_pb2
from kieng.submissions.v1 import events_pb2, facts_pb2, submission_pb2
from services.kernel.errors import InvalidRecord
from services.notifications import wire
from services.notifications.domain import (
    Decided,
    Kind,
    Notification,
    Reached,
    Recipient,
    Subscription,
)
from services.texts import Lang
from tests.unit.notifications.records import FakeRecord, changed, claim, reached, record

STATES = submission_pb2.State


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (submission_pb2.STATE_RETURNED, Kind.SUBMISSION_RETURNED),
        (submission_pb2.STATE_VERIFIED, Kind.SUBMISSION_VERIFIED),
        (submission_pb2.STATE_REJECTED, Kind.SUBMISSION_REJECTED),
    ],
)
def test_a_decision_is_told_to_the_submitter(state: Any, kind: Kind) -> None:
    assert wire.decode_record(record(changed(state=state))) == Decided(
        kind=kind,
        submission_id="s1",
        version=3,
        recipients=(Recipient("alpha", "u1"),),
        work_key="doi:10.1000/x",
        unit_id="alpha/sci",
        type="publication",
        title="Một công trình",
    )


def test_a_withdrawal_is_told_to_those_whose_work_another_withdrew() -> None:
    gone = changed(declared=None, verified=None, state=submission_pb2.STATE_WITHDRAWN)
    assert wire.decode_record(record(gone)) is None
    gone.authors_to_notify.extend(["u1", "u2"])
    told = wire.decode_record(record(gone))
    assert isinstance(told, Decided)
    assert told.kind is Kind.SUBMISSION_WITHDRAWN
    assert told.recipients == (Recipient("alpha", "u1"), Recipient("alpha", "u2"))
    gone.primary = False
    assert wire.decode_record(record(gone)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"primary": False},
        {"submitted_by": ""},
        *({"state": s} for s in STATES.values() if s not in wire.TOLD_STATES),
    ],
)
def test_what_is_no_decision_or_has_no_submitter_is_told_to_nobody(fields: dict[str, Any]) -> None:
    assert wire.decode_record(record(changed(**fields))) is None


def test_a_decision_on_what_counts_nowhere_has_neither_unit_nor_title() -> None:
    decided = wire.decode_changed(changed(verified=None, state=submission_pb2.STATE_REJECTED))
    assert decided is not None
    assert (decided.unit_id, decided.type, decided.title) == ("", "", "")


@pytest.mark.parametrize("kind", [f.name for f in facts_pb2.Facts.DESCRIPTOR.fields])
def test_every_type_but_a_person_is_told_by_a_name_that_names_nobody(kind: str) -> None:
    facts = facts_pb2.Facts()
    part = getattr(facts, kind)
    part.SetInParent()
    for field in part.DESCRIPTOR.fields:
        if field.name in ("title", "name", "number", "code", "topic", "person_id", "decision_no"):
            setattr(part, field.name, field.name)
    decided = wire.decode_changed(changed(verified=claim(**{kind: part})))
    assert decided is not None
    assert decided.type == kind
    assert decided.title == wire.TITLE_FIELDS.get(kind, "")
    assert bool(decided.title) == (kind not in ("expert", "scholar"))


def test_a_reached_target_is_decoded() -> None:
    assert wire.decode_record(record(reached())) == Reached("alpha/sci", "PUB-01", 2025, 1200, 1250)


@pytest.mark.parametrize(
    "bad",
    [
        FakeRecord(b"\xff\xff", record(changed()).headers, 7),
        FakeRecord(None, record(changed()).headers, 7),
        FakeRecord(b"", record(reached()).headers, 7),
        record(changed(institution_id=""), 7),
        record(changed(version=0), 7),
    ],
)
def test_a_record_that_is_not_what_its_type_says_is_invalid_at_its_offset(bad: FakeRecord) -> None:
    with pytest.raises(InvalidRecord) as invalid:
        wire.decode_record(bad)
    assert invalid.value.offset == 7


def test_only_two_types_of_events_are_listened_to() -> None:
    assert wire.is_listened_to(record(changed()))
    assert wire.is_listened_to(record(reached()))
    assert not wire.is_listened_to(record(events_pb2.LogRepublished()))
    later = [("ce_type", b"kieng.submissions.v9.Unknown")]
    assert not wire.is_listened_to(FakeRecord(b"", later))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("ce_type", None)],
        [("ce_type", b"")],
        [("ce_type", b"\xff")],
        [("ce_type", wire.SUBMISSION_CHANGED.encode()), ("ce_type", None)],
    ],
)
def test_a_record_without_a_usable_type_is_invalid_and_not_passed_over(headers: Any) -> None:
    with pytest.raises(InvalidRecord, match="no usable ce_type") as invalid:
        wire.is_listened_to(FakeRecord(b"", headers, 7))
    assert invalid.value.offset == 7


@pytest.mark.parametrize("language", list(Lang))
def test_a_subscription_survives_the_round_trip(language: Lang) -> None:
    subscription = Subscription(tuple(Kind), "a@example.org", language, ("alpha", "beta/sci"))
    assert wire.decode_subscription(wire.encode_subscription(subscription)) == subscription


def test_an_unset_language_is_vietnamese_and_doubles_fall_away() -> None:
    kinds = [notification_pb2.KIND_TARGET_REACHED, 0, notification_pb2.KIND_TARGET_REACHED]
    message = notification_pb2.Subscription(email_kinds=kinds, target_unit_ids=["a", "", "a"])  # type: ignore[arg-type]
    assert wire.decode_subscription(message) == Subscription(
        (Kind.TARGET_REACHED,), "", Lang.vi, ("a",)
    )


def test_a_notification_is_encoded_with_its_texts_and_times() -> None:
    at = datetime(2025, 7, 1, 8, tzinfo=UTC)
    facts = {"submission_id": "s1", "work_key": "k", "unit_id": "u", "type": "", "title": "T"}
    unread = Notification("n1", Kind.SUBMISSION_VERIFIED, "submission:s1", "a/u", facts, "1", at)
    message = wire.encode_notification(unread, Lang.en)
    assert (message.notification_id, message.about) == ("n1", "submission:s1")
    assert message.kind == notification_pb2.KIND_SUBMISSION_VERIFIED
    assert message.subject == "Verified: Submission “T”"
    assert message.created_at.ToDatetime(UTC) == at
    assert not message.HasField("read_at")


@pytest.mark.parametrize(
    ("state", "waits_for"),
    [
        (proposal_pb2.STATE_OPEN, ("gamma",)),
        (proposal_pb2.STATE_EFFECTIVE, ()),
        (proposal_pb2.STATE_REJECTED, ()),
        (proposal_pb2.STATE_EXPIRED, ()),
    ],
)
def test_a_proposal_waits_for_those_who_have_not_voted_until_it_is_decided(
    state: Any, waits_for: tuple[str, ...]
) -> None:
    event = proposal_events_pb2.ProposalChanged()
    event.proposal.proposal_id, event.proposal.version, event.proposal.state = "p1", 2, state
    event.proposal.members.extend(["alpha", "beta", "gamma"])
    event.proposal.approved_by.append("alpha")
    event.proposal.rejected_by.append("beta")
    found = wire.decode_proposed(event)
    assert found is not None
    assert found.waits_for == waits_for
