"""FerretDB 1 on SQLite, a server of MongoDB's protocol without transactions; built from source."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from services.cli.local.ports import free_ports
from tests.contracts.toolchains import program, run
from tests.deploy.tools import CACHE
from tests.waiting import wait_until

MODULE = "github.com/FerretDB/FerretDB"
VERSION = "v1.24.2"
SUM = "h1:trrUU0LbmusMbyubhPS1IELncvrIwKrsRT2LW1UUWCw="
SECONDS_MAX = 60.0


def built() -> Path:
    """Return the program, built once; skip the test if Go or the module is not to be had."""
    go = program("go")
    folder = CACHE / f"ferretdb-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    found = folder / "ferretdb"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            asked: list[str | Path] = [go, "mod", "download", "-json", f"{MODULE}@{VERSION}"]
            module = json.loads(run(asked, folder, may_skip="FerretDB"))
            assert module["Sum"] == SUM
            source = folder / "source"
            shutil.rmtree(source, ignore_errors=True)
            shutil.copytree(module["Dir"], source)
            for path in (source, *source.rglob("*")):
                path.chmod(path.stat().st_mode | 0o200)
            # A release writes it; without it the program does not start.
            (source / "build/version/version.txt").write_text(VERSION)
            run([go, "mod", "download"], source, may_skip="modules of FerretDB")
            flags: list[str | Path] = ["-buildvcs=false", "-tags=ferretdb_nohana", "-o", found]
            run([go, "build", *flags, "./cmd/ferretdb"], source)
            shutil.rmtree(source)
    return found


@contextmanager
def ferretdb(folder: Path) -> Iterator[str]:
    """Run FerretDB with its data in a folder; yields its URI.

    It calls itself a replica set, so that what it lacks shows only where it is tried.
    """
    (port,) = free_ports(1)
    options = {
        "handler": "sqlite",
        "sqlite-url": f"file:{folder}/",
        "state-dir": str(folder),
        "listen-addr": f"127.0.0.1:{port}",
        "debug-addr": "-",
        "telemetry": "disable",
        "repl-set-name": "rs0",
    }
    argv = [str(built()), *(f"--{name}={value}" for name, value in options.items())]
    uri = f"mongodb://127.0.0.1:{port}/"
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            argv, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "DO_NOT_TRACK": "1"}
        ) as process,
    ):
        try:
            wait_until(lambda: _answers(uri), SECONDS_MAX)
            yield uri
        finally:
            process.terminate()


def _answers(uri: str) -> bool:
    try:
        with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=500) as client:
            return bool(client.admin.command("ping")["ok"])
    except PyMongoError:
        return False
