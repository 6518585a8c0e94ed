"""Confirms e-mail addresses by a code that is sent to the address and typed in by the person.

The code is created when its e-mail is sent, and only its hash is stored, so that no ledger, inbox
or backup contains a code. An e-mail that is sent again contains a new code; only the last code is
valid.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.kernel.errors import Exhausted, InvalidArgument, WrongState
from services.notifications.domain import Kind, Notice, Notification

CODE_CHARACTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Characters of codes; those that look alike in print are omitted."""
CODE_LENGTH = 10
CODE_HOURS = 24
ATTEMPTS_MAX = 5
CODES_PER_HOUR_MAX = 5
UNKNOWN = "..."
"""Text in place of the code wherever a notification is shown, except in the e-mail itself."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The code by which an address can be confirmed: its hash, and when it expires."""

    email: str
    code_hash: str
    until: datetime


def new_code() -> str:
    """Return a new random code of 50 bits, e.g. `K7WQ2-9XHTM`."""
    code = "".join(secrets.choice(CODE_CHARACTERS) for _ in range(CODE_LENGTH))
    return f"{code[:5]}-{code[5:]}"


def hash_of(code: str, recipient: str, email: str) -> str:
    """Return the SHA-256 of a code together with a person and address, in lower-case hex.

    Args:
        code: code as it was sent or typed; case, blanks and hyphens do not matter.
        recipient: key of the person.
        email: address to confirm.
    """
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256("\x1f".join((plain, recipient, email)).encode()).hexdigest()


def waiting(code: str, recipient: str, email: str, now: datetime) -> Waiting:
    """Return what to store about a code that is being sent: hash, address and expiry.

    Args:
        code: the code.
        recipient: key of the person.
        email: address to confirm.
        now: current time, from which the expiry is computed.
    """
    return Waiting(email, hash_of(code, recipient, email), now + timedelta(hours=CODE_HOURS))


def check_code(found: Waiting | None, code: str, recipient: str, now: datetime) -> Waiting:
    """Return ``found``, the stored code, if the typed code matches it.

    Whether the person may still try is decided before, see `Subscriptions.attempt`.

    Args:
        found: stored code; None if there is none, or after too many attempts.
        code: code that the person typed.
        recipient: key of the person.
        now: current time.

    Raises:
        WrongState: there is no valid code any more; the caller asks for another.
        InvalidArgument: the caller typed a different code.
    """
    if found is None or found.until <= now:
        text = "no code is waited for; set the subscription again, which sends another"
        raise WrongState(text, reason="CODE_EXPIRED")
    if not hmac.compare_digest(found.code_hash, hash_of(code, recipient, found.email)):
        text = "is not the code of the last e-mail to this address"
        raise InvalidArgument(f"code {text}", reason="CODE_WRONG", fields={"code": text})
    return found


def check_codes_sent(last_hour: Iterable[Notification]) -> None:
    """Check that another code may be sent: fewer than `CODES_PER_HOUR_MAX` were sent.

    The limit protects the owner of a mistyped mailbox.

    Args:
        last_hour: the person's notifications of the last hour.

    Raises:
        Exhausted: the caller asked for too many codes within an hour.
    """
    sent = sum(each.kind is Kind.EMAIL_CONFIRMATION for each in last_hour)
    if sent >= CODES_PER_HOUR_MAX:
        text = f"{CODES_PER_HOUR_MAX} codes were sent within an hour; wait, or use the last one"
        raise Exhausted(text, retry_after_seconds=3600)


def notice_of_code(recipient: str, now: datetime) -> Notice:
    """Return a notice that makes an e-mail with a new code be sent to a person.

    Every call returns another notice. It does not contain the code, which is created on sending.

    Args:
        recipient: key of the person.
        now: time of the call.
    """
    return Notice(
        kind=Kind.EMAIL_CONFIRMATION,
        about="subscription",
        event_key=f"{now.isoformat()}:{secrets.token_hex(8)}",
        recipient=recipient,
        facts={"code": UNKNOWN, "hours": CODE_HOURS},
    )
