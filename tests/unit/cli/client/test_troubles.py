"""What a refused call looks like, and how the command exits."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from services.cli.client.troubles import CallFailed, Trouble, trouble_of_status
from services.cli.errors import DOWN, NO

ADDRESS = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("INVALID_ARGUMENT", NO),
        ("FAILED_PRECONDITION", NO),
        ("NOT_FOUND", NO),
        ("ALREADY_EXISTS", NO),
        ("ABORTED", NO),
        ("PERMISSION_DENIED", NO),
        ("UNAUTHENTICATED", NO),
        ("UNAVAILABLE", DOWN),
        ("DEADLINE_EXCEEDED", DOWN),
        ("INTERNAL", DOWN),
        ("UNKNOWN", DOWN),
    ],
)
def test_a_status_decides_the_exit_code(code: str, exit_code: int) -> None:
    failed = CallFailed(Trouble(grpc.StatusCode[code], "why"), "kpi", ADDRESS)
    assert failed.exit_code == exit_code
    assert (ADDRESS in failed.message) == (exit_code == DOWN)


def packed(message: object) -> Any:
    result = Any()
    result.Pack(message)  # type: ignore[arg-type]
    return result


def test_a_status_is_read_with_its_reason_and_fields() -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="content.facts.receipt.amount_vnd", description="digits only")
    info = error_details_pb2.ErrorInfo(reason="INVALID_FIELD", domain="kieng")
    status = status_pb2.Status(code=3, message="a field is wrong")
    status.details.extend([packed(info), packed(bad)])
    assert str(trouble_of_status(status)) == (
        "INVALID_ARGUMENT [INVALID_FIELD]: a field is wrong "
        "(content.facts.receipt.amount_vnd: digits only)"
    )


def test_what_the_message_says_already_is_not_said_twice() -> None:
    trouble = Trouble(grpc.StatusCode.INVALID_ARGUMENT, "doi: too long", "", (("doi", "too long"),))
    assert str(trouble) == "INVALID_ARGUMENT: doi: too long"
