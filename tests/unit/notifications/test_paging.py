import pytest

from services.kernel.errors import InvalidArgument
from services.notifications.paging import decode_token, digest_of, encode_token

DIGEST = digest_of("alpha/u1", False)


def test_a_token_leads_behind_the_notification_it_was_made_from() -> None:
    assert decode_token(encode_token(DIGEST, "0192"), DIGEST) == "0192"
    assert decode_token("", DIGEST) == ""


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "%%%%",
        "____",
        "ă",
        encode_token(digest_of("alpha/u1", True), "0192"),
        encode_token(digest_of("alpha/u2", False), "0192"),
    ],
)
def test_a_token_of_another_query_or_none_at_all_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        decode_token(token, DIGEST)
    assert set(refusal.value.fields) == {"page_token"}
