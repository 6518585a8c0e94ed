"""What `kieng status` makes of what the processes tell."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.cli.admin.probes import http_probe
from services.cli.admin.processes import Usage, environment_of, usage_of
from services.cli.admin.scrapes import Scrape, parse, scrape
from services.cli.client.stack import Process, Stack
from services.cli.commands.doctor import is_stopped
from services.cli.commands.status import Look, figures, show
from services.cli.errors import DOWN, NO
from services.cli.main import main
from services.cli.terminal.screen import Screen
from services.texts import Lang

STACK = Stack(
    "d",
    processes={
        "kpi.query": Process(1, "l", http="h:1"),
        "exporter": Process(2, "l", http="h:2"),
        "broker": Process(3, "l"),
    },
)
QUERY = """
grpc_server_handled_total{grpc_method="GetKpis"} %d
kieng_view_age_seconds{view="g1"} 7260
kieng_kpi_parked 2
kieng_kpi_parked_dismissed 3
"""
EXPORTER = """
kieng_broker_up %d
kieng_lag_records{group="kieng.kpi",topic="t",partition="1"} 1200
kieng_lag_seconds{group="kieng.kpi",topic="t",partition="1"} 61
kieng_lag_records{group="kieng.kpi",topic="t",partition="0"} 0
"""


def seen(at: float, calls: int, cpu: float, *, broker: int = 1, **changed: Any) -> Look:
    usage = dict.fromkeys(STACK.processes, Usage(cpu, 50 * 1024 * 1024, 1000.0))
    scrapes = {"kpi.query": parse(QUERY % calls), "exporter": parse(EXPORTER % broker)}
    unready = {"kpi.query": "", "exporter": ""}
    return Look(at, scrapes, **{"usage": usage, "unready": unready, **changed})


def test_rates_and_shares_are_those_between_two_looks() -> None:
    found = figures(STACK, seen(1100.0, 10, 1.0), seen(1102.0, 30, 1.5))
    assert found["rates"]["calls"] == 10.0
    assert [row["cpu"] for row in found["processes"]] == [0.25] * 3
    assert found["processes"][0]["up_seconds"] == 102
    assert (found["age_seconds"], found["exit_code"]) == (7260, 0)
    assert (found["parked"], found["dismissed"]) == (2, 3)
    assert [(lag["partition"], lag["records"], lag["seconds"]) for lag in found["lag"]] == [
        (0, 0, None),
        (1, 1200, 61),
    ]


def test_a_process_that_is_not_there_is_down_and_one_that_says_no_is_not_ready() -> None:
    before = seen(1100.0, 10, 1.0)
    gone = seen(1101.0, 10, 1.0, usage={"kpi.query": None, "exporter": Usage(1, 1, 1.0)})
    found = figures(STACK, before, gone)
    assert [row["state"] for row in found["processes"]] == ["down", "ready", "down"]
    assert found["exit_code"] == DOWN
    sick = seen(1101.0, 10, 1.0, unready={"kpi.query": "no view", "exporter": ""})
    found = figures(STACK, before, sick)
    assert [row["state"] for row in found["processes"]] == ["unready", "ready", "ready"]
    assert found["exit_code"] == NO
    found = figures(STACK, before, seen(1101.0, 10, 1.0, broker=0))
    assert [row["state"] for row in found["processes"]] == ["ready", "ready", "unready"]


def test_without_an_exporter_the_rest_is_told() -> None:
    stack = Stack("d", processes={"broker": Process(3, "l")})
    look = Look(1100.0, usage={"broker": Usage(1.0, 1, 1000.0)})
    assert figures(stack, look, replace(look, at=1101.0))["exit_code"] == 0


def test_a_restarted_process_has_no_rate_yet() -> None:
    again = dict.fromkeys(STACK.processes, Usage(0.5, 1, 1100.5))
    found = figures(STACK, seen(1100.0, 10, 9.0), seen(1101.0, 3, 0.5, usage=again))
    assert found["rates"]["calls"] == 0
    assert [row["cpu"] for row in found["processes"]] == [None] * 3


def test_a_process_that_does_not_answer_shows_nothing() -> None:
    assert scrape("127.0.0.1:1") == Scrape()
    assert Scrape().highest("kieng_kpi_parked") is None


PROTOCOL = b"220 another program\r\n"
KILLED = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nkieng_kpi_par"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n<html>\n\n"


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of something that says this to whoever asks first."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(65_536)
                caller.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "answer", [PROTOCOL, KILLED, PAGE], ids=["protocol", "killed meanwhile", "page"]
)
def test_what_answers_otherwise_shows_nothing(answer: bytes) -> None:
    with answering(answer) as address:
        assert scrape(address) == Scrape()


def test_a_probe_tells_of_another_program() -> None:
    with answering(PROTOCOL) as address:
        assert http_probe(address, "/readyz")() == f"{address}: 220 another program\r\n"


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("width", [80, 120])
def test_one_screen_holds_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: Lang, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    screen = Screen(lang=lang)
    found = figures(STACK, seen(1100.0, 10, 1.0), seen(1102.0, 30, 1.5))
    screen.answer(found, lambda: show(screen, found))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    assert len(shown.splitlines()) < 24
    for text in ("kpi.query", "kieng.kpi", {"vi": "1.200", "en": "1,200"}[lang], "10"):
        assert text in shown


def test_this_process_is_seen() -> None:
    usage = usage_of(os.getpid())
    assert usage is not None
    assert usage.memory_bytes > 1_000_000
    assert usage.cpu_seconds > 0
    assert environment_of(os.getpid())["PATH"]
    assert usage_of(2**22 + 1) is None
    assert environment_of(2**22 + 1) == {}


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_stack_that_is_stopped_is_told_in_one_sentence(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in os.environ if name.startswith("KIENG_")]:
        monkeypatch.delenv(name)
    with pytest.raises(SystemExit) as ended:
        main([command, "--data", str(tmp_path), "--lang", "en"])
    assert ended.value.code == DOWN
    out, err = capsys.readouterr()
    told = " ".join((out + err).split())
    assert f"kieng up --data {tmp_path}" in told
    assert told.count(". ") == 0
    assert len(told) - 2 * len(str(tmp_path)) < 150


def test_a_stack_that_was_killed_is_told_as_one_that_is_stopped(tmp_path: Path) -> None:
    gone = Process(2**22 + 2, "l", grpc="127.0.0.1:1")
    killed = Stack(str(tmp_path), pid=2**22 + 1, broker="h:1", processes={"kpi.query": gone})
    assert is_stopped(killed)
    left = Process(os.getpid(), "l")
    assert not is_stopped(Stack(str(tmp_path), pid=2**22 + 1, processes={"broker": left}))
    assert not is_stopped(Stack(str(tmp_path), broker="h:1"))


def test_the_doctor_tells_programs_that_it_is_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--data", str(tmp_path), "--output", "json"])
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert [row["check"] for row in found["checks"]] == ["stack"]
