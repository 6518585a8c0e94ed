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
    hash_of,
    new_code,
    notice_of_code,
    waiting,
)
from services.notifications.domain import Kind, Notification

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
