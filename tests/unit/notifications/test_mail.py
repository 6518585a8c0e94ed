import smtplib
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from services.notifications.domain import Kind, Notification
from services.notifications.mail import compose, is_final
from services.texts import Lang

AT = datetime(2025, 7, 1, 8, tzinfo=UTC)
FACTS = {
    "submission_id": "s1",
    "work_key": "doi:10.1000/x",
    "unit_id": "alpha/sci",
    "type": "publication",
    "title": "Đo lường lượng tử",
}
NOTIFICATION = Notification("n1", Kind.SUBMISSION_RETURNED, "submission:s1", "a/u", FACTS, "1", AT)


def test_an_email_is_readable_after_its_way_in_vietnamese() -> None:
    sent = compose(
        NOTIFICATION, Lang.vi, sender="kpi@example.org", receiver="a@example.org", now=AT
    )
    read = message_from_bytes(sent.as_bytes(), policy=policy.default)
    assert read["Subject"] == "Hồ sơ được trả lại: Công bố khoa học “Đo lường lượng tử”"
    assert (read["To"], read["From"]) == ("a@example.org", "Kiềng <kpi@example.org>")
    assert read["Message-ID"] == "<n1@kieng.notifications>"
    assert "được trả lại để chỉnh sửa" in read.get_content()


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (smtplib.SMTPRecipientsRefused({"a": (550, b"no such user")}), True),
        (smtplib.SMTPRecipientsRefused({"a": (450, b"later")}), False),
        (smtplib.SMTPDataError(554, b"refused"), True),
        (smtplib.SMTPDataError(451, b"later"), False),
        (smtplib.SMTPSenderRefused(550, b"not you", "kpi@example.org"), False),
        (smtplib.SMTPServerDisconnected("gone"), False),
        (smtplib.SMTPNotSupportedError("SMTPUTF8"), True),
        (ValueError("address"), True),
        (TimeoutError(), False),
    ],
)
def test_only_what_is_wrong_with_the_mail_itself_is_final(error: Exception, final: bool) -> None:
    assert is_final(error) is final


@pytest.mark.parametrize("receiver", ["a@example.org.", "a@b..c", "a..b@example.org", "a@b@c"])
def test_an_address_of_before_that_no_mail_reaches_is_a_final_error(receiver: str) -> None:
    with pytest.raises(ValueError, match="address") as refusal:
        compose(NOTIFICATION, Lang.vi, sender="kpi@example.org", receiver=receiver, now=AT)
    assert is_final(refusal.value)
