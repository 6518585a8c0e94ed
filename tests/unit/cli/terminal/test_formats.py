"""Answers as files for other programs: exact numbers, no formula, every table and sentence."""

from __future__ import annotations

import csv
import io
import re
import zipfile

import pytest
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.text import Text

from services.cli.terminal.formats import parts
from services.cli.terminal.render import Shown, number_text, percent_text
from services.cli.terminal.screen import Output, Screen
from services.texts import Lang


def answer(screen: Screen) -> RenderableType:
    first = screen.table("name", ">value", title="Title: 2025")
    first.add_row("Đại học | A", number_text(1_234_567, screen.lang))
    first.add_row("=1+1", percent_text(0.125, screen.lang))
    second = screen.table("day", "state")
    second.add_row(Shown("31/03/2025", "2025-03-31"), Text("tốt", style="green"))
    return Group(first, Group("One sentence.", second), Text("The end."))


def printed(output: Output, capsysbinary: pytest.CaptureFixture[bytes]) -> tuple[bytes, str]:
    screen = Screen(output, Lang.vi)
    screen.show(answer(screen))
    found = capsysbinary.readouterr()
    return found.out, found.err.decode()


def test_csv_has_exact_numbers_and_nothing_that_is_computed(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    out, err = printed(Output.csv, capsysbinary)
    assert list(csv.reader(io.StringIO(out.decode()))) == [
        ["Tên", "Giá trị"],
        ["Đại học | A", "1234567"],
        ["'=1+1", "0.125"],
        [],
        ["Ngày", "Trạng thái"],
        ["2025-03-31", "tốt"],
    ]
    assert err == "One sentence.\nThe end.\n"


def test_markdown_has_tables_and_sentences_in_order(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    out, err = printed(Output.markdown, capsysbinary)
    assert out.decode().splitlines() == [
        "**Title: 2025**",
        "",
        "| Tên | Giá trị |",
        "| --- | ---: |",
        "| Đại học \\| A | 1.234.567 |",
        "| =1+1 | 12,5% |",
        "",
        "One sentence.",
        "",
        "| Ngày | Trạng thái |",
        "| --- | --- |",
        "| 31/03/2025 | tốt |",
        "",
        "The end.",
    ]
    assert not err


def test_a_workbook_has_a_sheet_for_each_table(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    out, err = printed(Output.xlsx, capsysbinary)
    with zipfile.ZipFile(io.BytesIO(out)) as book:
        assert re.findall(r'<sheet name="([^"]*)"', book.read("xl/workbook.xml").decode()) == [
            "1 Title  2025",
            "2",
        ]
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        shared = book.read("xl/sharedStrings.xml").decode()
    assert "<v>1234567</v>" in sheet
    assert "<f>" not in sheet
    assert "=1+1" in shared
    assert err == "One sentence.\nThe end.\n"


def test_a_number_that_a_spreadsheet_would_round_stays_a_text() -> None:
    assert number_text(123_456_789_012_345, Lang.en).exact == 123_456_789_012_345
    assert number_text(1_234_567_890_123_456, Lang.en).exact == "1234567890123456"


def test_an_answer_that_no_format_can_write_stops_loudly() -> None:
    with pytest.raises(TypeError, match="Columns"):
        list(parts(Columns(["a"])))
