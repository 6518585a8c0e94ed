"""Confirms e-mail addresses: who sends back the code of a mail receives what is sent there.

The code is made when its mail is sent and kept as a hash only, so that neither the ledger nor the
inbox nor a backup holds one. A mail that is sent again carries another code; the last one counts.
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
"""Without what looks alike in print."""
CODE_LENGTH = 10
CODE_HOURS = 24
ATTEMPTS_MAX = 5
CODES_PER_HOUR_MAX = 5
UNKNOWN = "..."
"""The code wherever it is not in the mail itself."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The code that an address waits for: its hash, and until when it may come."""

    email: str
    code_hash: str
    until: datetime


def new_code() -> str:
    """Return a code that cannot be guessed in the attempts that there are: 50 random bits."""
    code = "".join(secrets.choice(CODE_CHARACTERS) for _ in range(CODE_LENGTH))
    return f"{code[:5]}-{code[5:]}"


def hash_of(code: str, recipient: str, email: str) -> str:
    """Return the hash of a code, which holds for one person and address.

    Args:
        code: as it was sent or typed; case, blanks and hyphens do not matter.
        recipient: key of the person.
        email: the address.
    """
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256("\x1f".join((plain, recipient, email)).encode()).hexdigest()


def waiting(code: str, recipient: str, email: str, now: datetime) -> Waiting:
    """Return what an address waits for after a code is sent to it.

    Args:
        code: the code.
        recipient: key of the person.
        email: the address.
        now: the time.
    """
    return Waiting(email, hash_of(code, recipient, email), now + timedelta(hours=CODE_HOURS))


def check_code(found: Waiting | None, code: str, recipient: str, now: datetime) -> Waiting:
    """Return what an address waited for, if it is this code.

    Args:
        found: what it waits for; None for nothing, or after too many attempts.
        code: what the person typed.
        recipient: key of the person.
        now: the time.

    Raises:
        WrongState: no code is waiting any more. The caller's to ask for another.
        InvalidArgument: it is another code. The caller's fault.
    """
    if found is None or found.until <= now:
        text = "no code is waited for; set the subscription again, which sends another"
        raise WrongState(text, reason="CODE_EXPIRED")
    if not hmac.compare_digest(found.code_hash, hash_of(code, recipient, found.email)):
        text = "is not the code of the last e-mail to this address"
        raise InvalidArgument(f"code {text}", reason="CODE_WRONG", fields={"code": text})
    return found


def check_codes_sent(last_hour: Iterable[Notification]) -> None:
    """Check that another code may be sent: the mailbox may be that of another person.

    Args:
        last_hour: what the person was notified of in the last hour.

    Raises:
        Exhausted: too many were. The caller's fault.
    """
    sent = sum(each.kind is Kind.EMAIL_CONFIRMATION for each in last_hour)
    if sent >= CODES_PER_HOUR_MAX:
        text = f"{CODES_PER_HOUR_MAX} codes were sent within an hour; wait, or use the last one"
        raise Exhausted(text, retry_after_seconds=3600)


def notice_of_code(recipient: str, now: datetime) -> Notice:
    """Return the notice whose mail carries a new code; each is another one."""
    return Notice(
        kind=Kind.EMAIL_CONFIRMATION,
        about="subscription",
        event_key=f"{now.isoformat()}:{secrets.token_hex(8)}",
        recipient=recipient,
        facts={"code": UNKNOWN, "hours": CODE_HOURS},
    )
