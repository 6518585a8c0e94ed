"""Loops that do what the database cannot be spared, and nothing else: the floor of an import.

They write and read the documents of an import and of its decisions, in the same database with the
same indexes, as the service groups them. Beside it, a second thread writes what they count for into
the same database. There is no service, no broker and no command; no row is checked.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from kieng.submissions.v1 import submission_pb2
from services.cli.local import embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from services.kernel.mongo import Mongo
from services.kernel.publisher import Event
from services.submissions import wire
from services.submissions.batches import Batches, chunks
from services.submissions.documents import Loaded, Write, decode_outbox, encode_new
from services.submissions.domain import transitions
from services.submissions.domain.submission import Change, Decision, SourceRecord, Submission
from services.submissions.events import events_of
from services.submissions.ids import new_id, new_submission_id
from services.submissions.store import GROUP_MAX, Submissions
from tests.benchmark.bare_numbers import Numbers
from tests.benchmark.machine import cpu_seconds
from tests.benchmark.sizing import worker

INSTITUTION = "vnu"
UNITS = ("vnu/hus", "vnu/uet", "vnu/ul", "vnu/vju")
BARE, IMPORT = "bare insert_many loop", "bare loop of an import"
DECISIONS = "bare loop of decisions"
ANEW_MAX = 500
"""Number of submissions that are counted anew at a time, as many as are published."""
Spent = tuple[float, dict[str, float]]
"""Seconds on the clock, and CPU seconds of database and loop."""


def submissions(rows: int) -> list[Write]:
    """Return the writes of an import of so many new articles."""
    found = []
    for n in range(rows):
        message = submission_pb2.Content(unit_id=UNITS[n % len(UNITS)])
        article = message.facts.publication
        article.doi, article.title = f"10.5555/speed.{n}", f"Bài báo giả để đo số {n}"
        article.issued_on = "2025-03-01"
        sha256 = hashlib.sha256(article.doi.encode()).hexdigest()
        message.evidence.add(title=f"Minh chứng {n}", uri="urn:speed", sha256=sha256)
        submission_id = new_submission_id(INSTITUTION)
        content = wire.decode_content(message, submission_id)
        source, change = SourceRecord("file", f"p{n}"), Change("a", datetime.now(UTC), new_id())
        made = transitions.create(submission_id, INSTITUTION, content, source, change, submit=True)
        found.append(Write(None, made, events_of(None, made)))
    return found


def _decided(found: Loaded) -> Write:
    change = Change(
        "b",
        datetime.now(UTC),
        new_id(),
        roles=frozenset({"approver", "reviewer"}),
        is_institution_wide=True,
    )
    before: Submission = found.submission
    after = transitions.decide(before, Decision.VERIFY, change, before.version)
    return Write(found, after, events_of(before, after))


class _Loops:
    def __init__(self, store: Submissions, pid: int) -> None:
        self._store, self._documents, self._pid = store, store._documents, pid

    def spent(self, body: Callable[[], None]) -> Spent:
        """Run a loop; return what it cost."""
        before, mine, began = cpu_seconds(self._pid), time.process_time(), time.monotonic()
        body()
        wall, own = time.monotonic() - began, time.process_time() - mine
        return wall, {"database": cpu_seconds(self._pid) - before, "loop": own}

    def insert(self, documents: list[dict[str, Any]]) -> None:
        """Insert documents, as the target has it."""
        for start in range(0, len(documents), GROUP_MAX):
            self._documents.insert_many(documents[start : start + GROUP_MAX], ordered=False)

    def as_an_import(self, writes: list[Write], batches: Batches, numbers: Numbers) -> None:
        """Look for records and works as an import must, write, publish and count."""
        with _counting(numbers) as count:
            for start in range(0, len(writes), GROUP_MAX):
                part = [write.after for write in writes[start : start + GROUP_MAX]]
                self._store.of_sources(each.source for each in part if each.source)
                list(self._store.near("work_key", (each.content.work_key for each in part)))
                self._write(writes[start : start + GROUP_MAX], batches, count)

    def read(self, writes: list[Write]) -> list[Loaded]:
        """Return the submissions in the order of their writes, by their records."""
        sources = [write.after.source for write in writes if write.after.source]
        found = self._store.of_sources(sources)
        return [found[each] for each in sources]

    def decide(self, writes: list[Write], batches: Batches, numbers: Numbers) -> None:
        """Read submissions by their records, write their next versions, publish and count."""
        with _counting(numbers) as count:
            for start in range(0, len(writes), GROUP_MAX):
                part = writes[start : start + GROUP_MAX]
                self.read(part)
                self._write(part, batches, count)

    @staticmethod
    def _write(part: list[Write], batches: Batches, count: Callable[[list[Event]], None]) -> None:
        assert not batches.write(part)
        waiting = batches.pending(1)
        count([event for each in waiting for event in decode_outbox(each)])
        batches.clear([each["_id"] for each in waiting])


@contextmanager
def _counting(numbers: Numbers) -> Iterator[Callable[[list[Event]], None]]:
    """Count events in a second thread, as the aggregator does; wait until all are stored."""
    began, told = numbers.counted, []
    with ThreadPoolExecutor(1) as second:
        yield lambda events: told.append((len(events), second.submit(numbers.take, events)))
    for _, counted in told:
        counted.result()
    assert numbers.counted - began == sum(events for events, _ in told)


def fill(folder: Path, rows: int) -> None:
    """Store so many submissions in a database of this folder, which is stopped again."""
    (port,) = free_ports(1)
    local = embedded.secantus(port, folder / "data", folder / "database.log")
    with ChildGroup() as supervisor:
        supervisor.start(local.child, local.unready, embedded.DATABASE_READY_SECONDS)
        with closing(Mongo(local.uri, 5000)) as mongo:
            store = Submissions(mongo, INSTITUTION)
            store.declare()
            documents = [encode_new(write, []) for write in submissions(rows)]
            _Loops(store, local.child.pid).insert(documents)


def count_anew(uri: str, pid: int) -> Spent:
    """Read all submissions of a database, and write the numbers of a new log; return the cost."""
    with closing(Mongo(uri, 5000)) as mongo:
        loaded = Submissions(mongo, INSTITUTION).every(ANEW_MAX)
        numbers = Numbers(mongo)

        def count() -> None:
            while part := list(islice(loaded, ANEW_MAX)):
                numbers.take(event for each in part for event in events_of(None, each.submission))

        return _Loops(Submissions(mongo, INSTITUTION), worker(pid)).spent(count)


def measure(folder: Path, rows: int) -> dict[str, Spent]:
    """Return name of a loop -> what it cost."""
    (port,) = free_ports(1)
    folder.mkdir(parents=True)
    local = embedded.secantus(port, folder / "data", folder / "database.log")
    writes = submissions(rows)
    documents = [encode_new(write, write.events) for write in writes]
    with ChildGroup() as supervisor:
        supervisor.start(local.child, local.unready, embedded.DATABASE_READY_SECONDS)
        with closing(Mongo(local.uri, 5000)) as mongo:
            store = Submissions(mongo, INSTITUTION)
            store.declare()
            loops = _Loops(store, worker(local.child.pid))
            found = {BARE: loops.spent(lambda: loops.insert(documents))}
            for ids in chunks([each["_id"] for each in documents]):
                store._documents.delete_many({"_id": {"$in": list(ids)}})
            numbers, batches = Numbers(mongo), store.batches
            found[IMPORT] = loops.spent(lambda: loops.as_an_import(writes, batches, numbers))
            decided = [_decided(each) for each in loops.read(writes)]
            found[DECISIONS] = loops.spent(lambda: loops.decide(decided, batches, numbers))
            return found
