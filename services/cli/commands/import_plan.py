"""A plan of an import: the result of a dry run in a file, so that exactly this is imported later.

The file is JSON. It records how the rows were read, a digest and the expected outcome of each row,
and the numbers that would change, but not the contents of rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kieng.submissions.v1 import import_service_pb2
from services.cli.commands.import_effect import Numbers
from services.cli.commands.import_report import Report
from services.cli.commands.import_sending import PlannedRow, Preview
from services.cli.errors import USAGE, Failure
from services.cli.files.text_file import read_text
from services.cli.terminal.effect_tables import STAGES
from services.importing.bibliographies import Completion, read_mapping
from services.importing.submission_file import Reading

FORMAT = 1
Requests = Iterable[import_service_pb2.ImportSubmissionsRequest]


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `kieng import` that say which file is imported and how it is read.

    ``file`` and ``mapping`` are absolute paths. ``policy`` decides what happens if rows are
    refused. ``by_month`` counts the numbers that would change by month. Options that were not given
    are empty.
    """

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
        """Return the options as `submission_file.read` needs them.

        Raises:
            Failure: the file of the mapping cannot be read.
        """
        return Reading(
            type_name=self.type_name,
            system=self.system,
            sheet=self.sheet,
            skip_hidden=self.hidden_rows == "skip",
            source=self.source,
            mapping=read_mapping(Path(self.mapping)) if self.mapping else None,
            completion=Completion(self.unit, self.month_day),
            has_files=True,
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between a plan and the present, in a row, one of its columns, or a number.

    Args:
        row: number of the row; 0 if a number differs.
        place: column, or unit, indicator and period of a number; empty for the whole row.
        planned: planned state in JSON form; None if there was none.
        now: present state in JSON form; None if there is none any more.
    """

    row: int
    place: str
    planned: Any
    now: Any

    def document(self) -> dict[str, Any]:
        """Return the difference as the JSON object that `--output json` prints.

        It has the keys `planned` and `now`, and either `row` and `column` or `number` (unit,
        indicator and period).
        """
        where = {"row": self.row, "column": self.place} if self.row else {"number": self.place}
        return {**where, "planned": self.planned, "now": self.now}


@dataclass(frozen=True)
class Plan:
    """The result of a dry run.

    Args:
        institution: id of the institution that imports the rows.
        asked: options by which the file is read.
        rows: expected outcome of each row that can be read.
        digests: number of such a row -> SHA-256 of the request that is sent for it.
        refused: pairs of row and column that are refused.
        numbers: unit, indicator and period -> values that would change; None if not computed.
        view: id and progress of the view from which the numbers were computed.
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
        """SHA-256 over the digests of all rows, in lower-case hex."""
        listed = "".join(self.digests[number] for number in self.digests)
        return hashlib.sha256(listed.encode()).hexdigest()

    def write(self, path: Path) -> None:
        """Write the plan to a JSON file that `read` can read, replacing it if it exists."""
        document = {"kieng_import_plan": FORMAT, "content_sha256": self.content_sha256}
        document |= asdict(self) | {"rows": [list(asdict(row).values()) for row in self.rows]}
        path.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")

    @property
    def versions(self) -> dict[int, int]:
        """Number of a row -> version of its submission before the import; 0 for a new submission.

        Refused rows are omitted.
        """
        return {row.row: row.version_before for row in self.rows if row.outcome != "refused"}


def read(path: Path) -> Plan:
    """Return the plan in a file.

    Raises:
        Failure: the file does not exist, is not a plan, or was changed after it was written.
    """
    if not path.is_file():
        raise Failure(f"{path}: no such file", USAGE)
    try:
        document = json.loads(read_text(path))
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
    """Return the options with which the file of a plan is read again.

    Args:
        plan: plan to import.
        given: options of this command; only a file may be among them, which replaces the planned
            one.
        default: options of a command without any options.
        institution: institution of this command; empty if only its token names one.

    Raises:
        Failure: the user gave another institution, or other options than those of the plan.
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
    preview: Preview,
    numbers: Numbers | None,
) -> Plan:
    """Return the plan of a dry run.

    Args:
        institution: id of the institution that imports the rows.
        asked: options by which the file was read.
        requests: requests of the rows that can be read.
        report: report with the refused rows.
        preview: expected outcome of the rows that can be read.
        numbers: numbers that would change; None if not computed.
    """
    found = numbers.document() if numbers is not None else {}
    return Plan(
        institution=institution,
        asked=asked,
        rows=preview.rows,
        digests={str(request.row): _sha256(request) for request in requests},
        refused=sorted({(each.row, each.column) for each in report.refused}),
        numbers=_keyed(found["numbers"]) if numbers is not None else None,
        view=found.get("view", {}),
    )


def differences(planned: Plan, now: Plan) -> Iterator[Difference]:
    """Yield the differences between two plans: contents of rows, outcomes, then numbers.

    What only one of the plans contains is a difference from None. Numbers are compared only if both
    plans have them.
    """
    plans = planned, now
    for number, was, found in _unlike(*(plan.digests for plan in plans)):
        yield Difference(int(number), "sha256", was, found)
    outcomes = ({row.row: asdict(row) for row in plan.rows} for plan in plans)
    for row, was, found in _unlike(*outcomes):
        yield Difference(row, "", was, found)
    refused = (dict.fromkeys(map(tuple, plan.refused), "refused") for plan in plans)
    for (row, column), was, found in _unlike(*refused):
        yield Difference(row, column, was, found)
    if planned.numbers is not None and now.numbers is not None:
        for place, was, found in _unlike(planned.numbers, now.numbers):
            yield Difference(0, place, was, found)


def _unlike(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> Iterator[tuple[Any, Any, Any]]:
    for key in [*one, *(key for key in other if key not in one)]:
        was, found = one.get(key), other.get(key)
        if was != found:
            yield key, was, found


def _keyed(numbers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        " ".join((each["unit"], each["indicator"], each["from"], each["to"])): [
            each[stage] for stage in STAGES
        ]
        for each in numbers
    }


def _sha256(request: import_service_pb2.ImportSubmissionsRequest) -> str:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
