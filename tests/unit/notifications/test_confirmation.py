"""Addresses, and the codes that confirm them: whose, for how long, and how many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.kernel.errors import Exhausted, InvalidArgument, WrongState
from services.notifications.confirmation import (
    CODE_HOURS,
    CODES_PER_HOUR_MAX,
    check_code,
    check_codes_sent,
    checked,
    hash_of,
    new_code,
    notice_of_code,
    waiting,
)
from services.notifications.domain import Kind, Notification, Subscription

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ME, ADDRESS = "alpha/u1", "a@example.org"


def test_a_code_holds_however_it_is_typed_and_is_not_kept() -> None:
    code = new_code()
    found = waiting(code, ME, ADDRESS, NOW)
    assert code.replace("-", "") not in repr(found)
    for typed in (code, code.lower(), code.replace("-", ""), f" {code[:3]} {code[3:]} "):
        assert check_code(found, typed, ME, NOW) is found


@pytest.mark.parametrize(("recipient", "email"), [("beta/u1", ADDRESS), (ME, "b@example.org")])
def test_a_code_of_another_person_or_address_is_wrong(recipient: str, email: str) -> None:
    code = new_code()
    assert hash_of(code, recipient, email) != hash_of(code, ME, ADDRESS)
    with pytest.raises(InvalidArgument) as refused:
        check_code(waiting(code, recipient, email, NOW), code, "gamma/u", NOW)
    assert refused.value.reason == "CODE_WRONG"


def test_no_code_and_an_old_one_are_expired() -> None:
    code = new_code()
    found = waiting(code, ME, ADDRESS, NOW)
    for waited, now in ((None, NOW), (found, NOW + timedelta(hours=CODE_HOURS))):
        with pytest.raises(WrongState) as refused:
            check_code(waited, code, ME, now)
        assert refused.value.reason == "CODE_EXPIRED"
    assert check_code(found, code, ME, NOW + timedelta(hours=CODE_HOURS, seconds=-1)) is found


def test_codes_differ_and_their_number_is_limited() -> None:
    assert len({new_code() for _ in range(100)}) == 100
    notice = notice_of_code(ME, NOW)
    assert notice.notification_id != notice_of_code(ME, NOW).notification_id

    def rows(kind: Kind, count: int) -> list[Notification]:
        return [Notification(str(n), kind, "", ME, {}, str(n), NOW) for n in range(count)]

    others = rows(Kind.EMERGENCY, 50)
    check_codes_sent([*rows(Kind.EMAIL_CONFIRMATION, CODES_PER_HOUR_MAX - 1), *others])
    with pytest.raises(Exhausted) as refused:
        check_codes_sent(rows(Kind.EMAIL_CONFIRMATION, CODES_PER_HOUR_MAX))
    assert refused.value.retry_after_seconds == 3600


@pytest.mark.parametrize("email", ["", "a@example.org", "kpi.team+1@sub.example.org"])
def test_an_address_or_none_holds(email: str) -> None:
    assert checked(Subscription(email=email)).email == email


@pytest.mark.parametrize(
    "email",
    [
        *("a", "@b", "a@", "a@b@c", "a b@c", "a,b@c.org", "<a@c.org>", "a@c.org\x00"),
        *("a@b\r\nBcc:x", "a@c.org.", "a@c..org", "a@.org", "a..b@c.org", ".a@c.org", "a.@c.org"),
        "đặng@c.org",
    ],
)
def test_what_is_no_single_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        checked(Subscription(email=email))
    assert set(refusal.value.fields) == {"subscription.email"}
