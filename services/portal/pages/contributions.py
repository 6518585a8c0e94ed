"""The works behind a number, read page by page, and whether they add up to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from kieng.kpi.v1 import kpi_service_pb2, view_pb2

WORKS_MAX = 500
"""Most works of one page of the portal."""
LOOKED_MAX = 250
"""Works of any month that one call looks at, so that pages are at least half full."""
CALLS_MAX = 40
"""Most calls for one page of the portal."""

Ask = Callable[[kpi_service_pb2.ExplainKpiRequest], Awaitable[kpi_service_pb2.ExplainKpiResponse]]


@dataclass(frozen=True, slots=True)
class Contributions:
    """Works that make up a number.

    ``next_page`` is the token of the works that follow, empty if none do. ``is_exact`` is
    whether the works add up to the value; None if that is unknown: not all works are here, or the
    number changed while they were read.
    """

    view: view_pb2.ViewInfo
    value: view_pb2.Value
    works: Sequence[kpi_service_pb2.ExplainedWork]
    next_page: str
    is_exact: bool | None

    @property
    def part(self) -> int | None:
        """What these works add to the value; None where they are no whole numbers to be added."""
        if not self.value.HasField("whole") or any(w.member_number or w.member for w in self.works):
            return None
        return sum(work.contribution.whole for work in self.works)


async def read_contributions(ask: Ask, request: kpi_service_pb2.ExplainKpiRequest) -> Contributions:
    """Read the works behind a number until a page of the portal is full or no work is left.

    ExplainKpi looks at the works of all months and answers those of the cell, so a page of it may
    list few works, or none, while more follow. Reading ends early when nothing can follow.

    Args:
        ask: calls ExplainKpi.
        request: the number, and the token of the page to begin with.

    Raises:
        Refused: the caller may not read, or something named does not exist.
    """
    asked = kpi_service_pb2.ExplainKpiRequest()
    asked.CopyFrom(request)
    asked.page_size = LOOKED_MAX
    works: list[kpi_service_pb2.ExplainedWork] = []
    positions = set()
    for _ in range(CALLS_MAX):
        answer = await ask(asked)
        works += answer.works
        positions.add(_position(answer.view))
        asked.page_token = answer.next_page_token
        are_of_one_position = not request.page_token and len(positions) == 1
        if are_of_one_position and _are_all(answer.value, works):
            asked.page_token = ""
        if not asked.page_token or len(works) > WORKS_MAX - LOOKED_MAX:
            break
    exact: bool | None = None
    if not request.page_token and not asked.page_token:
        exact = add_up(answer.value, works) or (False if len(positions) == 1 else None)
    return Contributions(answer.view, answer.value, works, asked.page_token, exact)


def add_up(value: view_pb2.Value, works: Sequence[kpi_service_pb2.ExplainedWork]) -> bool:
    """Return True if the works add up to the value; of a distinct count, if their members do."""
    if any(work.member_number or work.member for work in works):
        return value.whole == len({work.member_number or work.member for work in works})
    if value.HasField("whole"):
        return sum(work.contribution.whole for work in works) == value.whole
    numerator = sum(w.contribution.whole + w.contribution.ratio.numerator for w in works)
    return numerator == value.ratio.numerator


def _are_all(value: view_pb2.Value, works: Sequence[kpi_service_pb2.ExplainedWork]) -> bool:
    """Return True if no work that counts can follow: none counts less than 0, so none is left.

    Further works may name the members of a distinct count again, and count in a ratio only below.
    """
    has_members = any(work.member_number or work.member for work in works)
    return value.HasField("whole") and not has_members and add_up(value, works)


def _position(view: view_pb2.ViewInfo) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the position of an answer: its view, and the next offset of each partition."""
    return view.view_id, tuple((each.partition, each.next_offset) for each in view.progress)
