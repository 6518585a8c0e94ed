"""Plans the publication of a tree: what it changes of the newest one, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kieng.directory.v1 import directory_service_pb2
from services.partners import wire
from services.partners.domain.changes import difference, institutions, rebased
from services.partners.domain.directory import Directory, Unit, arranged
from services.partners.search_text import fold
from services.partners.store import Directories


@dataclass(frozen=True, slots=True)
class Plan:
    """A tree to publish after version ``version``, 0 for the first.

    ``touched`` are the units it changes, none if it is the newest tree already; ``affected`` the
    institutions whose units they are; ``bound`` the institutions that the newest tree binds.
    """

    version: int
    units: tuple[Unit, ...]
    touched: frozenset[str]
    affected: frozenset[str]
    bound: tuple[str, ...]

    @property
    def request(self) -> directory_service_pb2.PublishDirectoryRequest:
        """The request that means exactly this plan, whenever it is carried out."""
        return directory_service_pb2.PublishDirectoryRequest(
            units=map(wire.encode_unit, self.units), base_version=self.version
        )


def plan_of(
    request: directory_service_pb2.PublishDirectoryRequest,
    directories: Directories,
    today: date,
    *,
    is_exact: bool = False,
) -> Plan:
    """Return the plan of a request on the newest tree.

    Args:
        request: the tree, and the version that it was made from.
        directories: the store.
        today: institutions that ended before are not bound.
        is_exact: whether base version 0 means before the first tree; otherwise the newest one.

    Raises:
        InvalidArgument: it is no tree, before or after the change is applied to the newest.
        NotFound: there is no such base version.
        WrongState: a unit was changed otherwise since the base version.
    """
    asked = arranged(wire.decode_units(request.units), fold)
    newest = directories.stored()
    before = newest.units if newest else ()
    base = _base(request.base_version, newest, directories, is_exact)
    units = asked if base == before else arranged(rebased(base, asked, before), fold)
    change = difference(before, units)
    return Plan(
        version=newest.version if newest else 0,
        units=units,
        touched=change.touched,
        affected=change.affected,
        # Before the first tree, those that it names are bound by it.
        bound=tuple(institutions(before or units, today.isoformat())),
    )


def _base(
    version: int, newest: Directory | None, directories: Directories, is_exact: bool
) -> tuple[Unit, ...]:
    if newest is None or (version == 0 and is_exact):
        return ()
    return newest.units if version in (0, newest.version) else directories.get(version).units
