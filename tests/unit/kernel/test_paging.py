"""Page tokens fit the query they were returned for, and no other."""

import pytest

from services.kernel.errors import InvalidArgument
from services.kernel.paging import Pages

PAGES = Pages(["alpha/u1", False])


def test_a_token_leads_behind_the_row_it_was_made_from() -> None:
    assert PAGES.after(PAGES.token("0192")) == "0192"
    assert PAGES.after("") == ""


def test_a_token_does_not_reveal_its_query() -> None:
    assert len(PAGES.token("0192")) == len(Pages({"state": ["submitted"] * 50}).token("0192"))


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "%%%%",
        "____",
        "ă",
        Pages(["alpha/u1", True]).token("0192"),
        Pages(["alpha/u2", False]).token("0192"),
    ],
)
def test_a_token_of_another_query_or_none_at_all_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        PAGES.after(token)
    assert set(refusal.value.fields) == {"page_token"}
