"""Folds the log in memory up to a bound, for one replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from services.kernel.errors import WrongState
from services.kernel.kafka import Record
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.cube import Cube
from services.kpi.domain.parking import UNLIMITED
from services.kpi.projection.decoder import kind_of
from services.kpi.projection.memory_store import MemoryStore
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.ledger import PartitionLease
from services.kpi.store.reads import Progress
from services.kpi.wire import events


@dataclass(frozen=True, slots=True)
class ReplayBound:
    """The bound at which a replay of the log stops.

    Args:
        until: partition -> offset before which to stop, for every partition.
        before_ms: time in ms since 1970; in each partition, the first record that the log received
            at that time or later is excluded, and everything after it. 0 excludes nothing.
        generation: generation of the log; from 2 on, its first records repeat those of earlier
            logs.
        begins: partition -> first offset of the view, where it is not 0.
    """

    until: Mapping[int, int]
    before_ms: int = 0
    generation: int = 1
    begins: Mapping[int, int] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """Number of offsets to replay, which is the number of records if the log has no gaps."""
        return sum(offset - self.begins.get(p, 0) for p, offset in self.until.items())


@dataclass
class MemoryProjection:
    """Folds replayed records of all partitions in memory. Used by one thread.

    Args:
        catalogue: catalogue to count with.
        bound: where to stop.
        read: number of records read so far.
    """

    catalogue: Catalogue
    bound: ReplayBound
    read: int = 0
    _folds: dict[int, tuple[PartitionFold, MemoryStore]] = field(default_factory=dict)
    _is_cut: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for partition in self.bound.until:
            begin = self.bound.begins.get(partition, 0)
            lease, view = (
                PartitionLease("scratch", partition, 1, begin, 0, 0, frozenset()),
                MemoryStore(),
            )
            fold = PartitionFold(lease, self.catalogue, view, UNLIMITED, self.bound.generation)
            self._folds[partition] = fold, view

    def take(self, records: Sequence[Record]) -> None:
        """Fold replayed records of one partition, in order; those beyond the bound are skipped.

        Raises:
            WrongState: this log was only filled from an earlier one after the requested time.
        """
        partition = records[0].partition
        until, before_ms = self.bound.until.get(partition, 0), self.bound.before_ms
        inside = [record for record in records if record.offset < until]
        self.read += len(inside)
        kept: list[Record] = []
        for record in inside:
            if before_ms and record.timestamp >= before_ms:
                self._is_cut.add(partition)
                if self.bound.generation > 1 and kind_of(record) == events.REPUBLISHED:
                    text = (
                        f"log generation {self.bound.generation} was filled later than that; "
                        "of older days only the kept ones can be read"
                    )
                    raise WrongState(text, reason="LOG_GONE")
            elif partition not in self._is_cut:
                kept.append(record)
        self._folds[partition][0].apply(kept)

    def progress(self) -> Progress:
        """Return the checkpoint that the replay has reached, over all partitions."""
        lease = [fold.lease for fold, _ in self._folds.values()]
        heard = [each.republished for each in lease]
        return Progress(
            {each.partition: each.next_offset for each in lease},
            max((each.newest_event_ms for each in lease), default=0),
            sum(each.parked for each in lease),
            frozenset.intersection(*heard) if heard else frozenset(),
        )

    def cube(self) -> Cube:
        """Return a new cube with all cells of the replayed view."""
        cube = Cube(self.catalogue)
        for partition, (_, view) in self._folds.items():
            view.put_into(cube, partition)
        return cube

    def works(self) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (work key, encoded newest events of its submissions), in order of key."""
        found = [item for _, view in self._folds.values() for item in view.works_kept()]
        yield from sorted(found, key=itemgetter(0))
