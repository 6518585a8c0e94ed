"""Groups the entries of a request stream: those that arrive together are written together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from services.kernel.errors import AlreadyExists, Conflict
from services.submissions.documents import Write
from services.submissions.store import GROUP_MAX, Submissions

# Long enough for a sender's next row, short enough for a sender that awaits each answer.
GATHER_SECONDS = 0.02

T = TypeVar("T")
R = TypeVar("R")

log = structlog.get_logger()


class _End:
    """Marks the end of a stream in the queue of its entries."""


def groups(stream: Iterable[T]) -> Iterator[list[T]]:
    """Yield the entries of a stream in batches of 1 to `GROUP_MAX`, in order.

    A batch is yielded as soon as no entry has arrived for `GATHER_SECONDS`. If the caller cancels
    the stream, the entries received before are still yielded and the iterator ends normally.
    """
    arrived: queue.Queue[T | _End] = queue.Queue(GROUP_MAX)
    is_over = threading.Event()

    def put(entry: T | _End) -> None:
        while not is_over.is_set():
            try:
                return arrived.put(entry, timeout=0.5)
            except queue.Full:
                continue

    def read() -> None:
        try:
            for entry in stream:
                put(entry)
                if is_over.is_set():
                    return
        except Exception as error:  # grpcio raises a bare exception when the caller has gone
            log.info("stream broke off", error=type(error).__name__)
        finally:
            put(_End())

    threading.Thread(target=read, name="groups", daemon=True).start()
    try:
        is_last = False
        while not is_last:
            first = arrived.get()
            if isinstance(first, _End):
                return
            group = [first]
            is_last = _gather(arrived, group)
            yield group
    finally:
        is_over.set()


def _gather(arrived: queue.Queue[T | _End], group: list[T]) -> bool:
    """Append entries while they keep arriving. Return True at the end of the stream."""
    while len(group) < GROUP_MAX:
        try:
            entry = arrived.get(timeout=GATHER_SECONDS)
        except queue.Empty:
            return False
        if isinstance(entry, _End):
            return True
        group.append(entry)
    return False


def without_repeats(group: Sequence[T], key: Callable[[T], Hashable]) -> Iterator[list[T]]:
    """Split a batch into consecutive parts, none of which contains the same key twice.

    Entries with the keys `a, b, a, c` become the parts `a, b` and `a, c`. An empty batch has no
    parts.

    Args:
        group: entries of the batch.
        key: returns the key of an entry.
    """
    part: list[T] = []
    seen: set[Hashable] = set()
    for entry in group:
        if key(entry) in seen:
            yield part
            part, seen = [], set()
        part.append(entry)
        seen.add(key(entry))
    if part:
        yield part


@dataclass(frozen=True, slots=True)
class Plan(Generic[R]):
    """The answer to one entry of a stream, and the write that makes this answer true.

    ``write`` is None if nothing changes, e.g. because the entry was applied before or is refused.
    """

    answer: R
    write: Write | None = None


def write_all(submissions: Submissions, plans: Sequence[Plan[R]]) -> list[bool]:
    """Write the plans of one batch together. Return for each plan, in order, whether it succeeded.

    A plan without a write always succeeds. False means that another write came first: read the
    submission again and retry the plan alone.
    """
    refused = submissions.batches.write([plan.write for plan in plans if plan.write])
    return [plan.write is None or plan.write.after.submission_id not in refused for plan in plans]


def write_one(submissions: Submissions, plan: Callable[[], Plan[R]]) -> R:
    """Write what ``plan`` returns and return its answer; retry once if another write came first.

    Raises:
        Conflict: another write came first in the second attempt as well.
        AlreadyExists: the request id or source record is still in use in the second attempt.
    """
    try:
        return _write(submissions, plan())
    except (Conflict, AlreadyExists):
        return _write(submissions, plan())


def _write(submissions: Submissions, plan: Plan[R]) -> R:
    if plan.write is not None and plan.write.before is None:
        submissions.insert(plan.write)
    elif plan.write is not None:
        submissions.replace(plan.write)
    return plan.answer
