"""The board: a table of indicators (rows) and units (columns) over a period."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kieng.kpi.v1 import catalogue_pb2, kpi_service_pb2, view_pb2
from services.kernel.errors import NotFound
from services.portal import wire
from services.portal.catalogues import HOUSES, Catalogue
from services.portal.domain import periods, trust
from services.portal.domain.figures import Figure, Number, change
from services.portal.domain.periods import Period
from services.portal.site import Page
from services.texts import Lang

KPI = kpi_service_pb2.DESCRIPTOR.services_by_name["KpiService"].methods_by_name
SERIES_MONTHS = 24
SERIES_KEPT_MAX = 64
"""Number of series that are kept, of some KiB each."""
BOARDS_KEPT_MAX = 32
"""Number of boards that are kept, with their rendered parts."""
CELLS_KEPT_MAX = 500
"""Most cells of a board that is kept; a rendered cell has about 1 KiB."""
PERIOD_SECONDS = 10.0
"""How long a period that was found to have numbers is used without looking again."""
PERIODS_KEPT_MAX = 64
"""Number of periods that are kept."""
YEARS_BACK = 3
"""Earlier years that are searched for numbers if the URL names no period."""

Series = tuple[Number | None, ...]
"""Values of consecutive months; None for a month without value."""


@dataclass(frozen=True, slots=True)
class Row:
    """One indicator of a board, with a figure for each unit, in the order of the board's units.

    ``unit`` is what the indicator is counted in; ``series`` are the first unit's verified values.
    """

    code: str
    name: str
    unit: str
    figures: tuple[Figure, ...]
    series: Series

    @property
    def month_before(self) -> Number | None:
        """The change over one month: the last value minus that of the month before.

        None if either is missing.
        """
        return change(self.series, 1)

    @property
    def year_before(self) -> Number | None:
        """The change over one year: the last value minus that of the same month a year earlier.

        None if either is missing.
        """
        return change(self.series, 12)


@dataclass(frozen=True, eq=False)
class Board:
    """A table of figures, with a row for each indicator and a column for each unit, over a period.

    Pages that show the same numbers share one board.
    """

    catalogue: Catalogue
    house: str
    prefix: str
    """What the codes of its indicators begin with; empty for the indicators of ``house``."""
    as_of: str
    """The kept day whose numbers the board shows, `YYYY-MM-DD`; empty for the present."""
    period: Period
    unit_ids: Sequence[str]
    rows: Sequence[Row]
    view: view_pb2.ViewInfo

    def unit_names(self, lang: Lang) -> tuple[str, ...]:
        """Return the names of the units in a language, in the order of the columns.

        A unit that the catalogue lacks has its id as its name.
        """
        return tuple(self.catalogue.unit_name(each, lang) for each in self.unit_ids)

    @property
    def level(self) -> str:
        """`good`, `amber` or `red`: whether the numbers can be trusted now."""
        return trust.level(self.troubles)

    @property
    def newest(self) -> datetime | None:
        """Time of the newest event that the numbers include, in UTC; None if they include none."""
        return wire.newest(self.view)

    @property
    def judged_on(self) -> list[str]:
        """Days of the comparison with targets, `YYYY-MM-DD`; usually one, none without targets."""
        return sorted({each.on for row in self.rows for each in row.figures if each.on})

    @property
    def troubles(self) -> list[trust.Trouble]:
        """Why the numbers cannot be fully trusted now, worst first; empty if they can."""
        return troubles_of(self.view)


def troubles_of(view: view_pb2.ViewInfo) -> list[trust.Trouble]:
    """Return why a view's numbers cannot be fully trusted now, worst first; empty if they can."""
    return trust.troubles(view.log_trouble, view.parked, 0)


def status_of(view: view_pb2.ViewInfo) -> dict[str, Any]:
    """Return template variables of the status line for a view: `view`, `newest` and `level`."""
    return {"view": view, "newest": wire.newest(view), "level": trust.level(troubles_of(view))}


def house_of(page: Page) -> str:
    """Return the house that the URL names; `consortium` if it names none or an unknown one."""
    named = page.query.get("house", "")
    return named if named in HOUSES else HOUSES[0]


def selection(
    unit_ids: Sequence[str], codes: Sequence[str], period: Period, *, by_month: bool = False
) -> view_pb2.Selection:
    """Return the request for the cells of some units and indicators in a period.

    Args:
        unit_ids: ids of units.
        codes: codes of indicators.
        period: the months.
        by_month: whether to request a cell for each month instead of one for the period.
    """
    return view_pb2.Selection(
        unit_ids=unit_ids,
        indicator_codes=codes,
        from_month=period.first,
        to_month=period.last,
        by_month=by_month,
    )


async def read_cells(page: Page, wanted: view_pb2.Selection) -> kpi_service_pb2.GetKpisResponse:
    """Return the requested numbers: the present ones, or those of the past day `as_of` in the URL.

    Raises:
        Refused: the caller may not read them, or a unit, indicator or day does not exist.
    """
    request = kpi_service_pb2.GetKpisRequest(selection=wanted, as_of=page.as_of)
    answer: kpi_service_pb2.GetKpisResponse = await page.call(KPI["GetKpis"], request)
    return answer


