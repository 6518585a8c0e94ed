"""Shows which numbers an import would change: now, once submitted, and once verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType

from kieng.kpi.v1 import kpi_service_pb2 as api
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.client.clients import Clients
from services.cli.client.resuming import Patience
from services.cli.client.troubles import CallFailed
from services.cli.commands.import_sending import Preview
from services.cli.terminal.effect_tables import STAGES, effect_table, visible
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import value_json, view_json
from services.cli.terminal.screen import Screen
from services.importing.event_previews import event_previews

SHOWN_MAX = 500


@dataclass
class Numbers:
    """The numbers that an import would change, and the view from which they were computed."""

    effects: list[api.Effect] = field(default_factory=list)
    result: api.TryEventsResult = field(default_factory=api.TryEventsResult)

    def document(self) -> dict[str, Any]:
        """Return the numbers, and what they assume, as the object that `--output json` prints.

        `numbers` has an object per number, as in `effect_json`, and `uncounted` the submissions
        that could not be counted; `is_cut` is true if the service left some numbers out.
        """
        return {
            "assumes": "every row is verified, in the order of the file",
            "view": view_json(self.result.view, datetime.now(UTC)),
            "events": self.result.events,
            "uncounted": [
                {"submission_id": each.submission_id, "reason": each.reason}
                for each in self.result.uncounted
            ],
            "is_cut": self.result.is_cut,
            "numbers": [effect_json(effect) for effect in self.effects],
        }


def effect_json(effect: api.Effect) -> dict[str, Any]:
    """Return one number at every stage of the import, as the object that `--output json` prints.

    Its keys are `unit`, `indicator`, `from`, `to` and the `STAGES`; each stage has the values
    `declared` and `verified`.
    """
    return {
        "unit": effect.unit_id,
        "indicator": effect.indicator_code,
        "from": effect.from_month,
        "to": effect.to_month,
        **{
            stage: {
                "declared": value_json(getattr(effect, stage).declared),
                "verified": value_json(getattr(effect, stage).verified),
            }
            for stage in STAGES
        },
    }


def numbers_of(clients: Clients, preview: Preview, by_month: bool, patience: Patience) -> Numbers:
    """Return the numbers that the events of a preview would change, as the KPI service counts them.

    Args:
        clients: clients of the services.
        preview: result of trying the rows, with the events that would follow.
        by_month: whether to count per month instead of per year.
        patience: decides how long to wait for the service.

    Raises:
        CallFailed: there is no view, or the service did not come back in time.
    """
    stub = clients.stub(KpiServiceStub)
    requests = list(event_previews(preview.submitted, preview.verified, by_month))
    while True:
        numbers = Numbers()
        try:
            for answer in stub.TryEvents(iter(requests)):
                numbers.effects += answer.effects
                if answer.HasField("result"):
                    numbers.result = answer.result
            return numbers
        except CallFailed as failure:
            patience.wait(failure)


def table(screen: Screen, names: Names, numbers: Numbers) -> RenderableType:
    """Return a table of the numbers that would change, and a line with the assumption.

    At most `SHOWN_MAX` are listed, and the caption counts the others. If there are none, return a
    sentence that says so.

    Args:
        screen: language of the texts.
        names: units of measure of the indicators.
        numbers: numbers that would change.
    """
    effects = visible(screen, names, numbers.effects)
    if not effects:
        return screen.text("import.effect_none")
    first = effects[:SHOWN_MAX]
    shown = effect_table(screen, names, first, screen.text("import.effect"))
    # A list that the service has cut off is far longer than this.
    if (more := len(effects) - SHOWN_MAX) > 0:
        shown.caption = screen.text("import.effect_more", more=more)
    return Group(shown, screen.text("import.effect_assumes"))


def stages_text(screen: Screen, stages: Sequence[dict[str, Any]]) -> str:
    """Return one line per measure with the values of a number at all stages, e.g. `3 → 5`.

    The measures are declared and verified values. Ratios are written as `1/2`. ``stages`` are the
    stages in JSON form, as in `effect_json`.
    """
    lines = []
    for measure in ("declared", "verified"):
        steps = " → ".join(_json_text(stage[measure]) for stage in stages)
        lines.append(f"{screen.text(f'measure.{measure}')}: {steps}")
    return "\n".join(lines)


def _json_text(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['numerator']}/{value['denominator']}"
    return str(value)
