"""The board: a table of indicators (rows) and units (columns) over a period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kieng.kpi.v1 import catalogue_pb2, view_pb2
from services.kernel.errors import NotFound
from services.portal import wire
from services.portal.catalogues import HOUSES, Catalogue
from services.portal.domain import periods, trust
from services.portal.domain.figures import Figure, Number, change
from services.portal.domain.periods import Period
from services.portal.pages.period_choice import period_of
from services.portal.pages.reading import keep, read_cells, selection
from services.portal.site import Page
from services.texts import Lang

SERIES_MONTHS = 24
TRENDS_MAX = 400
"""Most figures of a board on which each has a trend; on larger ones, only the first unit's have."""
SERIES_KEPT_MAX = 64
"""Number of series that are kept, of some KiB each."""
BOARDS_KEPT_MAX = 32
"""Number of boards that are kept, with their rendered parts."""
CELLS_KEPT_MAX = 500
"""Most cells of a board that is kept; a rendered cell has about 1 KiB."""

Series = tuple[Number | None, ...]
"""Values of consecutive months; None for a month without value."""
KeptOfUnits = Mapping[tuple[str, str], Series]
"""(Unit id, indicator code) -> values of consecutive months."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Verified values of one indicator and unit in the last 24 months."""

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


@dataclass(frozen=True, slots=True)
class Row:
    """One indicator of a board, with a figure for each unit, in the order of the board's units.

    ``unit`` is what the indicator is counted in; ``trends`` has one for each figure, or only that
    of the first one on a board of very many figures; none on a report.
    """

    code: str
    name: str
    unit: str
    figures: tuple[Figure, ...]
    trends: tuple[Trend, ...]


@dataclass(frozen=True, eq=False)
class Board:
    """A table of figures, with a row for each indicator and a column for each unit, over a period.

    Pages that show the same numbers share one board.
    """

    catalogue: Catalogue
    house: str
    """House of its indicators; empty if it has those of all houses."""
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
    def compared(self) -> tuple[str, str, str]:
        """The months that a trend compares: its last one, the one before, and a year earlier."""
        before, year_before = (periods.months_until(self.period.last, n).first for n in (2, 13))
        return self.period.last, before, year_before

    @property
    def has_targets(self) -> bool:
        """Whether any figure has a target to show beside its value."""
        return any(each.attainment is not None for row in self.rows for each in row.figures)

    @property
    def has_all_trends(self) -> bool:
        """Whether each of several units has trends, which then stand below its figures."""
        return len(self.unit_ids) > 1 and all(len(row.trends) > 1 for row in self.rows)

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


def counting(figures: Iterable[Figure]) -> set[str]:
    """Return the ids of the units that count something in some figures."""
    return {each.unit_id for each in figures if each.declared or each.verified}


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


async def board(
    page: Page,
    catalogue: Catalogue,
    unit_ids: Sequence[str],
    prefix: str = "",
    *,
    is_of_report: bool = False,
) -> Board:
    """Return the board of some units, with trends of 24 months.

    Args:
        page: the page; its URL names house, period and kept day.
        catalogue: the catalogue of the live view.
        unit_ids: ids of the units, in the order of the columns.
        prefix: what the codes of the indicators begin with; empty for those of the house.
        is_of_report: whether it has the indicators of all houses instead of those of one, and no
            series, which a report does not show.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such unit. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    for unit_id in unit_ids:
        check_unit(page, catalogue, unit_id)
    house = "" if is_of_report else house_of(page)
    period = await period_of(page, catalogue)
    is_of_house = house and not prefix
    own = catalogue.of_house(house) if is_of_house else catalogue.message.indicators
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
    series: KeptOfUnits = {}
    is_of_same = True
    if not is_of_report:
        months = periods.months_until(period.last, SERIES_MONTHS)
        shown = unit_ids if len(unit_ids) * len(codes) <= TRENDS_MAX else unit_ids[:1]
        wanted = selection(shown, codes, months, by_month=True)
        series, is_of_same = await _series(page, answer.view, wanted)
    rows = _rows(indicators, page.lang, unit_ids, wire.figures(answer.cells), series)
    found = Board(catalogue, house, prefix, page.as_of, period, unit_ids, rows, answer.view)
    if is_of_same and len(answer.cells) <= CELLS_KEPT_MAX:
        keep(page.site.boards, same, found, BOARDS_KEPT_MAX)
    return found


def _rows(
    indicators: Iterable[catalogue_pb2.Indicator],
    lang: Lang,
    unit_ids: Sequence[str],
    figures: Mapping[tuple[str, str], Figure],
    series: KeptOfUnits,
) -> list[Row]:
    return [
        Row(
            each.code,
            getattr(each.name, lang.value),
            each.unit,
            tuple(figures[unit_id, each.code] for unit_id in unit_ids),
            tuple(
                Trend(series[unit_id, each.code])
                for unit_id in unit_ids
                if (unit_id, each.code) in series
            ),
        )
        for each in indicators
    ]


async def _series(
    page: Page, view: view_pb2.ViewInfo, wanted: view_pb2.Selection
) -> tuple[KeptOfUnits, bool]:
    """Return the verified values by month, and whether they are of the state ``view``.

    Series are kept by state, which the caller has just read, and shared by all users.

    Raises:
        Refused: the caller may not read the numbers.
    """
    kept, named = page.site.series, wanted.SerializeToString()
    key = state = view.SerializeToString(), named
    if key not in kept:
        answer = await read_cells(page, wanted)
        found: dict[tuple[str, str], list[Number | None]] = {}
        for cell in answer.cells:
            name = cell.unit_id, cell.indicator_code
            found.setdefault(name, []).append(wire.number(cell.verified))
        # The view may have moved on between the two answers; then these are of its new state.
        key = answer.view.SerializeToString(), named
        read = {name: tuple(values) for name, values in found.items()}
        keep(kept, key, read, SERIES_KEPT_MAX)
    return kept[key], key == state
