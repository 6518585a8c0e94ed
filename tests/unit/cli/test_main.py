"""The command line as a user meets it: help, usage, exit codes, streams."""

from __future__ import annotations

import errno
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
import typer

from services.cli.app import app
from services.cli.client.local_issuer import LocalIssuer
from services.cli.client.stack import Process, Stack, find
from services.cli.commands import up
from services.cli.errors import DOWN, NO, USAGE, Failure
from services.cli.local import seed
from services.cli.local.data_folder import take_lock
from services.cli.local.stack_processes import read_institutions
from services.cli.main import main
from services.cli.main import run as entry_point

MONTHS = ["--from", "2025-01", "--to", "2025-07"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "TOKEN", "LANG", "INSTITUTION", "SUBJECT", "KPI_ADDRESS"):
        monkeypatch.delenv(f"KIENG_{name}", raising=False)
    monkeypatch.setenv("KIENG_LANG", "en")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def commands(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command, with the words that lead to it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


def test_every_command_that_answers_has_both_outputs_and_languages() -> None:
    every = dict(commands(typer.main.get_command(app)))
    assert len(every) > 80
    for path, command in every.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--lang" in options, path
        assert path == ("demo",) or "--output" in options, path


def test_every_number_has_limits_so_that_no_message_overflows() -> None:
    limits = {
        (*path, parameter.name): (said.min, said.max)
        for path, command in commands(typer.main.get_command(app))
        for parameter in command.params
        if parameter.type_descriptor.annotation in (int, float)
        for said in [parameter.type_descriptor.parameter_info]
    }
    assert len(limits) > 20
    assert [name for name, each in limits.items() if None in each] == []
    assert max(most for _, most in limits.values()) < 2**63


def test_kieng_alone_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert "Usage: kieng" in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.strip()[0].isdigit()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["kpi", "show", "--from", "2025-13", "--to", "2025-01"], USAGE, "2025-13"),
        (["kpi", "show", *MONTHS, "--measure", "half"], USAGE, "verified or declared"),
        (["kpi", "show", *MONTHS], DOWN, "kieng up"),
        (["import", "absent.csv", "--institution", "vnu"], USAGE, "no such file"),
        (["token", "--institution", "vnu", "--role", "king"], USAGE, "king"),
        (["subscription", "set", "--kind", "song"], USAGE, "unknown kind song; known are sub"),
        (["submit", "--unit", "vnu", "--type", "song"], USAGE, "song"),
        (["submit", "--unit", "vnu", "--type", "receipt", "--fact", "x"], USAGE, "name=value"),
        (
            ["submit", "--unit", "vnu", "--type", "receipt", "--fact", "amount_vnd=1,5"],
            NO,
            "amount",
        ),
        (["up", "--broker", "carrier-pigeon"], USAGE, "embedded or kafka"),
        (["topics", "plan", "--kafka", "127.0.0.1:1"], DOWN, "127.0.0.1:1"),
    ],
)
def test_what_cannot_be_done_says_so_in_one_line(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == code
    printed = capsys.readouterr()
    assert not printed.out
    assert len(printed.err.strip().splitlines()) == 1
    assert words in printed.err


def test_a_service_that_is_down_is_named_with_its_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_KPI_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("KIENG_TOKEN", "anything")
    assert run("kpi", "show", *MONTHS, "--output", "json") == DOWN
    assert "[UNAVAILABLE]" in capsys.readouterr().err


def test_without_a_credential_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_KPI_ADDRESS", "127.0.0.1:1")
    assert run("kpi", "show", *MONTHS) == USAGE
    assert "KIENG_TOKEN" in capsys.readouterr().err


def test_a_dry_run_reports_rows_as_one_json_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "receipt.csv").write_text(
        'record_id,unit_id,number,amount_vnd,received_on\nr2,vnu,PT-2,"10,5",2025-01-02\n'
    )
    # No service is there; it would only be asked what else is wrong with the row.
    arguments = ["import", "receipt.csv", "--dry-run", "--no-effect", "-o", "json", "--lang", "en"]
    assert run(*arguments, "--report", "refused.csv") == NO
    answer = json.loads(capsys.readouterr().out)
    assert (answer["refused"], answer["written"]) == (1, False)
    assert [(row["row"], row["column"]) for row in answer["rows"]] == [(2, "amount_vnd")]
    assert "fraction of a dong" in answer["rows"][0]["problem"]
    assert "amount_vnd" in (tmp_path / "refused.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("receipt.csv", "--plan", "p"),
        ("receipt.csv", "--by-month"),
        ("receipt.csv", "--no-effect"),
        ("receipt.csv", "--dry-run", "--commit", "p"),
        ("--commit", "absent"),
        ("receipt.csv", "--refused", "receipt.csv"),
        ("receipt.csv", "--refused", "r.xlsx"),
        ("receipt.csv", "--refused", "r.txt"),
    ],
)
def test_options_of_an_import_that_do_not_go_together_are_refused(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "receipt.csv").write_text("record_id,unit_id,number,amount_vnd,received_on\n")
    assert run("import", *arguments) == USAGE


