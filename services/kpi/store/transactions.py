"""MongoDB transactions over one snapshot, for a flush with its checkpoint and for reads."""

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
    """Carries an error past pymongo's own retries."""


def transaction(
    mongo: Mongo, work: Callable[[ClientSession], T], session: ClientSession | None = None
) -> T:
    """Run ``work`` in one database transaction with a snapshot, atomically.

    ``work`` may be retried, so it must have no effect outside the transaction. A given
    ``session`` stays open; without one each transaction has its own.

    Raises:
        pymongo.errors.PyMongoError: the database is down or keeps conflicting.
    """

    def once(session: ClientSession) -> T:
        try:
            return work(session)
        except (errors.ServerSelectionTimeoutError, errors.NetworkTimeout) as error:
            # pymongo would retry the transaction for two minutes.
            raise _Lost(error) from None

    with nullcontext(session) if session else mongo.client.start_session() as opened:
        try:
            return opened.with_transaction(once, SNAPSHOT)
        except _Lost as lost:
            raise lost.args[0] from None
