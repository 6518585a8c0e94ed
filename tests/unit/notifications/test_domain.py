from functools import partial

import pytest

from services.notifications.domain import (
    ATTEMPTS_MAX,
    Decided,
    Kind,
    Reached,
    Recipient,
    Subscription,
    notice_of_target,
    notices_of_decision,
    retry_seconds,
    subscribable,
)

confirmed = partial(Subscription, is_confirmed=True)
DECIDED = Decided(Kind.SUBMISSION_RETURNED, "s1", 3, (Recipient("alpha", "u1"),), "doi:10.1/x")
REACHED = Reached("alpha/sci", "PUB-01", 2025, 120, 121)


def decided(**fields: object) -> str:
    values = {name: getattr(DECIDED, name) for name in DECIDED.__slots__}
    (notice,) = notices_of_decision(Decided(**{**values, **fields}))
    return notice.notification_id


def test_the_same_event_and_person_give_the_same_id_whatever_else_was_read() -> None:
    assert decided() == decided(title="another title", unit_id="alpha/sci")


@pytest.mark.parametrize(
    "other",
    [
        {"submission_id": "s2"},
        {"version": 4},
        {"recipients": (Recipient("alpha", "u2"),)},
        {"recipients": (Recipient("beta", "u1"),)},
    ],
)
def test_another_submission_version_or_person_gives_another_id(other: dict[str, object]) -> None:
    assert decided() != decided(**other)


def test_a_target_is_told_once_per_subscriber_and_again_when_it_is_raised() -> None:
    again = Reached("alpha/sci", "PUB-01", 2025, 120, 130)
    raised = Reached("alpha/sci", "PUB-01", 2025, 200, 201)
    first = notice_of_target(REACHED, "alpha/u1")
    assert first.about == "target:alpha/sci:PUB-01:2025"
    assert notice_of_target(again, "alpha/u1").notification_id == first.notification_id
    assert notice_of_target(raised, "alpha/u1").notification_id != first.notification_id
    assert notice_of_target(REACHED, "beta/u1").notification_id != first.notification_id


@pytest.mark.parametrize(
    ("unit_id", "units"),
    [
        ("alpha/sci/lab", ["alpha/sci/lab", "alpha/sci", "alpha", "consortium"]),
        ("alpha", ["alpha", "consortium"]),
        ("consortium", ["consortium"]),
    ],
)
def test_a_unit_is_heard_of_by_subscribers_of_it_and_of_everything_above(
    unit_id: str, units: list[str]
) -> None:
    assert subscribable(unit_id) == units


@pytest.mark.parametrize(
    ("subscription", "kind", "wants"),
    [
        (confirmed((Kind.TARGET_REACHED,), "a@example.org"), Kind.TARGET_REACHED, True),
        (confirmed((Kind.TARGET_REACHED,), "a@example.org"), Kind.SUBMISSION_RETURNED, False),
        (confirmed((Kind.TARGET_REACHED,), ""), Kind.TARGET_REACHED, False),
        (confirmed((), "a@example.org"), Kind.EMERGENCY, True),
        (confirmed((), "a@example.org"), Kind.PROPOSAL, False),
        (confirmed((), ""), Kind.EMERGENCY, False),
        (confirmed(tuple(Kind), "a@example.org"), Kind.EMAIL_CONFIRMATION, False),
        (Subscription(tuple(Kind), "a@example.org"), Kind.EMERGENCY, False),
        (Subscription(tuple(Kind), "a@example.org"), Kind.TARGET_REACHED, False),
        (Subscription((), "a@example.org"), Kind.EMAIL_CONFIRMATION, True),
        (Subscription(tuple(Kind), ""), Kind.EMAIL_CONFIRMATION, False),
    ],
)
def test_mail_goes_to_an_address_for_the_chosen_kinds_only(
    subscription: Subscription, kind: Kind, wants: bool
) -> None:
    assert subscription.wants_mail(kind) is wants


def test_an_address_stays_confirmed_until_it_is_another() -> None:
    known = confirmed((), "a@example.org")
    assert Subscription((), "a@example.org").after(known).is_confirmed
    assert not confirmed((), "b@example.org").after(known).is_confirmed
    assert not confirmed((), "a@example.org").after(Subscription((), "a@example.org")).is_confirmed


def test_waits_double_up_to_an_hour_and_end_after_ten_attempts() -> None:
    assert [retry_seconds(n) for n in (1, 2, 3)] == [5.0, 10.0, 20.0]
    assert retry_seconds(ATTEMPTS_MAX - 1) == 1280.0
    assert retry_seconds(ATTEMPTS_MAX) is None
