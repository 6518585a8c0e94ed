"""Where nothing can be written, a command says so before it does anything else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from services.cli.errors import USAGE, Failure
from services.cli.files.destination import need_place, need_places
from services.cli.main import main


def test_a_place_is_good_if_its_folder_is_there(tmp_path: Path) -> None:
    need_place(tmp_path / "a.xlsx", replace=False)
    (tmp_path / "a.xlsx").touch()
    need_places(tmp_path / "a.xlsx", None)
    with pytest.raises(Failure, match="is there already") as refused:
        need_place(tmp_path / "a.xlsx", replace=False)
    assert refused.value.exit_code == USAGE


def test_a_folder_that_is_missing_or_closed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Failure, match=r"there is no folder .*none; create it"):
        need_place(tmp_path / "none" / "a.xlsx")
    with pytest.raises(Failure, match="is a folder; name a file in it"):
        need_place(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(Failure, match="you may not write there"):
        need_place(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    "command",
    [
        ["template", "publication", "--to", "{to}.xlsx"],
        ["review", "export", "--institution", "vnu", "--to", "{to}.xlsx"],
        ["submission", "export", "publication", "--institution", "vnu", "--to", "{to}.csv"],
        ["catalogue", "export", "{to}.json"],
        ["log", "export", "{to}.kienglog"],
        ["report", "--to", "2025-07", "--output", "pdf", "--file", "{to}.pdf"],
        ["report", "--to", "2025-07", "--output", "xlsx", "--file", "{to}.xlsx"],
        ["kpi", "plot", "--indicator", "KNW-01", "--to", "2025-07", "--file", "{to}.svg"],
        ["import", "{rows}", "--institution", "vnu", "--report", "{to}.csv"],
        ["import", "{rows}", "--institution", "vnu", "--refused", "{to}.csv"],
        ["import", "{rows}", "--institution", "vnu", "--dry-run", "--plan", "{to}.plan"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_every_command_that_writes_a_file_says_first_that_its_folder_is_missing(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "publication.csv"
    rows.write_text("record_id,unit_id\n")
    names: dict[str, Any] = {"to": tmp_path / "none" / "a", "rows": rows}
    with pytest.raises(SystemExit) as ended:
        main([*(word.format(**names) for word in command), "--data", str(tmp_path)])
    assert ended.value.code == USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert "không có thư mục" in line


def test_a_file_that_is_gone_is_told_in_the_readers_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = FileNotFoundError(2, "No such file or directory", "a.xlsx")

    def fail(*given: Any) -> None:
        raise gone

    monkeypatch.setattr("services.importing.template_book.write", fail)
    with pytest.raises(SystemExit) as ended:
        main(["template", "publication", "--to", str(tmp_path / "a.xlsx")])
    assert ended.value.code == USAGE
    assert capsys.readouterr().err == "kieng: a.xlsx: không có tệp hoặc thư mục này\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--report", "rows.csv"],
        ["--dry-run", "--plan", "./rows.csv"],
        ["--report", "out.csv", "--refused", "out.csv"],
        ["--dry-run", "--plan", "out.csv", "--report", "out.csv"],
    ],
)
def test_no_file_that_is_read_or_written_is_written_again(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("record_id,unit_id\n")
    command = ["import", "rows.csv", "--type", "receipt", "--institution", "vnu", *options]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == USAGE
    assert (tmp_path / "rows.csv").read_text() == "record_id,unit_id\n"


def test_the_file_that_is_written_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"a\.csv: is read or written already"):
        need_places(tmp_path / "a.csv", None, tmp_path / "a.csv")
