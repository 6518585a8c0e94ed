"""The log is lost: its topic is made anew, and operators fill a new generation of it.

Opening the generation and publishing everything again is the services' own code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kafka.errors import KafkaTimeoutError
from pymongo.errors import AutoReconnect

from kieng.kpi.v1 import catalogue_service_pb2
from services.kernel.errors import Unavailable, WrongState
from services.kernel.publisher import Event
from services.kpi.api.binding import Effects
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.views import View
from services.submissions.domain.submission import Submission
from services.submissions.republish import Log, republish
from tests.simulation import catalogues, history
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
        self.opened: set[str] = set()
        """Topics that are about to be filled."""
        self.owed: dict[str, list[Submission]] = {}
        """Topic -> what the institutions had when the topic was made."""

    def accident(self) -> None:
        """Make the topic anew, once or twice."""
        while self.losses_left:
            self.world.rest("all is well", self.world.random.choice((80, 480, 1600)))
            self.losses_left -= 1
            self.losses += 1
            self.log.lose()
            self.owed[self.log.topic_id] = [
                loaded.submission
                for institution in INSTITUTIONS
                for loaded in self.office.stored(institution)
                if loaded.submission.submitted_by
            ]
            self.world.point("lost")

    def operator(self) -> None:
        """Do what `kieng log republish` does whenever the log is not the one that answers."""
        catalogues = Catalogues(self.mongo)  # type: ignore[arg-type]
        while self.world.is_alive("accident") or not self.is_mended():
            self.world.rest("look")
            if self.is_mended():
                continue
            try:
                topic_id = self._fill(catalogues)
            except (Unavailable, WrongState, AutoReconnect):
                continue
            while not self.is_mended() and self.log.topic_id == topic_id:
                self.world.rest("wait until live")

    def is_mended(self) -> bool:
        """Whether the view that answers is of the log that there is."""
        (pointer,) = self.mongo.documents(TRANSACTIONS_IN, "pointer")
        view = self.mongo.databases[TRANSACTIONS_IN]["views"][pointer["view_id"]][1]
        return bool(view["topic_id"] == self.log.topic_id)

    def _fill(self, catalogues: Catalogues) -> str:
        told: list[str] = []

        def identity() -> tuple[str, dict[int, int]]:
            self.world.point("identity")
            told.append(self.log.topic_id)
            return told[-1], {}

        effects = Effects(catalogues, identity)
        topic_id, begins = effects.present_log()
        request = catalogue_service_pb2.OpenLogGenerationRequest(
            topic_id=topic_id, partitions=len(begins)
        )
        opened = effects.open_generation(request)
        self.opened.add(told[0])
        if opened.state == "building" and not opened.phase:
            publisher: Any = _Publisher(self.world, self.office, self.log)
            for _ in republish(self.office.databases, Log(publisher), opened.generation):
                self.world.point("republished")
        return told[0]

    def check_whole(self, view: View, vector: Mapping[int, int]) -> None:
        """Assert that a new generation answers only when it has heard what was there before it."""
        heard: dict[tuple[str, str], int] = {}
        judge = catalogues.frozen(view.catalogue_version).judge
        for event in self.log.changes(judge, vector, view.topic_id):
            name = event.institution_id, event.submission_id
            heard[name] = max(heard.get(name, 0), event.version)
        known = catalogues.frozen(view.catalogue_version).known
        for submission in self.owed.get(view.topic_id, ()):
            # Nobody waits for an institution that is not in the tree.
            if submission.institution_id in known:
                name = submission.institution_id, submission.submission_id
                said = f"{view.view_id} answers at {dict(vector)} without {name}"
                assert heard.get(name, 0) >= submission.version, said


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
        return self._log.numbers()

    def send(
        self, topic: str, value: bytes, key: bytes, headers: history.Headers, partition: int
    ) -> _Future:
        self._world.point("send")
        fate = self._world.random.random()
        if fate >= UNKNOWN_ACKNOWLEDGEMENTS / 2:
            self._log.put(partition, key, value, headers)
        return _Future(is_heard=fate >= UNKNOWN_ACKNOWLEDGEMENTS)

    def flush(self, timeout: float) -> None:
        """Nothing lingers here: each record is sent at once."""


class _Future:
    """What became of a record."""

    def __init__(self, is_heard: bool) -> None:
        self._is_heard = is_heard

    def get(self, timeout: float) -> None:
        if not self._is_heard:
            raise KafkaTimeoutError("no acknowledgement")
