"""Sessions and transactions of the simulated MongoDB: snapshots, conflicts, lost answers.

Two things differ from the real one on purpose, and only in the way to the same end. A transaction
holds no documents: who commits first wins, and the other one begins anew, where the real one lets
the second writer wait or begin anew at once. And a commit whose answer was lost is not sent again;
pymongo repeats it for two minutes before it raises the same error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from bson import Binary
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from tests.simulation.query import Document

if TYPE_CHECKING:
    from tests.simulation.database import SimulatedMongo

T = TypeVar("T")

Stored = dict[str, dict[str, tuple[int, Document]]]
"""Collection -> `_id` -> how often the document was written, and the document."""

TRANSIENT = "TransientTransactionError"
UNKNOWN_COMMIT = "UnknownTransactionCommitResult"
WRITE_CONFLICT = 112
NO_SUCH_TRANSACTION = 251
_NOTHING: tuple[int, Document] = (0, {})


def put(stored: Stored, collection: str, key: str, document: Document) -> None:
    """Store a document as its next version."""
    found = stored.setdefault(collection, {})
    found[key] = (found.get(key, _NOTHING)[0] + 1, document)


class Transaction:
    """What a transaction saw, and what it wants to write.

    Args:
        stored: the database.
    """

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._seen: Stored | None = None
        self.writes: dict[tuple[str, str], Document] = {}
        self.is_ended = False

    @property
    def seen(self) -> Stored:
        """The database as it was when the transaction first looked."""
        if self._seen is None:
            self._seen = {name: dict(found) for name, found in self._stored.items()}
        return self._seen

    def write(self, collection: str, key: str, document: Document) -> None:
        """Keep a document for the commit.

        Raises:
            pymongo.errors.OperationFailure: it was written by another one since the snapshot.
        """
        self._check(collection, key)
        self.writes[collection, key] = document

    def check(self) -> None:
        """Raise as `write` if anything that is to be written was written by another one."""
        for collection, key in self.writes:
            self._check(collection, key)

    def _check(self, collection: str, key: str) -> None:
        here = self._stored.get(collection, {}).get(key, _NOTHING)
        if here[0] != self.seen.get(collection, {}).get(key, _NOTHING)[0]:
            raise _transient("another transaction was faster", WRITE_CONFLICT)

    def commit(self) -> None:
        """Store everything."""
        for (collection, key), document in self.writes.items():
            put(self._stored, collection, key, document)


class Session:
    """A way to transactions, one after the other.

    Args:
        mongo: where it was started.
        number: tells it from the others.
    """

    def __init__(self, mongo: SimulatedMongo, number: int) -> None:
        self.session_id: Document = {"id": Binary.from_uuid(UUID(int=number))}
        self._mongo = mongo
        self._transaction: Transaction | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *trouble: object) -> None:
        return None

    @property
    def transaction(self) -> Transaction:
        """The one that runs.

        Raises:
            pymongo.errors.OperationFailure: it was ended from outside.
        """
        assert self._transaction is not None, "a session is used outside its transaction"
        if self._transaction.is_ended:
            raise _transient("the transaction was aborted", NO_SUCH_TRANSACTION)
        return self._transaction

    def end(self) -> None:
        """Abort what runs; its next operation says so."""
        if self._transaction is not None:
            self._transaction.is_ended = True

    def with_transaction(self, work: Callable[[Any], T], *concerns: object) -> T:
        """Run ``work`` on a snapshot and commit, again as long as it meets what passes."""
        while True:
            self._transaction = Transaction(self._mongo.in_transactions)
            try:
                result = work(self)
                self._commit()
                return result
            except PyMongoError as error:
                if not error.has_error_label(TRANSIENT):
                    raise
                code = error.code if isinstance(error, OperationFailure) else 0
                self._mongo.conflicts += code == WRITE_CONFLICT
            finally:
                self._transaction = None

    def _commit(self) -> None:
        world = self._mongo.world
        world.point("commit")
        self.transaction.check()
        fate = self._mongo.fate()
        if fate == "lost":
            raise AutoReconnect("the commit was never heard of", {"errorLabels": [UNKNOWN_COMMIT]})
        self.transaction.commit()
        # Even the answer may be lost: by the network, or because the process dies here.
        world.point("committed")
        if fate == "unheard":
            text = "the commit succeeded, its answer was lost"
            raise AutoReconnect(text, {"errorLabels": [UNKNOWN_COMMIT]})


class Client:
    """Starts sessions, and ends those of others."""

    def __init__(self, mongo: SimulatedMongo) -> None:
        self._mongo = mongo
        self._sessions: dict[bytes, Session] = {}

    def start_session(self) -> Session:
        """Return a new session."""
        session = Session(self._mongo, len(self._sessions) + 1)
        self._sessions[session.session_id["id"]] = session
        return session

    @property
    def admin(self) -> Client:
        """The database that takes commands to the server."""
        return self

    def command(self, command: dict[str, Sequence[Document]]) -> None:
        """Run `killSessions`; sessions that are not known are passed over."""
        self._mongo.world.point("kill")
        self._mongo.read()
        for ended in command["killSessions"]:
            if ended["id"] in self._sessions:
                self._sessions[ended["id"]].end()


def _transient(text: str, code: int) -> OperationFailure:
    return OperationFailure(text, code, {"errorLabels": [TRANSIENT]})
