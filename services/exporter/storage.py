"""Asks the database and the disks how full they are; reads no document."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pymongo
from pymongo.errors import OperationFailure

from services.exporter.domain import Disk
from services.kernel.mongo import SICK, Mongo

PREFIX = "kieng_"
# A database that hangs must not be shown as one that answers for longer than a few rounds.
ANSWER_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """Bytes of data, bytes of indexes, and documents of a database."""

    data: int
    indexes: int
    documents: int


def ping(mongo: Mongo) -> None:
    """Return when the database has answered and can read; raises PyMongoError when it does not."""
    with pymongo.timeout(ANSWER_SECONDS_MAX):
        mongo.client.admin.command("ping")
        try:
            # The embedded one answers a ping after a full disk, and refuses everything else.
            mongo.database("kieng_exporter")["probe"].find_one()
        except OperationFailure as error:
            if error.code in SICK:
                raise
            # Not allowed, which is an answer.


def database_sizes(mongo: Mongo) -> tuple[dict[str, DatabaseSize], Disk | None]:
    """Return the size of each of our databases, and their disk, None when it is not told.

    Raises:
        pymongo.errors.PyMongoError: the database is down, or does not let us ask.
    """
    found, disk = {}, None
    with pymongo.timeout(ANSWER_SECONDS_MAX):
        names = mongo.client.list_database_names()
    for name in names:
        if name.startswith(PREFIX):
            with pymongo.timeout(ANSWER_SECONDS_MAX):
                told = mongo.database(name).command("dbStats")
            sizes = (told["storageSize"], told["indexSize"], told["objects"])
            found[name] = DatabaseSize(*map(int, sizes))
            disk = _disk(told) or disk
    return found, disk


def _disk(told: Mapping[str, float]) -> Disk | None:
    """Return the disk of the database's primary; the embedded database does not tell of its."""
    total, used = told.get("fsTotalSize"), told.get("fsUsedSize")
    return Disk(int(total), int(total - used)) if total and used is not None else None


def folder_disk(folder: Path) -> Disk:
    """Return the disk of a folder; raises OSError when there is no such folder."""
    usage = shutil.disk_usage(folder)
    return Disk(usage.total, usage.free)
