"""How a command fails: a readable line and an exit code.

0 done; 1 the answer is no; 2 wrong usage; 3 something else is down.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

NO, USAGE, DOWN = 1, 2, 3

EXIT_CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: NO,
    grpc.StatusCode.FAILED_PRECONDITION: NO,
    grpc.StatusCode.NOT_FOUND: NO,
    grpc.StatusCode.ALREADY_EXISTS: NO,
    grpc.StatusCode.ABORTED: NO,
    grpc.StatusCode.OUT_OF_RANGE: NO,
    grpc.StatusCode.PERMISSION_DENIED: NO,
    grpc.StatusCode.UNAUTHENTICATED: NO,
}
"""Exit codes of gRPC statuses; every other status is a fault of the service."""

CODES = {code.value[0]: code for code in grpc.StatusCode}


class Failure(Exception):
    """The command failed; `main` prints the message and exits.

    Args:
        message: what is wrong and what to do, one line.
        exit_code: see the module.
    """

    def __init__(self, message: str, exit_code: int = NO) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Trouble:
    """The error of a call or of one row: a decoded google.rpc.Status."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    fields: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return it as one line."""
        # The kernel repeats the violations in its message; each is shown once.
        extra = [f"{name}: {text}" for name, text in self.fields if text not in self.message]
        reason = f" [{self.reason}]" if self.reason else ""
        listed = f" ({'; '.join(extra)})" if extra else ""
        return f"{self.code.name}{reason}: {self.message}{listed}"


class CallFailed(Failure):
    """A service rejected a call, or did not answer."""

    def __init__(self, trouble: Trouble, service: str, address: str) -> None:
        message = str(trouble)
        code = EXIT_CODES.get(trouble.code, DOWN)
        if code == DOWN:
            message = f"{service} at {address}: {message}. Is it running? Ask `kieng doctor`."
        super().__init__(message, code)
        self.trouble = trouble


def trouble_of_status(status: status_pb2.Status) -> Trouble:
    """Read the status of one row of a stream, or of a call."""
    reason = ""
    fields: list[tuple[str, str]] = []
    for detail in status.details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            fields += [(v.field, v.description) for v in bad.field_violations]
    code = CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    return Trouble(code, status.message, reason, tuple(fields))


def trouble_of_call(error: grpc.RpcError) -> Trouble:
    """Read the error of a call."""
    # Every error of a call is a Call as well; grpcio's types do not declare it.
    call = cast(Any, error)
    try:
        status = rpc_status.from_call(call)
    except ValueError:
        status = None
    if status is not None:
        return trouble_of_status(status)
    return Trouble(call.code(), call.details() or "no details")


def worst(codes: Iterable[int]) -> int:
    """Return the highest exit code; 0 if there is none."""
    return max(codes, default=0)
