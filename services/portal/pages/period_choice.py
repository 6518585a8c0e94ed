"""The period of a page: the one that the URL names, or the latest year with numbers."""

from __future__ import annotations

import time
from datetime import date

from services.portal import wire
from services.portal.catalogues import Catalogue
from services.portal.domain import periods
from services.portal.domain.periods import Period
from services.portal.pages.reading import keep, read_cells, selection
from services.portal.site import Page

PERIOD_SECONDS = 10.0
"""How long a period that was found to have numbers is used without looking again."""
PERIODS_KEPT_MAX = 64
"""Number of periods that are kept."""
YEARS_BACK = 3
"""Earlier years that are searched for numbers if the URL names no period."""


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
    kept, today = page.site.periods, page.today
    same = catalogue.message.version, page.as_of, today
    found, until = kept.get(same, (None, 0.0))
    if found is None or time.monotonic() > until:
        found = await _with_numbers(page, catalogue, today)
        keep(kept, same, (found, time.monotonic() + PERIOD_SECONDS), PERIODS_KEPT_MAX)
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
