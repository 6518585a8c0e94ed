"""A stream goes on where it was cut, against servers that are really stopped and started."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from kieng.submissions.v1 import import_service_pb2, import_service_pb2_grpc
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from services.cli.client import resuming
from services.cli.client.clients import Clients, Credential
from services.cli.client.resuming import Patience, answers
from services.cli.client.stack import Process, Stack
from services.cli.client.troubles import CallFailed, Trouble

ROWS = [import_service_pb2.ImportSubmissionsRequest(row=row) for row in range(1, 11)]


class Imports(import_service_pb2_grpc.ImportServiceServicer):
    """Answers so many rows, then fails with a status; without one it answers everything."""

    def __init__(self, rows: int = 0, code: grpc.StatusCode | None = None) -> None:
        self.rows, self.code = rows, code
        self.seen: list[int] = []

    def ImportSubmissions(self, request_iterator: Any, context: Any) -> Iterator[Any]:
        for number, request in enumerate(request_iterator):
            if self.code is not None and number == self.rows:
                context.abort(self.code, "away")
            self.seen.append(request.row)
            yield import_service_pb2.ImportSubmissionsResponse(row=request.row)


def serve(servicer: Imports, port: int = 0) -> tuple[grpc.Server, int]:
    server = grpc.server(ThreadPoolExecutor(2))
    import_service_pb2_grpc.add_ImportServiceServicer_to_server(servicer, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, bound


def stack_of(tmp_path: Path, port: int) -> Stack:
    process = Process(0, "", grpc=f"127.0.0.1:{port}")
    return Stack(str(tmp_path), processes={"submissions": process})


@pytest.fixture
def clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Any, int, grpc.Server]]:
    monkeypatch.setenv("KIENG_TOKEN", "t")
    # A server that stops in a process that lives on may never answer a stream that begins then.
    monkeypatch.setattr("services.cli.client.clients.STREAM_SECONDS", 5)
    server, port = serve(Imports(3, grpc.StatusCode.UNAVAILABLE))  # type: ignore[abstract]
    stack = stack_of(tmp_path, port)
    with Clients(stack, Credential(stack, "vnu", ("contributor",))) as made:
        yield made.stub(ImportServiceStub), port, server


def test_rows_go_on_where_a_stopped_server_left_them(clients: Any) -> None:
    stub, port, first = clients
    second = Imports()  # type: ignore[abstract]
    told: list[str] = []
    pauses: list[float] = []
    servers: list[grpc.Server] = []

    def restart(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            first.stop(0).wait()
        if len(pauses) == 2:
            servers.append(serve(second, port)[0])

    patience = Patience(lambda failure: told.append(failure.trouble.code.name), pause=restart)
    found = [answer.row for answer in answers(stub.ImportSubmissions, ROWS, patience)]
    servers[0].stop(0).wait()
    assert found == list(range(1, 11))
    assert second.seen == list(range(4, 11))
    assert told == ["UNAVAILABLE"]


def test_a_service_that_stays_away_ends_the_wait(clients: Any) -> None:
    stub, _, server = clients
    server.stop(0).wait()
    clock = iter(range(0, 1000, 25))
    pauses: list[float] = []
    patience = Patience(now=lambda: float(next(clock)), pause=pauses.append)
    with pytest.raises(CallFailed) as failure:
        list(answers(stub.ImportSubmissions, ROWS, patience))
    assert failure.value.exit_code == 3
    # Asked every 25 s, also once after a minute, when the rows of a killed process are free again.
    assert len(pauses) == 4


def test_a_refused_call_is_not_repeated(clients: Any) -> None:
    stub, port, first = clients
    first.stop(0).wait()
    server, _ = serve(Imports(0, grpc.StatusCode.PERMISSION_DENIED), port)  # type: ignore[abstract]
    pauses: list[float] = []
    with pytest.raises(CallFailed) as failure:
        list(answers(stub.ImportSubmissions, ROWS, Patience(pause=pauses.append)))
    server.stop(0).wait()
    assert failure.value.trouble.code is grpc.StatusCode.PERMISSION_DENIED
    assert pauses in ([], [resuming.PAUSE_SECONDS])


def test_an_answer_renews_the_patience() -> None:
    clock = iter([0.0, 50.0, 55.0, 100.0])
    patience = Patience(now=lambda: next(clock), pause=lambda _: None)
    trouble = CallFailed(Trouble(grpc.StatusCode.UNAVAILABLE, "away"), "submissions", "here")
    patience.wait(trouble)
    patience.wait(trouble)
    patience.answered()
    patience.wait(trouble)
    patience.wait(trouble)
