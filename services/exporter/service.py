"""The exporter service: measures broker, database and disks periodically and exports metrics.

Topics in and out: none. RPCs: none. A measurement that fails is logged once.
"""

from __future__ import annotations

import time

import structlog
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider
from pymongo.errors import PyMongoError

from services.exporter import metrics
from services.exporter.domain import Disk, broker_disks, lag_seconds, topic_bytes
from services.exporter.log import LogWatch
from services.exporter.storage import database_sizes, folder_disk, ping
from services.kernel.container import repeat
from services.kernel.metrics import show
from services.kernel.mongo import Mongo, Store

log = structlog.get_logger()

SIZES_SECONDS = 60.0
REST_FACTOR = 100.0
"""Rest after a measurement of sizes, as a multiple of the time that it took."""


class Database(Store):
    """Injects the connection to the database server."""

    def make(self, mongo: Mongo) -> Mongo:
        """Return the connection itself, since the exporter stores nothing."""
        return mongo


class Rounds(DependencyProvider):
    """Measures broker and database in rounds, and exports the results as metrics.

    The dependency provides itself to the service, because a round compares with the one before.

    Not thread-safe.
    """

    def setup(self) -> None:
        """Start as if nothing had been measured before, and sizes of databases just now.

        Some databases read all their data for it, when a stack that starts reads them anyway.
        """
        self.watch: LogWatch | None = None
        self.due: dict[str, float] = {"database": time.monotonic() + SIZES_SECONDS}
        self.unseen: set[str] = set()
        self.disks: dict[str, dict[str, Disk]] = {}

    def stop(self) -> None:
        """Close the connections to the broker."""
        self.forget_broker()

    def get_dependency(self, worker_ctx: WorkerContext) -> Rounds:
        """Return the provider itself."""
        return self

    def is_due(self, what: str) -> bool:
        """Return True if the measurement ``what`` is due, and schedule it after `SIZES_SECONDS`.

        Sizes of databases are first due that long after the start, anything else at the first
        call; then each is due once that time has passed since the last True.
        """
        if time.monotonic() < self.due.get(what, 0.0):
            return False
        self.due[what] = time.monotonic() + SIZES_SECONDS
        return True

    def rest(self, what: str, began: float) -> None:
        """Put off the next measurement ``what``, so that it takes one percent of the time at most.

        Some databases read all their data to report their size; the embedded one does.

        Args:
            what: the measurement that has just ended, successfully or not.
            began: monotonic time at which it began.
        """
        now = time.monotonic()
        self.due[what] = max(self.due.get(what, 0.0), now + REST_FACTOR * (now - began))

    def report(self, what: str, reason: str = "") -> None:
        """Log that the measurement ``what`` fails for a reason or, without a reason, works again.

        Only changes are logged, not repetitions.
        """
        if reason and what not in self.unseen:
            log.warning("cannot be seen", what=what, reason=reason)
            self.unseen.add(what)
        elif not reason and what in self.unseen:
            log.info("can be seen again", what=what)
            self.unseen.remove(what)

    def see_log(self) -> None:
        """Measure and export the ends of the log, and the positions and lag of groups.

        Raises:
            KafkaError: the broker does not answer.
        """
        self.watch = self.watch or LogWatch(self.container.settings)
        ends = self.watch.ends()
        positions = self.watch.positions(ends)
        oldest = {key: s.oldest for key, s in positions.items() if s.oldest is not None}
        written, now = self.watch.written_at(oldest), time.time()
        labelled = {(group, *partition): s for (group, partition), s in positions.items()}
        ages = {
            (group, *partition): lag_seconds(s, written.get((group, partition)), now)
            for (group, partition), s in positions.items()
        }
        show(metrics.LAG_RECORDS, {key: s.lag for key, s in labelled.items()})
        show(metrics.LAG_SECONDS, ages)
        show(metrics.LAG_POSITION, {key: s.position for key, s in labelled.items()})
        show(metrics.LAG_NO_POSITION, {key: s.position is None for key, s in labelled.items()})
        show(metrics.LAG_OUTSIDE, {key: s.is_outside for key, s in labelled.items()})
        show(metrics.LOG_START, {(*p,): begin for p, (begin, _) in ends.items()})
        show(metrics.LOG_END, {(*p,): end for p, (_, end) in ends.items()})

    def see_log_folders(self) -> None:
        """Measure and export the size of the log and of the brokers' disks.

        If no broker is connected, or it has no log on disk, the metrics are removed.

        Raises:
            KafkaError: the broker does not answer.
        """
        folders = self.watch.folders() if self.watch is not None else []
        show(metrics.LOG_BYTES, {(topic,): n for topic, n in topic_bytes(folders).items()})
        self.show_disks("log", broker_disks(folders))

    def forget_broker(self) -> None:
        """Remove all metrics of a broker that does not answer; the next round reconnects."""
        if self.watch is not None:
            self.watch.close()
        self.watch = None
        self.forget_log()
        self.forget_log_folders()
        self.due.pop("log", None)

    def forget_log(self) -> None:
        """Remove the metrics of log ends and group positions, which are unknown now."""
        for gauge in (
            *(metrics.LAG_RECORDS, metrics.LAG_SECONDS, metrics.LAG_POSITION),
            *(metrics.LAG_NO_POSITION, metrics.LAG_OUTSIDE, metrics.LOG_START, metrics.LOG_END),
        ):
            show(gauge, {})

    def forget_log_folders(self) -> None:
        """Remove the metrics of the log's size and disks, which are unknown now."""
        show(metrics.LOG_BYTES, {})
        self.show_disks("log", {})

    def see_sizes(self, mongo: Mongo) -> None:
        """Measure and export the sizes of the databases and of their disk.

        Raises:
            PyMongoError: the database does not answer, or the user may not read sizes.
        """
        sizes, disk = database_sizes(mongo)
        parts = {(name, "data"): size.data for name, size in sizes.items()}
        parts |= {(name, "indexes"): size.indexes for name, size in sizes.items()}
        show(metrics.DATABASE_BYTES, parts)
        show(metrics.DATABASE_DOCUMENTS, {(n,): size.documents for n, size in sizes.items()})
        self.show_disks("database", {"database": disk} if disk is not None else {})

    def forget_sizes(self) -> None:
        """Remove the metrics of the databases' sizes and disk, which are unknown now."""
        show(metrics.DATABASE_BYTES, {})
        show(metrics.DATABASE_DOCUMENTS, {})
        self.show_disks("database", {})

    def see_folder(self) -> None:
        """Measure and export the disk of the configured folder; nothing if none is configured.

        Raises:
            OSError: the folder does not exist.
        """
        folder = self.container.settings.disk_folder
        self.show_disks("folder", {"folder": folder_disk(folder)} if folder is not None else {})

    def show_disks(self, source: str, disks: dict[str, Disk]) -> None:
        """Export the disks that one source reports, in place of those that it reported before.

        Args:
            source: what reports them: `log`, `database` or `folder`; other sources' disks stay.
            disks: name of the disk -> its size and free space; empty if they are unknown.
        """
        self.disks[source] = disks
        known = {(part,): disk for by_part in self.disks.values() for part, disk in by_part.items()}
        show(metrics.DISK_BYTES, {part: disk.total for part, disk in known.items()})
        show(metrics.DISK_FREE_BYTES, {part: disk.free for part, disk in known.items()})


