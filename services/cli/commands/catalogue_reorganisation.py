"""`kieng catalogue reorganisation`: splits a unit's change into reorganisation and real change.

The numbers of two ranges of months are compared in the unit tree as it was, and as it is now.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from kieng.kpi.v1 import catalogue_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli.commands.kpi import MEASURES, Indicators, MeasureOption, OneUnit, read_measure
from services.cli.session import Session, with_session
from services.cli.terminal.render import NOTHING, value_json, value_text, with_sign
from services.cli.terminal.screen import Screen

NAMES = {number: name for name, number in MEASURES.items()}
First = Annotated[str, typer.Option("--from", help="Earlier range, e.g. 2020-01:2020-12.")]
Last = Annotated[str, typer.Option("--to", help="Later range, e.g. 2024-01:2024-12.")]
SHOWN_DENOMINATOR_MAX = 10**9


@with_session("viewer")
def reorganisation(
    session: Session,
    unit: OneUnit,
    earlier: First,
    later: Last,
    indicators: Indicators = [],  # noqa: B006  typer copies it
    measure: MeasureOption = "verified",
) -> None:
    """Show a unit's numbers in the tree as it was and as it is, and split what changed.

    change = reorganisation + real change, exactly. Units that ended count, as it is, for their
    successors. The same range twice shows the two trees side by side.

    Example: kieng catalogue reorganisation --unit hust/seee --from 2021-01:2021-12 --to 2025-01
    """
    read_measure(measure)
    request = api.CompareTreesRequest(
        unit_id=unit, indicator_codes=indicators, before=months(earlier), after=months(later)
    )
    answer = session.stub(CatalogueServiceStub).CompareTrees(request)
    found = {
        "view_id": answer.view_id,
        "unit": unit,
        "moved_units": list(answer.moved_unit_ids),
        "works": answer.works,
        "numbers": [numbers_json(numbers) for numbers in answer.numbers],
    }
    session.screen.answer(found, lambda: table(session.screen, answer, measure))


def months(text: str) -> api.Months:
    """Return the range of months in a text, e.g. `2020-01:2020-12`, or `2020-01` for one month.

    The text is not checked here; the service refuses invalid months.
    """
    first, _, last = text.partition(":")
    return api.Months(from_month=first, to_month=last or first)


def fraction(value: view_pb2.Value) -> Fraction | None:
    """Return a value as an exact fraction; None for a ratio whose denominator is 0.

    An unset value is 0.
    """
    if not value.HasField("ratio"):
        return Fraction(value.whole)
    ratio = value.ratio
    return Fraction(ratio.numerator, ratio.denominator) if ratio.denominator else None


def split(numbers: api.TreeNumbers) -> tuple[Fraction, Fraction, Fraction] | None:
    """Return the change of an indicator, its part due to reorganisation, and the real change.

    The change is the one in the tree as it was, the real change the one in the tree as it is, and
    the rest is due to the reorganisation. None if one of the four values is not defined.
    """
    was_before, was_after, is_before, is_after = (
        fraction(value)
        for value in (
            numbers.as_was_before,
            numbers.as_was_after,
            numbers.as_is_before,
            numbers.as_is_after,
        )
    )
    if was_before is None or was_after is None or is_before is None or is_after is None:
        return None
    change, real = was_after - was_before, is_after - is_before
    return change, change - real, real


def numbers_json(numbers: api.TreeNumbers) -> dict[str, Any]:
    """Return an indicator's values in both trees and its change, as `--output json` prints them.

    `as_was` and `as_is` are lists of the values before and after; `change`, `reorganisation` and
    `real` are those of `split`, exact, or null if it returns None.
    """
    parts = split(numbers)
    named = zip(("change", "reorganisation", "real"), parts or (None, None, None), strict=True)
    return {
        "indicator": numbers.indicator_code,
        "measure": NAMES[numbers.measure],
        "as_was": [value_json(numbers.as_was_before), value_json(numbers.as_was_after)],
        "as_is": [value_json(numbers.as_is_before), value_json(numbers.as_is_after)],
        **{name: None if part is None else _exact(part) for name, part in named},
    }


def _exact(part: Fraction) -> Any:
    if part.denominator == 1:
        return part.numerator
    return {"numerator": part.numerator, "denominator": part.denominator}


def table(screen: Screen, answer: api.CompareTreesResponse, measure: str) -> RenderableType:
    """Return a table of the values in both trees, with a last line that names the units that moved.

    It has a row per indicator, for one measure only. An indicator whose values are all 0 is left
    out.

    Args:
        screen: language of the texts.
        answer: answer of the service.
        measure: `declared` or `verified`.
    """
    result = screen.table(
        "indicator", ">as_was", ">as_is", ">change", ">reorganisation", ">real_change"
    )
    for numbers in answer.numbers:
        parts = split(numbers)
        shown = [_pair(screen, numbers.as_was_before, numbers.as_was_after)]
        shown.append(_pair(screen, numbers.as_is_before, numbers.as_is_after))
        is_nothing = shown == ["0 → 0"] * 2
        if NAMES[numbers.measure] == measure and not is_nothing:
            cells = [_part(screen, part) for part in parts] if parts else [NOTHING] * 3
            result.add_row(numbers.indicator_code, *shown, *cells)
    moved = ", ".join(answer.moved_unit_ids) or NOTHING
    return Group(result, screen.text("reorganisation.moved", units=moved, works=answer.works))


def _pair(screen: Screen, before: view_pb2.Value, after: view_pb2.Value) -> str:
    return f"{value_text(before, '', screen.lang)} → {value_text(after, '', screen.lang)}"


def _part(screen: Screen, part: Fraction) -> str:
    if part.denominator == 1:
        value = view_pb2.Value(whole=part.numerator)
    else:
        # Rounded here and exact in JSON: a difference of shares of money may exceed 64 bits.
        near = part.limit_denominator(SHOWN_DENOMINATOR_MAX)
        ratio = view_pb2.Ratio(numerator=near.numerator, denominator=near.denominator)
        value = view_pb2.Value(ratio=ratio)
    return with_sign(value_text(value, "", screen.lang))
