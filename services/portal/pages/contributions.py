"""Reads the works behind a number, in several calls, and checks whether they add up to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.portal.pages.tables import wants_file
from services.portal.site import Page

WORKS_MAX = 500
"""Most works of one page of the portal."""
LOOKED_MAX = 250
"""Number of works, of any month, that one call examines; pages are at least half full."""
FILE_WORKS_MAX = 20_000
"""Most works of a file."""
CALLS_MAX = 40
"""Most calls for one page of the portal; for a file, as many more as it may have more works."""

Ask = Callable[[kpi_service_pb2.ExplainKpiRequest], Awaitable[kpi_service_pb2.ExplainKpiResponse]]


@dataclass(frozen=True, slots=True)
class Contributions:
    """Works behind a number.

    Args:
        view: the view that they are from.
        value: the number.
        works: the works of this page.
        next_page: token of the next page; empty if this is the last one.
        is_exact: whether the works add up to the value; None if that is unknown, because other
            works are on other pages or the number changed while they were read.
    """

    view: view_pb2.ViewInfo
    value: view_pb2.Value
    works: Sequence[kpi_service_pb2.ExplainedWork]
    next_page: str
    is_exact: bool | None

    @property
    def part(self) -> int | None:
        """Sum of what these works add to the value; None if they do not add whole numbers.

        It is None for ratios and shares, and for indicators that count distinct members (e.g.
        partners) instead of works.
        """
        if not self.value.HasField("whole") or any(w.member_number or w.member for w in self.works):
            return None
        return sum(work.contribution.whole for work in self.works)


def works_max(page: Page) -> int:
    """Return how many works a page reads at most: for a file, so many more."""
    return FILE_WORKS_MAX if wants_file(page) else WORKS_MAX


async def read_contributions(
    ask: Ask, request: kpi_service_pb2.ExplainKpiRequest, most: int = WORKS_MAX
) -> Contributions:
    """Return the works behind a number that one page of the portal shows.

    The service examines the works of all months and returns those of the number, so one of its
    answers may have few works, or none, although more follow. It is called until the page is full,
    no work can follow, or `CALLS_MAX` calls were made.

    Args:
        ask: calls ExplainKpi.
        request: the number, and the token of the page to begin with; empty for the first.
        most: maximum number of works to return.

    Raises:
        Refused: the caller may not read it, or the unit or indicator does not exist.
    """
    asked = kpi_service_pb2.ExplainKpiRequest()
    asked.CopyFrom(request)
    asked.page_size = LOOKED_MAX
    works: list[kpi_service_pb2.ExplainedWork] = []
    positions = set()
    for _ in range(CALLS_MAX * most // WORKS_MAX):
        answer = await ask(asked)
        works += answer.works
        positions.add(_position(answer.view))
        asked.page_token = answer.next_page_token
        are_of_one_position = not request.page_token and len(positions) == 1
        if are_of_one_position and _are_all(answer.value, works):
            asked.page_token = ""
        if not asked.page_token or len(works) > most - LOOKED_MAX:
            break
    exact: bool | None = None
    if not request.page_token and not asked.page_token:
        exact = add_up(answer.value, works) or (False if len(positions) == 1 else None)
    return Contributions(answer.view, answer.value, works, asked.page_token, exact)


def add_up(value: view_pb2.Value, works: Sequence[kpi_service_pb2.ExplainedWork]) -> bool:
    """Return True if works add up to the value that they are behind.

    If the indicator counts distinct members of the works (e.g. partners), the number of different
    members is compared with the value.

    Args:
        value: the number; of a ratio, the numerator is compared.
        works: all works behind it.
    """
    if any(work.member_number or work.member for work in works):
        return value.whole == len({work.member_number or work.member for work in works})
    if value.HasField("whole"):
        return sum(work.contribution.whole for work in works) == value.whole
    numerator = sum(w.contribution.whole + w.contribution.ratio.numerator for w in works)
    return numerator == value.ratio.numerator


def _are_all(value: view_pb2.Value, works: Sequence[kpi_service_pb2.ExplainedWork]) -> bool:
    """Return True if these are all works: they add up, and no further one could count less than 0.

    Never True for a distinct count or a ratio: further works may repeat a member, or count only in
    the denominator.
    """
    has_members = any(work.member_number or work.member for work in works)
    return value.HasField("whole") and not has_members and add_up(value, works)


def _position(view: view_pb2.ViewInfo) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the state of a view: its id, and the next offset of each partition."""
    return view.view_id, tuple((each.partition, each.next_offset) for each in view.progress)
