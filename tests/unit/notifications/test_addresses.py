"""Which texts are addresses to which e-mails can be sent."""

from __future__ import annotations

import pytest

from services.kernel.errors import InvalidArgument
from services.notifications.addresses import checked
from services.notifications.domain import Subscription


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
