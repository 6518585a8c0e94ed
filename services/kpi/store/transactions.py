"""MongoDB transactions over one snapshot, for flushes with their checkpoint and for reads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from pymongo import errors
from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern

from services.kernel.mongo import Mongo

T = TypeVar("T")

SNAPSHOT = ReadConcern("snapshot")


class _Lost(Exception):
    """Wraps an error, so that pymongo does not retry the transaction."""


def transaction(
    mongo: Mongo, work: Callable[[ClientSession], T], session: ClientSession | None = None
) -> T:
    """Run a function in one database transaction over one snapshot; return its result.

    If the function raises an error, nothing is stored.

    Args:
        mongo: connection to the database.
        work: called with the session; may be retried, so it must have no effect outside the
            transaction.
        session: session to use, which stays open; None to use a new one.

    Raises:
        pymongo.errors.PyMongoError: the database is down or keeps reporting conflicts.
    """

    def once(session: ClientSession) -> T:
        try:
            return work(session)
        except (errors.ServerSelectionTimeoutError, errors.NetworkTimeout) as error:
            # Wrapped, because pymongo would otherwise retry the transaction for two minutes.
            raise _Lost(error) from None

    with nullcontext(session) if session else mongo.client.start_session() as opened:
        try:
            return opened.with_transaction(once, SNAPSHOT)
        except _Lost as lost:
            raise lost.args[0] from None
