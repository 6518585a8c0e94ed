"""Mistakes in telling one log from another and in filling a new generation."""

from __future__ import annotations

from typing import Any

from services.kpi.domain.parking import Limits
from services.kpi.log.identity import LogDescription
from services.kpi.projection import ownership
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.ledger import Ledger
from services.kpi.store.transactions import transaction
from services.kpi.store.views import View, Views
from services.kpi.wire import events as wire_events
from tests.simulation import platform


def _asks_once(settings: Any) -> LogDescription:
    return LogDescription("log-1", settings.platform.log.partitions, "")


def _finds_every_log_the_same(*asked: Any) -> str:
    return ""


_REAL_MARK = wire_events.decode_republished


def _takes_any_mark(value: bytes, generation: int, source: str) -> frozenset[str]:
    return _REAL_MARK(value, 0, source)


def _ends_nobody(self: Views, generation: int) -> None:
    return None


def _asks_no_second_time(
    self: ownership.OwnedPartitions, view: Any, partition: int, behind: Any = None
) -> PartitionFold:
    ledger = self._ledgers.setdefault(view.view_id, Ledger(self.connection.mongo))
    lease = ledger.claim(view.view_id, partition, view.begins.get(partition, 0))
    catalogue, settings = self.catalogues.catalogue(view.catalogue_version), self.container.settings
    limits = Limits(settings.parked_in_a_row_max, settings.parked_per_10000_max)
    return PartitionFold(lease, catalogue, ledger, limits, view.generation, behind)


def _answers_whoever_does_by_now(self: Views, view: Any, republished: frozenset[str]) -> None:
    if not view.phase and not set(view.awaits) - republished:
        transaction(self._mongo, lambda session: self._make_live(view.view_id, session))


def _answers_already(self: View, topic_id: str, partitions: int = 0) -> bool:
    is_same = self.topic_id == topic_id and self.has_partitions(partitions)
    return self.state == "live" and is_same and self.has_its_log


MUTANTS = {
    "the identity of the log is not asked": (
        (platform, "_describe", _asks_once),
        (platform, "_divergence", _finds_every_log_the_same),
    ),
    "marks of another generation are accepted": (
        (wire_events, "decode_republished", _takes_any_mark),
    ),
    "a new generation ends no former owner": ((Views, "end_former_logs", _ends_nobody),),
    "a claim does not ask again which log it is": (
        (ownership.OwnedPartitions, "_fold_of", _asks_no_second_time),
    ),
    "a sleeper lets its generation answer": (
        (Views, "note_republished", _answers_whoever_does_by_now),
    ),
    "a generation that is being filled is opened again": ((View, "is_of", _answers_already),),
}
