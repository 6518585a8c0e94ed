"""Mistakes in the relay and in the events of a submission."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.kernel import outbox as relay
from services.submissions import events
from services.submissions import outbox as submission_outbox
from services.submissions.documents import decode_outbox
from services.submissions.domain import claims as claims_module
from services.submissions.store import Submissions


def _clears_first(outbox: Any, publish: Any, limit: int) -> int:
    documents = outbox.pending(limit)
    if documents:
        outbox.clear(documents)
        publish(outbox.events(documents))
    return len(documents)


def _clears_what_came_meanwhile(self: Submissions, documents: Any) -> None:
    for document in documents:
        empty = {"$set": {"outbox": [], "outbox_pending": False}}
        self._documents.update_one({"_id": document["_id"]}, empty)


def _publishes_the_newest_only(documents: Any) -> list[Any]:
    return [event for events in map(decode_outbox, documents) for event in events[-1:]]


_REAL_NOTICES = claims_module.notices


def _tells_of_the_new_work_only(previous: Any, submission: Any) -> Any:
    return [notice for notice in _REAL_NOTICES(previous, submission) if notice.is_primary]


def _forgets_former_works(previous: Any, submission: Any) -> Any:
    return _REAL_NOTICES(previous, replace(submission, former_keys=frozenset()))


MUTANTS = {
    "the relay clears before the broker acknowledged": ((relay, "_drain", _clears_first),),
    "the relay clears what was written meanwhile": (
        (Submissions, "clear", _clears_what_came_meanwhile),
    ),
    "the relay publishes the newest event only": (
        (submission_outbox, "waiting", _publishes_the_newest_only),
    ),
    "a changed work key retracts nothing": ((events, "notices", _tells_of_the_new_work_only),),
    "a log is filled without former works": ((events, "notices", _forgets_former_works),),
}
