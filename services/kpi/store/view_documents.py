"""A view as a value and its document: log, catalogue, fold version, phase and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.kpi.domain.catalogue import FOLD_VERSION

LIVE = "live"
UNSAFE = "unsafe"
"""Key of `diverged` for a log whose settings could lose events; it is still the same log."""
Vector = Mapping[int, int]
"""Partition -> offset of the next record to fold."""


@dataclass(frozen=True, slots=True)
class View:
    """A view: what it is computed from, its state and its phase.

    Args:
        awaits: institutions that are not yet republished.
        begins: first offset of partitions whose log had already lost its beginning.
        diverged: why nothing is folded, by partition, for the whole `log`, or because its settings
            are `unsafe`; empty when all is well.
        phase: step of a rebuild beside the live view: `loading` the log up to
            ``targets``, `verifying` against the oracle, `following` the log until it takes over.
        parked_max: maximum number of parked records; None allows as many as the live view.
        partitions: number of partitions of the log, which decides where the claims of a work meet;
            0 if it is not known yet.
        reason: why the view was refused.
    """

    view_id: str
    state: str
    generation: int
    topic_id: str
    catalogue_version: int
    awaits: tuple[str, ...]
    begins: Vector = field(default_factory=dict)
    diverged: Mapping[str, str] = field(default_factory=dict)
    phase: str = ""
    fold_version: int = FOLD_VERSION
    targets: Vector = field(default_factory=dict)
    parked_max: int | None = None
    reason: str = ""
    opened_at: datetime | None = field(default=None, compare=False)
    partitions: int = 0

    @property
    def has_its_log(self) -> bool:
        """Whether the view's log is, as far as known, still the one that was folded."""
        return not self.diverged.keys() - {UNSAFE}

    def is_of(self, topic_id: str, partitions: int = 0) -> bool:
        """Whether the view is of the present log: live, or building until the log is filled."""
        is_folded = self.state == LIVE or (self.state == "building" and not self.phase)
        is_same = self.topic_id == topic_id and self.has_partitions(partitions)
        return is_folded and is_same and self.has_its_log

    def has_partitions(self, partitions: int) -> bool:
        """Whether a log of so many partitions may be the view's; True if a number is unknown."""
        return not self.partitions or not partitions or self.partitions == partitions


def encode_view(view: View) -> dict[str, Any]:
    """Return a view as it is stored; `decode_view` reads it."""
    return {
        "_id": view.view_id,
        "state": view.state,
        "phase": view.phase,
        "generation": view.generation,
        "topic_id": view.topic_id,
        "catalogue_version": view.catalogue_version,
        "fold_version": view.fold_version,
        "awaits": list(view.awaits),
        "begins": {str(partition): offset for partition, offset in view.begins.items()},
        "diverged": dict(view.diverged),
        "targets": {str(partition): end for partition, end in view.targets.items()},
        "parked_max": view.parked_max,
        "reason": view.reason,
        "opened_at": view.opened_at,
        "partitions": view.partitions,
        "builder": None,
    }


def decode_view(document: Mapping[str, Any]) -> View:
    """Return the view of a document; documents of the first release lack later fields."""
    return View(
        document["_id"],
        document["state"],
        document["generation"],
        document["topic_id"],
        document["catalogue_version"],
        tuple(document["awaits"]),
        {int(partition): offset for partition, offset in document.get("begins", {}).items()},
        document.get("diverged", {}),
        document.get("phase", ""),
        document["fold_version"],
        {int(partition): end for partition, end in document.get("targets", {}).items()},
        document.get("parked_max"),
        document.get("reason", ""),
        document["opened_at"],
        document.get("partitions", 0),
    )
