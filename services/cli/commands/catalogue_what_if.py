"""`kieng catalogue what-if`: shows which units would win or lose by another catalogue."""

from __future__ import annotations

from typing import Any

from kieng.kpi.v1 import catalogue_service_pb2 as api
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli.commands.catalogue_views import Directory, Indicators, TreeOption, read_tree
from services.cli.commands.kpi import MEASURES, From, MeasureOption, To, read_measure, read_months
from services.cli.commands.what_if_winners import (
    NAMES,
    Directions,
    difference,
    directions_of,
    outcome,
    totals_json,
    winners_and_losers,
)
from services.cli.files import catalogue_yaml
from services.cli.session import Session, with_session
from services.cli.terminal.render import value_json


@with_session("steward")
def what_if(
    session: Session,
    file: Indicators,
    from_month: From = "",
    to_month: To = "",
    directory: Directory = 0,
    tree: TreeOption = "as-was",
    measure: MeasureOption = "verified",
) -> None:
    """Show which units would win or lose by another catalogue, and the works behind each number.

    Nothing is published or stored. JSON has both measures.

    Example: kieng catalogue what-if indicators.yaml --from 2025-01 --to 2025-07
    """
    read_measure(measure)
    first, last = read_months(from_month, to_month)
    message = catalogue_yaml.read(file, session.screen.lang)
    request = api.TryCatalogueRequest(
        indicators=message.indicators,
        taxonomies=message.taxonomies,
        directory_version=directory,
        tree=read_tree(tree),
        from_month=first,
        to_month=last,
    )
    changes: list[api.CellChange] = []
    screen = session.screen
    with screen.progress() as progress:
        bar = progress.add_task(screen.text("phase.loading"), total=None)
        for step in session.stub(CatalogueServiceStub).TryCatalogue(request):
            progress.update(bar, completed=step.events_done, total=step.events_wanted)
            changes += step.changes
            result = step.result
    directions = directions_of(message.indicators)
    found = {
        "from": from_month,
        "to": to_month,
        "units": totals_json(changes, directions),
        "changes": [change_json(change, directions) for change in changes],
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
    screen.answer(found, lambda: winners_and_losers(screen, titled, shown, directions))


def change_json(change: api.CellChange, directions: Directions) -> dict[str, Any]:
    """Return a changed value as the JSON object that `--output json` prints.

    `outcome` is `wins`, `loses` or `changes`; `works` is the number of works that cause the change,
    and `work_keys` lists some of them.

    Args:
        change: changed value of a unit.
        directions: code of an indicator -> its better direction; see `directions_of`.
    """
    return {
        "unit": change.unit_id,
        "indicator": change.indicator_code,
        "measure": NAMES[change.measure],
        "before": value_json(change.before),
        "after": value_json(change.after),
        "difference": difference(change),
        "outcome": outcome(change, directions),
        "works": change.works,
        "work_keys": list(change.work_keys),
    }
