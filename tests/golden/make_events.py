"""Adds golden events of types that have none: `python -m tests.golden.make_events`.

What is committed is never written again: it stands for every record that was ever published, and
later releases must read it. A new type of event gets a maker here and one run of this program.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass

from kieng.proposals.v1.events_pb2 import ProposalChanged
from kieng.submissions.v1 import facts_pb2
from services.agreement import domain as agreement
from services.agreement.wire import encode_changed
from services.kernel.publisher import Event
from services.kpi.api.targets import encode_reached
from services.kpi.domain.disagreement import new_contradictions
from services.kpi.domain.fold import restored
from services.kpi.domain.targets import Target
from services.kpi.domain.work import Work
from services.kpi.wire import events as events_of_work
from services.kpi.wire.contradictions import contradicted_event
from services.notifications.documents import Delivery
from services.notifications.domain import Kind as Told
from services.notifications.sending import delivered_event
from services.partners.documents import Change
from services.partners.domain.directory import Directory, Kind, Unit
from services.partners.domain.partner import House, Partner
from services.partners.outbox import directory_event, partner_event
from services.submissions import republish, wire
from services.submissions.domain import transitions
from services.submissions.domain.submission import Decision
from services.submissions.events import events_of
from tests.unit.kpi.builders import article, changed, real_catalogue
from tests.unit.submissions import builders

EVENTS = Path(__file__).with_name("events.json")
NOW = datetime(2025, 7, 1, 3, 0, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"


def submission_events() -> Iterator[Event]:
    """A claim on its way: returned, mended, verified, and later moved to another DOI."""
    old, titled, new = (
        wire.decode_content(
            builders.publication(
                doi, unit_id="a/x/g", title=title, indexes=[facts_pb2.Publication.INDEX_SCOPUS]
            ),
            "s-1",
        )
        for doi, title in (("10.5555/old", "T"), ("10.5555/old", "Title"), ("10.5555/new", "Title"))
    )
    now, approver = builders.change(), builders.by("approver", "unclear")
    versions = [transitions.create("s-1", "a", old, None, now, submit=True)]
    versions.append(transitions.decide(versions[-1], Decision.RETURN, approver))
    for content in (titled, new):
        versions.append(transitions.amend(versions[-1], content, now))
        versions.append(transitions.decide(versions[-1], Decision.VERIFY, approver))
    yield from events_of(None, versions[0], TRACE)
    for before, after in pairwise(versions):
        yield from events_of(before, after, TRACE)


def events() -> Iterator[Event]:
    """One event of each type at least, as the services that publish them make them."""
    yield from submission_events()
    yield replace(republish._mark("a", 2, 40), event_id="republished-1", time=NOW)
    units = (
        Unit("consortium", "", Kind.CONSORTIUM, "Liên minh", "Consortium"),
        Unit("a", "consortium", Kind.INSTITUTION, "Đại học A", "University A", "A", ("UA",)),
        Unit("a/old", "a", Kind.INSTITUTE, "Viện cũ", "Old institute", "", (), "1956-10-15",
             "2024-08-01", ("a/new",)),
        Unit("a/new", "a", Kind.SCHOOL, "Trường mới", "New school", "", (), "2024-08-02"),
    )  # fmt: skip
    yield directory_event(Directory(3, units, NOW), Change(NOW, "directory-3", TRACE))
    partner = Partner(
        "Công ty Mẫu (dữ liệu giả)",
        House.ENTERPRISE,
        frozenset({"mau"}),
        "9900000017",
        ("Sample Company (fake data)",),
        synthetic=True,
        partner_id="partner:00007",
        version=2,
    )
    yield partner_event(partner, Change(NOW, "partner-7-2", TRACE))
    yield encode_reached(Target("a", "KNW-01", 2025, 120), 124, "g1-c2-f2", NOW)
    yield proposal_event()
    yield contradicted_golden()
    told = ("n-1:email", "n-1", Told.TARGET_REACHED, "a/reader", NOW)
    yield delivered_event(Delivery(*told, attempts=1, sent_at=NOW))


def contradicted_golden() -> Event:
    """Two institutions that say otherwise of one article."""
    catalogue = real_catalogue()
    statements = {}
    for unit_id, quartile, at in (("alpha/sci", 1, 1), ("beta", 2, 2)):
        said = article(unit_id, quartile=quartile)
        institution = unit_id.partition("/")[0]
        event = changed(f"{institution}.1", 1, "doi:10.5555/both", said, said)
        event.verified_at.seconds = 1_750_000_000 + at
        event.submitted_by = f"author-of-{institution}"
        source = event.SerializeToString(deterministic=True)
        name = events_of_work.name_of(event)
        statements[name] = events_of_work.decode_statement(event, catalogue, source)
    work = restored(statements, catalogue)
    (found,) = new_contradictions(Work(), work, catalogue.tree)
    told = contradicted_event("doi:10.5555/both", work, found)
    return replace(told, time=NOW, traceparent=TRACE)


def proposal_event() -> Event:
    """A proposal to roll back, approved by one of two institutions."""
    motion = agreement.Motion(agreement.Kind.ROLLBACK, b"payload")
    proposed = agreement.propose(motion, 1, "a", agreement.Agreement(("a", "b")), NOW)
    value = encode_changed(agreement.approve(proposed, "a", NOW), NOW).SerializeToString()
    return Event(
        event_id=f"proposal:{proposed.proposal_id}:2",
        topic="kieng.kpi.v1",
        key=proposed.proposal_id,
        type=ProposalChanged.DESCRIPTOR.full_name,
        source="kieng/kpi",
        value=value,
        time=NOW,
        traceparent=TRACE,
    )


def encoded(event: Event) -> dict[str, Any]:
    """Return an event as it is kept: its bytes, and what they say."""
    message = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(event.type))
    return {
        "topic": event.topic,
        "key": event.key,
        "headers": {name: value.decode() for name, value in event.headers()},
        "value": base64.b64encode(event.value).decode(),
        "says": MessageToDict(message.FromString(event.value), preserving_proto_field_name=True),
    }


def main() -> None:
    """Write the file."""
    kept = json.loads(EVENTS.read_text()) if EVENTS.exists() else []
    known = {each["headers"]["ce_type"] for each in kept}
    kept += [encoded(event) for event in events() if event.type not in known]
    EVENTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
