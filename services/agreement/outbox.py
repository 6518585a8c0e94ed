"""The outbox of proposals: publishes an event with the newest version, at least once."""

from __future__ import annotations

from collections.abc import Sequence

from kieng.proposals.v1 import events_pb2
from services.agreement import wire
from services.agreement.store import Proposals, Unsent
from services.kernel.publisher import Event


class ProposalOutbox:
    """The proposals with an unpublished event, as the relay of the kernel reads them.

    Implements `services.kernel.outbox.Outbox`.

    Args:
        proposals: store of the proposals.
        topic: Kafka topic of the events.
        source: CloudEvents attribute `source` of the events.
    """

    def __init__(self, proposals: Proposals, topic: str, source: str) -> None:
        self._proposals = proposals
        self._topic = topic
        self._source = source

    def pending(self, limit: int) -> list[Unsent]:
        """Return at most ``limit`` proposals with an unpublished event; empty if there is none."""
        return self._proposals.unsent(limit)

    def events(self, documents: Sequence[Unsent]) -> list[Event]:
        """Return the event of each proposal's newest version, in the same order.

        It has the same id in every attempt to publish it.
        """
        return [
            Event(
                event_id=f"proposal:{each.proposal.proposal_id}:{each.proposal.version}",
                topic=self._topic,
                key=each.proposal.proposal_id,
                type=events_pb2.ProposalChanged.DESCRIPTOR.full_name,
                source=self._source,
                value=wire.encode_changed(each.proposal, each.changed_at).SerializeToString(),
                time=each.changed_at,
                traceparent=each.traceparent,
            )
            for each in documents
        ]

    def clear(self, documents: Sequence[Unsent]) -> None:
        """Record that the events of these versions are published; newer versions stay pending."""
        self._proposals.mark_sent(each.proposal for each in documents)
