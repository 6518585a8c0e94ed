"""A table keeps words whole at every width, and lists its rows where they do not fit."""

from __future__ import annotations

import pytest
from rich.text import Text

from services.cli.terminal.screen import Screen
from services.cli.terminal.tables import commands_apart
from services.texts import Lang

ID = "vnu.0192f0c1-7a2b-7000-8000-00112233aabb"
SHA256 = "0123456789abcdef" * 4
COMMAND = "kieng topics apply --kafka kafka-1:9092 --replication 3 --partitions 12"


@pytest.fixture(params=[40, 60, 80, 100, 120, 200])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", str(request.param))
    return int(request.param)


def test_a_word_is_never_broken(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(lang=Lang.en)
    table = screen.table("submission_id", "title", "digest", ">version")
    table.add_row(ID, "A long title " * 5, SHA256, "12")
    table.add_row(Text(ID), "", "", "")
    screen.show(table)
    lines = capsys.readouterr().out.splitlines()
    assert sum(ID in line for line in lines) == 2
    assert sum(SHA256 in line for line in lines) == 1
    is_framed = lines[0].startswith("┏")
    assert is_framed == (width == 200)
    if is_framed:
        assert max(map(len, lines)) <= width


def test_a_table_that_fits_uses_no_more_room_than_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(lang=Lang.en)
    table = screen.table("row", "problem", "remedy")
    table.add_row("1", "short", "word " * 30)
    screen.show(table)
    lines = capsys.readouterr().out.splitlines()
    assert 70 < len(lines[0]) <= 80
    assert "│ short         │" in lines[3]


def test_a_command_of_a_remedy_can_be_copied(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen(lang=Lang.en)
    table = screen.table("check", "remedy")
    table.add_row("broker", f"The topic is missing; run `{COMMAND}`.")
    screen.show(table)
    screen.show(f"The topic is missing; run `{COMMAND}`.")
    lines = [line.strip("│ ") for line in capsys.readouterr().out.splitlines()]
    in_table, in_sentence = (line for line in lines if COMMAND in line)
    assert in_table.endswith(COMMAND)
    assert (in_sentence == COMMAND) == (width < 100)


def test_only_whole_commands_are_set_apart() -> None:
    assert commands_apart("ask `kieng doctor`, then wait") == "ask\nkieng doctor\nthen wait"
    assert commands_apart("the file `kieng.toml` of `kieng`") == "the file `kieng.toml` of `kieng`"


def test_a_list_of_fields_is_labelled_by_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    screen = Screen(lang=Lang.en)
    table = screen.table("field", "value", "verified")
    table.add_row("sha256", SHA256, "")
    table.add_row("year", "2025", "2024")
    screen.show(table)
    assert capsys.readouterr().out.splitlines() == [
        f"sha256  {SHA256}",
        "year    2025",
        "        Verified: 2024",
    ]


def test_a_column_without_text_makes_room_for_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(lang=Lang.en)
    for reason in ("", "said"):
        table = screen.table("submission_id", "title", "unit", "reason", "state")
        table.add_row(ID, "A title", "vnu/hus", reason, "verified")
        screen.show(table)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("┏") is not bool(reason)
        assert ("Reason" in "".join(lines)) is bool(reason)


def test_no_line_of_a_title_ends_with_what_goes_between(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen(lang=Lang.en)
    table = screen.table("row", "problem", title=" · ".join(["several", "words", SHA256[:20]] * 3))
    table.add_row("1", "some words " * 9)
    screen.show(table)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert not [line for line in lines if line.endswith("·")]
    assert " ".join(lines).count(SHA256[:20]) == 3
