"""A frozen work is the same in whatever order its events arrived."""

from __future__ import annotations

from itertools import permutations

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
