"""The submissions side: the real transitions, store, events and relay, over the simulated world."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pymongo.errors import AutoReconnect

from kieng.submissions.v1 import submission_pb2
from services.kernel.errors import NotFound, Refusal, Unavailable
from services.kernel.outbox import OutboxRelay
from services.kernel.publisher import Event
from services.kpi.wire.events import CHANGED
from services.submissions.documents import Loaded, Write, decode
from services.submissions.domain import transitions
from services.submissions.domain.claims import live_keys
from services.submissions.domain.submission import Change, Content, Decision, Submission
from services.submissions.events import events_of, repairing_events
from services.submissions.outbox import DOCUMENTS_MAX, Outage, SubmissionOutbox
from services.submissions.store import Databases
from tests.simulation import catalogues, claims, history, strangers
from tests.simulation.database import SimulatedMongo
from tests.simulation.world import World

INSTITUTIONS = ("a", "b", "c")
LEAVES = ("a/x/g", "a/x/h", "a/y", "a/x", "b/x/g", "b", "c")
KEYS = 3
"""So few works of each kind that most are claimed by several units."""
UNKNOWN_ACKNOWLEDGEMENTS = 0.03
SHUFFLES = 0.3
ECHOES = 0.2
FORGERIES = 0.15
OUTSIDERS = 0.15


class Office:
    """Authors who change submissions, and relays that publish what they wrote.

    Args:
        world: decides.
        mongo: keeps the submissions.
        log: gets the events.
    """

    def __init__(self, world: World, mongo: SimulatedMongo, log: history.Log) -> None:
        self.world, self.mongo, self.log = world, mongo, log
        self.databases = Databases(mongo, INSTITUTIONS)  # type: ignore[arg-type]
        rng = world.random
        self.changes_left = rng.randint(8, 25)
        self.people = []
        for i in range(rng.randint(2, 7)):
            leaf = rng.choice(LEAVES)
            # Ids of older releases do not tell their institution.
            owner = rng.choice(("", leaf.partition("/")[0] + "."))
            self.people.append((f"{owner}s{i}", leaf))

    @property
    def is_written(self) -> bool:
        """Whether nothing more will come: a relay may still repeat what another one cleared."""
        writers = ("author", "relay", "accident", "operator")
        return not any(self.world.is_alive(name) for name in writers)

    def stored(self, institution_id: str) -> list[Loaded]:
        """Return what an institution has, read past the simulated network."""
        found = self.mongo.documents(f"kieng_submissions_{institution_id}", "submissions")
        return [decode(document) for document in found]

    def _is_waiting(self) -> bool:
        return self.world.is_alive("author") or any(
            document["outbox_pending"]
            for institution in INSTITUTIONS
            for document in self.mongo.documents(f"kieng_submissions_{institution}", "submissions")
        )

    def author(self) -> None:
        """Change one submission after the other; two authors may take the same."""
        rng = self.world.random
        while self.changes_left:
            self.changes_left -= 1
            submission_id, unit_id = rng.choice(self.people)
            if rng.random() < 0.08:
                self._say_nonsense(submission_id, unit_id)
            if rng.random() < FORGERIES:
                self._forge()
            if rng.random() < OUTSIDERS:
                self._say_from_outside(unit_id)
            # Refused, somebody was faster, or nobody knows: a person looks again later.
            with suppress(Refusal, AutoReconnect):
                self._change(submission_id, unit_id)
            self.world.point("wrote")

    def relay(self) -> None:
        """Publish as the service does, round after round."""
        relay = OutboxRelay()
        outage = Outage()
        outboxes = [SubmissionOutbox(each, outage) for each in self.databases.all()]
        while self._is_waiting():
            relay.run(outboxes, self.publish, DOCUMENTS_MAX)
            self.world.point("relay")

    def publish(self, events: Iterable[Event]) -> None:
        """Write events; the broker may take some and acknowledge none, and puts them in any order.

        Any order is more than a broker does: it keeps that of one producer. Two relays do the rest.
        A relay that was frozen long ago may wake at any time, and send what it had in its hands.
        """
        rng, several = self.world.random, list(events)
        if rng.random() < ECHOES:
            self.log.repeat(rng)
        if rng.random() < SHUFFLES:
            rng.shuffle(several)
        for event in several:
            self.world.point("send")
            fate = rng.random()
            if fate < UNKNOWN_ACKNOWLEDGEMENTS / 2:
                raise Unavailable("it never came there")
            self.log.append(event.key, event.value, event.headers())
            if fate < UNKNOWN_ACKNOWLEDGEMENTS:
                raise Unavailable("it came there, but nobody said so")
        self.world.point("acknowledged")

    def _change(self, submission_id: str, unit_id: str) -> None:
        rng = self.world.random
        submissions = self.databases.of(unit_id.partition("/")[0])
        try:
            loaded = submissions.get(submission_id)
        except NotFound:
            after = transitions.create(
                submission_id,
                submissions.institution_id,
                self._content(unit_id),
                None,
                self._by("author"),
                submit=rng.random() < 0.9,
            )
            submissions.insert(Write(None, after, events_of(None, after)))
            return
        before = loaded.submission
        after, events = self._next(before, unit_id)
        submissions.replace(Write(loaded, after, events))

    def _next(self, before: Submission, unit_id: str) -> tuple[Submission, Any]:
        choice = self.world.random.random()
        if choice < 0.05:
            after = transitions.repair(before, self._by("operator"))
            return after, repairing_events(after)
        if choice < 0.5:
            after = transitions.amend(before, self._content(unit_id), self._by("author"))
        elif choice < 0.85:
            after = transitions.decide(before, Decision.VERIFY, self._by("approver"))
        elif choice < 0.9:
            after = transitions.decide(before, Decision.RETURN, self._by("approver"))
        elif choice < 0.95:
            after = transitions.submit(before, self._by("author"))
        else:
            after = transitions.withdraw(before, self._by("author"))
        return after, events_of(before, after)

    def _by(self, subject: str) -> Change:
        roles = frozenset({"contributor", "approver"})
        now = self.world.now()
        return Change(subject, now, "", 0, "why not", roles, is_institution_wide=True)

    def _content(self, unit_id: str) -> Content:
        work_key, claim = claims.claim(self.world.random, unit_id, KEYS)
        message = submission_pb2.Content(
            unit_id=unit_id,
            part=claim.part,
            share_ppm=claim.share_ppm,
            source=claim.source,
            facts=claim.facts,
            evidence=[submission_pb2.Evidence(sha256=proof) for proof in claim.evidence_sha256],
        )
        encoded = message.SerializeToString(deterministic=True)
        return Content(encoded, unit_id, work_key.partition(":")[0], work_key, 1)

    def _say_nonsense(self, submission_id: str, unit_id: str) -> None:
        """Append a record of a sender gone mad: of a version that is there, or of none."""
        institution = unit_id.partition("/")[0]
        stored = self.mongo.documents(f"kieng_submissions_{institution}", "submissions")
        found = next((d for d in stored if d["_id"] == submission_id), None)
        key = found["work_key"] if found else f"nonsense:{self.world.random.randrange(5)}"
        self.log.append(
            key,
            *strangers.poison(
                self.world.random,
                submission_id,
                None if found is None else found["version"],
                key,
                institution,
            ),
        )

    def _forge(self) -> None:
        """Append what another producer makes of an event that is there."""
        judge = catalogues.frozen(1).judge
        honest = [each for each in self.log.changes(judge) if each.submitted_by != strangers.FORGER]
        if honest:
            event = self.world.random.choice(honest)
            self.log.append(event.work_key, *strangers.forgery(self.world.random, event))

    def _say_from_outside(self, unit_id: str) -> None:
        """Append what a producer outside of the product makes of a work."""
        event = strangers.outsider(self.world.random, unit_id, KEYS)
        headers = [("ce_type", CHANGED.encode()), history.source(event.institution_id)]
        self.log.append(event.work_key, event.SerializeToString(deterministic=True), headers)


def lost(office: Office, institutions: Iterable[str]) -> list[str]:
    """Say which submissions the log does not have as their institution has them.

    The log's newest word on every work must be what a new generation would be filled with.

    Args:
        office: has the submissions, and the log.
        institutions: those that are looked at.
    """
    newest: dict[tuple[str, str, str], Any] = {}
    for event in office.log.changes(catalogues.frozen(1).judge):
        place = event.institution_id, event.submission_id, event.work_key
        if place not in newest or newest[place].version < event.version:
            newest[place] = event
    wrong = []
    for institution in institutions:
        for loaded in office.stored(institution):
            submission = loaded.submission
            name, current = submission.submission_id, submission.content.work_key
            counting = live_keys(submission)
            own = {key for at, said_by, key in newest if (at, said_by) == (institution, name)}
            for key in own - counting:
                found = newest[institution, name, key]
                if found.HasField("declared") or found.HasField("verified"):
                    wrong.append(f"{name} was never taken back from {key}")
            for key in {*counting, current} if submission.submitted_by else ():
                found = newest.get((institution, name, key))
                if found is None or found.version != submission.version:
                    wrong.append(f"{name} at {key}: {submission.version} was never published")
    return wrong
