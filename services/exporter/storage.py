"""Asks the database and the disk how full they are; reads no document."""

from __future__ import annotations

import shutil
from pathlib import Path

from services.kernel.mongo import Mongo

PREFIX = "kieng_"


def database_sizes(mongo: Mongo) -> dict[str, tuple[int, int, int]]:
    """Return bytes of data, bytes of indexes and documents of each of our databases.

    Raises:
        pymongo.errors.PyMongoError: the database is down.
    """
    found = {}
    for name in mongo.client.list_database_names():
        if name.startswith(PREFIX):
            told = mongo.database(name).command("dbStats")
            sizes = (told["storageSize"], told["indexSize"], told["objects"])
            found[name] = (int(sizes[0]), int(sizes[1]), int(sizes[2]))
    return found


def disk(folder: Path) -> tuple[int, int]:
    """Return bytes of a folder's disk, and how many are free."""
    usage = shutil.disk_usage(folder)
    return usage.total, usage.free
