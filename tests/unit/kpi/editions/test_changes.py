"""What cannot be compared is refused before anything is replayed; the rest is tested on a stack."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from services.kernel.errors import InvalidArgument
from services.kpi.editions.changes import Changes, ChangesComparer, Since, counted_code
from tests.unit.kpi.builders import real_catalogue
from tests.unit.kpi.view_states import FakeStores, row, view

NOW = datetime(2025, 8, 1, 9, 0, tzinfo=UTC)


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
    with pytest.raises(InvalidArgument) as refused:
        list(compared(None, **changed))
    assert field in refused.value.fields


def test_a_comparison_ends_with_the_replay_that_its_caller_left() -> None:
    class EndedHistory:
        def run(self, *asked: Any) -> Iterator[int]:
            yield 3

    assert list(compared(EndedHistory(), at={0: 3})) == [(3, 10, None)]


def compared(history: Any, **changed: Any) -> Iterator[tuple[int, int, Changes | None]]:
    stores = FakeStores(view())
    stores.commit("g1-c1-f1", 7, row(5))
    live = stores.live_view_of()
    live.refresh()
    fields: dict[str, Any] = {
        "unit_id": "",
        "from_month": "2025-01",
        "to_month": "2025-06",
        "at": {},
        "day": None,
        "measure": 1,
    }
    comparer = ChangesComparer(cast(Any, stores), history)
    return comparer.compare(live, Since(**{**fields, **changed}), NOW, lambda: True)


def test_an_indicator_that_is_asked_for_is_known_and_an_attainment_is_that_which_it_is_of() -> None:
    known = real_catalogue()
    asked = [counted_code(code, known) for code in ("", "KNW-01", "KNW-08")]
    assert asked == ["", "KNW-01", "KNW-01"]
    with pytest.raises(InvalidArgument, match="did you mean 'KNW-0"):
        counted_code("KNW-0", known)
