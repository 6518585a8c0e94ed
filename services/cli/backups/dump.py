"""Makes backups: copies the databases in an order that leaves no dangling reference.

Services may write at the same time. Each document is consistent in itself, and documents that refer
to others (submissions, notifications, editions) are copied before those they refer to (units and
partners, which are never deleted). See ADR 0011 on backups.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from rich.progress import Progress

from services.cli.admin import database_schema
from services.cli.backups.archive import (
    PARTIAL,
    ArchiveInvalid,
    Manifest,
    Part,
    folder_name,
    read_part,
    seal,
    write_part,
)
from services.cli.errors import NO, Failure
from services.kernel.mongo import Mongo

BATCH = 500
NOT_COPIED = {"schema"}
"""Names of collections that are not copied: the state of `kieng db`, which the manifest records."""
RAW = CodecOptions(document_class=RawBSONDocument)


def save(
    mongo: Mongo,
    to: Path,
    institutions: Sequence[str],
    *,
    is_whole: bool,
    now: datetime,
    progress: Progress,
) -> tuple[Path, Manifest]:
    """Make a backup, and return its folder and manifest.

    Args:
        mongo: connection to the databases.
        to: folder in which the folder of the backup is created.
        institutions: ids of the institutions whose submissions are copied.
        is_whole: whether to copy the databases that all institutions share as well.
        now: current time in UTC, from which the backup is named.
        progress: progress bar, advanced by databases.

    Raises:
        Failure: there is nothing to copy, the backup exists, or a restore is unfinished.
    """
    name = folder_name(now)
    folder = to / f"{name}{PARTIAL}"
    if folder.exists() or (to / name).exists():
        raise Failure(f"{to / name} exists already: repeat in a second", NO)
    folder.mkdir(parents=True, mode=0o700)
    parts: list[Part] = []
    versions: dict[str, int] = {}
    wanted = [
        (schema, name)
        for schema, name in database_schema.databases(institutions)
        if is_whole or name in database_schema.schema_of("submissions").databases(institutions)
    ]
    task = progress.add_task("", total=len(wanted))
    for schema, database_name in wanted:
        progress.update(task, description=database_name)
        versions[database_name] = _version(mongo, database_name)
        parts += copy(mongo, folder, schema, database_name)
        progress.advance(task)
    if not any(part.documents for part in parts):
        shutil.rmtree(folder)
        raise Failure(f"nothing is there: no document of {', '.join(institutions) or 'anybody'}")
    view = counted(folder, parts) if is_whole else {}
    release = version("kieng")
    made = now.isoformat()
    manifest = Manifest(name, made, release, list(institutions), is_whole, versions, view, parts)
    return seal(folder, manifest), manifest


def _version(mongo: Mongo, name: str) -> int:
    found = database_schema.version_of(mongo.database(name))
    if found == database_schema.RESTORING:
        raise Failure(f"{name} is half restored: repeat `kieng backup restore` first", NO)
    return found


def copy(mongo: Mongo, folder: Path, schema: database_schema.Schema, name: str) -> Iterator[Part]:
    """Copy the collections of a database, yielding the description of each one copied.

    Args:
        mongo: connection to the databases.
        folder: folder of the backup.
        schema: schema of the database; the collections it calls derived are not copied.
        name: name of the database.
    """
    database = mongo.database(name)
    left_out = NOT_COPIED | set(schema.DERIVED)
    for collection in sorted(set(database.list_collection_names()) - left_out):
        if not collection.startswith("system."):
            raw = database.get_collection(collection, RAW)
            # In the order of ids, which never change, so that each document is read exactly once.
            found = raw.find({}, sort=[("_id", 1)], batch_size=BATCH)
            with found:
                yield write_part(folder, name, collection, cast(Iterator[RawBSONDocument], found))


def counted(folder: Path, parts: Sequence[Part]) -> dict[str, Any]:
    """Return the catalogue version and the digest of the numbers computed from a backup.

    They are computed from the submissions and the live catalogue in its files, so later writes to
    the databases do not matter. Returns an empty map if the backup has no live view or no
    catalogue.

    Raises:
        Failure: the submissions or the catalogue in the files are damaged.
    """
    live = _live_view(folder, parts)
    catalogues = [part.file for part in parts if part.collection == "catalogues"]
    if not live or not catalogues:
        return {}
    submissions = [str(folder / p.file) for p in parts if p.collection == "submissions"]
    python = (sys.executable, "-m")
    with (
        _running(*python, "services.submissions.offline_log", *submissions) as events,
        _running(
            *(*python, "services.kpi.offline.recount", str(folder / catalogues[0])),
            str(live["catalogue_version"]),
            stdin=events.stdout,
        ) as count,
    ):
        out, _ = count.communicate()
        events.communicate()
    if events.returncode or count.returncode:
        raise Failure("the backup cannot be counted: its submissions or its catalogue are damaged")
    return {"catalogue_version": int(live["catalogue_version"]), **json.loads(out)}


@contextmanager
def _running(*command: str, stdin: Any = None) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE) as process:
        yield process


def _live_view(folder: Path, parts: Sequence[Part]) -> dict[str, Any]:
    for part in parts:
        if part.collection == "views":
            try:
                views = [dict(view) for view in read_part(folder, part)]
            except ArchiveInvalid:
                return {}
            live = [view for view in views if view["state"] == "live"]
            return max(live, key=lambda view: view["opened_at"], default={})
    return {}
