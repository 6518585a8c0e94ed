"""What a client may write as an address, tried in four languages: docs/integrating.md names it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.kernel.config import KernelSettings
from tests.contracts.folder import PROTOS, command_for, shipped
from tests.contracts.toolchains import (
    HERE,
    go_module,
    maven_artifacts,
    needs_compilers,
    node_packages,
    program,
    run,
)
from tests.unit.kernel.serving import running, token, write_issuers

CONFIG = PROTOS / "service-config.json"
DIAL_PYTHON = """
import sys
import grpc
from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
config, token, *targets = sys.argv[1:]
options = [("grpc.service_config", open(config).read())]
metadata = [("authorization", "Bearer " + token)]
for target in targets:
    try:
        with grpc.insecure_channel(target, options) as channel:
            call = NotificationServiceStub(channel).GetSubscription
            for _ in range(10):
                call(api.GetSubscriptionRequest(), timeout=5, metadata=metadata)
        print(target, "OK", sep="\\t")
    except grpc.RpcError as error:
        print(target, error.code().name, error.details(), sep="\\t")
"""

FORMS = {
    "name": "dns:///localhost:{0}",
    "one": "dns:///127.0.0.1:{0}",
    "bare": "127.0.0.1:{0}",
    "ipv4": "ipv4:127.0.0.1:{0}",
    "several": "ipv4:127.0.0.1:{0},127.0.0.1:{1}",
    "manual": "manual:127.0.0.1:{0},127.0.0.1:{1}",
}
"""Targets by kind; {0} and {1} are ports of two servers."""

WORKS = {
    "Python": {"name", "one", "bare", "ipv4", "several"},
    "Node": {"name", "one", "bare", "ipv4", "several"},
    "Go": {"name", "one", "bare", "manual"},
    "Java": {"name", "one", "bare"},
}


class Two:
    """Two servers: their ports, and how many calls each has answered."""

    def __init__(self, ports: list[int], answered: Counter[int]) -> None:
        self.ports = ports
        self.answered = answered

    def target(self, kind: str) -> str:
        return FORMS[kind].format(*self.ports)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    issuers = write_issuers(tmp_path_factory.mktemp("issuers") / "issuers.json")
    settings = KernelSettings(issuers_file=issuers)
    answered: Counter[int] = Counter()

    def answer(request: Any, call: Any, number: int) -> None:
        answered[number] += 1

    with ExitStack() as stack:
        clients = [stack.enter_context(running(settings)) for _ in range(2)]
        for number, client in enumerate(clients):
            client.behaviour.answer = partial(answer, number=number)
        yield Two([client.server.port for client in clients], answered)


def python_dialler(folder: Path) -> list[str | Path]:
    return [sys.executable, "-c", DIAL_PYTHON]


def go_dialler(folder: Path) -> list[str | Path]:
    binaries = go_module(shipped(folder) / "gen")
    run(["bash", "-euo", "pipefail", "-c", command_for("Go")], folder, binaries)
    run([program("go"), "build", "-o", "bin/dial", "./dial"], folder / "gen")
    return [folder / "gen" / "bin" / "dial"]


def node_dialler(folder: Path) -> list[str | Path]:
    commands = node_packages(shipped(folder))
    run(["bash", "-euo", "pipefail", "-c", command_for("TypeScript")], folder, commands)
    run([commands / "tsc", "--project", "."], folder)
    return [program("node"), folder / "out" / "dial.js"]


def java_dialler(folder: Path) -> list[str | Path]:
    tools = maven_artifacts()
    shipped(folder)
    run(["bash", "-euo", "pipefail", "-c", command_for("Java and Kotlin")], folder, tools / "bin")
    shutil.copy(HERE / "java" / "Dial.java", folder)
    jars = f"{tools / 'libs'}/*"
    # javac compiles what Dial needs of the generated sources.
    options: list[str | Path] = ["-nowarn", "-cp", jars, "-sourcepath", "gen", "-d", "classes"]
    run([program("javac"), *options, "Dial.java"], folder)
    return [program("java"), "-cp", os.pathsep.join([jars, str(folder / "classes")]), "Dial"]


DIALLERS: dict[str, Callable[[Path], list[str | Path]]] = {
    "Python": python_dialler,
    "Node": node_dialler,
    "Go": go_dialler,
    "Java": java_dialler,
}


@needs_compilers
@pytest.mark.parametrize("language", DIALLERS)
def test_the_forms_of_an_address_that_each_language_takes(
    tmp_path: Path, two: Two, language: str
) -> None:
    dialler = DIALLERS[language](tmp_path)
    targets = {two.target(kind): kind for kind in FORMS}
    printed = run([*dialler, CONFIG, token(), *targets], tmp_path)
    print(printed)
    results = dict(line.split("\t", 1) for line in printed.splitlines())
    assert set(results) == set(targets)
    assert {targets[target] for target in results if results[target] == "OK"} == WORKS[language]
    if language == "Go":
        assert "too many colons in address" in results[two.target("ipv4")]
    for kind in WORKS[language] & {"several", "manual"}:
        two.answered.clear()
        run([*dialler, CONFIG, token(), two.target(kind)], tmp_path)
        assert sorted(two.answered) == [0, 1], f"{kind}: {two.answered}"


def test_the_documented_table_is_what_was_tried() -> None:
    text = (PROTOS.parent / "docs" / "integrating.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`|]+)` \|(.+)\|$", text, re.MULTILINE)
    table = {form: [cell.strip() for cell in cells.split("|")] for form, cells in rows}
    columns = ["Python", "Node", "Go", "Java"]
    for kind, form in {
        "name": "dns:///NAME:PORT",
        "one": "dns:///ADDRESS:PORT",
        "bare": "ADDRESS:PORT",
        "ipv4": "ipv4:ADDRESS:PORT",
        "several": "ipv4:ADDRESS:PORT,ADDRESS:PORT",
    }.items():
        told = [word == "yes" for word in table[form][: len(columns)]]
        assert told == [kind in WORKS[language] for language in columns], form


def test_the_service_config_is_json_that_every_client_can_parse() -> None:
    assert list(json.loads(CONFIG.read_text())) == ["loadBalancingConfig", "methodConfig"]
