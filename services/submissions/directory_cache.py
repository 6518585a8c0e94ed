"""Caches units and partners, which are read from the partners service as the current caller."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nameko.containers import WorkerContext

from kieng.directory.v1 import directory_pb2, directory_service_pb2, directory_service_pb2_grpc
from kieng.partners.v1 import partner_service_pb2, partner_service_pb2_grpc
from services.kernel.errors import InvalidArgument, NotFound, Unavailable
from services.refusals.suggestion import FOUND_MAX, unknown_unit
from services.submissions.domain.unit import Unit
from services.submissions.peer_calls import Stub

UNITS_SECONDS = 30.0
UNKNOWN_UNIT_SECONDS = 1.0
PARTNER_SECONDS = 300.0
PARTNERS_MAX = 10_000


def units_of(directory: directory_pb2.Directory) -> Mapping[str, Unit]:
    """Return unit id -> unit for all units of a directory, including those that have ended.

    A directory names only the successors of a unit; its predecessors are derived from those.
    """
    forebears: dict[str, list[str]] = {}
    for unit in directory.units:
        for successor_id in unit.successor_ids:
            forebears.setdefault(successor_id, []).append(unit.unit_id)
    return {
        unit.unit_id: Unit(
            last_day=unit.valid_to,
            successor_ids=tuple(unit.successor_ids),
            first_day=unit.valid_from,
            predecessor_ids=tuple(forebears.get(unit.unit_id, ())),
        )
        for unit in directory.units
    }


def units_named(stub: Any, text: str) -> list[str]:
    """Return the ids of the units that a name, an alias or an abbreviation may mean.

    They are at most one more than can be suggested. There are none if the text has no letter or
    digit, or the directory cannot be searched.

    Args:
        stub: stub of the DirectoryService.
        text: the name.
    """
    request = directory_service_pb2.SearchUnitsRequest(query=text, page_size=FOUND_MAX + 1)
    try:
        return [unit.unit_id for unit in stub.SearchUnits(request).units]
    except (InvalidArgument, Unavailable):
        return []


class UnitCache:
    """The units of the newest directory version, kept for 30 seconds. Thread-safe.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._units: Mapping[str, Unit] = {}
        self._read_at = -UNITS_SECONDS

    def find(self, unit_id: str, read: Callable[[], Mapping[str, Unit]]) -> Unit | None:
        """Return the unit with this id, or None if the directory has no such unit.

        Calls ``read`` (unit id -> unit) if the cache is stale or lacks the unit. If that fails for
        a cached unit, the stale unit is returned.

        Raises:
            Unavailable: the directory cannot be read and the unit is not cached.
        """
        with self._lock:
            age = self._clock() - self._read_at
            is_known = unit_id in self._units
            if age >= (UNITS_SECONDS if is_known else UNKNOWN_UNIT_SECONDS):
                try:
                    self._units = read()
                    self._read_at = self._clock()
                except Unavailable:
                    if not is_known:
                        raise
            return self._units.get(unit_id)

    def ids(self) -> tuple[str, ...]:
        """Return the ids of the units that were read last, even if they are stale.

        There are none before `find` has read the directory.
        """
        with self._lock:
            return tuple(self._units)


class PartnerCache:
    """Partner ids by the text they were resolved from, kept for 5 minutes. Thread-safe.

    Holds at most `PARTNERS_MAX` entries and evicts the least recently used one.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ids: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def resolve(self, text: str, ask: Callable[[str], str]) -> str:
        """Return the id of the partner that ``text`` names, calling ``ask`` if it is not cached.

        An exception of ``ask`` is raised and not cached, so a new partner resolves at once.
        """
        with self._lock:
            until, partner_id = self._ids.get(text, (0.0, ""))
            if partner_id and self._clock() < until:
                self._ids.move_to_end(text)
                return partner_id
        partner_id = ask(text)
        with self._lock:
            self._ids[text] = (self._clock() + PARTNER_SECONDS, partner_id)
            self._ids.move_to_end(text)
            while len(self._ids) > PARTNERS_MAX:
                self._ids.popitem(last=False)
        return partner_id


@dataclass(frozen=True, slots=True)
class KnownUnits:
    """The units of the directory.

    ``find`` returns the unit with an id, or None if there is none, and raises `Unavailable` while
    no directory is published or the partners service is down. ``ids`` returns the ids of all units
    as they were read last; none before the first ``find``.
    """

    find: Callable[[str], Unit | None]
    ids: Callable[[], Iterable[str]] = tuple
    search: Callable[[str], Sequence[str]] | None = None
    """Returns the ids of units by a name, an alias or an abbreviation, for `unknown_unit`."""

    def need(self, unit_id: str, path: str) -> None:
        """Check that the directory has a unit with this id.

        Args:
            unit_id: id that the caller sent.
            path: path of the request's field that contains it, for the error.

        Raises:
            InvalidArgument: the caller named no such unit; the error suggests similar ids.
            Unavailable: the directory cannot be read.
        """
        if self.find(unit_id) is None:
            text = unknown_unit(unit_id, self.ids(), self.search)
            raise InvalidArgument(f"{path}: {text}", fields={path: text})


class Units(Stub):
    """Injects `KnownUnits`, which finds a unit by its id.

    All workers of a process share one cache, see `UnitCache`.
    """

    def __init__(self) -> None:
        super().__init__(directory_service_pb2_grpc.DirectoryServiceStub, "partners_address")

    def setup(self) -> None:
        """Open the channel and create an empty cache."""
        super().setup()
        self.cache = UnitCache()

    def get_dependency(self, worker_ctx: WorkerContext) -> KnownUnits:
        """Return the known units, read from the directory with the caller's credential."""
        stub = super().get_dependency(worker_ctx)

        def read() -> Mapping[str, Unit]:
            request = directory_service_pb2.GetDirectoryRequest()
            return units_of(stub.GetDirectory(request).directory)

        def find(unit_id: str) -> Unit | None:
            try:
                return self.cache.find(unit_id, read)
            except NotFound:
                raise Unavailable("no directory of units is published yet") from None

        return KnownUnits(find, self.cache.ids, partial(units_named, stub))


class Partners(Stub):
    """Injects ``resolve(text)``, which returns the id of the partner that a text names.

    All workers of a process share one cache, see `PartnerCache`.
    """

    def __init__(self) -> None:
        super().__init__(partner_service_pb2_grpc.PartnerServiceStub, "partners_address")

    def setup(self) -> None:
        """Open the channel and create an empty cache."""
        super().setup()
        self.cache = PartnerCache()

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[str], str]:
        """Return the function from a partner's name, tax code or id to its id.

        It raises `NotFound` for an unknown partner, `WrongState` for a name of several, and
        `Unavailable` if the partners service is down.
        """
        stub = super().get_dependency(worker_ctx)

        def ask(text: str) -> str:
            request = partner_service_pb2.ResolvePartnerRequest(query=text)
            return str(stub.ResolvePartner(request).partner.partner_id)

        return lambda text: self.cache.resolve(text, ask)
