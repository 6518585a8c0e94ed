"""Checks the e-mail addresses of senders and receivers."""

from __future__ import annotations

import re
from email.errors import MessageError
from email.headerregistry import Address

from services.kernel.errors import InvalidArgument
from services.notifications.domain import Subscription

# A subset of what the contract allows, without characters special in e-mail headers.
EMAIL = re.compile(
    r'[^@\s<>()\[\],;:\\"\x00-\x1f\x7f]{1,64}@[^@\s<>()\[\],;:\\"\x00-\x1f\x7f]{1,189}'
)


def checked(subscription: Subscription) -> Subscription:
    """Return a subscription unchanged after validating its e-mail address.

    A subscription without an address is valid.

    Raises:
        InvalidArgument: the caller's e-mail address is not valid.
    """
    try:
        if subscription.email:
            address_of(subscription.email)
    except ValueError:
        text = "is not an address like name@example.org"
        fields = {"subscription.email": text}
        raise InvalidArgument(f"subscription.email {text}", fields=fields) from None
    return subscription


def address_of(email: str, name: str = "") -> Address:
    """Return an e-mail address, with the name of its owner, for a header of an e-mail.

    Raises:
        ValueError: no e-mail can be sent to this address, e.g. `lan@example.org.`.
    """
    try:
        if EMAIL.fullmatch(email):
            return Address(name, addr_spec=email)
    except (MessageError, ValueError):
        pass  # which of them depends on what the parser dislikes
    raise ValueError("is not an e-mail address")
