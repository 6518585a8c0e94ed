"""Every query that an integration test causes in this process has an index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo import monitoring

from tests.integration.plans import Plans

PLANS = Plans()
monitoring.register(PLANS)


@pytest.fixture(autouse=True)
def _every_query_has_an_index() -> Iterator[None]:
    """Fail the test in which a query was seen first that reads a collection whole."""
    yield
    found, PLANS.without_index = PLANS.without_index, {}
    assert not found, f"queries without an index: {found}"
