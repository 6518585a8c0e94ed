"""`kieng logs` shows what was logged, in order of time, and what is appended meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.cli.commands.logs import _appended, _end, _files
from services.cli.errors import DOWN, USAGE, Failure
from services.cli.main import main


def line(second: int, event: str, level: str = "info") -> str:
    stamp = f"2026-11-30T05:00:{second:02}.123456Z"
    told = {"service": "s", "event": event, "level": level, "timestamp": stamp, "code": "OK"}
    return json.dumps(told) + "\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "kpi.query.log").write_text(line(1, "one") + line(3, "three", "warning"))
    (logs / "submissions.log").write_text(line(2, "two", "error"))
    (logs / "broker.log").write_text("plain text\n")
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], data: Path, *options: str) -> list[str]:
    main_ended(["logs", *options, "--data", str(data)])
    return capsys.readouterr().out.splitlines()


def main_ended(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in (0, None)


def test_lines_of_all_processes_are_shown_in_order_of_time(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = printed(capsys, data)
    assert [each.split()[-2] for each in shown[:3]] == ["one", "two", "three"]
    assert shown[0] == "2026-11-30 05:00:01.123  info     kpi.query       one  code=OK"
    assert shown[3] == "broker  plain text"


def test_one_process_a_level_and_a_number_of_lines_can_be_chosen(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(printed(capsys, data, "kpi.query")) == 2
    assert len(printed(capsys, data, "kpi.query", "--lines", "1")) == 1
    assert [each.split()[3] for each in printed(capsys, data, "kpi.query", "--level", "warning")]
    told = printed(capsys, data, "submissions", "--output", "json")
    assert [json.loads(each)["event"] for each in told] == ["two"]


def test_neither_a_line_that_is_cut_nor_one_that_is_being_written_is_shown(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data / "logs" / "kpi.query.log"
    path.write_text(line(1, "one") + line(3, "whole", "error") + line(5, "five")[:20])
    monkeypatch.setattr("services.cli.commands.logs.TAIL_BYTES", path.stat().st_size - 30)
    shown = printed(capsys, data, "kpi.query", "--level", "error", "--output", "json")
    assert [json.loads(each)["event"] for each in shown] == ["whole"]
    ends = {path: _end(path)}
    with path.open("a") as file:
        file.write(line(5, "five")[20:])
    assert [each.fields["event"] for each in _appended(ends)] == ["five"]


def test_only_whole_lines_are_followed_and_a_log_begun_anew_is_read(data: Path) -> None:
    path = data / "logs" / "kpi.query.log"
    ends = {path: path.stat().st_size}
    assert list(_appended(ends)) == []
    with path.open("a") as file:
        file.write(line(4, "four") + line(5, "five")[:20])
    assert [each.fields["event"] for each in _appended(ends)] == ["four"]
    with path.open("a") as file:
        file.write(line(5, "five")[20:])
    assert [each.fields["event"] for each in _appended(ends)] == ["five"]
    path.write_text(line(6, "six"))
    assert [each.fields["event"] for each in _appended(ends)] == ["six"]


def test_what_is_not_there_is_told(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"broker, kpi\.query, submissions") as failure:
        _files(data, "nobody")
    assert failure.value.exit_code == USAGE
    with pytest.raises(Failure, match="nothing was started") as failure:
        _files(tmp_path / "empty", "")
    assert failure.value.exit_code == DOWN
