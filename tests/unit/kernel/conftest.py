"""The toy service, running once for each test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.access import Issuers
from services.kernel.config import KernelSettings
from tests.unit.kernel.serving import AUDIENCE, Client, running, write_issuers


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> KernelSettings:
    folder = tmp_path_factory.mktemp("issuers")
    return KernelSettings(issuers_file=write_issuers(folder / "issuers.json"))


@pytest.fixture(scope="module")
def shared_client(settings: KernelSettings) -> Iterator[Client]:
    with running(settings) as client:
        yield client


@pytest.fixture
def client(shared_client: Client) -> Client:
    """The toy, answering with empty messages until a test says otherwise."""
    shared_client.behaviour.answer = lambda request, call: None
    return shared_client


@pytest.fixture
def issuers(tmp_path: Path) -> Issuers:
    return Issuers(write_issuers(tmp_path / "issuers.json"), [AUDIENCE])
