"""What a refused call looks like, and how the command exits."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from services.cli.client.troubles import CallFailed, Trouble, trouble_of_status
from services.cli.errors import DOWN, NO
from services.texts import Lang

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


def refused(code: int, message: str, reason: str = "", **fields: str) -> Trouble:
    """A refusal as the kernel sends it; ``fields`` are named by the last part of their path."""
    bad = error_details_pb2.BadRequest()
    for name, text in fields.items():
        bad.field_violations.add(field=f"content.facts.publication.{name}", description=text)
    info = error_details_pb2.ErrorInfo(reason=reason, domain="kieng")
    status = status_pb2.Status(code=code, message=message)
    status.details.extend([packed(info), packed(bad)])
    return trouble_of_status(status)


NO_DOI = "is not a DOI; write it like 10.1000/xyz, or leave it empty"
NO_UNIT = "there is no unit 'hus'; did you mean 'vnu/hus'?"
EARLY = "lies in the future; today is 2025-07-01"


@pytest.mark.parametrize(
    ("trouble", "en", "vi"),
    [
        (
            refused(3, f"content.facts.publication.doi: {NO_DOI}", "INVALID_FIELD", doi=NO_DOI),
            f"doi: {NO_DOI} [INVALID_FIELD]",
            "doi: không phải DOI; hãy viết như 10.1000/xyz, hoặc để trống [INVALID_FIELD]",
        ),
        (
            refused(
                3,
                f"the request is not valid: content.facts.publication.doi: {NO_DOI}; "
                f"content.facts.publication.issued_on: {EARLY}",
                "INVALID_FIELD",
                doi=NO_DOI,
                issued_on=EARLY,
            ),
            f"the request is not valid [INVALID_FIELD]\n  doi: {NO_DOI}\n  issued_on: {EARLY}",
            "yêu cầu chưa đúng [INVALID_FIELD]\n"
            "  doi: không phải DOI; hãy viết như 10.1000/xyz, hoặc để trống\n"
            "  issued_on: ở tương lai; hôm nay là 2025-07-01",
        ),
        (
            refused(3, NO_UNIT, "INVALID_FIELD", unit_ids=NO_UNIT),
            f"unit_ids: {NO_UNIT} [INVALID_FIELD]",
            "unit_ids: không có đơn vị 'hus'; có phải ý bạn là 'vnu/hus'? [INVALID_FIELD]",
        ),
        (
            refused(5, "no such submission", "NOT_FOUND"),
            "no such submission [NOT_FOUND]",
            "không có hồ sơ này, hoặc bạn không được xem [NOT_FOUND]",
        ),
        (
            refused(9, "a rejected submission cannot be submitted", "WRONG_STATE"),
            "a rejected submission cannot be submitted [WRONG_STATE]",
            "hồ sơ đã bị từ chối không thể nộp [WRONG_STATE]",
        ),
        (
            Trouble(grpc.StatusCode.ABORTED, "of another release"),
            "of another release [ABORTED]",
            "of another release [ABORTED]",
        ),
    ],
    ids=["field", "fields", "said twice", "absent", "state", "unknown"],
)
def test_a_refusal_is_said_in_the_language_of_the_caller(
    trouble: Trouble, en: str, vi: str
) -> None:
    failed = CallFailed(trouble, "submissions", ADDRESS)
    assert failed.message == str(trouble) == failed.told_in(Lang.en) == en
    assert failed.told_in(Lang.vi) == vi


def test_a_service_that_is_down_is_said_in_the_language_of_the_caller() -> None:
    failed = CallFailed(Trouble(grpc.StatusCode.UNAVAILABLE, "refused"), "kpi", ADDRESS)
    assert failed.message.startswith(f"kpi at {ADDRESS}: refused [UNAVAILABLE]. Is it")
    assert failed.told_in(Lang.vi).startswith(f"kpi ở {ADDRESS}: refused [UNAVAILABLE]. Dịch vụ")
