"""What the aggregator does with records that are not for the fold."""

from __future__ import annotations

from typing import Any

import pytest

from kieng.directory.v1 import events_pb2
from services.kernel.errors import InvalidRecord
from services.kpi.service import DIRECTORY_PUBLISHED, KpiAggregator
from tests.unit.kpi.builders import record


class Kept(list[int]):
    """Directory versions that were kept."""

    def keep_directory(self, directory: Any) -> None:
        self.append(directory.version)


def test_a_directory_that_nobody_can_decode_is_buried_and_does_not_stop_the_others() -> None:
    aggregator, kept = KpiAggregator(), Kept()
    aggregator.registry = kept
    good = events_pb2.DirectoryPublished()
    good.directory.version = 7
    records = [record(0, good), record(1, b"\xff\xff", DIRECTORY_PUBLISHED)]
    with pytest.raises(InvalidRecord) as invalid:
        aggregator.on_directory(records)  # type: ignore[arg-type]
    assert (invalid.value.offset, kept) == (1, [7])
