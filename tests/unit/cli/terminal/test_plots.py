from fractions import Fraction

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.plots import Plot, PlotLayout
from services.cli.terminal.screen import Output, Screen
from services.texts import Lang


def plot(unit: str, cell: view_pb2.Cell, *, is_read: bool = True) -> Plot:
    """The plot of one cell of an indicator with this unit of measure, over two months."""
    view = view_pb2.ViewInfo(view_id="g1-c1-f3", digest="ab" * 32)
    if is_read:
        view.newest_event_at.FromJsonString("2025-07-31T02:00:00Z")
    answer = kpi_service_pb2.GetKpisResponse(view=view, cells=[cell])
    names = Names({"X-01": "Tên"}, {"vnu": "Đại học"}, {"X-01": unit})
    layout = PlotLayout(
        Screen(Output.table, Lang.vi), names, "X-01", ["2025-01", "2025-02"], answer
    )
    value = view_pb2.Value(ratio=view_pb2.Ratio(numerator=1, denominator=4))
    undefined = view_pb2.Value(ratio=view_pb2.Ratio())
    return layout.plot([[(value, Fraction(1, 2)), (undefined, None)]])


def whole(value: int, target: int | None = None) -> view_pb2.Cell:
    return view_pb2.Cell(
        unit_id="vnu", indicator_code="X-01", verified=view_pb2.Value(whole=value), target=target
    )


def test_a_panel_has_the_values_that_are_defined_and_the_target() -> None:
    (panel,) = plot("count", whole(62, target=120)).panels
    assert panel.values == [Fraction(1, 4), None]
    assert panel.expected == [Fraction(1, 2), None]
    assert panel.target == 120
    assert (panel.title, panel.note) == ("Đại học", "62 / 120")


@pytest.mark.parametrize(
    ("unit", "amount", "label"),
    [
        ("count", Fraction(1500), "1.500"),
        ("vnd", Fraction(60_000_000_000), "60 tỷ"),
        ("percent", Fraction(1, 4), "25%"),
        ("percent", Fraction(1), "100%"),
        ("count", Fraction(1, 2), "0,50"),
    ],
)
def test_amounts_on_an_axis_are_written_as_values_are(
    unit: str, amount: Fraction, label: str
) -> None:
    written = plot(unit, whole(1)).amount(amount)
    assert written.replace("\N{NO-BREAK SPACE}", " ") == label


def test_what_is_still_being_read_is_not_judged() -> None:
    made = plot("count", whole(0, target=120), is_read=False)
    assert "đang đọc" in made.panels[0].note
    assert len(made.frame) == 1


def test_a_picture_says_what_it_stands_on_and_when() -> None:
    view, newest = plot("count", whole(1)).frame
    assert "g1-c1-f3" in view
    assert "abababababab" in view
    assert "2025" in newest
