from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import threading
from functools import partial

import pytest
import structlog
from nameko.extensions import DependencyProvider

from services.kernel.config import KernelSettings
from services.kernel.container import NativeContainer
from services.kernel.runner import configure_log, find_service, run, thread_failed, unready
from services.notifications.config import Settings
from services.notifications.service import NotificationsService


def test_a_service_is_found_by_its_name() -> None:
    assert find_service("notifications") == (NotificationsService, Settings)


def test_a_wrong_name_is_told() -> None:
    with pytest.raises(LookupError, match=r"no class named 'notifications\.other'"):
        find_service("notifications.other")


def test_a_service_that_would_be_plain_text_for_others_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_HOST", "0.0.0.0")
    with pytest.raises(SystemExit) as end:
        run("notifications")
    assert end.value.code == 2
    assert "KIENG_HOST: gRPC at 0.0.0.0 would be plain text" in capsys.readouterr().err


class Slow(DependencyProvider):
    unready = ""
    at_its_start = "never"

    def start(self) -> None:
        self.at_its_start = unready(self.container)


class Waiting:
    name = "waiting"
    slow = Slow()


def test_a_process_is_ready_when_all_its_extensions_are_and_it_does_not_stop() -> None:
    container = NativeContainer(Waiting, KernelSettings())
    assert unready(container) == "starting"
    container.start()
    assert unready(container) == ""
    (slow,) = container.dependencies
    assert slow.at_its_start == "starting"
    slow.unready = "no view is loaded"
    assert unready(container) == "no view is loaded"
    container.stop()
    assert unready(container) == "stopping"


def test_a_thread_of_a_library_that_fails_stops_the_process_unless_it_stops_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    container = NativeContainer(Waiting, KernelSettings())
    monkeypatch.setattr(threading, "excepthook", partial(thread_failed, container))
    for is_stopping in (True, False):
        if is_stopping:
            container.finished.set()
        else:
            container.finished.clear()
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join(10)
        assert isinstance(container.failure, ZeroDivisionError) is not is_stopping
    assert container.finished.is_set()


@pytest.mark.usefixtures("restored_log")
def test_a_line_of_the_log_is_an_object_with_time_service_and_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_log("toy", "json")
    with structlog.contextvars.bound_contextvars(trace_id="abc"):
        structlog.get_logger().info("tổng", count=3)
        structlog.get_logger().debug("not written")
    (line,) = capsys.readouterr().out.splitlines()
    assert "tổng" in line
    written = json.loads(line)
    assert written.pop("timestamp").endswith("Z")
    assert written == {
        "event": "tổng",
        "count": 3,
        "level": "info",
        "service": "toy",
        "trace_id": "abc",
    }


@pytest.mark.usefixtures("restored_log")
def test_kafkas_own_lines_are_kept_out() -> None:
    configure_log("toy", "text")
    assert not logging.getLogger("kafka.net").isEnabledFor(logging.ERROR)
    assert logging.getLogger("pymongo").isEnabledFor(logging.WARNING)


HANGING = """
import os, signal, threading
from nameko.extensions import DependencyProvider
from services.kernel import runner
from services.kernel.config import KernelSettings

class Hanging(DependencyProvider):
    def start(self):
        os.kill(os.getpid(), signal.SIGTERM)

    def stop(self):
        threading.Event().wait()

class Toy:
    name = "toy"
    hanging = Hanging()

runner.find_service = lambda name: (Toy, KernelSettings)
runner.STOP_SECONDS_MAX = 0.5
raise SystemExit(runner.run("toy"))
"""


def test_a_stop_that_hangs_ends_the_process_and_shows_where() -> None:
    argv = (sys.executable, "-W", "ignore", "-c", HANGING)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert "Timeout" in done.stderr
    assert "in stop" in done.stderr
    assert '"stopped"' not in done.stdout


def test_a_port_in_use_is_told_in_a_line_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for name in ("GRPC_PORT", "HTTP_PORT"):
            monkeypatch.setenv(f"KIENG_{name}", str(port))
        assert run("notifications") == 2
    assert capsys.readouterr().err.splitlines() == [
        "The service cannot start:",
        f"  KIENG_GRPC_PORT: 127.0.0.1:{port} cannot be taken: Address already in use",
        f"  KIENG_HTTP_PORT: 127.0.0.1:{port} cannot be taken: Address already in use",
    ]
