"""The settings as an operator sees them before anything is started."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from services.cli.admin.service_settings import OF_COMMANDS
from services.cli.app import app
from services.cli.client.stack import SERVICES, Process, Stack
from services.cli.main import main
from services.refusals import in_language
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KIENG_")]:
        monkeypatch.delenv(name)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["config", *arguments])
    return int(ended.value.code or 0)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run("print", *arguments, "--output", "json") == 0
    rows = json.loads(capsys.readouterr().out)["settings"]
    return {row["name"]: row for row in rows}


def test_every_mistake_of_every_service_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_GRPC_PORT", "many")
    monkeypatch.setenv("KIENG_KAFKA_BOOTSTRP", "kafka-1:9092")
    assert run("check", "--output", "json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    told = {(one["service"], one["problem"].split(":")[0]) for one in answer["mistakes"]}
    assert ("submissions", "KIENG_INSTITUTIONS") in told
    assert ("kpi.query", "KIENG_GRPC_PORT") in told
    assert ("kpi.query", "KIENG_INSTITUTIONS") not in told
    problems = [one["problem"] for one in answer["mistakes"]]
    assert "KIENG_KAFKA_BOOTSTRP: nobody reads it; is KIENG_KAFKA_BOOTSTRAP meant?" in problems


WRONG = {
    "KIENG_GRPC_PORT": "many",
    "KIENG_HOST": "0.0.0.0",
    "KIENG_KAFKA_BOOTSTRAP": "kafka-1:9092",
    "KIENG_KAFKA_BOOTSTRP": "1",
    "KIENG_LOG_FORMAT": "xml",
    "KIENG_MONGO_URI": "mongodb://db-1/",
    "KIENG_SERVICE_KEY": "x",
    "KIENG_SMTP_SENDER": "kieng@example.org.",
    "KIENG_SMTP_STARTTLS": "yep",
    "KIENG_SNAPSHOT_DAYS": "0",
    "KIENG_STALL_SECONDS": "long",
    "KIENG_EDITION_KEY": "x",
    "KIENG_TIME_ZONE": "Mars",
    "KIENG_XYZZY": "1",
}


def test_mistakes_are_told_once_for_all_services_and_in_vietnamese(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in WRONG.items():
        monkeypatch.setenv(name, value)
    assert run("check", "--output", "json") == 1
    mistakes = json.loads(capsys.readouterr().out)["mistakes"]
    told = {mistake["problem"].partition(":")[0] for mistake in mistakes}
    assert told >= WRONG.keys() - {"KIENG_HOST", "KIENG_KAFKA_BOOTSTRAP", "KIENG_MONGO_URI"}
    english = {mistake["problem"] for mistake in mistakes}
    assert [text for text in english if in_language(text, "vi") == text] == []
    assert run("check", "--output", "csv") == 1
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))[1:]
    assert len(rows) == len(english)
    (port,) = (row for row in rows if row[1].startswith("KIENG_GRPC_PORT"))
    assert port == [", ".join(SERVICES), "KIENG_GRPC_PORT: phải là số nguyên"]


def test_a_file_of_tls_that_is_absent_is_named_in_vietnamese(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_TLS_KEY_FILE", "/absent/key")
    monkeypatch.setenv("KIENG_HOST", "0.0.0.0")
    assert run("check", "partners", "--output", "csv") == 1
    told = capsys.readouterr().out
    assert "KIENG_TLS_KEY_FILE: /absent/key: không có tệp" in told
    assert "gRPC ở 0.0.0.0 sẽ không được mã hóa" in told


def test_plain_text_for_others_is_a_mistake_of_what_serves_grpc(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_HOST", "0.0.0.0")
    assert run("check", "exporter") == 0
    capsys.readouterr()
    assert run("check", "partners", "--output", "json") == 1
    (mistake,) = json.loads(capsys.readouterr().out)["mistakes"]
    assert mistake["problem"].startswith("KIENG_HOST: gRPC at 0.0.0.0 would be plain text")


def test_right_settings_are_said_to_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIENG_INSTITUTIONS", "a,b")
    assert run("check") == 0


def test_passwords_are_hidden_wherever_they_stand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password, file = tmp_path / "password", tmp_path / "kieng.env"
    password.write_text("planted-1")
    file.write_text(
        "KIENG_MONGO_URI=mongodb://kieng:planted-2@db-1:27017,db-2/?tls=true&replicaSet=rs\n"
    )
    monkeypatch.setenv("KIENG_CONFIG_FILE", str(file))
    monkeypatch.setenv("KIENG_KAFKA_SASL_PASSWORD_FILE", str(password))
    rows = printed(capsys, "partners")
    assert rows["KIENG_KAFKA_SASL_PASSWORD"]["source"] == "secret"
    assert rows["KIENG_MONGO_URI"] == {
        "name": "KIENG_MONGO_URI",
        "value": "mongodb://kieng:***@db-1:27017,db-2/?tls=true&replicaSet=rs",
        "source": "file",
    }
    # A password that was not encoded is hidden, too.
    monkeypatch.setenv("KIENG_MONGO_URI", "mongodb://kieng:p@planted-5@db-1/?tls=true")
    rows = printed(capsys, "partners")
    assert rows["KIENG_MONGO_URI"]["value"] == "mongodb://kieng:***@db-1/?tls=true"
    monkeypatch.delenv("KIENG_MONGO_URI")
    monkeypatch.setenv("KIENG_KAFKA_SASL_PASSWORD", "planted-3")
    monkeypatch.setenv("KIENG_LOG_FORMAT", "planted-4")
    rows = printed(capsys, "partners")
    assert rows["KIENG_LOG_FORMAT"] == {
        "name": "KIENG_LOG_FORMAT",
        "value": "***",
        "source": "environment",
    }
    assert "planted" not in json.dumps(rows)


def test_what_is_required_and_absent_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    rows = printed(capsys, "submissions")
    assert rows["KIENG_INSTITUTIONS"]["source"] == "missing"
    assert rows["KIENG_GRPC_WORKERS"] == {
        "name": "KIENG_GRPC_WORKERS",
        "value": 32,
        "source": "default",
    }


def test_an_unknown_service_is_wrong_usage() -> None:
    assert run("check", "everything") == 2


def test_every_variable_of_a_command_is_known_to_the_check() -> None:
    def variables(command: Any) -> set[str]:
        below = getattr(command, "commands", {}).values()
        own = {option.envvar for option in command.params if getattr(option, "envvar", None)}
        return own.union(*map(variables, below))

    assert variables(typer.main.get_command(app)) <= OF_COMMANDS
    sources = Path(__file__).parents[4].glob("services/cli/**/*.py")
    source = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    read = set(re.findall(r'environ[^"\n]*"(KIENG_[A-Z_]+)"', source))
    assert "KIENG_TOKEN" in read
    assert read <= OF_COMMANDS | {"KIENG_KAFKA_BOOTSTRAP", "KIENG_MONGO_URI"}


def with_stack(
    folder: Path, settings: dict[str, str], **environment: str
) -> subprocess.Popen[bytes]:
    """Write `stack.json` of one process, which has this environment; return the process.

    Args:
        folder: gets the file.
        settings: further variables, which it was given when it was forked.
        environment: variables that `/proc` shows.
    """
    process = subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"], **environment})
    # Popen returns while the kernel still lays out the new program, and `/proc` shows nothing.
    shown = Path(f"/proc/{process.pid}/environ")
    wait_until(shown.read_bytes, what="/proc shows the environment")
    forked = Process(process.pid, "log", settings=settings)
    Stack(str(folder), processes={"submissions": forked}).save()
    return process


@pytest.mark.parametrize(
    ("port", "code"), [("8080", 0), ("many", 1)], ids=["healthy", "with a mistake"]
)
def test_beside_a_running_stack_its_settings_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], port: str, code: int
) -> None:
    asked = ("check", "submissions", "--data", str(tmp_path), "--output", "json")
    alone = run(*asked)
    assert json.loads(capsys.readouterr().out)["place"] == "here"
    process = with_stack(tmp_path, {"KIENG_HTTP_PORT": port}, KIENG_INSTITUTIONS="alpha")
    try:
        assert run(*asked) == code
    finally:
        process.kill()
        process.wait()
    found = json.loads(capsys.readouterr().out)
    assert found["place"] == "stack"
    assert (alone, found["ok"]) == (1, code == 0)
    assert "KIENG_HTTP_PORT" not in os.environ


def test_settings_of_this_shell_are_checked_before_those_of_a_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_HTTP_PORT", "8080")
    process = with_stack(tmp_path, {}, KIENG_HTTP_PORT="many")
    try:
        run("check", "submissions", "--data", str(tmp_path), "--lang", "en")
    finally:
        process.kill()
        process.wait()
    assert "environment of this shell" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "KIENG_HOST=::1".encode("utf-16")])
def test_a_file_of_settings_that_cannot_be_read_is_one_mistake(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: bytes | None,
) -> None:
    file = tmp_path / "kieng.env"
    file.mkdir() if content is None else file.write_bytes(content)
    monkeypatch.setenv("KIENG_CONFIG_FILE", str(file))
    assert run("check", "exporter", "--output", "json") == 1
    (mistake,) = json.loads(capsys.readouterr().out)["mistakes"]
    assert mistake["problem"].startswith(f"KIENG_CONFIG_FILE: {file}: ")
