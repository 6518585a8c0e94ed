"""`kieng catalogue what-if`: who would win and lose by another catalogue, before it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from kieng.kpi.v1 import catalogue_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli import definitions, options
from services.cli.kpi import MEASURES, From, MeasureOption, To, read_measure
from services.cli.render import NOTHING, number_text, value_json, value_text
from services.cli.screen import Screen
from services.cli.views import Directory, Indicators, TreeOption, read_tree

PRECISION = 10_000
NAMES = {number: name for name, number in MEASURES.items()}


def what_if(
    file: Indicators,
    from_month: From,
    to_month: To,
    directory: Directory = 0,
    tree: TreeOption = "as-was",
    measure: MeasureOption = "verified",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Show every number that another catalogue would change, and the works that explain it.

    Nothing is published or stored. JSON has both measures.

    Example: kieng catalogue what-if indicators.yaml --from 2025-01 --to 2025-07
    """
    read_measure(measure)
    message = definitions.read(file)
    request = api.TryCatalogueRequest(
        indicators=message.indicators,
        taxonomies=message.taxonomies,
        directory_version=directory,
        tree=read_tree(tree),
        from_month=from_month,
        to_month=to_month,
    )
    changes: list[api.CellChange] = []
    with options.session(output, lang, data, "steward") as session:
        screen = session.screen
        with screen.progress() as progress:
            bar = progress.add_task(screen.text("phase.loading"), total=None)
            for step in session.clients.stub(CatalogueServiceStub).TryCatalogue(request):
                progress.update(bar, completed=step.events_done, total=step.events_wanted)
                changes += step.changes
                result = step.result
    found = {
        "from": from_month,
        "to": to_month,
        "changes": [change_json(change) for change in changes],
        "parked": {"before": result.parked_before, "after": result.parked_after},
        "is_cut": result.is_cut,
    }
    shown = [change for change in changes if change.measure == MEASURES[measure]]
    titled = screen.text(
        "what_if.title",
        first=from_month,
        last=to_month,
        measure=screen.text(f"measure.{measure}"),
        changes=len(shown),
        before=result.parked_before,
        after=result.parked_after,
    )
    screen.answer(found, lambda: winners_and_losers(screen, titled, shown))


def change_json(change: api.CellChange) -> dict[str, Any]:
    """Return a change as programs read it."""
    return {
        "unit": change.unit_id,
        "indicator": change.indicator_code,
        "measure": NAMES[change.measure],
        "before": value_json(change.before),
        "after": value_json(change.after),
        "difference": difference(change),
        "works": change.works,
        "work_keys": list(change.work_keys),
    }


def difference(change: api.CellChange) -> int | float | None:
    """Return after - before; None where one of them is not defined."""
    before, after = number(change.before), number(change.after)
    return None if before is None or after is None else after - before


def number(value: view_pb2.Value) -> int | float | None:
    """Return a value as a number; None when it is not defined."""
    if value.HasField("whole"):
        return value.whole
    ratio = value.ratio
    return ratio.numerator / ratio.denominator if ratio.denominator else None


def winners_and_losers(
    screen: Screen, title: str, changes: Sequence[api.CellChange]
) -> RenderableType:
    """Return a table by unit, or a line when nothing would change."""
    if not changes:
        return screen.text("what_if.same")
    table = screen.table(
        "unit", "indicator", ">before", ">after", ">difference", ">works", "work_key", title=title
    )
    for change in changes:
        more = ["..."] if change.works > len(change.work_keys) else []
        table.add_row(
            change.unit_id,
            change.indicator_code,
            _text(screen, change.before),
            _text(screen, change.after),
            _difference_text(screen, change),
            str(change.works),
            "\n".join([*change.work_keys, *more]),
        )
    return table


def _text(screen: Screen, value: view_pb2.Value) -> str:
    return value_text(value, "", screen.lang)


def _difference_text(screen: Screen, change: api.CellChange) -> str:
    step = difference(change)
    if step is None:
        return NOTHING
    sign = "+" if step > 0 else ""
    if isinstance(step, int):
        return sign + number_text(step, screen.lang)
    ratio = view_pb2.Ratio(numerator=round(step * PRECISION), denominator=PRECISION)
    return sign + _text(screen, view_pb2.Value(ratio=ratio))
