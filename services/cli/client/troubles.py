"""Turns errors of gRPC calls into messages and exit codes of commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import grpc

from services.cli.errors import DOWN, NO, Failure
from services.cli.terminal.texts import text
from services.refusals import head_of, in_language
from services.texts import Lang

if TYPE_CHECKING:
    from google.rpc import status_pb2

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
"""gRPC status -> exit code; any other status means that the service is down or faulty (`DOWN`)."""

CODES = {code.value[0]: code for code in grpc.StatusCode}
"""Number of a gRPC status -> status."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The error of a call, or of one row of a stream: a decoded google.rpc.Status.

    ``reason`` is the reason of its ErrorInfo, empty if there is none. ``fields`` are pairs of the
    path of a wrong field and what is wrong with it. ``status`` is the error as it was sent; None if
    the service sent none.
    """

    code: grpc.StatusCode
    message: str
    reason: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    status: status_pb2.Status | None = field(default=None, compare=False, repr=False)

    @property
    def tag(self) -> str:
        """The reason in brackets, e.g. `[NOT_KEPT]`; without one the name of the gRPC status."""
        return f"[{self.reason or self.code.name}]"

    def __str__(self) -> str:
        """Return the error in English."""
        return self.text(Lang.en)

    def text(self, lang: Lang) -> str:
        """Return the error in a language: message, wrong fields with their problems, and `tag`.

        A single wrong field is on the same line; several have a line each. A sentence that has no
        translation stays English.
        """
        # Most commands meet no error, and import nothing for one.
        from services.importing.refused_cells import column_of

        head = in_language(head_of(self.message, self.fields), lang)
        found = [f"{column_of(name)}: {in_language(text, lang)}" for name, text in self.fields]
        if len(found) > 1:
            head = head or in_language("some fields are wrong", lang)
            return "\n  ".join([f"{head} {self.tag}", *found])
        return f"{': '.join(filter(None, [head, *found]))} {self.tag}"


class CallFailed(Failure):
    """Raised when a service refuses a call or does not answer.

    Args:
        trouble: the error of the call.
        service: name of the service.
        address: address that was called, `host:port`.
    """

    def __init__(self, trouble: Trouble, service: str, address: str) -> None:
        super().__init__("", EXIT_CODES.get(trouble.code, DOWN))
        self.trouble = trouble
        self._where = {"service": service, "address": address}
        self.message = self.told_in(Lang.en)

    def reword(self, change: Callable[[str], str]) -> None:
        """Replace the message of the error and the problems of its fields."""
        fields = tuple((name, change(text)) for name, text in self.trouble.fields)
        self.trouble = replace(self.trouble, message=change(self.trouble.message), fields=fields)
        self.message = self.told_in(Lang.en)

    def told_in(self, lang: Lang) -> str:
        """Return the error in a language.

        If the service is down, i.e. the exit code is `DOWN`, also its name, its address and a
        remedy.
        """
        said = self.trouble.text(lang)
        if self.exit_code != DOWN:
            return said
        return text(lang, "down.service", problem=said, **self._where)


def trouble_of_status(status: status_pb2.Status) -> Trouble:
    """Return the error that a google.rpc.Status describes, of a call or of one row of a stream.

    Its code is UNKNOWN if the number of the status is not one of gRPC.
    """
    from google.rpc import error_details_pb2

    reason = ""
    fields: list[tuple[str, str]] = []
    for detail in status.details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            fields += [(v.field, v.description) for v in bad.field_violations]
    code = CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    return Trouble(code, status.message, reason, tuple(fields), status)


def trouble_of_call(error: grpc.RpcError) -> Trouble:
    """Return the error of a call that failed in grpcio, with the details that the service sent.

    If it sent none, e.g. because it is down, the error has only the code and text of grpcio.
    """
    from grpc_status import rpc_status

    # Every error of a call is a Call as well; grpcio's types do not declare it.
    call = cast(Any, error)
    try:
        status = rpc_status.from_call(call)
    except ValueError:
        status = None
    if status is not None:
        return trouble_of_status(status)
    return Trouble(call.code(), call.details() or "no details")
