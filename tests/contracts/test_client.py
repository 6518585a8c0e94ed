"""The wheel of the stubs alone: `make client` builds it, an integrator needs nothing else of us."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import distribution, requires
from pathlib import Path
from typing import Any

import pytest

from kieng.notifications.v1 import notification_service_pb2 as api
from services.kernel.config import KernelSettings
from tests.contracts.folder import PROTOS
from tests.unit.kernel.serving import running, token, write_issuers

GENERATED = PROTOS / "gen"
CALL = """
import importlib, os, sys
from importlib.metadata import files
import grpc

for file in files("kieng-client"):
    if file.suffix == ".py" and file.stem != "__init__":
        importlib.import_module(".".join(file.with_suffix("").parts))

from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub

address, token = sys.argv[1:]
with grpc.insecure_channel(address) as channel:
    call = NotificationServiceStub(channel).MarkRead
    metadata = [("authorization", "Bearer " + token)]
    request = api.MarkReadRequest(notification_ids=["one"])
    call(request, timeout=5, metadata=metadata)
    try:
        call(request, timeout=5)
    except grpc.RpcError as error:
        from google.rpc import error_details_pb2, status_pb2
        trailer = dict(error.trailing_metadata())["grpc-status-details-bin"]
        info = error_details_pb2.ErrorInfo()
        status_pb2.Status.FromString(trailer).details[0].Unpack(info)
        print(api.__file__, info.reason, sep="\\n")
"""


def project(folder: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return table


def with_needs(*names: str) -> set[str]:
    """Return distributions with all that they need to be installed, by name."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needed = [each for each in requires(name) or [] if "extra ==" not in each]
            waiting += [re.split(r"[^\w.-]", each)[0] for each in needed]
    return found


def lend(names: set[str], site_packages: Path) -> None:
    """Link installed distributions into another environment, with their metadata."""
    own = Path(sysconfig.get_path("purelib"))
    for name in names:
        for file in distribution(name).files or []:
            source = Path(str(distribution(name).locate_file(file)))
            if ".." not in file.parts and "__pycache__" not in file.parts and source.exists():
                target = site_packages / source.relative_to(own)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(source)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(PROTOS / "generate.py"), "--client", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def integrator(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel, and with nothing that it does not name."""
    folder = tmp_path_factory.mktemp("integrator")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    named = [re.split("[^a-z-]", each)[0] for each in project(PROTOS / "client")["dependencies"]]
    (site_packages,) = folder.glob("lib/python*/site-packages")
    lend(with_needs(*named), site_packages)
    subprocess.run([*pip, "check"], check=True, capture_output=True)
    return python


def test_the_wheel_holds_all_generated_code_and_nothing_else(wheel: Path) -> None:
    generated = {
        path.relative_to(GENERATED).as_posix()
        for path in GENERATED.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == generated | {"kieng/py.typed"}


def test_an_integrator_with_the_wheel_alone_calls_a_server(
    integrator: Path, tmp_path: Path
) -> None:
    settings = KernelSettings(issuers_file=write_issuers(tmp_path / "issuers.json"))
    marked: list[str] = []

    def mark(request: Any, call: Any) -> None:
        marked.extend(request.notification_ids)

    with running(settings) as client:
        client.behaviour.answer = mark
        command = [str(integrator), "-I", "-W", "error", "-c", CALL]
        done = subprocess.run(
            [*command, f"127.0.0.1:{client.server.port}", token()],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    file, reason = done.stdout.splitlines()
    assert Path(file).is_relative_to(integrator.parents[1])
    assert Path(file) != Path(str(api.__file__))
    assert reason == "BAD_CREDENTIAL"
    assert marked == ["one"]


def test_the_wheel_asks_for_the_versions_that_the_code_was_generated_for() -> None:
    texts = [path.read_text() for path in GENERATED.rglob("*_pb2*.py")]
    protobuf = {v for text in texts for v in re.findall(r"Protobuf Python Version: (\S+)", text)}
    grpcio = {v for text in texts for v in re.findall(r"GRPC_GENERATED_VERSION = '(.+)'", text)}
    (needs_protobuf,), (needs_grpcio,) = protobuf, grpcio
    # A runtime may be one major version newer than the code, and no older.
    newest = int(needs_protobuf.partition(".")[0]) + 2
    dependencies = project(PROTOS / "client")["dependencies"]
    assert f"protobuf>={needs_protobuf},<{newest}" in dependencies
    assert f"grpcio>={needs_grpcio}" in dependencies
    own = project(PROTOS.parent)["dependencies"]
    assert f"protobuf>={needs_protobuf}" in own
    assert any(each.startswith(f"grpcio>={needs_grpcio},") for each in own)


def test_the_wheel_has_the_version_of_the_server() -> None:
    assert project(PROTOS / "client")["version"] == project(PROTOS.parent)["version"]
