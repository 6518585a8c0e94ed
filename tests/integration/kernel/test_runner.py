"""A real service as a child process: ready, drained, and gone with the right exit code."""

from __future__ import annotations

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from services.cli.local.child_process import Child, ChildGroup
from services.cli.local.ports import free_ports
from tests.conftest import RunningBroker, RunningDatabase
from tests.forking import completed
from tests.unit.kernel.serving import token, write_issuers
from tests.waiting import wait_until

READY_SECONDS = 30.0
STOP_SECONDS_MAX = 20.0


def not_ready(port: int) -> Callable[[], str]:
    def ask() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError as error:
            return str(error)

    return ask


def main_thread(pid: int) -> int:
    return pid


def another_thread(pid: int) -> int:
    """A thread for which the kernel also takes a signal that the process is sent."""
    return max(int(each.name) for each in Path(f"/proc/{pid}/task").iterdir())


@pytest.mark.parametrize(
    ("number", "receiver"),
    [
        (signal.SIGTERM, main_thread),
        (signal.SIGINT, main_thread),
        (signal.SIGTERM, another_thread),
    ],
    ids=lambda given: getattr(given, "name", None) or given.__name__,
)
def test_a_signal_drains_the_process_and_it_ends_well(
    number: signal.Signals,
    receiver: Callable[[int], int],
    broker: RunningBroker,
    mongo: RunningDatabase,
    membership: str,
    tmp_path: Path,
) -> None:
    grpc_port, http_port = free_ports(2)
    settings = {
        "KIENG_GRPC_PORT": str(grpc_port),
        "KIENG_HTTP_PORT": str(http_port),
        "KIENG_KAFKA_BOOTSTRAP": broker.bootstrap,
        "KIENG_KAFKA_MEMBERSHIP": membership,
        "KIENG_MONGO_URI": mongo.uri,
        "KIENG_ISSUERS_FILE": str(write_issuers(tmp_path / "issuers.json")),
    }
    argv = (sys.executable, "-m", "services.kernel.runner", "notifications")
    child = Child("notifications", argv, {**os.environ, **settings}, tmp_path / "log")
    with ChildGroup() as supervisor, ExitStack() as told:
        told.callback(lambda: print(child.tail()))
        supervisor.start(child, not_ready(http_port), READY_SECONDS)
        with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            watched = health.Watch(health_pb2.HealthCheckRequest())
            assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
            metadata = (("authorization", f"Bearer {token(aud='kieng.notifications')}"),)
            stub = NotificationServiceStub(channel)
            stream = stub.WatchNotifications(api.WatchNotificationsRequest(), metadata=metadata)
            next(stream)
            os.kill(receiver(child.pid), number)
            assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
            watched.cancel()
            assert list(stream) == []
        wait_until(lambda: child.poll() is not None, STOP_SECONDS_MAX, "its end")
        assert child.poll() == 0, child.tail()
    assert '"event": "stopped"' in child.tail()


@pytest.mark.parametrize(
    ("names", "more"), [(["notifications"], {"KIENG_GRPC_PORT": "many"}), ([], {})]
)
def test_a_name_or_a_setting_that_is_wrong_ends_the_process_with_two(
    names: list[str], more: dict[str, str]
) -> None:
    done = completed("services.kernel.runner", *names, environment={**os.environ, **more})
    assert done.returncode == 2, done
