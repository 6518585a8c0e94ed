"""A seeded log of any length: the same seed and length give the same bytes, on every machine.

784 units in four levels; 12 % of the works are joint, 15 % of the events amend, 3 % withdraw and
2 % repeat an earlier event. Events are the real `SubmissionChanged` with the headers that the
publisher writes. A submission is derived from its number, so a log of 10^7 events needs no memory
of what it said but a few bytes per submission.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kieng.directory.v1 import directory_pb2
from kieng.submissions.v1 import events_pb2, facts_pb2, submission_pb2
from services.kernel.publisher import Event, Headers

TOPIC = "kieng.submissions.v1"
TYPE = events_pb2.SubmissionChanged.DESCRIPTOR.full_name
ROOT = "consortium"
INSTITUTIONS = ("vnu", "vnu-hcm", "hust")
SCHOOLS, GROUPS = 13, 19
"""Below each institution and each school: 1 + 3 + 39 + 741 = 784 units."""

JOINT, AMENDED, WITHDRAWN, REPEATED = 0.12, 0.15, 0.03, 0.02
VERIFIED_AT_ONCE = 0.6
FIRST_YEAR, YEARS = 2024, 2
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

TYPES = {
    "publication": 55,
    "receipt": 10,
    "ip_right": 6,
    "agreement": 5,
    "training": 5,
    "product": 4,
    "joint_project": 4,
    "expert": 4,
    "policy_contract": 3,
    "rd_funding": 2,
    "enterprise": 2,
}


class Generated(NamedTuple):
    """One record as it is to be produced."""

    key: bytes
    value: bytes
    headers: Headers


def units() -> list[directory_pb2.Unit]:
    """Return the tree."""
    kinds = directory_pb2.UnitKind
    found = [directory_pb2.Unit(unit_id=ROOT, kind=kinds.UNIT_KIND_CONSORTIUM)]
    for institution in INSTITUTIONS:
        kind = kinds.UNIT_KIND_INSTITUTION
        found.append(directory_pb2.Unit(unit_id=institution, parent_id=ROOT, kind=kind))
        for school in range(SCHOOLS):
            above = f"{institution}/s{school:02}"
            kind = kinds.UNIT_KIND_SCHOOL
            found.append(directory_pb2.Unit(unit_id=above, parent_id=institution, kind=kind))
            for group in range(GROUPS):
                below, kind = f"{above}/g{group:02}", kinds.UNIT_KIND_GROUP
                found.append(directory_pb2.Unit(unit_id=below, parent_id=above, kind=kind))
    return found


GROUP_IDS = [unit.unit_id for unit in units() if unit.kind == directory_pb2.UNIT_KIND_GROUP]


@dataclass
class Generator:
    """Writes a log.

    Args:
        seed: decides everything.
        first: number of the first work; logs with distant first numbers share no work.
        unit_ids: units that claim.
    """

    seed: int = 1
    first: int = 0
    unit_ids: Sequence[str] = field(default_factory=lambda: GROUP_IDS)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._work_of = array("Q")
        self._versions = bytearray()
        self._pending: list[int] = []
        self._works = self.first
        self._last: Generated | None = None
        self._written = 0

    @property
    def works(self) -> int:
        """Number of works begun so far."""
        return self._works - self.first

    def records(self, events: int) -> Iterator[Generated]:
        """Yield the next so many records."""
        dice = self._dice
        for _ in range(events):
            self._written += 1
            choice = dice.random()
            if choice < REPEATED and self._last is not None:
                yield self._last
                continue
            begun = len(self._versions)
            if begun > 1 and choice < REPEATED + AMENDED:
                self._last = self._amend(dice.randrange(begun))
            elif begun > 1 and choice < REPEATED + AMENDED + WITHDRAWN:
                self._last = self._withdraw(dice.randrange(begun))
            else:
                self._last = self._begin()
            yield self._last

    def _begin(self) -> Generated:
        dice, pending = self._dice, self._pending
        if pending and dice.random() < 0.2:
            at = dice.randrange(len(pending))
            work, pending[at] = pending[at], pending[-1]
            pending.pop()
        else:
            work = self._works
            self._works += 1
            if dice.random() < JOINT:
                pending.extend([work] * dice.choice((1, 1, 2)))
        submission = len(self._versions)
        self._work_of.append(work)
        self._versions.append(1)
        event = self._event(submission)
        if dice.random() < VERIFIED_AT_ONCE:
            event.state = submission_pb2.STATE_VERIFIED
            event.verified.CopyFrom(event.declared)
        return self._record(event)

    def _amend(self, submission: int) -> Generated:
        """What was verified keeps counting, and something else is declared: another month."""
        self._raise_version(submission)
        event = self._event(submission)
        event.verified.CopyFrom(event.declared)
        facts = event.declared.facts
        _set_date(getattr(facts, str(facts.WhichOneof("kind"))), _date(self._dice))
        return self._record(event)

    def _withdraw(self, submission: int) -> Generated:
        self._raise_version(submission)
        event = self._event(submission)
        event.state = submission_pb2.STATE_WITHDRAWN
        event.ClearField("declared")
        return self._record(event)

    def _raise_version(self, submission: int) -> None:
        # A byte holds a version; nobody amends one of so many submissions 255 times.
        self._versions[submission] = min(255, self._versions[submission] + 1)

    def _event(self, submission: int) -> events_pb2.SubmissionChanged:
        work = self._work_of[submission]
        chosen = random.Random(submission ^ self.seed << 40).randrange(len(self.unit_ids))
        unit = self.unit_ids[chosen]
        facts, key = facts_of(work, random.Random(work ^ self.seed << 41))
        event = events_pb2.SubmissionChanged(
            submission_id=f"01J{self.seed:03}{self.first + submission:020}",
            version=self._versions[submission],
            institution_id=unit.partition("/")[0],
            work_key=key,
            state=submission_pb2.STATE_SUBMITTED,
            submitted_by=f"subject-{submission % 5000}",
            primary=True,
        )
        claim = event.declared
        claim.unit_id, claim.source = unit, submission_pb2.SOURCE_SYSTEM
        claim.part = submission_pb2.PART_LEAD if submission % 2 else submission_pb2.PART_MEMBER
        claim.evidence_sha256.append(f"{submission:064x}")
        claim.facts.CopyFrom(facts)
        return event

    def _record(self, event: events_pb2.SubmissionChanged) -> Generated:
        time = BEGIN + timedelta(milliseconds=5 * self._written)
        event.changed_at.FromDatetime(time)
        value = event.SerializeToString()
        made = Event(
            event_id=f"{event.submission_id}:{event.version}",
            topic=TOPIC,
            key=event.work_key,
            type=TYPE,
            source=f"kieng/submissions/{event.institution_id}",
            value=value,
            time=time,
            traceparent=f"00-{self._written:032x}-{self._written:016x}-01",
        )
        return Generated(event.work_key.encode(), value, made.headers())


_NAMES = list(TYPES)
_BOUNDS = list(TYPES.values())


def facts_of(work: int, dice: random.Random) -> tuple[facts_pb2.Facts, str]:
    """Return what a work is, and its key."""
    name = dice.choices(_NAMES, _BOUNDS)[0]
    facts = facts_pb2.Facts()
    message = getattr(facts, name)
    message.SetInParent()
    _set_date(message, _date(dice))
    key = f"{name}:made-up:{work}"
    for name_of_field, value in _details(name, work, dice).items():
        if isinstance(value, list):
            getattr(message, name_of_field).extend(value)
        else:
            setattr(message, name_of_field, value)
    return facts, f"doi:10.5555/bench.{work}" if name == "publication" else key


def _details(name: str, work: int, dice: random.Random) -> dict[str, object]:
    """Return the fields of a type beside its date. Amounts are made up."""
    number, amount = f"N-{work}", str(dice.randrange(1, 10**9))
    partner = {"partner": f"Partner {work % 200}", "partner_id": f"partner:{work % 200}"}
    found: dict[str, dict[str, object]] = {
        "publication": {
            "doi": f"10.5555/bench.{work}",
            "title": f"A made-up article of the benchmark, number {work}",
            "issn": "1234-5679",
            "indexes": dice.choice(([1], [2], [1, 2], [])),
            "quartile": dice.randrange(5),
            "unit_authors": dice.randrange(1, 5),
        },
        "receipt": {
            "number": number,
            "contract_ref": f"contract:{work % 4000}",
            "product_ref": f"product:{work % 900}" if work % 3 else "",
            "amount_vnd": amount,
        },
        "ip_right": {"kind": dice.randrange(1, 6), "title": number, "application_no": number},
        "agreement": {"number": number, "kind": dice.randrange(1, 4), **partner},
        "training": {"number": number, "topic": "made up", "hours": 16, "trainees": 30, **partner},
        "product": {"code": number, "title": number, "trl": 7, "stage": dice.randrange(1, 4)},
        "joint_project": {
            "code": number,
            "level": 3,
            "budget_vnd": amount,
            "institutions": dice.sample(INSTITUTIONS, 2),
        },
        "expert": {"person_id": f"e{work % 700}", "country": "FR", "mode": 1, "days": 30},
        "policy_contract": {"number": number, "level": dice.randrange(1, 3), **partner},
        "rd_funding": {"number": number, "source": dice.randrange(1, 6), "amount_vnd": amount},
        "enterprise": {"name": number, "tax_code": "0000000000", "kind": dice.randrange(1, 5)},
    }
    return found[name]


DATES = {
    "publication": ("issued_on",),
    "receipt": ("received_on",),
    "ip_right": ("filed_on", "granted_on"),
    "agreement": ("signed_on",),
    "training": ("started_on",),
    "product": ("identified_on", "on_market_on"),
    "joint_project": ("started_on",),
    "expert": ("started_on",),
    "policy_contract": ("signed_on",),
    "rd_funding": ("received_on",),
    "enterprise": ("founded_on",),
}
_DATE_FIELDS = {
    facts_pb2.Facts.DESCRIPTOR.fields_by_name[name].message_type: fields
    for name, fields in DATES.items()
}


def _set_date(message: object, date: str) -> None:
    for name in _DATE_FIELDS[message.DESCRIPTOR]:  # type: ignore[attr-defined]
        setattr(message, name, date)


def _date(dice: random.Random) -> str:
    year = FIRST_YEAR + dice.randrange(YEARS)
    return f"{year}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
