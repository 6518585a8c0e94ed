"""What a process says when a password is wrong, or a setting with one: never the password."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from services.cli.local.child_process import Child, ChildGroup
from services.cli.local.ports import free_ports
from tests.conftest import RunningBroker, RunningDatabase
from tests.forking import completed

PLANTED = "planted-password"
READY_SECONDS = 60.0
WRONG_URIS = {
    "not escaped": f"mongodb://kieng:x/{PLANTED}@127.0.0.1:27017/",
    "two of @": f"mongodb://kieng:x@{PLANTED}@127.0.0.1:27017/",
    "two of :": f"mongodb://kieng:x:{PLANTED}@127.0.0.1:27017/",
    "a question mark": f"mongodb://kieng:x?{PLANTED}@127.0.0.1:27017/",
    "no such scheme": f"mongo://kieng:{PLANTED}@127.0.0.1:27017/",
    "no such port": f"mongodb://kieng:{PLANTED}@127.0.0.1:many/",
    "nobody there": f"mongodb://kieng:{PLANTED}@127.0.0.1:1/?replicaSet=none",
}


def environment(**settings: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("KIENG_")}
    return {
        **own,
        "KIENG_MONGO_TIMEOUT_MS": "500",
        "KIENG_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        **settings,
    }


def run(*words: str, **settings: str) -> tuple[int, str]:
    """Run a process that ends by itself; its exit code and everything that it said."""
    done = completed(*words, environment=environment(**settings))
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("uri", WRONG_URIS.values(), ids=WRONG_URIS)
def test_a_uri_that_is_wrong_is_not_repeated_in_the_log(uri: str) -> None:
    code, said = run("services.kernel.runner", "notifications", KIENG_MONGO_URI=uri)
    # 2 for what is seen to be wrong before anything is asked of the database.
    assert code in (1, 2)
    assert said
    assert PLANTED not in said


def test_a_list_of_mistakes_holds_no_password(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(PLANTED)
    code, said = run(
        "services.kernel.runner",
        "notifications",
        KIENG_GRPC_PORT="many",
        KIENG_KAFKA_SASL_MECHANISM="none",
        KIENG_KAFKA_SASL_PASSWORD_FILE=str(path),
        KIENG_MONGO_URI=WRONG_URIS["not escaped"],
    )
    assert code == 2
    assert "KIENG_GRPC_PORT" in said
    assert "KIENG_KAFKA_SASL_MECHANISM" in said
    assert PLANTED not in said


def test_a_refused_login_is_told_without_the_password(
    broker: RunningBroker, mongo: RunningDatabase, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    log = tmp_path / "log"
    settings = environment(
        KIENG_HTTP_PORT=str(port),
        KIENG_KAFKA_BOOTSTRAP=broker.bootstrap,
        KIENG_KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT",
        KIENG_KAFKA_SASL_USERNAME="kieng",
        KIENG_KAFKA_SASL_PASSWORD=PLANTED,
        KIENG_MONGO_URI=mongo.uri.replace("mongodb://", f"mongodb://kieng:{PLANTED}@"),
    )
    argv = (sys.executable, "-m", "services.kernel.runner", "exporter")
    child = Child("exporter", argv, settings, log)

    def untold() -> str:
        said = log.read_text()
        told = [what for what in ("broker", "database") if f'"what": "{what}"' in said]
        return "" if len(told) == 2 else f"only {told} are told"

    with ChildGroup() as supervisor:
        supervisor.start(child, untold, READY_SECONDS)
    said = log.read_text()
    assert said.count("cannot be seen") >= 2
    assert PLANTED not in said
