"""The partners service on a real broker and a database that is empty when a test begins."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from services.cli.backups.restore import drop
from services.kernel.mongo import Mongo
from services.partners.config import Settings
from services.partners.schema import DATABASE
from services.partners.service import PartnersService
from tests.conftest import RunningBroker, RunningDatabase
from tests.integration.partners.serving import running, write_issuers


@pytest.fixture(scope="module")
def settings(
    mongo: RunningDatabase, broker: RunningBroker, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return Settings(
        mongo_uri=mongo.uri,
        kafka_bootstrap=broker.bootstrap,
        issuers_file=write_issuers(tmp_path_factory.mktemp("issuers") / "issuers.json"),
    )


@pytest.fixture
def empty_database(settings: Settings) -> Iterator[Mongo]:
    connection = Mongo(settings.mongo_uri, 5000)
    drop(connection, DATABASE)
    yield connection
    connection.close()


@pytest.fixture
def channel(settings: Settings, empty_database: Mongo) -> Iterator[grpc.Channel]:
    with running(PartnersService, settings) as channel:
        yield channel
