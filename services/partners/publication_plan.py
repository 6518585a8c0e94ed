"""Plans the publication of a unit tree: its difference to the newest tree, and whom it affects."""

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
    """A tree to publish as the version after ``version``, which is 0 before the first.

    ``touched`` are the ids that a caller must reach to publish it alone (empty if it equals the
    newest tree), ``affected`` the institutions of these ids, and ``bound`` the institutions that
    vote on it if it is proposed.
    """

    version: int
    units: tuple[Unit, ...]
    touched: frozenset[str]
    affected: frozenset[str]
    bound: tuple[str, ...]

    @property
    def request(self) -> directory_service_pb2.PublishDirectoryRequest:
        """The request to publish exactly this tree after this version, to be put in a proposal."""
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
    """Return the plan that applies a requested change to the newest tree.

    The change is the difference between the requested tree and its base version.

    Args:
        request: the wanted tree and its base version.
        directories: store of the directory versions.
        today: current date; institutions that ended before it do not vote.
        is_exact: what base version 0 means: True for an empty tree, False for the newest version.

    Raises:
        InvalidArgument: the requested tree or the resulting tree is not valid; see `arranged`.
        NotFound: the base version does not exist.
        WrongState: a unit to change was changed differently after the base version.
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
