"""Restores a backup into empty databases, and then into a new log.

The order: everything is checked before anything is changed; the old log is removed; the databases
are loaded one by one, each marked while it is incomplete, so that no service starts on it; the
services start; a new generation of the log is published from the submissions, and its view must
have the digest that the backup recorded. If interrupted, the same command continues.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from pymongo import DeleteOne
from rich.progress import Progress

from services.cli.admin import broker, database_schema, topics
from services.cli.backups.archive import Manifest, Part, read_part
from services.cli.backups.dump import RAW
from services.cli.errors import NO, Failure
from services.kernel.mongo import Mongo, declare

LOG = "kieng.submissions.v1"
BATCH = 500
LOOK_MS = 1000
EMPTY_TOO = {"schema", "meta", "counters"}
"""Names of collections that a service fills at its first start, before any user data."""
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def next_epoch(known: int, now: datetime) -> int:
    """Return a restore epoch greater than every one that may have been used before.

    The restore epoch is in the upper bits of all versions, so that a version given after a restore
    is newer than every earlier one. The result is greater than ``known``, the highest known epoch.
    The epoch of a lost database is unknown, so it is also at least the number of hours from `BEGIN`
    to ``now``.
    """
    return max(known + 1, int((now - BEGIN).total_seconds() // 3600))


def occupied(mongo: Mongo, manifest: Manifest) -> list[str]:
    """Return the names of the databases of a backup that already hold data from another source.

    Data that this backup's restore loaded, even incompletely, do not count.
    """
    found = []
    for _, name in wanted(manifest):
        database = mongo.database(name)
        held = set(database.list_collection_names()) - EMPTY_TOO
        is_ours = _note(database).get("backup") == manifest.name
        if not is_ours and any(database[collection].find_one() for collection in held):
            found.append(name)
    return found


def is_loaded(mongo: Mongo, manifest: Manifest) -> bool:
    """Return True if every database was loaded from this backup but the log is not restored yet."""
    notes = [_note(mongo.database(name)) for _, name in wanted(manifest)]
    states = {note.get("state") for note in notes if note.get("backup") == manifest.name}
    return states == {"loaded"} and len(notes) == len(manifest.versions)


def wanted(manifest: Manifest) -> list[tuple[database_schema.Schema, str]]:
    """Return schema and name of each database of a backup, in the order in which to load them."""
    return [
        (schema, name)
        for schema, name in database_schema.databases(manifest.institutions)
        if name in manifest.versions
    ]


def load(
    mongo: Mongo, folder: Path, manifest: Manifest, now: datetime, progress: Progress
) -> list[str]:
    """Load each database of a backup that is not loaded yet, replacing its data.

    Return the names of the databases loaded by this call.

    Args:
        mongo: connection to the databases.
        folder: folder of the backup.
        manifest: manifest of the backup.
        now: current time, from which the restore epoch is computed.
        progress: progress bar, advanced by documents.
    """
    loaded = []
    parts = [part for part in manifest.parts if part.documents]
    task = progress.add_task("", total=sum(part.documents for part in parts))
    for schema, name in wanted(manifest):
        database = mongo.database(name)
        own = [part for part in parts if part.database == name]
        progress.update(task, description=name)
        if _note(database).get("state") == "loaded" and _note(database)["backup"] == manifest.name:
            progress.advance(task, sum(part.documents for part in own))
            continue
        epoch = next_epoch(max(_epoch(database), _epoch_of(folder, own)), now)
        drop(mongo, name)
        _mark(database, manifest, "loading", database_schema.RESTORING)
        if manifest.versions[name] == len(schema.MIGRATIONS):
            # Before the documents, over which the embedded database would build an index slowly.
            declare(database, schema.DOCUMENTS, database_schema.RESTORING)
        for part in own:
            _load_part(database, folder, part, progress, task)
        if name in database_schema.schema_of("submissions").databases(manifest.institutions):
            _set_epoch(database, epoch)
        schema.restored(database)
        _mark(database, manifest, "loaded", manifest.versions[name])
        database_schema.apply(schema, database, lambda text: None)
        loaded.append(name)
    return loaded


def drop(mongo: Mongo, name: str) -> None:
    """Drop a database with all its data; do nothing if it does not exist.

    The embedded server drops a database slowly, 14 ms per document, so its collections are emptied
    first. A delete waits there for the transactions of processes that were killed, and for ever if
    nobody begins another one, so all transactions are ended before.
    """
    if "secantusVersion" in mongo.client.admin.command("buildInfo"):
        mongo.client.admin.command("killAllSessions", [])
        database = mongo.database(name)
        for collection in database.list_collection_names():
            ids = database[collection].find({}, {"_id": 1})
            while batch := [DeleteOne({"_id": d["_id"]}) for d in islice(ids, BATCH)]:
                database[collection].bulk_write(batch, ordered=False)
    mongo.client.drop_database(name)


def _load_part(
    database: database_schema.Database, folder: Path, part: Part, progress: Progress, task: Any
) -> None:
    collection = database.get_collection(part.collection, RAW)
    documents = read_part(folder, part)
    while batch := list(islice(documents, BATCH)):
        collection.insert_many(batch, ordered=False)
        progress.advance(task, len(batch))


def _note(database: database_schema.Database) -> dict[str, Any]:
    return database["schema"].find_one({"_id": "restore"}) or {}


def _mark(database: database_schema.Database, manifest: Manifest, state: str, version: int) -> None:
    database_schema.set_version(database, version)
    note = {"backup": manifest.name, "state": state, "at": datetime.now(UTC)}
    database["schema"].update_one({"_id": "restore"}, {"$set": note}, upsert=True)


def finished(mongo: Mongo, manifest: Manifest) -> None:
    """Remove the marks of a restore from its databases, which are then in normal use.

    Call it when the log is restored as well; `is_loaded` is false afterwards.
    """
    for _, name in wanted(manifest):
        mongo.database(name)["schema"].delete_one({"_id": "restore"})


def _epoch(database: database_schema.Database) -> int:
    return int((database["meta"].find_one({"_id": "restore"}) or {}).get("restore_epoch", 0))


def _epoch_of(folder: Path, parts: Sequence[Part]) -> int:
    metas = [each for p in parts if p.collection == "meta" for each in read_part(folder, p)]
    return max((int(m["restore_epoch"]) for m in metas if m["_id"] == "restore"), default=0)


def _set_epoch(database: database_schema.Database, epoch: int) -> None:
    change = {"$set": {"restore_epoch": epoch}}
    database["meta"].update_one({"_id": "restore"}, change, upsert=True)


def log_holds_records(bootstrap: str) -> bool:
    """Return True if a record of the submissions log can be read within a second.

    False if there is none, also because the topic does not exist.
    """
    options = {**broker.options(bootstrap), "auto_offset_reset": "earliest"}
    consumer = KafkaConsumer(
        **options, enable_auto_commit=False, allow_auto_create_topics=False, fetch_max_wait_ms=50
    )
    with closing(consumer):
        numbers = consumer.partitions_for_topic(LOG) or ()
        consumer.assign([TopicPartition(LOG, number) for number in numbers])
        return bool(numbers and consumer.poll(timeout_ms=LOOK_MS, max_records=1))


def renew_log(bootstrap: str) -> None:
    """Delete the topic of the submissions log and create it again, empty and with a new topic id.

    Raises:
        Failure: the broker does not delete the topic in time.
    """
    with closing(broker.admin(bootstrap)) as admin:
        if not topics.renew(admin, LOG):
            raise Failure(f"{bootstrap} does not delete {LOG}: delete it by hand and repeat", NO)
