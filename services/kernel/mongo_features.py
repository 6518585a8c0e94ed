"""The database features that the services need beyond plain reads and writes, and their tests.

A server may speak MongoDB's protocol yet lack what makes a flush atomic, so every feature is
actually tried. docs/databases.md explains each one. Every check uses one document of its own in the
collection `schema` and removes it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from bson import Binary
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database as MongoDatabase
from pymongo.errors import AutoReconnect, PyMongoError
from pymongo.read_concern import ReadConcern

from services.kernel.errors import NotReady

Database = MongoDatabase[dict[str, Any]]
Trial = tuple[Collection[dict[str, Any]], dict[str, Any], ClientSession]
PAGE = "docs/databases.md"
TRANSIENT = "TransientTransactionError"


_capable = set[tuple[str, int] | None]()
"""Addresses of the servers on which this process has tried every feature."""


def need_features(database: Database) -> None:
    """Try every feature on the server of a database, once per process.

    Raises:
        NotReady: features are missing; the message names all of them.
        pymongo.errors.AutoReconnect: the database is down.
    """
    server = database.client.address
    if server not in _capable and (lacking := missing(database)):
        raise NotReady(f"{database.name}: the database lacks {'; '.join(lacking)}: see {PAGE}")
    _capable.add(server)


def missing(database: Database) -> list[str]:
    """Return the features that a database lacks, each with what was seen instead; empty if none.

    Raises:
        pymongo.errors.AutoReconnect: the database is down.
    """
    found = []
    for name, check in CHECKS.items():
        probe = {"_id": f"probe {uuid4()}", "n": 1}
        try:
            if seen := check(database, probe):
                found.append(f"{name} ({seen})")
        except AutoReconnect:
            raise
        except PyMongoError as error:
            # What pymongo adds to the server's sentence is the whole answer.
            found.append(f"{name} ({str(error).partition(', full error')[0][:120]})")
        finally:
            database["schema"].delete_one({"_id": probe["_id"]})
    return found


def _replica_set(database: Database, probe: dict[str, Any]) -> str:
    return "" if database.client.admin.command("hello").get("setName") else "it is none"


def _durable_write(database: Database, probe: dict[str, Any]) -> str:
    # The client's write concern is the majority with the journal.
    return "" if database["schema"].insert_one(probe).acknowledged else "not acknowledged"


@contextmanager
def _transaction(database: Database, probe: dict[str, Any]) -> Iterator[Trial]:
    """Store a document and open a transaction with read concern `snapshot`.

    Yields the collection, the filter of the document, and the session, whose end aborts the
    transaction.
    """
    documents, mine = database["schema"], {"_id": probe["_id"]}
    documents.insert_one(probe)
    with database.client.start_session() as session:
        session.start_transaction(ReadConcern("snapshot"))
        yield documents, mine, session


def _atomic(database: Database, probe: dict[str, Any]) -> str:
    with _transaction(database, probe) as (documents, mine, session):
        documents.update_one(mine, {"$inc": {"n": 1}}, session=session)
        inside = (documents.find_one(mine, session=session) or {}).get("n")
        outside = (documents.find_one(mine) or {}).get("n")
    after = (documents.find_one(mine) or {}).get("n")
    if (inside, outside, after) != (2, 1, 1):
        return f"read {inside} inside, {outside} beside and {after} after it was aborted"
    return ""


def _conflicts(database: Database, probe: dict[str, Any]) -> str:
    with _transaction(database, probe) as (documents, mine, session):
        documents.find_one(mine, session=session)
        documents.update_one(mine, {"$inc": {"n": 1}})
        try:
            documents.update_one(mine, {"$inc": {"n": 1}}, session=session)
        except PyMongoError as error:
            return "" if error.has_error_label(TRANSIENT) else f"without the label {TRANSIENT}"
    return "two wrote one document and neither was told"


def _snapshot(database: Database, probe: dict[str, Any]) -> str:
    with _transaction(database, probe) as (documents, mine, session):
        documents.find_one(mine, session=session)
        documents.update_one(mine, {"$inc": {"n": 1}})
        seen = (documents.find_one(mine, session=session) or {}).get("n")
    return "" if seen == 1 else "a later write is seen"


def _groups(database: Database, probe: dict[str, Any]) -> str:
    documents = database["schema"]
    documents.insert_one(probe)
    totals = {"_id": "$n", "number": {"$sum": 1}, "least": {"$min": "$n"}}
    found = list(documents.aggregate([{"$match": {"_id": probe["_id"]}}, {"$group": totals}]))
    return "" if found == [{"_id": 1, "number": 1, "least": 1}] else f"answered {found}"


def _counters(database: Database, probe: dict[str, Any]) -> str:
    change = {"$inc": {"n": 1}, "$setOnInsert": {"new": True}}
    found = database["schema"].find_one_and_update(
        {"_id": probe["_id"]}, change, upsert=True, return_document=ReturnDocument.AFTER
    )
    return "" if (found or {}).get("n") == 1 else f"answered {found}"


def _ends_sessions(database: Database, probe: dict[str, Any]) -> str:
    database.client.admin.command({"killSessions": [{"id": Binary.from_uuid(uuid4())}]})
    return ""


CHECKS: dict[str, Callable[[Database, dict[str, Any]], str]] = {
    "a replica set": _replica_set,
    "writes acknowledged by the majority": _durable_write,
    "atomic transactions": _atomic,
    "transactions that read one snapshot": _snapshot,
    "write conflicts between transactions": _conflicts,
    "aggregation by $group with $sum and $min": _groups,
    "findAndModify with upsert": _counters,
    "killSessions": _ends_sessions,
}
"""Feature -> function that tries it and returns what was seen instead; empty if it works."""
