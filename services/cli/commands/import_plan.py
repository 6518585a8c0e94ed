"""A plan of an import: what a dry run found, kept in a file, so that exactly this is committed.

The file is JSON: how the rows were read and a digest of each, what becomes of each, and the numbers
that change. It has no content of a row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kieng.submissions.v1 import import_service_pb2
from services.cli.commands.import_effect import STAGES, Numbers
from services.cli.commands.import_report import Report
from services.cli.commands.import_sending import PlannedRow, Trial
from services.cli.errors import USAGE, Failure
from services.cli.files.bibliographies import Completion, read_mapping
from services.cli.files.submission_file import Reading

FORMAT = 1
Requests = Sequence[import_service_pb2.ImportSubmissionsRequest]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which file is imported, how it is read, and what becomes of it if rows are refused."""

    file: str
    type_name: str = ""
    system: str = ""
    sheet: str = ""
    hidden_rows: str = "include"
    source: str = ""
    mapping: str = ""
    unit: str = ""
    month_day: str = ""
    policy: str = ""
    by_month: bool = False

    def reading(self) -> Reading:
        """Return how the file is read.

        Raises:
            Failure: the mapping cannot be read.
        """
        return Reading(
            type_name=self.type_name,
            system=self.system,
            sheet=self.sheet,
            skip_hidden=self.hidden_rows == "skip",
            source=self.source,
            mapping=read_mapping(Path(self.mapping)) if self.mapping else None,
            completion=Completion(self.unit, self.month_day),
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it was planned: of a row, or of a number."""

    what: str
    planned: str
    now: str


@dataclass(frozen=True)
class Plan:
    """What a dry run found.

    Args:
        institution: for which the rows are imported.
        asked: how the file is read.
        rows: what becomes of each row that can be read.
        digests: number of such a row -> SHA-256 of what is sent for it.
        refused: rows and columns that are refused.
        numbers: unit, indicator and period -> values; None if they were left out.
        view: view and position that the numbers are of.
    """

    institution: str
    asked: Asked
    rows: Sequence[PlannedRow]
    digests: Mapping[str, str]
    refused: Sequence[Sequence[Any]]
    numbers: Mapping[str, Any] | None = None
    view: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content_sha256(self) -> str:
        """Digest of everything that is sent."""
        listed = "".join(self.digests[number] for number in self.digests)
        return hashlib.sha256(listed.encode()).hexdigest()

    def write(self, path: Path) -> None:
        """Write the plan to a file."""
        document = {"kieng_import_plan": FORMAT, "content_sha256": self.content_sha256}
        document |= asdict(self) | {"rows": [list(asdict(row).values()) for row in self.rows]}
        path.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")

    @property
    def versions(self) -> dict[int, int]:
        """Row -> version that its record must have before it is imported; of the rows that are."""
        return {row.row: row.version_before for row in self.rows if row.outcome != "refused"}


def read(path: Path) -> Plan:
    """Read a plan.

    Raises:
        Failure: there is no such file, or it is no plan, or was changed by hand.
    """
    if not path.is_file():
        raise Failure(f"{path}: no such file", USAGE)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("kieng_import_plan") != FORMAT:
            raise Failure(f"{path}: a plan of another release; make it again with --dry-run", USAGE)
        digest = document.pop("content_sha256")
        plan = Plan(
            **document
            | {
                "asked": Asked(**document["asked"]),
                "rows": [PlannedRow(*row) for row in document["rows"]],
            }
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Failure(f"{path}: not a plan of an import ({error})", USAGE) from error
    if digest != plan.content_sha256:
        raise Failure(f"{path}: the plan was changed; make it again with --dry-run", USAGE)
    return plan


def asked_again(plan: Plan, given: Asked, default: Asked, institution: str) -> Asked:
    """Return how the file of a plan is read; a file that was given is taken for the planned one.

    Args:
        plan: the plan.
        given: the options of this command.
        default: the options of a command without any.
        institution: of this command; empty if its token says.

    Raises:
        Failure: another institution or other options are given. The caller's fault.
    """
    if institution and plan.institution and institution != plan.institution:
        raise Failure(f"the plan is for {plan.institution}, not for {institution}", USAGE)
    if replace(given, file="", policy="") != replace(default, file="", policy=""):
        raise Failure("--commit reads the file as planned; give no other options for it", USAGE)
    return replace(plan.asked, file=given.file or plan.asked.file)


def make(
    institution: str,
    asked: Asked,
    requests: Requests,
    report: Report,
    trial: Trial,
    numbers: Numbers | None,
) -> Plan:
    """Return the plan of a dry run.

    Args:
        institution: for which the rows are imported.
        asked: how the file is read.
        requests: rows that can be read.
        report: what is refused.
        trial: what becomes of the others.
        numbers: what changes; None if it was left out.
    """
    found = numbers.document() if numbers is not None else {}
    return Plan(
        institution=institution,
        asked=asked,
        rows=trial.rows,
        digests={str(request.row): _sha256(request) for request in requests},
        refused=sorted({(each.row, each.column) for each in report.refused}),
        numbers=_keyed(found["numbers"]) if numbers is not None else None,
        view=found.get("view", {}),
    )


def differences(planned: Plan, now: Plan) -> Iterator[Difference]:
    """Yield what is not as it was planned: contents, then rows, then numbers."""
    for number in _union(planned.digests, now.digests):
        was, found = planned.digests.get(number, ""), now.digests.get(number, "")
        if was != found:
            yield Difference(f"row {number}", was[:12], found[:12])
    before, after = ({row.row: row for row in each.rows} for each in (planned, now))
    for row in _union(before, after):
        was, found = _fate(before.get(row)), _fate(after.get(row))
        if was != found:
            yield Difference(f"row {row}", was, found)
    refused = [{tuple(each) for each in plan.refused} for plan in (planned, now)]
    for row, column in sorted(refused[0] ^ refused[1]):
        words = ["refused" if (row, column) in each else "" for each in refused]
        yield Difference(f"row {row} {column}".rstrip(), *words)
    if planned.numbers is not None and now.numbers is not None:
        for place in _union(planned.numbers, now.numbers):
            values = [plan.numbers.get(place) for plan in (planned, now) if plan.numbers]
            values += [None] * (2 - len(values))
            if values[0] != values[1]:
                yield Difference(place, *map(_value, values))


def _keyed(numbers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        " ".join((each["unit"], each["indicator"], each["from"], each["to"])): [
            each[stage] for stage in STAGES
        ]
        for each in numbers
    }


def _value(stages: Any) -> str:
    return json.dumps(stages) if stages is not None else ""


def _fate(row: PlannedRow | None) -> str:
    if row is None:
        return ""
    return f"{row.record_id}: {row.outcome}, version {row.version_before} → {row.version}"


def _union(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[Any]:
    return [*one, *(key for key in other if key not in one)]


def _sha256(request: import_service_pb2.ImportSubmissionsRequest) -> str:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
