"""Records what the services of a running stack answer to a command, for a page.

`python -m tests.unit.cli.pages.recording NAME submission list --institution vnu --data .kieng`
runs the command and writes `NAME.answers.json`. Options that only concern the stack (`--data`) are
left out of the page. Names of persons never occur in the data of the demo; see to it elsewhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

from google.protobuf.json_format import MessageToDict
from google.rpc import status_pb2

from services.cli.client.clients import Clients
from services.cli.client.troubles import CallFailed
from services.cli.main import main
from tests.unit.cli.pages.rendering import ANSWERS, FOLDER


class Recorder:
    """A stub that notes every answer."""

    def __init__(self, stub: Any, answers: dict[str, list[dict[str, Any]]]) -> None:
        self._stub, self._answers = stub, answers

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        def invoke(request: Any) -> Any:
            noted = self._answers.setdefault(method, [])
            try:
                answer = getattr(self._stub, method)(request)
            except CallFailed as failed:
                noted.append({"refused": _status(failed)})
                raise
            if hasattr(answer, "DESCRIPTOR"):
                noted.append(_answer([answer], is_stream=False))
                return answer
            found = list(answer)
            noted.append(_answer(found, is_stream=True))
            return iter(found)

        return invoke


def _answer(messages: list[Any], *, is_stream: bool) -> dict[str, Any]:
    names = {message.DESCRIPTOR.full_name for message in messages}
    contents = [MessageToDict(message, preserving_proto_field_name=True) for message in messages]
    return {"type": "".join(names), "stream": is_stream, "messages": contents}


def _status(failed: CallFailed) -> dict[str, Any]:
    status = failed.trouble.status or status_pb2.Status(message=failed.trouble.message)
    found: dict[str, Any] = MessageToDict(status)
    return found


def record(name: str, command: list[str]) -> None:
    """Run a command and write the answers it got, and its command line, into the folder."""
    answers: dict[str, list[dict[str, Any]]] = {}
    original = Clients.stub

    def stub(clients: Clients, stub_class: Any) -> Recorder:
        return Recorder(original(clients, stub_class), answers)

    try:
        with mock.patch.object(Clients, "stub", stub):
            main(command)
    except SystemExit as ended:
        print("exit code", ended.code, file=sys.stderr)
    at = command.index("--data") if "--data" in command else len(command)
    document = {"command": command[:at] + command[at + 2 :], "answers": answers}
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (FOLDER / f"{name}{ANSWERS}").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    record(sys.argv[1], sys.argv[2:])
