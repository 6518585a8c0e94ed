from dataclasses import replace

from services.submissions import wire
from services.submissions.domain.submission import SourceRecord
from tests.unit.submissions import builders


def test_content_survives_the_round_trip() -> None:
    message = builders.transfer(partner_id="partner:1")
    assert wire.encode_content(wire.decode_content(message, "1")) == message


def test_content_knows_what_the_rules_ask_for() -> None:
    content = wire.decode_content(builders.publication(proofs=2), "1")
    assert (content.unit_id, content.type) == ("alpha/one", "publication")
    assert (content.work_key, content.evidence_count) == ("doi:10.1000/xyz", 2)


def test_a_submission_is_shown_whole() -> None:
    source = SourceRecord("cris", "r/1")
    shown = wire.encode_submission(replace(builders.verified(), source=source))
    assert shown.version == 4
    assert shown.verified_content == shown.content == builders.publication()
    assert shown.verified_work_key == shown.work_key == "doi:10.1000/xyz"
    assert wire.decode_source(shown.source_record) == source
    assert shown.updated_at.ToDatetime(builders.NOW.tzinfo) == builders.NOW
    assert (shown.submitted_by, shown.decided_by) == ("author", "approver")


def test_nothing_verified_is_unset() -> None:
    shown = wire.encode_submission(builders.submitted())
    assert not shown.HasField("verified_content")
    assert not shown.HasField("source_record")
    assert shown.verified_work_key == ""
