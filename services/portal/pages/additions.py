"""What works add to a number, or changed of it: of a ratio, to both of its parts."""

from __future__ import annotations

from kieng.kpi.v1 import view_pb2
from services.portal import wire
from services.portal.catalogues import Catalogue
from services.portal.domain.figures import Number
from services.portal.numbers import full
from services.portal.site import Page


def is_ratio(catalogue: Catalogue, code: str) -> bool:
    """Return whether an indicator is a ratio of two counts; False if the catalogue lacks it."""
    found = catalogue.indicators.get(code)
    return found is not None and found.HasField("denominator")


def added(
    page: Page, catalogue: Catalogue, code: str, value: view_pb2.Value, *, is_change: bool = False
) -> str | Number | None:
    """Return what a work adds to a number, or what changed it; None if the value is unset.

    It is a number, except of a ratio of two counts, e.g. `1 of 2`, or `+1 of +2` for a change: what
    both parts gained is no percentage by itself.

    Args:
        page: the page, for its language.
        catalogue: the catalogue with the indicator.
        code: code of the indicator.
        value: the value, as the KPI service returns it.
        is_change: whether parts have a sign.
    """
    if not (is_ratio(catalogue, code) and value.HasField("ratio")):
        return wire.number(value)

    def text(part: int) -> str:
        sign = ("+" if part > 0 else "−" if part else "±") if is_change else ""  # noqa: RUF001
        return f"{sign}{full(abs(part) if is_change else part, '', page.lang)}"

    parts = (text(value.ratio.numerator), text(value.ratio.denominator))
    return page.text("cell.parts", numerator=parts[0], denominator=parts[1])
