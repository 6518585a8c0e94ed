"""Each test of the contract runs once on the simulation's part and once on the real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract import stores
from tests.contract.stores import StoreUnderTest


@pytest.fixture(params=["simulated", "real"])
def store(request: pytest.FixtureRequest) -> Iterator[StoreUnderTest]:
    """A database, empty but for its indexes."""
    if request.param == "simulated":
        yield stores.simulated()
        return
    with stores.real(request.getfixturevalue("mongo").uri) as found:
        yield found
