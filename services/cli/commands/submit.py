"""`kieng submit`: declares one achievement."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import ParseDict, ParseError
from uuid_utils import uuid7

from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.commands.submission_reading import answer
from services.cli.errors import USAGE, Failure
from services.cli.files.text_file import read_text
from services.cli.session import Session, with_session
from services.cli.terminal.screen import Screen
from services.importing import field_values, headings, submission_rows

Fact = Annotated[
    list[str], typer.Option(help="One fact, name=value; lists joined by |. Repeatable.")
]
FactsJson = Annotated[Path | None, typer.Option("--facts-json", help="Facts as one JSON object.")]
Evidence = Annotated[
    list[Path], typer.Option(help="A document; only its SHA-256 is sent. Repeatable.")
]


@with_session("contributor", "registry", "system", institution="", subject=True)
def submit(
    session: Session,
    unit: Annotated[str, typer.Option(help="Claiming unit, e.g. vnu/hus.")],
    type_name: Annotated[str, typer.Option("--type", help="Submission type, e.g. publication.")],
    fact: Fact = [],  # noqa: B006  typer copies it
    facts_json: FactsJson = None,
    evidence: Evidence = [],  # noqa: B006
    part: Annotated[str, typer.Option(help="Role of the unit: lead or member.")] = "",
    share_ppm: Annotated[str, typer.Option(help="Share, e.g. 50% (or in millionths).")] = "",
    draft: Annotated[bool, typer.Option("--draft", help="Keep it as a draft.")] = False,
) -> None:
    """Declare one achievement of a unit.

    Example: kieng submit --unit vnu/hus --type publication --fact doi=10.5555/x --fact title=X
    --fact issued_on=2025-03-01 --fact indexes=scopus --evidence article.pdf
    """
    claim = {"unit_id": unit, "part": part, "share_ppm": share_ppm}
    content = read_content(session.screen, type_name, {**claim, **pairs(fact)}, facts_json)
    content.evidence.extend(map(proof, evidence))
    request = api.CreateSubmissionRequest(
        request_id=str(uuid7()), content=content, submit=not draft
    )
    stub = session.for_unit(unit).stub(SubmissionServiceStub)
    answer(session.screen, stub.CreateSubmission(request).submission)


def pairs(facts: list[str]) -> dict[str, str]:
    """Return name -> value for texts `name=value`, e.g. `doi=10.5555/x`.

    The last value counts if a name is repeated. A value may contain `=` and may be empty.

    Raises:
        Failure: a text has no `=`.
    """
    for text in facts:
        if "=" not in text:
            raise Failure(f"--fact {text!r}: write name=value", USAGE)
    return {name.strip(): value for name, _, value in (text.partition("=") for text in facts)}


def read_content(
    screen: Screen, type_name: str, row: dict[str, str], facts_json: Path | None
) -> submission_pb2.Content:
    """Return the content of a submission from the options of a command.

    Args:
        screen: language of error messages.
        type_name: submission type.
        row: column -> text, for columns of the claim and of facts.
        facts_json: file with further facts as one JSON object; None for none.

    Raises:
        Failure: the type, the name of a fact or a value is not valid, or the file cannot be read.
    """
    try:
        headings.descriptor_of(type_name)
        content = submission_rows.content(type_name, row)
    except headings.HeaderWrong as error:
        raise Failure(str(error), USAGE) from error
    except field_values.CellWrong as error:
        values = error.values
        problem = screen.text(f"{error.problem}.problem", **values)
        remedy = screen.text(f"{error.problem}.remedy", **values)
        raise Failure(f"{values['column']}: {problem}. {remedy}") from error
    if facts_json is not None:
        try:
            loaded = json.loads(read_text(facts_json))
            if not isinstance(loaded, dict):
                raise Failure(f"{facts_json}: wanted one JSON object with facts", USAGE)
            ParseDict(loaded, getattr(content.facts, type_name))
        except (ValueError, ParseError) as error:
            raise Failure(f"{facts_json}: {error}", USAGE) from error
    return content


def proof(path: Path) -> submission_pb2.Evidence:
    """Return the evidence for a file: its name and SHA-256, without its content.

    Raises:
        Failure: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", USAGE) from error
    return submission_pb2.Evidence(title=path.name, uri="", sha256=sha256)
