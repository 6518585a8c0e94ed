from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from google.rpc import code_pb2, error_details_pb2

from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.kernel import errors
from services.kernel.interceptors import check, forms, status_of
from services.refusals import in_language

CONTRACTS = Path(__file__).parents[3] / "protos" / "kieng"

REFUSALS = {
    errors.InvalidArgument: "INVALID_ARGUMENT",
    errors.Unauthenticated: "UNAUTHENTICATED",
    errors.Forbidden: "PERMISSION_DENIED",
    errors.NotFound: "NOT_FOUND",
    errors.AlreadyExists: "ALREADY_EXISTS",
    errors.WrongState: "FAILED_PRECONDITION",
    errors.Conflict: "ABORTED",
    errors.Exhausted: "RESOURCE_EXHAUSTED",
    errors.TooSlow: "DEADLINE_EXCEEDED",
    errors.Unavailable: "UNAVAILABLE",
}


@pytest.mark.parametrize(("kind", "name"), REFUSALS.items(), ids=REFUSALS.values())
def test_a_refusal_becomes_its_status(kind: type[errors.Refusal], name: str) -> None:
    status = status_of(kind("what and how"))
    assert (code_pb2.Code.Name(status.code), status.message) == (name, "what and how")
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("kieng", kind.default_reason)
    assert len(status.details) == 1


def test_every_refusal_is_mapped() -> None:
    # A service may have one of its own, as KPI has for callers who left.
    kinds = {kind for kind in errors.Refusal.__subclasses__() if kind.__module__ == errors.__name__}
    assert kinds == set(REFUSALS)


def test_reason_facts_and_wrong_fields_reach_programs() -> None:
    refusal = errors.InvalidArgument(
        "wrong", reason="BAD_DOI", fields={"a.b[0]": "no", "c": "neither"}, details={"max": "7"}
    )
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    first, second = status_of(refusal).details
    assert first.Unpack(info)
    assert second.Unpack(bad_request)
    assert (info.reason, dict(info.metadata)) == ("BAD_DOI", {"max": "7"})
    violations = {v.field: v.description for v in bad_request.field_violations}
    assert violations == {"a.b[0]": "no", "c": "neither"}


def wrong_submission() -> submission_service_pb2.CreateSubmissionRequest:
    request = submission_service_pb2.CreateSubmissionRequest(request_id="no uuid")
    request.content.unit_id = "alpha"
    request.content.facts.publication.title = "t"
    request.content.facts.publication.issued_on = "2025-13-77x"
    return request


def test_validation_names_every_wrong_field_by_its_path() -> None:
    with pytest.raises(errors.InvalidArgument) as refusal:
        check(wrong_submission())
    fields = refusal.value.fields
    assert {"request_id", "content.facts.publication.issued_on"} <= set(fields)
    assert all(f"{path}: {text}" in refusal.value.message for path, text in fields.items())


def test_an_element_of_a_list_is_named_by_its_index() -> None:
    request = wrong_submission()
    request.content.facts.joint_project.institutions.extend(["short", "x" * 101])
    with pytest.raises(errors.InvalidArgument) as refusal:
        check(request)
    assert "content.facts.joint_project.institutions[1]" in refusal.value.fields


def test_a_list_that_is_too_short_is_named() -> None:
    with pytest.raises(errors.InvalidArgument) as refusal:
        check(api.MarkReadRequest())
    assert list(refusal.value.fields) == ["notification_ids"]


def test_a_request_that_keeps_the_rules_passes() -> None:
    check(api.MarkReadRequest(notification_ids=["a"]))
    check(api.ListNotificationsRequest(page_size=500))


def test_every_pattern_of_the_contracts_is_described_in_words() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in CONTRACTS.rglob("*.proto"))
    patterns = {
        ast.literal_eval(f"'{found}'") for found in re.findall(r"pattern[ =:]+\"([^\"]*)\"", texts)
    }
    assert len(patterns) > 10
    assert patterns == set(forms())


def test_no_pattern_is_shown_to_a_person() -> None:
    with pytest.raises(errors.InvalidArgument) as refusal:
        check(submission_pb2.Evidence(title="x", sha256="zz"))
    assert refusal.value.fields == {
        "sha256": "write the 64 digits of a SHA-256, 0 to 9 and a to f",
    }
    assert "^" not in refusal.value.message


def test_an_empty_text_is_told_to_be_missing() -> None:
    with pytest.raises(errors.InvalidArgument) as refusal:
        check(submission_pb2.Evidence(title="x", sha256=""))
    missing = "is missing; write the 64 digits of a SHA-256, 0 to 9 and a to f"
    assert refusal.value.fields == {"sha256": missing}
    assert in_language(missing, "vi").startswith("còn thiếu; viết")
