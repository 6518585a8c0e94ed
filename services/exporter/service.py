"""The exporter's rounds.

Topics in and out: none. RPCs: none. It looks from outside, and says so when it cannot see.
"""

from __future__ import annotations

import time

import structlog
from kafka.errors import KafkaError
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider
from pymongo.errors import PyMongoError

from services.exporter import metrics
from services.exporter.domain import lag_seconds
from services.exporter.log import LogWatch
from services.exporter.storage import database_sizes, disk
from services.kernel.container import repeat
from services.kernel.metrics import show
from services.kernel.mongo import Mongo, Store

log = structlog.get_logger()

SIZES_SECONDS = 60.0


class Database(Store):
    """Injects the connection."""

    def make(self, mongo: Mongo) -> Mongo:
        """Return it."""
        return mongo


class Rounds(DependencyProvider):
    """What one process remembers between its rounds; used by one thread."""

    def setup(self) -> None:
        """Know nothing yet."""
        self.watch: LogWatch | None = None
        self.sizes_due = 0.0
        self.is_silent = False

    def stop(self) -> None:
        """Close what is open."""
        self.forget_broker()

    def get_dependency(self, worker_ctx: WorkerContext) -> Rounds:
        """Return it."""
        return self

    def see_log(self) -> None:
        """Show where logs end and groups stand; raises KafkaError."""
        self.watch = self.watch or LogWatch(self.container.settings)
        ends = self.watch.ends()
        standings = self.watch.standings(ends)
        oldest = {key: s.oldest for key, s in standings.items() if s.oldest is not None}
        written, now = self.watch.written_at(oldest), time.time()
        labelled = {(group, *partition): s for (group, partition), s in standings.items()}
        ages = {
            (group, *partition): lag_seconds(s, written.get((group, partition)), now)
            for (group, partition), s in standings.items()
        }
        show(metrics.LAG_RECORDS, {key: s.lag for key, s in labelled.items()})
        show(metrics.LAG_SECONDS, ages)
        show(metrics.LAG_POSITION, {key: s.position for key, s in labelled.items()})
        show(metrics.LAG_NO_POSITION, {key: s.position is None for key, s in labelled.items()})
        show(metrics.LAG_OUTSIDE, {key: s.is_outside for key, s in labelled.items()})
        show(metrics.LOG_START, {(*p,): begin for p, (begin, _) in ends.items()})
        show(metrics.LOG_END, {(*p,): end for p, (_, end) in ends.items()})

    def forget_broker(self) -> None:
        """Show nothing of a broker that does not answer, and connect anew next time."""
        if self.watch is not None:
            self.watch.close()
        self.watch = None
        for gauge in (
            *(metrics.LAG_RECORDS, metrics.LAG_SECONDS, metrics.LAG_POSITION),
            *(metrics.LAG_NO_POSITION, metrics.LAG_OUTSIDE, metrics.LOG_START, metrics.LOG_END),
        ):
            show(gauge, {})

    def see_sizes(self, mongo: Mongo) -> None:
        """Show how much is stored; raises PyMongoError and KafkaError."""
        folder = self.container.settings.disk_folder
        if folder is not None:
            size, free = disk(folder)
            metrics.DISK_BYTES.set(size)
            metrics.DISK_FREE_BYTES.set(free)
        if self.watch is not None:
            show(metrics.LOG_BYTES, {(topic,): n for topic, n in self.watch.sizes().items()})
        sizes = database_sizes(mongo)
        parts = {(name, "data"): size[0] for name, size in sizes.items()}
        parts |= {(name, "indexes"): size[1] for name, size in sizes.items()}
        show(metrics.DATABASE_BYTES, parts)
        show(metrics.DATABASE_DOCUMENTS, {(name,): size[2] for name, size in sizes.items()})


class Exporter:
    """Looks at broker and database every 5 seconds, whoever else is down."""

    name = "exporter"

    mongo = Database()
    rounds = Rounds()

    @repeat(5.0)
    def look(self) -> None:
        """Look once. Trouble with what is looked at is a metric, not an error."""
        try:
            self.rounds.see_log()
            self._tell(broker=True)
        except (KafkaError, OSError) as error:
            self.rounds.forget_broker()
            self._tell(broker=False, reason=str(error))
        try:
            self.mongo.client.admin.command("ping")
            metrics.DATABASE_UP.set(1)
            if time.monotonic() >= self.rounds.sizes_due:
                self.rounds.sizes_due = time.monotonic() + SIZES_SECONDS
                self.rounds.see_sizes(self.mongo)
        except (PyMongoError, KafkaError):
            metrics.DATABASE_UP.set(0)

    def _tell(self, *, broker: bool, reason: str = "") -> None:
        metrics.BROKER_UP.set(broker)
        if not broker and not self.rounds.is_silent:
            log.warning("the broker cannot be seen", reason=reason)
        self.rounds.is_silent = not broker
