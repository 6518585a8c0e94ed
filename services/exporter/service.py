"""The exporter's rounds.

Topics in and out: none. RPCs: none. It looks from outside, and says so when it cannot see.
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
        self.due: dict[str, float] = {}
        self.unseen: set[str] = set()
        self.disks: dict[str, dict[str, Disk]] = {}

    def stop(self) -> None:
        """Close what is open."""
        self.forget_broker()

    def get_dependency(self, worker_ctx: WorkerContext) -> Rounds:
        """Return it."""
        return self

    def is_due(self, what: str) -> bool:
        """Tell whether something that is rarely looked at is due, and note that it is done."""
        if time.monotonic() < self.due.get(what, 0.0):
            return False
        self.due[what] = time.monotonic() + SIZES_SECONDS
        return True

    def tell(self, what: str, reason: str = "") -> None:
        """Log when something cannot be seen and when it can be seen again, each once."""
        if reason and what not in self.unseen:
            log.warning("cannot be seen", what=what, reason=reason)
            self.unseen.add(what)
        elif not reason and what in self.unseen:
            log.info("can be seen again", what=what)
            self.unseen.remove(what)

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

    def see_log_folders(self) -> None:
        """Show how large the log is, and how full the brokers' disks; raises KafkaError."""
        folders = self.watch.folders() if self.watch is not None else []
        show(metrics.LOG_BYTES, {(topic,): n for topic, n in topic_bytes(folders).items()})
        self.show_disks("log", broker_disks(folders))

    def forget_broker(self) -> None:
        """Show nothing of a broker that does not answer, and connect anew next time."""
        if self.watch is not None:
            self.watch.close()
        self.watch = None
        self.forget_log()
        self.forget_log_folders()
        self.due.pop("log", None)

    def forget_log(self) -> None:
        """Show neither ends nor standings: nobody tells them."""
        for gauge in (
            *(metrics.LAG_RECORDS, metrics.LAG_SECONDS, metrics.LAG_POSITION),
            *(metrics.LAG_NO_POSITION, metrics.LAG_OUTSIDE, metrics.LOG_START, metrics.LOG_END),
        ):
            show(gauge, {})

    def forget_log_folders(self) -> None:
        """Show no size of the log: nobody tells it."""
        show(metrics.LOG_BYTES, {})
        self.show_disks("log", {})

    def see_sizes(self, mongo: Mongo) -> None:
        """Show how much the database holds; raises PyMongoError."""
        sizes, disk = database_sizes(mongo)
        parts = {(name, "data"): size.data for name, size in sizes.items()}
        parts |= {(name, "indexes"): size.indexes for name, size in sizes.items()}
        show(metrics.DATABASE_BYTES, parts)
        show(metrics.DATABASE_DOCUMENTS, {(n,): size.documents for n, size in sizes.items()})
        self.show_disks("database", {"database": disk} if disk is not None else {})

    def forget_sizes(self) -> None:
        """Show no size of the database: it does not tell."""
        show(metrics.DATABASE_BYTES, {})
        show(metrics.DATABASE_DOCUMENTS, {})
        self.show_disks("database", {})

    def see_folder(self) -> None:
        """Show the disk of the folder in the settings; raises OSError."""
        folder = self.container.settings.disk_folder
        self.show_disks("folder", {"folder": folder_disk(folder)} if folder is not None else {})

    def show_disks(self, teller: str, disks: dict[str, Disk]) -> None:
        """Show what one teller says of disks, beside what the others have said."""
        self.disks[teller] = disks
        known = {(part,): disk for told in self.disks.values() for part, disk in told.items()}
        show(metrics.DISK_BYTES, {part: disk.total for part, disk in known.items()})
        show(metrics.DISK_FREE_BYTES, {part: disk.free for part, disk in known.items()})


class Exporter:
    """Looks at broker, database and disk every 5 seconds, whoever else is down."""

    name = "exporter"

    mongo = Database()
    rounds = Rounds()

    @repeat(5.0)
    def look(self) -> None:
        """Look once. Trouble with what is looked at is a metric, not an error.

        Each thing has a try of its own: what one hides is no trouble of another.
        """
        self.look_at_broker()
        self.look_at_database()
        try:
            self.rounds.see_folder()
            self.rounds.tell("KIENG_DISK_FOLDER")
        except OSError as error:
            self.rounds.show_disks("folder", {})
            self.rounds.tell("KIENG_DISK_FOLDER", str(error))

    def look_at_broker(self) -> None:
        """Show the log and its readers; and the log's size, which a broker may keep to itself."""
        try:
            self.rounds.see_log()
            self.rounds.tell("log")
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
            # It answers, only not to us.
            self.rounds.forget_log()
            self.rounds.tell("log", repr(error))
        except (KafkaError, OSError) as error:
            metrics.BROKER_UP.set(0)
            self.rounds.forget_broker()
            self.rounds.tell("broker", str(error))
            return
        metrics.BROKER_UP.set(1)
        self.rounds.tell("broker")
        if not self.rounds.is_due("log"):
            return
        try:
            self.rounds.see_log_folders()
            self.rounds.tell("size of the log")
        except KafkaError as error:
            self.rounds.forget_log_folders()
            self.rounds.tell("size of the log", str(error))

    def look_at_database(self) -> None:
        """Show whether it answers; and its sizes, which our user need not be allowed to ask for."""
        try:
            ping(self.mongo)
        except PyMongoError as error:
            metrics.DATABASE_UP.set(0)
            self.rounds.forget_sizes()
            self.rounds.due.pop("database", None)
            self.rounds.tell("database", str(error).partition(", Topology Description")[0])
            return
        metrics.DATABASE_UP.set(1)
        self.rounds.tell("database")
        if not self.rounds.is_due("database"):
            return
        try:
            self.rounds.see_sizes(self.mongo)
            self.rounds.tell("sizes of the databases")
        except PyMongoError as error:
            self.rounds.forget_sizes()
            self.rounds.tell("sizes of the databases", str(error))
