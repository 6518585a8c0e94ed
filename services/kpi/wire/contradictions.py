"""Encodes contradictions between claims: for explanations, and as events."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from kieng.kpi.v1 import events_pb2, kpi_service_pb2
from kieng.submissions.v1 import events_pb2 as submission_events
from kieng.submissions.v1 import facts_pb2
from services.kernel.privacy import reserved
from services.kernel.publisher import Event
from services.kpi.domain.disagreement import Contradiction, Disagreement
from services.kpi.domain.work import Work
from services.kpi.wire import events

TOPIC = "kieng.kpi.v1"
SOURCE = "kieng/kpi/shared"
PERSONAL_FACTS = frozenset(
    name
    for kind in facts_pb2.Facts.DESCRIPTOR.fields
    if kind.message_type is not None
    for name in reserved(kind.message_type)
)
"""Names of facts that identify a person; hidden, as claims may be those of other institutions."""

TEXT_MAX = 400
"""Maximum length of a text in an event: the log may contain texts too long for the broker."""


def encode_disagreement(
    each: Disagreement, ids: Mapping[str, str], unit_id: str
) -> kpi_service_pb2.Disagreement:
    """Return as a message on which fact a claim disagrees, what it states and what counts.

    Both statements are empty for a fact that identifies a person.

    Args:
        each: the disagreement.
        ids: full name -> id of the submissions of the work.
        unit_id: id of the unit whose claim disagrees.
    """
    return kpi_service_pb2.Disagreement(
        submission_id=ids[each.claim.name],
        unit_id=unit_id,
        field=each.field,
        said=_shown(each.field, each.said),
        counts=_shown(each.field, each.counts),
    )


def contradicted_event(work_key: str, work: Work, found: Contradiction) -> Event:
    """Return the WorkContradicted event that announces a contradiction between institutions.

    Its event id depends only on its content, so that consumers recognise repeats.

    Args:
        work_key: key of the work.
        work: the work, which has the statements of both submissions.
        found: the contradiction.
    """
    leading, other = (_changed(work, each.name) for each in (found.leading, found.claim))
    event = events_pb2.WorkContradicted(
        work_key=work_key[:TEXT_MAX],
        leading=_claimant(leading),
        contradicting=_claimant(other),
        differences=[
            events_pb2.WorkContradicted.Difference(
                field=each.field,
                said=_shown(each.field, each.said)[:TEXT_MAX],
                counts=_shown(each.field, each.counts)[:TEXT_MAX],
            )
            for each in found.disagreements
        ],
    )
    value = event.SerializeToString(deterministic=True)
    return Event(
        event_id=f"work-contradicted:{hashlib.sha256(value).hexdigest()[:32]}",
        topic=TOPIC,
        key=event.contradicting.unit_id,
        type=event.DESCRIPTOR.full_name,
        source=SOURCE,
        value=value,
    )


def _shown(field: str, text: str) -> str:
    return "" if field in PERSONAL_FACTS else text


def _changed(work: Work, name: str) -> submission_events.SubmissionChanged:
    return events.decode_changed(work.statements[name].source)


def _claimant(event: submission_events.SubmissionChanged) -> events_pb2.WorkContradicted.Claimant:
    claim = event.verified if event.HasField("verified") else event.declared
    return events_pb2.WorkContradicted.Claimant(
        submission_id=event.submission_id[:TEXT_MAX],
        institution_id=event.institution_id,
        unit_id=claim.unit_id,
        submitted_by=event.submitted_by[:TEXT_MAX],
    )
