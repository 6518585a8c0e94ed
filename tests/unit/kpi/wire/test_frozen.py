"""A frozen work is the same in whatever order its events arrived."""

from __future__ import annotations

from itertools import permutations

from kieng.submissions.v1 import submission_pb2
from services.kpi.wire.frozen import encode_frozen, freeze
from tests.unit.kpi.builders import article, changed, real_catalogue


def test_a_frozen_work_has_the_same_bytes_in_whatever_order_its_events_arrived() -> None:
    # Two institutions have the same id, as ids of before the prefixes may be.
    sources = [
        changed(submission, declared=article(unit)).SerializeToString()
        for submission, unit in (("s1", "alpha/sci"), ("s1", "beta/one"), ("s0", "beta/one"))
    ]
    catalogue = real_catalogue()
    frozen = {
        encode_frozen([freeze("doi:10.1/a", order, catalogue)]) for order in permutations(sources)
    }
    assert len(frozen) == 1


def test_a_state_of_a_later_release_is_frozen_as_its_number() -> None:
    event = changed(declared=article())
    catalogue = real_catalogue()
    states = []
    for number in (submission_pb2.STATE_VERIFIED, 77):
        # Any producer may write it, and no number depends on it.
        value = event.SerializeToString() + bytes([5 << 3, number])
        states.append(freeze("doi:10.1/a", [value], catalogue).claims[0].state)
    assert states == ["verified", "77"]
