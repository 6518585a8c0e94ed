"""A write that is lost on its way, and one whose answer is: the writer cannot tell them apart."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect

from tests.contract.stores import StoreUnderTest

TRANSIENT = "TransientTransactionError"
UNKNOWN_COMMIT = "UnknownTransactionCommitResult"
THING = {"_id": "a", "n": 1}


@pytest.mark.parametrize("is_heard", [False, True])
def test_a_commit_without_an_answer_may_have_happened_and_is_not_repeated_as_a_whole(
    store: StoreUnderTest, is_heard: bool
) -> None:
    error = store.lose_commit(dict(THING), is_heard=is_heard)
    assert isinstance(error, AutoReconnect)
    assert error.has_error_label(UNKNOWN_COMMIT)
    assert not error.has_error_label(TRANSIENT)
    assert store.everything() == ([THING] if is_heard else [])


@pytest.mark.parametrize("is_heard", [False, True])
def test_a_write_without_an_answer_may_have_happened(store: StoreUnderTest, is_heard: bool) -> None:
    error = store.lose_write(dict(THING), is_heard=is_heard)
    assert isinstance(error, AutoReconnect)
    assert not error.has_error_label(TRANSIENT)
    assert store.everything() == ([THING] if is_heard else [])
