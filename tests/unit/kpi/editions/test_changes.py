"""What cannot be compared is refused before anything is replayed, and what nobody waits for ends.

The rest is tested on a stack.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from services.kernel.errors import InvalidArgument
from services.kpi.editions.changes import ChangesComparer, Since
from tests.unit.kpi.view_states import FakeStores, row, view

NOW = datetime(2025, 8, 1, 9, 0, tzinfo=UTC)
FIELDS: dict[str, Any] = {
    "unit_id": "",
    "from_month": "2025-01",
    "to_month": "2025-06",
    "at": {},
    "day": None,
    "measure": 1,
}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({}, "at"),
        ({"at": {0: 3}, "day": date(2025, 7, 31)}, "at"),
        ({"day": date(2025, 8, 1)}, "as_of"),
        ({"at": {0: 8}}, "at"),
        ({"at": {1: 3}}, "at"),
        ({"at": {0: 3}, "unit_id": "nowhere"}, "unit_id"),
        ({"at": {0: 3}, "to_month": "2024-12"}, "to_month"),
    ],
    ids=["neither", "both", "today", "ahead", "another partition", "no unit", "no range"],
)
def test_what_cannot_be_compared_with_is_refused(changed: dict[str, Any], field: str) -> None:
    stores = FakeStores(view())
    stores.commit("g1-c1-f1", 7, row(5))
    live = stores.live_view_of()
    live.refresh()
    comparer = ChangesComparer(cast(Any, stores), cast(Any, None))
    with pytest.raises(InvalidArgument) as refused:
        list(comparer.compare(live, Since(**{**FIELDS, **changed}), NOW, lambda: True))
    assert field in refused.value.fields


class LeftHistory:
    """A replay that ends half-way, as it does when its caller leaves."""

    def run(self, *given: Any) -> Iterator[int]:
        yield 3


def test_a_comparison_whose_caller_has_left_ends_with_its_first_replay() -> None:
    stores = FakeStores(view())
    stores.commit("g1-c1-f1", 7, row(5))
    live = stores.live_view_of()
    live.refresh()
    comparer = ChangesComparer(cast(Any, stores), cast(Any, LeftHistory()))
    since = Since(**{**FIELDS, "at": {0: 3}})
    steps = list(comparer.compare(live, since, NOW, lambda: False))
    assert [(read, changes) for read, _, changes in steps] == [(3, None)]
