"""Keeps catalogue versions: names and definitions of indicators, and the unit tree."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from services.calendar import is_over
from services.portal.calls import Services
from services.refusals.suggestion import suggestion
from services.texts import Lang

GET = catalogue_service_pb2.DESCRIPTOR.services_by_name["CatalogueService"].methods_by_name[
    "GetCatalogue"
]
KEPT_MAX = 16
"""Number of catalogue versions that are kept."""
LIVE_SECONDS = 2.0
"""How long the version that a caller last read as live is taken for the live one."""
CALLERS_MAX = 1_000
HOUSES = ("consortium", "state", "university", "enterprise")


@dataclass(frozen=True)
class Catalogue:
    """One frozen catalogue version; it never changes, so it may be kept and shared.

    Args:
        message: the version as the service returned it.
    """

    message: catalogue_pb2.Catalogue

    @cached_property
    def indicators(self) -> Mapping[str, catalogue_pb2.Indicator]:
        """Code of an indicator -> the indicator, in the order in which indicators are shown."""
        return {each.code: each for each in self.message.indicators}

    @cached_property
    def units(self) -> Mapping[str, directory_pb2.Unit]:
        """Unit id -> unit, parents before children, including units that no longer exist."""
        return {each.unit_id: each for each in self.message.units}

    @cached_property
    def root(self) -> str:
        """Id of the top unit, the consortium."""
        return next(each.unit_id for each in self.message.units if not each.parent_id)

    @cached_property
    def parts(self) -> Mapping[str, list[str]]:
        """Unit id -> ids of the units directly below it, in order, also of those that have ended.

        A unit without such units has no key.
        """
        found: dict[str, list[str]] = {}
        for each in self.message.units:
            if each.parent_id:
                found.setdefault(each.parent_id, []).append(each.unit_id)
        return found

    @property
    def below(self) -> Mapping[str, list[str]]:
        """Unit id -> ids of the units directly below it that exist now, in order."""
        return {
            unit_id: [each.unit_id for each in self.children(unit_id)] for unit_id in self.parts
        }

    def has_ended(self, unit_id: str) -> bool:
        """Return whether the last day of a unit is over; False for an unknown unit."""
        found = self.units.get(unit_id)
        return found is not None and is_over(found.valid_to, datetime.now(UTC))

    def of_house(self, house: str) -> list[catalogue_pb2.Indicator]:
        """Return the indicators of a house, and those of all houses, in the order of the catalogue.

        Args:
            house: `consortium`, `state`, `university` or `enterprise`; of any other, only those of
                all houses are returned.
        """
        return [each for each in self.message.indicators if each.house in (house, "all")]

    def children(self, unit_id: str) -> list[directory_pb2.Unit]:
        """Return the existing units directly below a unit, in order.

        Empty if there are none, or the unit is unknown.
        """
        return [self.units[each] for each in self.explaining(self.parts.get(unit_id, ()), ())]

    def explaining(self, unit_ids: Iterable[str], counting: Container[str]) -> list[str]:
        """Return those of some parts of a unit that explain it, in the given order.

        They are those that exist, and those that have ended and count something: without them,
        the parts would not add up to the whole.

        Args:
            unit_ids: the units directly below a unit.
            counting: ids of the units that count something in what is shown.
        """
        return [each for each in unit_ids if each in counting or not self.has_ended(each)]

    def meant(self, text: str) -> str:
        """Return the id of the unit that an unknown id may mean; empty if there is none.

        The id may be spelled similarly, lack the units above (`hus` for `vnu/hus`), or be the
        abbreviation of the unit.

        Args:
            text: the id that does not exist.
        """
        short = {each.abbreviation.casefold(): each.unit_id for each in self.message.units}
        return suggestion(text, self.units) or short.get(text.strip().casefold() or "-", "")

    def path(self, unit_id: str) -> list[directory_pb2.Unit]:
        """Return the units from the root down to a unit, both included; empty if it is unknown."""
        found: list[directory_pb2.Unit] = []
        while unit_id in self.units:
            found.append(self.units[unit_id])
            unit_id = self.units[unit_id].parent_id
        return found[::-1]

    def terms(self, fact: str, lang: Lang) -> Mapping[str, str]:
        """Return code -> name of the terms that a fact may list, e.g. of the key fields.

        They are in the order in which they are shown; there are none for most facts.

        Args:
            fact: name of the fact, e.g. `fields`.
            lang: language of the names.
        """
        return {
            term.code: str(getattr(term.name, lang.value)) or term.code
            for taxonomy in self.message.taxonomies
            if taxonomy.fact == fact
            for term in taxonomy.terms
        }

    def indicator_name(self, code: str, lang: Lang) -> str:
        """Return the name of an indicator in a language; its code if this version lacks it."""
        found = self.indicators.get(code)
        return code if found is None else str(getattr(found.name, lang.value))

    def unit_name(self, unit_id: str, lang: Lang) -> str:
        """Return the name of a unit in a language; its id if this version lacks unit or name."""
        found = self.units.get(unit_id)
        return unit_id if found is None else str(getattr(found.name, lang.value)) or unit_id

    def unit_names(self, unit_ids: Iterable[str], lang: Lang) -> str:
        """Return the names of units in a language, joined by commas."""
        return ", ".join(self.unit_name(each, lang) for each in unit_ids)

    def unit_of(self, code: str) -> str:
        """Return what an indicator is counted in, e.g. `vnd`; empty if this version lacks it."""
        found = self.indicators.get(code)
        return "" if found is None else found.unit


class Catalogues:
    """A cache of the catalogue versions that were read last, shared by all callers.

    Args:
        services: the services to read them from.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._kept: OrderedDict[int, Catalogue] = OrderedDict()
        self._live: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def newest(self) -> Catalogue | None:
        """The newest version that was read, by whomever; None before the first one."""
        return self._kept[max(self._kept)] if self._kept else None

    async def live(self, token: str) -> Catalogue:
        """Return the catalogue version that the present numbers were computed with.

        It may be up to two seconds old: for that time after a caller has read it, the caller gets
        the same version again.

        Args:
            token: the caller's token.

        Raises:
            Refused: the caller may not read the catalogue, or there are no numbers yet.
        """
        version, until = self._live.get(token, (0, 0.0))
        if time.monotonic() < until:
            return await self.version(version, token)
        found = await self.version(0, token)
        self._live[token] = found.message.version, time.monotonic() + LIVE_SECONDS
        self._live.move_to_end(token)
        if len(self._live) > CALLERS_MAX:
            self._live.popitem(last=False)
        return found

    async def version(self, version: int, token: str) -> Catalogue:
        """Return a catalogue version, from the cache if it is there.

        The caller's rights are not checked for a cached version, so the caller must have read its
        numbers just before, which does check them.

        Args:
            version: number of the version; 0 for that of the live view, which is always read anew.
            token: the caller's token.

        Raises:
            Refused: the caller may not read the catalogue, or there is no such version.
        """
        if version in self._kept:
            self._kept.move_to_end(version)
            return self._kept[version]
        request = catalogue_service_pb2.GetCatalogueRequest(version=version)
        answer = await self._services.unary(GET, request, token)
        # The object that is already kept, with the properties that it has computed.
        found = self._kept.setdefault(answer.catalogue.version, Catalogue(answer.catalogue))
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return found
