"""A view as a value and as a document: its log, catalogue, fold version, phase and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.kpi.domain.catalogue import FOLD_VERSION

LIVE = "live"
UNSAFE = "unsafe"
"""Key of `View.diverged` for a log whose settings might lose events; it is still the same log."""
Vector = Mapping[int, int]
"""Partition -> offset of the next record to fold."""


@dataclass(frozen=True, slots=True)
class View:
    """A view: what it is computed from, its state and its phase.

    Args:
        view_id: id, see `catalogues.view_id`.
        state: `building`, `live`, `retired`, `refused` or `removed`.
        generation: generation of the log.
        topic_id: topic id of the log.
        catalogue_version: version of the catalogue.
        awaits: institutions that have not been republished yet.
        begins: partition -> first offset, where the log had already lost its beginning.
        diverged: why nothing is folded, by number of a partition, or by `log` or `unsafe` for the
            whole log; empty if all is well.
        phase: phase of a rebuild beside the live view: `loading` the log up to ``targets``,
            `verifying` against the oracle, or `following` the log until it takes over; empty
            without a rebuild.
        fold_version: version of the fold.
        targets: partition -> offset up to which a rebuild loads the log.
        parked_max: maximum number of parked records; None for as many as the live view has.
        reason: why the view was refused; else empty.
        opened_at: time of creation.
        partitions: number of partitions of the log, which determines where the claims on a work
            meet; 0 if not known yet.
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
        """Whether the view's log is, as far as known, still the one that was folded.

        Unsafe settings of the log alone do not make it another one.
        """
        return not self.diverged.keys() - {UNSAFE}

    def is_of(self, topic_id: str, partitions: int = 0) -> bool:
        """Return True if the view belongs to this log and is live or awaits its republication.

        Args:
            topic_id: topic id of the log.
            partitions: number of partitions of the log; 0 if unknown.
        """
        is_folded = self.state == LIVE or (self.state == "building" and not self.phase)
        is_same = self.topic_id == topic_id and self.has_partitions(partitions)
        return is_folded and is_same and self.has_its_log

    def has_partitions(self, partitions: int) -> bool:
        """Return False if the view's log is known to have another number of partitions, else True.

        Args:
            partitions: number of partitions; 0 if unknown.
        """
        return not self.partitions or not partitions or self.partitions == partitions


def encode_view(view: View) -> dict[str, Any]:
    """Return a view as a document for MongoDB, which `decode_view` reads."""
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
    """Return the view that a document of MongoDB describes.

    Fields that documents of older releases lack get their defaults.
    """
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