def check_unit(page: Page, catalogue: Catalogue, unit_id: str) -> None:
    """Check that a unit exists in a catalogue.

    Raises:
        NotFound: there is no such unit; the message suggests a similar one. The caller's fault.
    """
    if unit_id in catalogue.units:
        return
    said, meant = page.text("refused.no_unit"), catalogue.meant(unit_id)
    if meant:
        said = f"{said} {page.text('refused.meant', unit=meant)}"
    raise NotFound(said)


async def period_of(page: Page, catalogue: Catalogue) -> Period:
    """Return the period that the URL names with `from` and `to`; by default the year to date.

    If only one of them is there, its year begins or ends the period. If the year to date has no
    numbers, the default is the latest of the `YEARS_BACK` years before that has some.

    Raises:
        InvalidArgument: the URL names no valid period. The caller's fault.
        Refused: the caller may not read the numbers.
    """
    first, last = page.query.get("from", ""), page.query.get("to", "")
    if first or last:
        return periods.period(first or f"{last[:4]}-01", last or f"{first[:4]}-12")
    kept, today = page.site.periods, date.today()
    same = catalogue.message.version, page.as_of, today
    found, until = kept.get(same, (None, 0.0))
    if found is None or time.monotonic() > until:
        found = await _with_numbers(page, catalogue, today)
        _keep(kept, same, (found, time.monotonic() + PERIOD_SECONDS), PERIODS_KEPT_MAX)
    return found


async def _with_numbers(page: Page, catalogue: Catalogue, today: date) -> Period:
    present = periods.year_to_date(today)
    flows = [each.code for each in catalogue.message.indicators if not each.value.until]
    tried = [present, *(periods.year(int(present.last[:4]) - n) for n in range(1, YEARS_BACK + 1))]
    for candidate in tried:
        answer = await read_cells(page, selection([catalogue.root], flows[:100], candidate))
        if any(wire.number(cell.declared) for cell in answer.cells):
            return candidate
    return present


async def board(
    page: Page, catalogue: Catalogue, unit_ids: Sequence[str], prefix: str = ""
) -> Board:
    """Return the board of some units; for the first one it has series of 24 months.

    Args:
        page: the page; its URL names house, period and kept day.
        catalogue: the catalogue of the live view.
        unit_ids: ids of the units, in the order of the columns.
        prefix: what the codes of the indicators begin with; empty for those of the house.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such unit. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    for unit_id in unit_ids:
        check_unit(page, catalogue, unit_id)
    house, period = house_of(page), await period_of(page, catalogue)
    own = catalogue.message.indicators if prefix else catalogue.of_house(house)
    indicators = [each for each in own if each.code.startswith(prefix)][:100]
    codes = [each.code for each in indicators]
    answer = await read_cells(page, selection(unit_ids, codes, period))
    same = (
        *(answer.SerializeToString(), page.lang, house, prefix, page.as_of, period),
        *(catalogue.message.version, *unit_ids),
    )
    kept: Board | None = page.site.boards.get(same)
    if kept is not None:
        return kept
    months = periods.months_until(period.last, SERIES_MONTHS)
    wanted = selection(unit_ids[:1], codes, months, by_month=True)
    series, is_of_same = await _series(page, answer.view, wanted)
    rows = _rows(indicators, page.lang, unit_ids, wire.figures(answer.cells), series)
    found = Board(catalogue, house, prefix, page.as_of, period, unit_ids, rows, answer.view)
    if is_of_same and len(answer.cells) <= CELLS_KEPT_MAX:
        _keep(page.site.boards, same, found, BOARDS_KEPT_MAX)
    return found


def _rows(
    indicators: Iterable[catalogue_pb2.Indicator],
    lang: Lang,
    unit_ids: Sequence[str],
    figures: Mapping[tuple[str, str], Figure],
    series: Mapping[str, Series],
) -> list[Row]:
    return [
        Row(
            each.code,
            getattr(each.name, lang.value),
            each.unit,
            tuple(figures[unit_id, each.code] for unit_id in unit_ids),
            series.get(each.code, ()),
        )
        for each in indicators
    ]


def _keep(kept: OrderedDict[Any, Any], key: Hashable, value: object, most: int) -> None:
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)


async def _series(
    page: Page, view: view_pb2.ViewInfo, wanted: view_pb2.Selection
) -> tuple[Mapping[str, Series], bool]:
    """Return indicator -> verified values by month, and whether they are of the state ``view``.

    Series are kept by state, which the caller has just read, and shared by all users.

    Raises:
        Refused: the caller may not read the numbers.
    """
    kept, named = page.site.series, wanted.SerializeToString()
    key = state = view.SerializeToString(), named
    if key not in kept:
        answer = await read_cells(page, wanted)
        found: dict[str, list[Number | None]] = {}
        for cell in answer.cells:
            found.setdefault(cell.indicator_code, []).append(wire.number(cell.verified))
        # The view may have moved on between the two answers; then these are of its new state.
        key = answer.view.SerializeToString(), named
        read = {code: tuple(values) for code, values in found.items()}
        _keep(kept, key, read, SERIES_KEPT_MAX)
    return kept[key], key == state
