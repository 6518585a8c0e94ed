"""The works of the demo data at the end of its flow, read from its files and from nothing else.

The flow is: import all, decisions-1.csv, changes/, decisions-2.csv. Each measure stands on its
own: `declared` sees the newest content of submissions that are handed in, `verified` the content
that was verified last. A work has the facts and the month of the claim that leads it: the one
verified first, and of claims never verified the one with the best source; shares come from all.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "deploy" / "demo"
INSTITUTIONS = ("vnu", "vnu-hcm", "hust")
SOURCE_RANK = {"registry": 1, "system": 2, "declared": 3, "": 3}
CONTRACT_TYPES = {"transfer_contract", "policy_contract", "training", "agreement"}

Row = dict[str, str]

NEVER = 10**9
"""In the place of the time of a verification that did not happen."""
CLOCK = count()
"""Tells which verification came first; the institutions play one after another, as in the demo."""


@dataclass
class Submission:
    """One submission while the flow is played."""

    institution: str
    type: str
    record_id: str
    content: Row
    state: str = "submitted"
    verified: Row | None = None
    verified_key: str = ""
    verified_at: int = NEVER
    first: Row = field(init=False)
    """The content as it was imported first."""

    def __post_init__(self) -> None:
        self.first = self.content

    def decide(self, decision: str) -> None:
        if self.state not in ("submitted", "unit_approved"):
            raise ValueError(f"{self.institution}/{self.record_id}: {decision} while {self.state}")
        states = {"approve": "unit_approved", "verify": "verified", "return": "returned"}
        self.state = {**states, "reject": "rejected"}[decision]
        if decision == "verify":
            self.verified = self.content
            key = work_key(self, self.content)
            # Another verification of the same work keeps the time of the first.
            if key != self.verified_key:
                self.verified_key, self.verified_at = key, next(CLOCK)

    def precedence(self, row: Row) -> tuple[int, int]:
        """Where a content of it stands among the claims of its work; the least leads."""
        is_verified = work_key(self, row) == self.verified_key
        return self.verified_at if is_verified else NEVER, SOURCE_RANK[row["source"]]

    def change(self, row: Row) -> None:
        if self.state in ("rejected", "withdrawn"):
            raise ValueError(f"{self.institution}/{self.record_id}: changed while {self.state}")
        if row["action"] == "withdraw":
            self.state = "withdrawn"
        else:
            self.content, self.state = row, "submitted"

    def seen(self, measure: str) -> Row | None:
        """The content that counts, if any does."""
        if measure == "declared":
            return (
                self.content if self.state in ("submitted", "unit_approved", "verified") else None
            )
        return self.verified if self.state not in ("rejected", "withdrawn") else None


@dataclass
class Work:
    """One work with the claims that a measure sees."""

    type: str
    claims: list[tuple[str, Row]] = field(default_factory=list)  # institution, content
    leading: list[tuple[int, int]] = field(default_factory=list)
    """Precedence of each claim."""

    @property
    def best(self) -> Row:
        """The content of the claim that leads the work."""
        return self.claims[self.leading.index(min(self.leading))][1]

    @property
    def claiming(self) -> set[str]:
        return {institution for institution, _ in self.claims}

    @property
    def institutions(self) -> set[str]:
        """The institutions that claim it or are named in it."""
        named = {item for _, row in self.claims for item in row["institutions"].split("|") if item}
        return self.claiming | named

    @property
    def units(self) -> set[str]:
        return {unit for _, row in self.claims for unit in upwards(row["unit_id"])}

    @property
    def lead_units(self) -> set[str]:
        leads = [row["unit_id"] for _, row in self.claims if row["part"] == "lead"]
        return {unit for lead in leads for unit in upwards(lead)}

    def month(self, name: str) -> str:
        """The month of a date of the leading claim; empty when it has none."""
        return self.best[name][:7]


def upwards(unit_id: str) -> list[str]:
    """The unit and everything above it."""
    parts = unit_id.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1)] + ["consortium"]


def read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def play(institution: str) -> list[Submission]:
    """The submissions of an institution at the end of the flow."""
    folder = DEMO / institution
    found: dict[str, Submission] = {}
    for path in sorted(folder.glob("*.csv")):
        if not path.stem.startswith("decisions"):
            for row in read(path):
                if row["record_id"] in found:
                    raise ValueError(f"{path}: {row['record_id']} is there twice")
                found[row["record_id"]] = Submission(institution, path.stem, row["record_id"], row)
    for row in read(folder / "decisions-1.csv"):
        found[row["record_id"]].decide(row["decision"])
    for path in sorted((folder / "changes").glob("*.csv")):
        for row in read(path):
            found[row["record_id"]].change(row)
    for row in read(folder / "decisions-2.csv"):
        found[row["record_id"]].decide(row["decision"])
    return list(found.values())


@cache
def submissions() -> list[Submission]:
    """Every submission of the demo at the end of the flow."""
    return [submission for institution in INSTITUTIONS for submission in play(institution)]


@cache
def partners() -> dict[str, str]:
    """Name, alias or tax code -> name."""
    known: dict[str, str] = {}
    for row in read(DEMO / "partners.csv"):
        for text in (row["name"], row["tax_code"], *row["aliases"].split("|")):
            if text and known.setdefault(text.casefold(), row["name"]) != row["name"]:
                raise ValueError(f"partners.csv: {text!r} names two partners")
    return known


def partner(row: Row) -> str:
    return partners()[row["partner"].casefold()]


def work_key(submission: Submission, row: Row) -> str:
    """What makes two claims the same work."""
    kind = submission.type
    if kind == "publication" and row["doi"]:
        return f"doi:{row['doi'].casefold()}"
    if kind == "ip_right":
        return f"ip:{row['office'] or 'VN'}:{row['application_no'].upper()}"
    if kind in CONTRACT_TYPES:
        return f"{kind}:{partner(row)}:{row['number']}"
    if kind == "enterprise":
        return f"mst:{row['tax_code']}"
    if kind == "joint_project":
        return f"project:{row['code'].upper()}"
    if kind in ("programme", "event"):
        return f"{kind}:{row['code'].upper()}"
    if kind == "investment":
        return f"investment:{row['tax_code']}:{row['number']}"
    if kind == "task":
        return f"task:{row['decision_no']}:{row['number']}"
    return f"sub:{submission.institution}/{submission.record_id}"


@cache
def works(measure: str) -> dict[str, Work]:
    """Work key -> work."""
    return works_of(submissions(), measure)


def works_of(chosen: Iterable[Submission], measure: str) -> dict[str, Work]:
    """Work key -> work, of some submissions."""
    found: dict[str, Work] = {}
    for submission in chosen:
        row = submission.seen(measure)
        if row is not None:
            work = found.setdefault(work_key(submission, row), Work(submission.type))
            work.claims.append((submission.institution, row))
            work.leading.append(submission.precedence(row))
    return found
