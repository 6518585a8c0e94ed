"""No text that a service takes in can move a cursor, turn a line or hide itself."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor import Descriptor

from kieng.notifications.v1 import notification_pb2
from kieng.submissions.v1 import review_service_pb2, submission_pb2
from services.kernel.errors import InvalidArgument
from services.kernel.interceptors import check
from tests.architecture.requests import Path, holding, named, requests, texts

# One of each kind: C0, DEL, C1, bidirectional, zero-width, separators, fillers, selectors, tags.
BAD = [
    *"\x00\x07\x08\x0b\x1b\x7f\x85\x9b\u00ad\u034f\u061c\u115f\u17b4\u180b\u180e\u200b\u200d",
    *"\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\u2800\u3164\ufe0f\ufeff\uffa0\ufff9",
    *"\U000e0041\U000e0100",
]
PROSE = {"reason", "summary"}


def refused(descriptor: Descriptor, path: Path, text: str) -> bool:
    """Return True if the contract names the field that holds the text."""
    try:
        check(holding(descriptor, path, text))
    except InvalidArgument as refusal:
        found = {re.sub(r"\[[^\]]*\]", "", name) for name in refusal.fields}
        return bool(found & {named(path), named(path[:-1])})
    return False


def rules_of(path: Path) -> tuple[bytes, ...]:
    """What the contract says of a text: rules of its field, its message and where that stands."""
    message = path[-1].containing_type
    assert message is not None
    options = [path[-1].GetOptions(), message.GetOptions(), *(f.GetOptions() for f in path[-2:-1])]
    return tuple(each.SerializeToString(deterministic=True) for each in options)


def test_no_text_of_a_request_holds_what_cannot_be_seen() -> None:
    """Each character where a text has other rules than all before, and one at every other path.

    A rule refuses the same wherever it stands; that it is asked at all is shown at every path.
    """
    seen, taken = set[tuple[bytes, ...]](), []
    for number, (descriptor, path) in enumerate((d, path) for d in requests() for path in texts(d)):
        rules = rules_of(path)
        characters = BAD if rules not in seen else [BAD[number % len(BAD)]]
        seen.add(rules)
        taken += [
            (descriptor.full_name, named(path), hex(ord(character)))
            for character in characters
            if not refused(descriptor, path, f"abc{character}")
        ]
    assert taken == []
    assert len(seen) > 50


@pytest.mark.parametrize("descriptor", requests(), ids=lambda d: d.full_name)
def test_only_prose_has_several_lines(descriptor: Descriptor) -> None:
    with_lines = {
        path[-1].name for path in texts(descriptor) if not refused(descriptor, path, "a\nb\tc\r\nd")
    }
    assert with_lines <= PROSE
    assert all(refused(descriptor, path, "a\rb") for path in texts(descriptor))


def test_a_field_without_the_rule_is_noticed() -> None:
    descriptor = notification_pb2.Notification.DESCRIPTOR
    assert not any(refused(descriptor, path, "\x1b") for path in texts(descriptor))


def test_every_request_and_a_text_at_any_depth_is_looked_at() -> None:
    found = {f"{d.name}.{named(path)}" for d in requests() for path in texts(d)}
    assert "CreateSubmissionRequest.content.facts.programme.code" in found
    assert "PublishDirectoryRequest.units.aliases" in found
    assert len(found) > 500


@pytest.mark.parametrize(
    "text", ["Trường Đại học Khoa học Tự nhiên", "12/HĐ", "Größe 漢字 “x” §7", "e\u0301", ""]
)
def test_what_people_write_is_taken(text: str) -> None:
    decision = review_service_pb2.DECISION_APPROVE
    request_id = "0192f0c1-0000-7000-8000-000000000000"
    request = review_service_pb2.DecideSubmissionsRequest(
        request_id=request_id, submission_id="1", decision=decision, reason=text
    )
    check(request)
    check(submission_pb2.SourceRecord(system="cris", record_id=text or "1"))


@pytest.mark.parametrize(
    ("uri", "taken"),
    [
        ("", True),
        ("https://evidence.example.org/7", True),
        ("HTTP://intranet/7", True),
        ("doi:10.1000/xyz", True),
        ("urn:dms:7", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("data:text/html,x", False),
        ("vbscript:x", False),
        (" https://x", False),
        ("https:javascript", False),
        ("/etc/passwd", False),
        ("shelf 7", False),
    ],
)
def test_evidence_lies_where_a_listed_scheme_leads(uri: str, taken: bool) -> None:
    proof = submission_pb2.Evidence(title="contract", uri=uri, sha256="a" * 64)
    if taken:
        check(proof)
    else:
        with pytest.raises(InvalidArgument) as refusal:
            check(proof)
        assert list(refusal.value.fields) == ["uri"]