def test_a_token_is_all_that_stands_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LocalIssuer(tmp_path / ".kieng" / "issuer").create(["vnu"], tmp_path / ".kieng" / "i.json")
    assert run("token", "--institution", "vnu", "--role", "approver", "--lang", "en") == 0
    printed = capsys.readouterr()
    assert printed.out.count(".") == 2
    assert printed.out.count("\n") == 1
    assert "expires" in printed.err


def test_the_doctor_says_what_is_down_and_what_mends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    assert run("doctor", "--output", "json") == DOWN
    answer = json.loads(capsys.readouterr().out)
    assert not answer["ok"]
    remedies = {check["check"]: check["remedy"] for check in answer["checks"]}
    assert remedies["broker"] == "start the brokers"
    assert "kieng up" in remedies["database"]


def test_a_stack_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = {"kpi.query": Process(1, "x.log", "127.0.0.1:7", "127.0.0.1:8")}
    stack = Stack(str(tmp_path), 1, "b", "embedded", "m", processes)
    stack.save()
    assert find(tmp_path) == stack
    assert find(tmp_path).address("kpi") == "127.0.0.1:7"
    monkeypatch.setenv("KIENG_KPI_ADDRESS", "elsewhere:9")
    assert find(tmp_path).address("kpi") == "elsewhere:9"


def test_a_second_up_on_the_same_folder_names_the_first(tmp_path: Path) -> None:
    with take_lock(tmp_path), pytest.raises(Failure, match=r"process \d+"):
        take_lock(tmp_path)
    take_lock(tmp_path).close()


def test_the_directory_that_is_shipped_can_be_published() -> None:
    units = seed.read_units(up.DIRECTORY)
    institutions = [unit.unit_id for unit in units if unit.kind == 2]
    assert institutions == read_institutions(up.DIRECTORY)
    assert len(institutions) == 3


def test_a_file_that_cannot_be_written_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert run("issuer", "create", "vnu", "--data", str(tmp_path / "file")) == USAGE
    told = capsys.readouterr().err
    assert told == f"kieng: {tmp_path / 'file'}: File exists\n"


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "không ghi được: đĩa đã đầy"),
        (errno.EDQUOT, "không ghi được: đã hết hạn mức đĩa"),
        (errno.EFBIG, "không ghi được: tệp quá lớn"),
    ],
)
def test_a_full_disk_is_no_bug(
    number: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        # As `write` raises it: without the name of a file.
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("services.cli.commands.issuer.write_key", fail)
    assert run("issuer", "create", "vnu", "--edition-key", "key.pem", "--lang", "vi") == DOWN
    assert capsys.readouterr().err == f"kieng: {told}\n"


def test_a_terminal_that_has_no_such_letter_shows_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(shown, encoding="latin-1"))
    monkeypatch.setattr(sys, "argv", ["kieng", "config", "print", "exporter", "--lang", "vi"])
    monkeypatch.setattr(gc, "freeze", lambda: None)
    with pytest.raises(SystemExit) as ended:
        entry_point()
    sys.stdout.flush()
    assert ended.value.code == 0
    assert b"m\\u1eb7c" in shown.getvalue()


def test_trouble_that_no_file_explains_stops_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ConnectionError("of the network")

    monkeypatch.setattr("services.cli.commands.issuer.write_key", fail)
    with pytest.raises(ConnectionError, match="of the network"):
        main(["issuer", "create", "vnu", "--edition-key", "key.pem"])


@pytest.mark.parametrize(("lang", "word"), [("en", "Aborted."), ("vi", "Đã dừng.")])
def test_without_the_answer_that_it_asked_for_a_command_ends(
    lang: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(*_: Any) -> None:
        raise EOFError

    monkeypatch.setattr("services.cli.commands.issuer.write_key", ask)
    assert run("issuer", "create", "vnu", "--edition-key", "key.pem", "--lang", lang) == NO
    assert capsys.readouterr().err.strip() == word


def test_after_ctrl_c_the_process_ends_at_once_and_what_it_said_is_there() -> None:
    program = """
import atexit
from services.cli import main

def interrupted():
    print("said")
    raise SystemExit(130)

main.main = interrupted
atexit.register(print, "the interpreter ended in order")
main.run()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (130, b"said\n"), ended.stderr
