"""The log is lost: its topic is made anew, and operators fill a new generation of it.

Opening the generation and publishing everything again is the services' own code.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from kafka.errors import KafkaTimeoutError
from pymongo.errors import AutoReconnect

from kieng.kpi.v1 import catalogue_service_pb2
from services.kernel.errors import Unavailable
from services.kernel.publisher import Event
from services.kpi.publishing import Publishing
from services.kpi.store.registry import Registry
from services.submissions.events import events_of
from services.submissions.republish import Log, republish
from tests.simulation import history
from tests.simulation.database import TRANSACTIONS_IN, SimulatedMongo
from tests.simulation.office import INSTITUTIONS, UNKNOWN_ACKNOWLEDGEMENTS, Office
from tests.simulation.world import World


class Loss:
    """Who loses the log, and who brings it back.

    Args:
        world: decides.
        mongo: keeps views and submissions.
        log: what is lost.
        office: has the submissions.
    """

    def __init__(
        self, world: World, mongo: SimulatedMongo, log: history.Log, office: Office
    ) -> None:
        self.world, self.mongo, self.log, self.office = world, mongo, log, office
        self.losses_left = world.random.choice((0, 0, 0, 1, 1, 2))
        self.losses = 0
        self.owed: dict[str, dict[str, int]] = {}
        """Topic -> submission -> version that its institution had when the topic was made."""

    def accident(self) -> None:
        """Make the topic anew, once or twice."""
        while self.losses_left:
            for _ in range(self.world.random.choice((10, 60, 200))):
                self.world.point("all is well")
            self.losses_left -= 1
            self.losses += 1
            self.log.lose()
            self.owed[self.log.topic_id] = self._versions()
            self.world.point("lost")

    def _versions(self) -> dict[str, int]:
        return {
            loaded.submission.submission_id: loaded.submission.version
            for institution in INSTITUTIONS
            for loaded in self.office.stored(institution)
            if events_of(None, loaded.submission)
        }

    def operator(self) -> None:
        """Do what `kieng log republish` does whenever the log is not the one that answers."""
        registry = Registry(self.mongo)  # type: ignore[arg-type]
        while self.world.is_alive("accident") or not self.is_mended():
            self.world.point("look")
            if self.is_mended():
                continue
            try:
                topic_id = self._fill(registry)
            except (Unavailable, AutoReconnect):
                continue
            while not self.is_mended() and self.log.topic_id == topic_id:
                self.world.point("wait until live")

    def is_mended(self) -> bool:
        """Whether the view that answers is of the log that there is."""
        (pointer,) = self.mongo.documents(TRANSACTIONS_IN, "pointer")
        view = self.mongo.databases[TRANSACTIONS_IN]["views"][pointer["view_id"]][1]
        return bool(view["topic_id"] == self.log.topic_id)

    def _fill(self, registry: Registry) -> str:
        topic_id = self.log.topic_id
        query: Any = SimpleNamespace(registry=registry, log_identity=lambda: (topic_id, {}))
        request = catalogue_service_pb2.OpenLogGenerationRequest()
        opened = Publishing.open_log_generation(query, request)
        if opened.needs_republish:
            publisher: Any = _Publisher(self.world, self.office, self.log)
            for _ in republish(self.office.databases, Log(publisher), opened.generation):
                self.world.point("republished")
        return topic_id

    def check_whole(self, topic_id: str, vector: dict[int, int]) -> None:
        """Assert that a new generation answers only when it has heard what was there before it."""
        heard: dict[str, int] = {}
        for event in self.log.changes(until=vector, topic_id=topic_id):
            name = event.submission_id
            heard[name] = max(heard.get(name, 0), event.version)
        for name, version in self.owed.get(topic_id, {}).items():
            assert heard.get(name, 0) >= version, f"{topic_id} answers without {name}"


class _Publisher:
    """The producer of a submissions process, as the republication uses it."""

    def __init__(self, world: World, office: Office, log: history.Log) -> None:
        self._world, self._office, self._log = world, office, log

    @property
    def producer(self) -> _Publisher:
        return self

    def publish(self, events: Iterable[Event]) -> None:
        self._office.publish(events)

    def partitions_for(self, topic: str) -> set[int]:
        return set(range(self._log.partitions))

    def send(
        self, topic: str, value: bytes, key: bytes, headers: history.Headers, partition: int
    ) -> _Future:
        self._world.point("send")
        fate = self._world.random.random()
        if fate >= UNKNOWN_ACKNOWLEDGEMENTS / 2:
            self._log.put(partition, key, value, headers)
        return _Future(is_heard=fate >= UNKNOWN_ACKNOWLEDGEMENTS)


class _Future:
    """What became of a record."""

    def __init__(self, is_heard: bool) -> None:
        self._is_heard = is_heard

    def get(self, timeout: float) -> None:
        if not self._is_heard:
            raise KafkaTimeoutError("no acknowledgement")
