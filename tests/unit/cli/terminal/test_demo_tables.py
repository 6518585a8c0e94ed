"""What the demo shows at its end fits one screen, and says how the targets stand."""

from __future__ import annotations

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.cli.commands.demo_answer import STEPS, next_steps
from services.cli.terminal.demo_tables import joint_text, standings_text, targets_table
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.screen import Screen
from services.texts import Lang

NAMES = Names(
    indicators={"KNW-03": "Bài báo WoS/Scopus", "COM-03": "Giá trị chuyển giao, thương mại hóa"},
    units_of_value={"KNW-03": "count", "COM-03": "vnd"},
)
BEHIND, ON_PACE = view_pb2.Pace.STANDING_BEHIND, view_pb2.Pace.STANDING_ON_PACE


def cell(code: str, value: int, target: int = 0, standing: int = 0, gap: int = 0) -> view_pb2.Cell:
    made = view_pb2.Cell(unit_id="consortium", indicator_code=code)
    made.verified.whole = value
    if target:
        made.target = target
        made.pace.standing = view_pb2.Pace.Standing.ValueType(standing)
        made.pace.gap = gap
    return made


CELLS = [
    cell("COM-03", 116_650_425_195, 170_000_000_000, ON_PACE),
    cell("COM-04", 66),
    *(cell(f"ENT-{n:02}", 45, 80, BEHIND, n) for n in range(1, 10)),
    cell("KNW-03", 1930, 3400, BEHIND, 60),
]
OVERLAPS = kpi_service_pb2.ListOverlapsResponse(
    overlaps=[kpi_service_pb2.Overlap(work_key=f"doi:{n}") for n in range(82)],
    whole=1930,
    sum_of_children=2023,
)


@pytest.mark.parametrize("lang", Lang)
def test_the_targets_fit_one_screen_of_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: Lang
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(lang=lang)
    screen.show(targets_table(screen, NAMES, CELLS))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    codes = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    # Those that lack most of their target come first; what goes on by itself comes last.
    assert codes[:2] == ["ENT-09", "ENT-08"]
    assert [code for code in codes if code][-1] == "COM-03"
    assert "COM-04" not in codes
    money = {"vi": "116,7 tỷ", "en": "116.7B"}[lang]
    assert any(money in line for line in lines)


def test_standings_and_joint_works_are_counted() -> None:
    screen = Screen(lang=Lang.en)
    assert standings_text(screen, CELLS) == "11 targets: 1 on pace, 10 behind."
    told = joint_text(screen, NAMES, "KNW-03", OVERLAPS)
    for number in ("2,023", "1,930", "82", "93"):
        assert number in told


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/"])
def test_commands_to_try_can_be_typed_as_they_are_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, url: str
) -> None:
    folder = tmp_path_factory.mktemp("my data")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", [".venv/bin/kieng"])
    told = next_steps(Screen(lang=Lang.en), folder, url)
    lines = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    assert all(line.startswith(".venv/bin/kieng ") for line in lines)
    assert all(line.endswith(f"--data '{folder}'") for line in lines)
    assert len(lines) == len(STEPS) + (not url)
    assert (url in told) if url else ("stopped" in told)
