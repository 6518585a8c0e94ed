"""Reads the sizes of databases and disks, without reading the data in them."""

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
# A hanging database must not count as up for more than a few rounds.
ANSWER_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """Bytes of data and of indexes on disk, and the number of documents of a database."""

    data: int
    indexes: int
    documents: int


def ping(mongo: Mongo) -> None:
    """Check that the database server answers and can read.

    Raises:
        PyMongoError: it does not answer in time, or answers that it cannot read.
    """
    with pymongo.timeout(ANSWER_SECONDS_MAX):
        mongo.client.admin.command("ping")
        try:
            # With a full disk the embedded database answers a ping and refuses everything else.
            mongo.database("kieng_exporter")["probe"].find_one()
        except OperationFailure as error:
            if error.code in SICK:
                raise
            # Not authorised, so the database answers.


def database_sizes(mongo: Mongo) -> tuple[dict[str, DatabaseSize], Disk | None]:
    """Return name -> size of all `kieng_` databases, and the disk that they are on.

    The disk is None if the database does not report it, as the embedded one, or if there is no such
    database.

    Raises:
        pymongo.errors.PyMongoError: the database is down, or the user may not read sizes.
    """
    found, disk = {}, None
    with pymongo.timeout(ANSWER_SECONDS_MAX):
        names = mongo.client.list_database_names()
    for name in names:
        if name.startswith(PREFIX):
            with pymongo.timeout(ANSWER_SECONDS_MAX):
                reported = mongo.database(name).command("dbStats")
            sizes = (reported["storageSize"], reported["indexSize"], reported["objects"])
            found[name] = DatabaseSize(*map(int, sizes))
            disk = _disk(reported) or disk
    return found, disk


def _disk(reported: Mapping[str, float]) -> Disk | None:
    """Return the disk in an answer to `dbStats`; None for the embedded database."""
    total, used = reported.get("fsTotalSize"), reported.get("fsUsedSize")
    return Disk(int(total), int(total - used)) if total and used is not None else None


def folder_disk(folder: Path) -> Disk:
    """Return size and free space of the disk that a folder is on.

    Raises:
        OSError: the folder does not exist.
    """
    usage = shutil.disk_usage(folder)
    return Disk(usage.total, usage.free)
