"""KPI values as Prometheus gauges: two years at most, root and institutions only.

The present year is read up to the present month, because anything dated later has not happened yet.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.kernel.metrics import show
from services.kpi import metrics
from services.kpi.domain.catalogue import MEASURES, Catalogue, Rule
from services.kpi.domain.cube import Cube, Ratio
from services.kpi.domain.targets import Target
from services.kpi.query.live_view import LiveView, ViewState

LAST_MONTH = 9999 * 12 + 11


@dataclass(frozen=True, slots=True)
class Figures:
    """Values of the gauges that show KPI numbers, by the values of their labels.

    Args:
        values: (institution, indicator, measure, year) -> value; None for an undefined ratio.
        targets: (institution, indicator, year) -> target.
        open_joint_claims: (indicator,) -> number of claims still to be verified.
    """

    values: dict[tuple[str, str, str, str], float | None]
    targets: dict[tuple[str, str, str], float]
    open_joint_claims: dict[tuple[str], float] = field(default_factory=dict)


def figures(cube: Cube, targets: Mapping[str, Target], month: int) -> Figures:
    """Return the gauges of the present year and of the newest earlier year that has targets.

    If there is such an earlier year, the present one is left out while it has neither targets nor
    values, so that dashboards open with a year that shows something.

    Args:
        cube: cells of the live view.
        targets: `Target.key` -> target.
        month: the present month, counted from January of year 0.
    """
    year = month // 12
    before = max((t.year for t in targets.values() if t.year < year), default=None)
    shown = _of_year(cube, targets, year, month)
    if before is not None:
        earlier = _of_year(cube, targets, before, before * 12 + 11)
        shown = earlier if _is_empty(shown, cube.catalogue) else _both(shown, earlier)
    return replace(shown, open_joint_claims=_open_joint_claims(cube))


def _is_empty(shown: Figures, catalogue: Catalogue) -> bool:
    """Return True if nothing happened in a year, and it has no target; stocks outlast a year."""
    flows = {
        code
        for code, indicator in catalogue.indicators.items()
        if indicator.value is not None and not indicator.value.is_stock
    }
    values = (value for (_, code, *_), value in shown.values.items() if code in flows)
    return not shown.targets and not any(values)


def _both(one: Figures, other: Figures) -> Figures:
    return Figures(one.values | other.values, one.targets | other.targets)


def _of_year(cube: Cube, targets: Mapping[str, Target], year: int, last: int) -> Figures:
    values: dict[tuple[str, str, str, str], float | None] = {}
    aims: dict[tuple[str, str, str], float] = {}
    for unit_id in reporting_units(cube.catalogue):
        for code, indicator in cube.catalogue.indicators.items():
            aim = targets.get(f"{unit_id}|{indicator.attainment_of or code}|{year}")
            if aim is not None and not indicator.attainment_of:
                aims[unit_id, code, str(year)] = aim.value
            for number, measure in enumerate(MEASURES):
                divisor = aim.value if aim else 0
                value = cube.value(unit_id, indicator, number, year * 12, last, divisor)
                values[unit_id, code, measure, str(year)] = _plain(value)
    return Figures(values, aims)


def reporting_units(catalogue: Catalogue) -> list[str]:
    """Return the ids of the root and all institutions, the units that gauges are shown for."""
    tree = catalogue.tree
    return [tree.ids[0], *(tree.ids[number] for number in tree.institutions())]


def _plain(value: int | Ratio) -> float | None:
    if isinstance(value, Ratio):
        return value.numerator / value.denominator if value.denominator else None
    return value


def _open_joint_claims(cube: Cube) -> dict[tuple[str], float]:
    """Return (indicator,) -> claims of further institutions on joint works that are not verified.

    A work that n institutions claim counts once at the root and once at each of them, so the
    difference is n - 1. Where it is higher for declared than for verified, the rest is still to be
    verified.
    """
    root, *institutions = reporting_units(cube.catalogue)
    found = {}
    for code, indicator in cube.catalogue.indicators.items():
        component = indicator.value
        if component is None or indicator.denominator or component.is_stock:
            continue
        if component.rule is Rule.WHOLE:
            shared = []
            for measure in (0, 1):
                span = (0, LAST_MONTH)
                parts = [cube.value(i, indicator, measure, *span, 0) for i in institutions]
                whole = cube.value(root, indicator, measure, *span, 0)
                shared.append(sum(map(_whole, parts)) - _whole(whole))
            found[(code,)] = float(max(0, shared[0] - shared[1]))
    return found


def _whole(value: int | Ratio) -> int:
    assert isinstance(value, int)
    return value


def show_figures(live: LiveView, month: int) -> None:
    """Set the Prometheus gauges from the live view.

    Args:
        live: the live view.
        month: the present month, counted from January of year 0.

    Raises:
        Unavailable: no view is live.
    """
    with live.read() as state:
        found = figures(state.cube, state.targets, month)
        _show_state(state, live.refreshed_at)
    show(metrics.VALUE, found.values)
    show(metrics.TARGET, found.targets)
    show(metrics.JOINT_CLAIMS_OPEN, found.open_joint_claims)


def _show_state(state: ViewState, refreshed_at: float) -> None:
    newest = state.progress.newest_event_ms / 1000
    view = (state.view.view_id,)
    show(metrics.VIEW_AGE, {view: max(0.0, time.time() - newest) if newest else None})
    show(metrics.VIEW_REFRESHED, {view: refreshed_at})
