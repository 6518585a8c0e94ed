"""What only the institutions concerned are shown, over all contracts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import submission_service_pb2
from services.kernel.privacy import OWNER, reserved, shown_to
from tests.architecture.requests import Path, methods, named

PERSONAL = re.compile(
    r"(person_id|orcid|member|evidence|evidence_sha256|.*_by|by|subjects?|e?mail|phone|author)$"
)
# Field -> why everybody may see it.
SHOWN = {
    "Notification.subject": "a line of text in the reader's own inbox",
    "Subscription.email": "the reader's own",
    "Finding.by": "id of a submission",
    "Split.by": "code of a taxonomy",
    "Component.member": "name of a fact",
    "PolicyContract.adopted_by": "an authority",
    "IpRight.exploited_by": "key of a work",
    "Proposal.proposed_by": "an institution",
    "Proposal.approved_by": "institutions",
    "Proposal.rejected_by": "institutions",
    "Proposal.emergency_by": "an institution",
}
PERSONS = {"Expert", "Scholar", "Recognition"}


def answers() -> list[Descriptor]:
    found = {method.output_type.full_name: method.output_type for method in methods()}
    return [found[name] for name in sorted(found)]


def fields(descriptor: Descriptor, above: Path = ()) -> Iterator[Path]:
    """Yield the path to every field of a message, at any depth."""
    for field in descriptor.fields:
        yield (*above, field)
        inner = field.message_type
        if inner is not None and inner not in [each.message_type for each in above]:
            yield from fields(inner, (*above, field))


def owner_of(field: FieldDescriptor) -> Descriptor:
    assert field.containing_type is not None
    return field.containing_type


def is_about_a_person(field: FieldDescriptor) -> bool:
    owner = owner_of(field).name
    if f"{owner}.{field.name}" in SHOWN:
        return False
    return bool(PERSONAL.match(field.name)) or (owner in PERSONS and field.name == "name")


@pytest.mark.parametrize("descriptor", answers(), ids=lambda d: d.full_name)
def test_every_field_that_says_something_of_a_person_is_marked(descriptor: Descriptor) -> None:
    unmarked = {
        f"{owner_of(path[-1]).name}.{path[-1].name}"
        for path in fields(descriptor)
        if is_about_a_person(path[-1]) and path[-1].name not in reserved(owner_of(path[-1]))
    }
    assert unmarked == set()


def test_every_exception_is_needed() -> None:
    there = {
        f"{owner_of(path[-1]).name}.{path[-1].name}"
        for descriptor in answers()
        for path in fields(descriptor)
    }
    assert set(SHOWN) - there == set()


def filled(descriptor: Descriptor, institution_id: str, depth: int = 0) -> Message:
    """Return a message in which every field is set; of a oneof, the last."""
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        value: Any = getattr(message, field.name)
        if field.message_type is not None:
            if depth > 6 or field.message_type.GetOptions().map_entry:
                continue
            inner = filled(field.message_type, institution_id, depth + 1)
            value.add().CopyFrom(inner) if field.is_repeated else value.CopyFrom(inner)
        elif field.type == FieldDescriptor.TYPE_STRING:
            text = institution_id if field.name == OWNER else "x"
            value.append(text) if field.is_repeated else setattr(message, field.name, text)
    return message


def held(message: Message) -> list[str]:
    """Return the reserved fields that are set, at any depth."""
    found = [name for name in reserved(message.DESCRIPTOR) if _is_set(message, name)]
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for inner in value if field.is_repeated else [value]:
                found += held(inner)
    return found


def _is_set(message: Message, name: str) -> bool:
    return name in {field.name for field, _ in message.ListFields()}


@pytest.mark.parametrize("descriptor", answers(), ids=lambda d: d.full_name)
def test_others_are_shown_none_of_it_and_the_institution_all(descriptor: Descriptor) -> None:
    whole = filled(descriptor, "alpha")
    before = held(whole)
    copy = type(whole).FromString(whole.SerializeToString())
    assert shown_to("alpha", copy) == whole, "a message that names nobody is shown to nobody"
    assert held(shown_to("beta", copy)) == []
    marked = [named(p) for p in fields(descriptor) if p[-1].name in reserved(owner_of(p[-1]))]
    assert bool(before) == bool(marked)


def test_the_test_sees_what_explain_and_submissions_hold() -> None:
    explained = filled(kpi_service_pb2.ExplainKpiResponse.DESCRIPTOR, "alpha")
    assert sorted(held(explained)) == ["evidence_sha256", "member"]
    read = filled(submission_service_pb2.GetSubmissionResponse.DESCRIPTOR, "alpha")
    assert {"evidence", "submitted_by", "edited_by", "decided_by"} <= set(held(read))


def test_ids_and_names_of_persons_stay_in_their_institution() -> None:
    read = submission_service_pb2.GetSubmissionResponse()
    read.submission.institution_id = "alpha"
    expert = read.submission.content.facts.expert
    expert.person_id, expert.name, expert.country = "0000-0002-1825-0097", "Someone", "FR"
    assert shown_to("alpha", read).submission.content.facts.expert.person_id
    shown = shown_to("beta", read).submission.content.facts.expert
    assert (shown.person_id, shown.name, shown.country) == ("", "", "FR")


def test_a_work_of_several_institutions_shows_each_its_own() -> None:
    claims = [
        kpi_service_pb2.ExplainedClaim(institution_id=each, evidence_sha256=[each])
        for each in ("alpha", "beta")
    ]
    work = kpi_service_pb2.ExplainedWork(member="0000-0002-1825-0097", claims=claims)
    alone = kpi_service_pb2.ExplainedWork(member="p", claims=claims[:1])
    answer = kpi_service_pb2.ExplainKpiResponse(works=[work, alone])
    shown = shown_to("beta", answer)
    assert [each.member for each in shown.works] == ["0000-0002-1825-0097", ""]
    assert [list(c.evidence_sha256) for c in shown.works[0].claims] == [[], ["beta"]]
