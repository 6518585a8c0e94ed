"""Plans a new version of the directory: what it changes, whom it affects, and who votes on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kieng.directory.v1 import directory_service_pb2
from services.kernel.errors import WrongState
from services.partners import wire
from services.partners.directory_versions import Directories
from services.partners.domain.changes import difference, institutions, rebased
from services.partners.domain.directory import Directory, Unit, arranged
from services.partners.domain.terms import DEFAULTS, Terms, checked
from services.partners.search_text import fold


@dataclass(frozen=True, slots=True)
class Plan:
    """A tree to publish as the version after ``version``, which is 0 before the first.

    ``terms`` are those of that version, which a change of the tree leaves as they are.
    ``touched`` are the ids that a caller must reach to publish it alone (empty if it equals the
    newest tree), ``affected`` the institutions of these ids, and ``bound`` the institutions that
    vote on it if it is proposed.
    """

    version: int
    units: tuple[Unit, ...]
    terms: Terms
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
        terms=newest.terms if newest else DEFAULTS,
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


@dataclass(frozen=True, slots=True)
class TermsPlan:
    """Other terms of proposals, to publish with the tree of ``newest`` as the next version.

    ``request`` asks for them with all that was left open filled in, to be put in a proposal;
    ``bound`` are the institutions that vote on it.
    """

    newest: Directory
    terms: Terms
    request: directory_service_pb2.ChangeTermsRequest
    bound: tuple[str, ...]


def terms_plan_of(
    request: directory_service_pb2.ChangeTermsRequest, directories: Directories, today: date
) -> TermsPlan:
    """Return the plan of a requested change of the terms.

    Args:
        request: the wanted terms, and those that they replace; see the contract.
        directories: store of the directory versions.
        today: current date; institutions that ended before it do not vote.

    Raises:
        InvalidArgument: no quorum of so many institutions can meet the terms.
        WrongState: there is no directory yet, or the terms or institutions are no longer those of
            the request, whose quorum would therefore not be the one in force.
    """
    newest = directories.stored()
    if newest is None:
        raise WrongState("no directory has been published yet", reason="NO_DIRECTORY")
    bound = tuple(sorted(institutions(newest.units, today.isoformat())))
    terms = checked(wire.decode_terms(request.terms), len(bound))
    full = directory_service_pb2.ChangeTermsRequest(
        terms=request.terms,
        replaced=request.replaced
        if request.HasField("replaced")
        else wire.encode_terms(newest.terms),
        members=request.members or bound,
    )
    is_stale = wire.decode_terms(full.replaced) != newest.terms or tuple(full.members) != bound
    if is_stale and terms != newest.terms:
        text = "other terms hold or other institutions vote by now; propose it again"
        raise WrongState(text, reason="STALE_TERMS")
    return TermsPlan(newest, terms, full, bound)
