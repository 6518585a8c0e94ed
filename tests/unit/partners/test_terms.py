"""Which terms of proposals can be agreed, by exhaustion."""

from __future__ import annotations

import itertools

import pytest

from services.agreement.domain import Agreement
from services.kernel.errors import InvalidArgument
from services.partners.domain.terms import Terms, checked


def test_a_quorum_is_neither_negative_nor_more_than_all_nor_larger_in_an_emergency() -> None:
    members = 3
    for quorum, urgent in itertools.product(range(-1, 6), repeat=2):
        terms = Terms(quorum, urgent)
        if 0 <= quorum <= members and 0 <= urgent <= (quorum or members):
            assert checked(terms, members) is terms
            vote = Agreement(("a", "b", "c"), quorum, urgent)
            assert 1 <= vote.needed_in_emergency <= vote.needed <= members
            continue
        with pytest.raises(InvalidArgument) as refusal:
            checked(terms, members)
        is_quorum = not 0 <= quorum <= members
        field = "terms.quorum" if is_quorum else "terms.emergency_quorum"
        assert list(refusal.value.fields) == [field]
