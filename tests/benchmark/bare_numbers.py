"""Folds the events of the bare loops into numbers, in the database that holds their submissions.

An import is done when its rows are counted, and the numbers are written by the one process of the
database that writes the submissions. So they belong to what an import or a decision must cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

from services.cli.commands.up import DIRECTORY
from services.cli.local.seed import read_units
from services.kernel.mongo import Mongo
from services.kernel.publisher import Event
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.documents import DATABASE, declare
from services.kpi.store.ledger import Ledger
from services.kpi.wire.catalogue import decode_catalogue
from tests.benchmark.machine import catalogue


@dataclass
class Told:
    """An event as a consumer gets it, without a broker."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Numbers:
    """A view of all events that it is told, folded and stored as the aggregator does."""

    def __init__(self, mongo: Mongo) -> None:
        declare(mongo.database(DATABASE))
        catalogues, definitions = Catalogues(mongo), catalogue(read_units(DIRECTORY))
        view = catalogues.open(str(uuid4()), catalogues.publish(definitions))
        ledger = Ledger(mongo)
        lease = ledger.claim(view.view_id, 0)
        self._fold = PartitionFold(lease, decode_catalogue(definitions), ledger)
        self._offsets = count()

    @property
    def counted(self) -> int:
        """Number of events that are stored."""
        return self._fold.stored_offset

    def take(self, events: Iterable[Event]) -> None:
        """Fold and store a batch."""
        self._fold.apply(
            [
                Told(
                    *(each.topic, 0, next(self._offsets), int(each.time.timestamp() * 1000)),
                    *(each.key.encode(), each.value, each.headers()),
                )
                for each in events
            ]
        )
