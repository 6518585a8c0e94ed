"""Each test of the contract runs once on the simulation's part and once on the real one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.contract.stores import RealStore, SimulatedStore, StoreUnderTest


@pytest.fixture(params=["simulated", "real"])
def store(request: pytest.FixtureRequest) -> Iterator[StoreUnderTest]:
    """A database, empty but for its indexes."""
    if request.param == "simulated":
        yield SimulatedStore()
        return
    with closing(RealStore(request.getfixturevalue("mongo").uri)) as found:
        yield found
