from __future__ import annotations

from types import SimpleNamespace

import pytest
from kafka.partitioner import DefaultPartitioner

from services.kpi.log.partitioning import partition_of


@pytest.mark.parametrize("key", ["", "doi:10.1/a", "decision:1345/qđ-đhqghn", "sub:vnu.018f"])
def test_a_key_is_looked_for_where_the_producer_puts_it(key: str) -> None:
    partitions = set(range(12))
    cluster = SimpleNamespace(
        topics=lambda: {"log"},
        partitions_for_topic=lambda _: partitions,
        available_partitions_for_topic=lambda _: partitions,
    )
    there = DefaultPartitioner().partition("log", key, key.encode(), "", b"", cluster)
    assert partition_of(key, 12) == there
