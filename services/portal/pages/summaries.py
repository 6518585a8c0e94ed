"""What the KPI service says about a unit as a whole: its targets, its children, what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.portal import wire
from services.portal.catalogues import Catalogue
from services.portal.domain.figures import Figure, Number, Rank
from services.portal.domain.periods import Period
from services.portal.pages.reading import KPI
from services.portal.site import Page

MONTHS_MAX = 12
"""Longest period over which the service summarises a unit."""


@dataclass(frozen=True, slots=True)
class Mover:
    """An indicator that changed: its value, and that of the same months a year earlier."""

    code: str
    before: Number | None
    now: Number | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A unit as a whole, in the order of the KPI service.

    ``targets`` are the figures that have a target, the most urgent first; ``ranks`` are the units
    directly below, the best first; ``movers`` have changed most, the greatest change first.
    """

    targets: Sequence[Figure]
    ranks: Sequence[Rank]
    movers: Sequence[Mover]
    view: view_pb2.ViewInfo

    @property
    def is_past(self) -> bool:
        """Whether the year of all targets that can be judged is over; False without any."""
        judged = [each for each in self.targets if each.standing]
        return bool(judged) and all(each.is_over for each in judged)

    @property
    def has_targets(self) -> bool:
        """Whether any unit directly below has targets of its own."""
        return any(each.attainment is not None for each in self.ranks)

    def without_targets(self, catalogue: Catalogue) -> Sequence[Rank]:
        """Return the units directly below without targets of their own, in order.

        Of units that have ended, those that did nothing are left out.
        """
        own = {each.unit_id: each for each in self.ranks if each.attainment is None}
        counting = {unit_id for unit_id, each in own.items() if each.share}
        return [own[each] for each in catalogue.explaining(own, counting)]

    def having(self, standing: str) -> Sequence[Figure]:
        """Return the targets with a standing, `reached`, `on_pace` or `behind`, in order."""
        return [each for each in self.targets if each.standing == standing]


async def read_summary(page: Page, unit_id: str, period: Period) -> Summary | None:
    """Return the summary of a unit; None for a period of more than `MONTHS_MAX` months.

    Args:
        page: the page; its URL names the kept day.
        unit_id: the unit.
        period: the months.

    Raises:
        Refused: the caller may not read the numbers, or there is no such unit.
    """
    if period.months > MONTHS_MAX:
        return None
    request = kpi_service_pb2.GetReportRequest(
        unit_id=unit_id, from_month=period.first, to_month=period.last, as_of=page.as_of
    )
    answer = await page.call(KPI["GetReport"], request)
    return Summary(
        [wire.figure(cell) for cell in answer.targets],
        [wire.rank(child) for child in answer.children],
        [
            Mover(each.indicator_code, wire.number(each.before), wire.number(each.now))
            for each in answer.movers
        ],
        answer.view,
    )