class Exporter:
    """Measures broker, database and disk every 5 seconds, independently of the services."""

    name = "exporter"

    mongo = Database()
    rounds = Rounds()

    @repeat(5.0)
    def look(self) -> None:
        """Measure broker, database and disk once, each even if another one fails.

        A component that does not answer is exported as down, and is no error of the exporter.
        """
        self.look_at_broker()
        self.look_at_database()
        try:
            self.rounds.see_folder()
            self.rounds.report("KIENG_DISK_FOLDER")
        except OSError as error:
            self.rounds.show_disks("folder", {})
            self.rounds.report("KIENG_DISK_FOLDER", str(error))

    def look_at_broker(self) -> None:
        """Export whether the broker is up, and the lag and sizes that it reports.

        An outage or a refusal is logged, not raised; metrics that are then unknown are removed.
        """
        try:
            self.rounds.see_log()
            self.rounds.report("log")
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
            # The broker is up, but refuses this client.
            self.rounds.forget_log()
            self.rounds.report("log", repr(error))
        except (KafkaError, OSError) as error:
            metrics.BROKER_UP.set(0)
            self.rounds.forget_broker()
            self.rounds.report("broker", str(error))
            return
        metrics.BROKER_UP.set(1)
        self.rounds.report("broker")
        if not self.rounds.is_due("log"):
            return
        try:
            self.rounds.see_log_folders()
            self.rounds.report("size of the log")
        except KafkaError as error:
            self.rounds.forget_log_folders()
            self.rounds.report("size of the log", str(error))

    def look_at_database(self) -> None:
        """Export whether the database is up, and its sizes if the user may read them.

        An outage or a refusal is logged, not raised; metrics that are then unknown are removed.
        """
        try:
            ping(self.mongo)
        except PyMongoError as error:
            metrics.DATABASE_UP.set(0)
            self.rounds.forget_sizes()
            self.rounds.due.pop("database", None)
            self.rounds.report("database", str(error).partition(", Topology Description")[0])
            return
        metrics.DATABASE_UP.set(1)
        self.rounds.report("database")
        if not self.rounds.is_due("database"):
            return
        began = time.monotonic()
        try:
            self.rounds.see_sizes(self.mongo)
            self.rounds.report("sizes of the databases")
        except PyMongoError as error:
            self.rounds.forget_sizes()
            self.rounds.report("sizes of the databases", str(error))
        self.rounds.rest("database", began)
