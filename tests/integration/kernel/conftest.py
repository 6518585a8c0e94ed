"""Settings for the session's broker, as `kieng up` gives them."""

from __future__ import annotations

from typing import Literal

import pytest

from services.kernel.config import KernelSettings
from tests.conftest import RunningBroker


@pytest.fixture(scope="session")
def membership(request: pytest.FixtureRequest) -> Literal["group", "sole"]:
    return "group" if request.config.getoption("--broker") == "kafka" else "sole"


@pytest.fixture(scope="session")
def settings(broker: RunningBroker, membership: Literal["group", "sole"]) -> KernelSettings:
    return KernelSettings(
        kafka_bootstrap=broker.bootstrap,
        kafka_membership=membership,
        kafka_fetch_wait_ms=20,
    )
