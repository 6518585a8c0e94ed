"""Panels as the four dashboards use them: a title in two languages, queries, a unit and a width."""

from __future__ import annotations

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    LegendDisplayMode,
    LegendPlacement,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    MatcherConfig,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT = 8
THIRD, HALF, WHOLE = 8, 12, 24
Query = tuple[str, str]
"""An expression, and the legend of its series."""


def title(vi: str, en: str) -> str:
    """Return a title for readers of both languages."""
    return f"{vi} · {en}"


def _query(number: int, query: Query) -> prometheus.Dataquery:
    expression, legend = query
    return (
        prometheus.Dataquery()
        .expr(expression)
        .legend_format(legend)
        .ref_id(chr(65 + number))
        .datasource(SOURCE)
    )


def lines(
    vi: str, en: str, *queries: Query, unit: str = "short", span: int = HALF, about: str = ""
) -> timeseries.Panel:
    """Return a panel of lines over time."""
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    )
    panel = timeseries.Panel().title(title(vi, en)).unit(unit).datasource(SOURCE).legend(legend)
    panel = panel.span(span).height(HEIGHT).fill_opacity(8).min(0)
    for number, query in enumerate(queries):
        panel = panel.with_target(_query(number, query))
    return panel.description(about) if about else panel


def number(
    vi: str,
    en: str,
    query: str,
    unit: str = "short",
    span: int = 6,
    bad_from: float | None = None,
    good_from: float | None = None,
) -> stat.Panel:
    """Return a panel of one number; red from `bad_from` on, or below `good_from`."""
    steps = [Threshold(value=None, color="red" if good_from is not None else "green")]
    if bad_from is not None:
        steps.append(Threshold(value=bad_from, color="red"))
    if good_from is not None:
        steps.append(Threshold(value=good_from, color="green"))
    colours = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
    panel = stat.Panel().title(title(vi, en)).unit(unit).datasource(SOURCE).thresholds(colours)
    return panel.span(span).height(4).with_target(_query(0, (query, "")).instant())


def bars(vi: str, en: str, query: Query, unit: str = "short", span: int = HALF) -> bargauge.Panel:
    """Return a panel of bars, the present value of each series; 1 is where it should be."""
    steps = [
        Threshold(value=None, color="red"),
        Threshold(value=0.5, color="orange"),
        Threshold(value=1, color="green"),
    ]
    colours = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
    panel = bargauge.Panel().title(title(vi, en)).unit(unit).datasource(SOURCE).thresholds(colours)
    panel = panel.orientation(VizOrientation.HORIZONTAL).display_mode(BarGaugeDisplayMode.BASIC)
    return panel.span(span).height(12).min(0).with_target(_query(0, query).instant())


def rows(
    vi: str, en: str, columns: dict[str, str], by: str, names: dict[str, str], span: int = WHOLE
) -> table.Panel:
    """Return a table: one row per value of a label, one column per expression.

    Args:
        vi: title.
        en: title.
        columns: heading -> expression, whose series have the label and no other.
        by: the label.
        names: value of the label -> how the row is called.
        span: width.
    """
    panel = table.Panel().title(title(vi, en)).datasource(SOURCE).span(span).height(14)
    renamed = {}
    for place, (heading, expression) in enumerate(columns.items()):
        query = _query(place, (expression, "")).instant().format(PromQueryFormat.TABLE)
        panel = panel.with_target(query)
        renamed[f"Value #{chr(65 + place)}"] = heading
    order = {"excludeByName": {"Time": True}, "renameByName": renamed}
    for step, options in (("merge", {}), ("organize", order)):
        panel = panel.with_transformation(DataTransformerConfig(id_val=step, options=options))
    mapping = ValueMap(options={v: ValueMappingResult(text=name) for v, name in names.items()})
    return panel.with_override(
        MatcherConfig(id_val="byName", options=by),
        [
            DynamicConfigValue(id_val="mappings", value=[mapping]),
            DynamicConfigValue(id_val="custom.width", value=480),
        ],
    )


def choice(name: str, label: str, metric: str) -> dashboard.QueryVariable:
    """Return a variable that chooses among the values of a label, several or all of them."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def board(uid: str, vi: str, en: str) -> dashboard.Dashboard:
    """Return an empty dashboard with the variable that chooses the Prometheus."""
    source = dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    links = dashboard.DashboardLink("Kiềng").type(DashboardLinkType.DASHBOARDS).tags(["kieng"])
    return (
        dashboard.Dashboard(title(vi, en))
        .uid(uid)
        .tags(["kieng"])
        .time("now-6h", "now")
        .timezone("browser")
        .refresh("30s")
        .readonly()
        .link(links.as_dropdown(True).include_vars(False).keep_time(True))
        .with_variable(source)
    )
