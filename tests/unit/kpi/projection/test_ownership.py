"""What a follower reads again is of the view's log, or it does not follow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from services.kernel.errors import OwnershipLost
from services.kpi.log.identity import LogDescription
from services.kpi.projection import ownership


class Log:
    """A topic of two batches that is made anew after the first of them was read."""

    topic_id = "log-1"

    def read(self, *asked: Any) -> Any:
        yield ["first"]
        self.topic_id = "log-2"
        yield ["of another log"]

    def describe(self, settings: Any) -> LogDescription:
        return LogDescription(self.topic_id, 1, "")


def test_a_topic_that_was_made_anew_is_not_read_as_the_former_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = Log()
    monkeypatch.setattr(ownership, "read_partition", log.read)
    monkeypatch.setattr(ownership, "describe_log", log.describe)
    owned = ownership.OwnedPartitions()
    monkeypatch.setattr(owned, "container", SimpleNamespace(settings=None), raising=False)
    view: Any = SimpleNamespace(topic_id="log-1", has_partitions=lambda number: number == 1)
    read = owned._again(view, 0, 0, 2)
    assert next(read) == ["first"]  # type: ignore[comparison-overlap]
    with pytest.raises(OwnershipLost):
        next(read)
