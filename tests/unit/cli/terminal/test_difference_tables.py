import pytest

from kieng.kpi.v1 import edition_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from services.cli.terminal.difference_tables import SHOWN_MAX, difference, kind_of
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.screen import Output, Screen
from services.cli.terminal.tables import WholeTable
from services.texts import Lang

Claim = api.RestatedClaim


def line(*causes: int, change: int = 1, work_key: str = "doi:10.1/x") -> api.Restatement:
    value = view_pb2.Value(whole=change)
    changes = [api.CellDifference(unit_id="vnu", indicator_code="KNW-03", difference=value)]
    claims = [Claim(submission_id="s1", unit_id="vnu/hus", cause=cause) for cause in causes]  # type: ignore[arg-type]
    return api.Restatement(work_key=work_key, claims=claims, changes=changes)


@pytest.mark.parametrize(
    ("causes", "change", "kind"),
    [
        ([Claim.CAUSE_LATE], 1, "entered"),
        ([Claim.CAUSE_NEWLY_VERIFIED, Claim.CAUSE_LATE], 1, "entered"),
        ([Claim.CAUSE_NEWLY_VERIFIED], -5, "changed"),
        ([Claim.CAUSE_WITHDRAWN], -1, "left"),
        ([Claim.CAUSE_REJECTED], 1, "changed"),
        ([Claim.CAUSE_AMENDED], 1, "changed"),
        ([Claim.CAUSE_LATE, Claim.CAUSE_WITHDRAWN], 1, "changed"),
    ],
)
def test_a_work_entered_left_or_changed(causes: list[int], change: int, kind: str) -> None:
    assert kind_of(line(*causes, change=change)) == kind


def shown(lines: list[api.Restatement], every: bool, adds_up: bool = True) -> list[str]:
    last = api.ListChangesResponse(adds_up=adds_up)
    found = difference(Screen(lang=Lang.en), Names(), lines, [], last, every)
    return [part for part in found if isinstance(part, str)]


def test_works_are_counted_by_kind_and_it_is_said_whether_they_add_up() -> None:
    found = shown([line(Claim.CAUSE_LATE), line(Claim.CAUSE_AMENDED)], False)
    assert found[0] == "Works that entered: 1, left: 0, changed: 1."
    assert "still reading" in found[1]
    assert found[-1].startswith("2 works explain the whole")
    assert shown([], False, adds_up=False)[-1].startswith("WRONG")


def test_more_works_than_are_shown_are_announced() -> None:
    many = [line(Claim.CAUSE_LATE, work_key=f"doi:10.1/{n}") for n in range(SHOWN_MAX + 1)]
    assert f"{SHOWN_MAX} of {SHOWN_MAX + 1} works" in shown(many, False)[-2]
    assert len(shown(many, True)) == 3
    assert len(shown(many[:-1], False)) == 3


def cell(unit: str, code: str, before: int, works: int) -> api.RestatedCell:
    return api.RestatedCell(
        unit_id=unit,
        indicator_code=code,
        closed=view_pb2.Value(whole=before),
        by_works=view_pb2.Value(whole=works),
        now=view_pb2.Value(whole=before + works),
    )


def cells_shown(cells: list[api.RestatedCell], output: Output, exact: bool = False) -> WholeTable:
    names = Names(units={"vnu": "VNU"}, units_of_value={"COM-03": "vnd"})
    last = api.ListChangesResponse(adds_up=True)
    screen = Screen(lang=Lang.en, output=output)
    (table,) = (
        part
        for part in difference(screen, names, [], cells, last, False, exact)
        if isinstance(part, WholeTable)
    )
    return table


def test_one_unit_is_the_title_on_a_terminal_and_amounts_are_short_unless_wanted() -> None:
    money = [cell("vnu", "COM-03", 1_000_000_000, 52_512_094_664)]
    table = cells_shown(money, Output.table)
    assert (table.title, table.lines[0][2:]) == (
        "VNU",
        ("1 billion", "+52.5 billion", "53.5 billion"),
    )
    exact = cells_shown(money, Output.table, exact=True)
    assert exact.lines[0][3] == "+52,512,094,664"
    assert cells_shown(money, Output.csv).keys[0] == "unit"
    both = cells_shown([*money, cell("hust", "COM-03", 0, -2_000_000)], Output.table)
    assert [line[0] for line in both.lines] == ["vnu", "hust"]
    assert both.lines[1][4] == "-2 million"
