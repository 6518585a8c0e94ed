"""`kieng edition ...`: closes periods, shows and verifies editions, and lists later changes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kieng.kpi.v1 import edition_service_pb2 as api
from kieng.kpi.v1.edition_service_pb2_grpc import EditionServiceStub
from services.cli.client.stack import CONSORTIUM
from services.cli.commands.kpi import MeasureOption, read_measure, read_names
from services.cli.errors import NO, USAGE, Failure
from services.cli.files.text_file import read_text
from services.cli.session import Session, with_session
from services.cli.terminal.edition_tables import edition_table, editions_table, restatement_table
from services.cli.terminal.escaping import visible
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import enum_text, value_json, view_json

app = typer.Typer(
    no_args_is_help=True, help="Close periods, verify them, and list what changed since."
)

EditionId = Annotated[str, typer.Argument(help="Edition, e.g. 2025-h1.")]


@app.command()
@with_session("steward", institution=CONSORTIUM)
def close(
    session: Session,
    edition_id: EditionId,
    title: Annotated[str, typer.Option(help="Title for people.")],
    from_month: Annotated[str, typer.Option("--from", help="First month, e.g. 2025-01.")],
    to_month: Annotated[str, typer.Option("--to", help="Last month, included.")],
    unit: Annotated[str, typer.Option(help="Top of the subtree (default: the consortium).")] = "",
) -> None:
    """Freeze and sign the numbers of a period; an edition never changes.

    Example: kieng edition close 2025-h1 --title "Nửa đầu năm 2025" --from 2025-01 --to 2025-06
    """
    request = api.CloseEditionRequest(
        edition_id=edition_id, title=title, from_month=from_month, to_month=to_month, unit_id=unit
    )
    stub = session.stub(EditionServiceStub)
    steps = follow(session, stub.CloseEdition(request))
    edition = steps[-1].edition
    session.screen.answer(edition_json(edition), lambda: editions_table(session.screen, [edition]))


@app.command("list")
@with_session("viewer")
def list_editions(
    session: Session,
) -> None:
    """List the closed editions, newest first.

    Example: kieng edition list
    """
    stub = session.stub(EditionServiceStub)
    found = stub.ListEditions(api.ListEditionsRequest()).editions
    document = {"editions": [edition_json(edition) for edition in found]}
    session.screen.answer(document, lambda: editions_table(session.screen, found))


@app.command()
@with_session("viewer")
def show(
    session: Session,
    edition_id: EditionId,
) -> None:
    """Show an edition; as JSON it is the signed file that `verify` checks anywhere.

    Example: kieng edition show 2025-h1 --output json > 2025-h1.json
    """
    stub = session.stub(EditionServiceStub)
    answer = stub.GetEdition(api.GetEditionRequest(edition_id=edition_id))
    content = json.loads(answer.content)
    document = {
        "content": content,
        "signature": base64.b64encode(answer.signature).decode(),
        "key_id": answer.edition.key_id,
        "public_key": answer.public_key,
    }
    session.screen.answer(document, lambda: edition_table(session.screen, content))


@app.command()
@with_session("viewer")
def key(
    session: Session,
) -> None:
    """Print the public key that signs editions, for those who verify them.

    Example: kieng edition key > kieng-editions.pem
    """
    stub = session.stub(EditionServiceStub)
    answer = stub.GetEditionKey(api.GetEditionKeyRequest())
    if session.screen.is_json:
        document = {"public_key": answer.public_key, "key_id": answer.key_id}
        session.screen.json_line(document, indent=2)
    else:
        # Printed without rich, which would wrap the lines.
        typer.echo(visible(answer.public_key), nl=False)


@app.command()
@with_session(data=False)
def verify(
    session: Session,
    file: Annotated[Path, typer.Argument(help="File of `kieng edition show --output json`.")],
    key_file: Annotated[
        Path, typer.Option("--key", help="Public key, PEM, obtained through another channel.")
    ],
) -> None:
    """Verify the signature of an edition file; needs neither a service nor a network.

    Example: kieng edition verify 2025-h1.json --key kieng-editions.pem
    """
    screen = session.screen
    document = _read_file(file)
    content = document["content"]
    problem = signature_problem(document, _read_key(key_file))
    result = {
        "edition_id": content.get("edition_id"),
        "signature_holds": not problem,
        "problem": problem or None,
        "digest": content.get("view", {}).get("digest"),
    }

    def shown() -> Any:
        key = "edition.wrong" if problem else "edition.holds"
        return screen.text(key, edition=result["edition_id"], digest=result["digest"])

    screen.answer(result, shown)
    if problem:
        raise typer.Exit(NO)


@app.command()
@with_session("viewer")
def restatements(
    session: Session,
    edition_id: EditionId,
    measure: MeasureOption = "verified",
    unit: Annotated[str, typer.Option(help="Only what changed this unit.")] = "",
    indicator: Annotated[str, typer.Option(help="Only what changed this indicator.")] = "",
) -> None:
    """List what changed since a period was closed: one line per work, who and why, and the sums.

    Example: kieng edition restatements 2025-h1 --unit vnu
    """
    request = api.ListRestatementsRequest(
        edition_id=edition_id,
        measure=read_measure(measure),
        unit_id=unit,
        indicator_code=indicator,
    )
    stub = session.stub(EditionServiceStub)
    steps = follow(session, stub.ListRestatements(request))
    names = Names() if session.screen.is_json else read_names(session)
    lines = [line for step in steps for line in step.restatements]
    cells = [cell for step in steps for cell in step.cells]
    last = steps[-1]
    document = {
        "view": view_json(last.view, datetime.now(UTC)),
        "restatements": [restatement_json(line) for line in lines],
        "cells": [restated_json(cell) for cell in cells],
        "adds_up": last.adds_up,
    }
    screen = session.screen
    screen.answer(document, lambda: restatement_table(screen, names, lines, cells, last.adds_up))
    if not last.adds_up:
        raise typer.Exit(NO)


def follow(session: Session, stream: Any) -> list[Any]:
    """Return all messages of a replay in order, showing its progress until the stream ends."""
    with session.screen.progress() as bar:
        task = bar.add_task(session.screen.text("past.records"), total=None)
        steps = []
        for step in stream:
            bar.update(task, completed=step.records_read, total=step.records_total or None)
            steps.append(step)
    return steps


def edition_json(edition: api.Edition) -> dict[str, Any]:
    """Return an edition as `--output json` prints it: title, months, digest, but no numbers."""
    return {
        "edition_id": edition.edition_id,
        "title": edition.title,
        "unit": edition.unit_id,
        "from": edition.from_month,
        "to": edition.to_month,
        "closed_at": edition.closed_at.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds"),
        "view_id": edition.view_id,
        "catalogue_version": edition.catalogue_version,
        "digest": edition.digest,
        "key_id": edition.key_id,
    }


def restatement_json(line: api.Restatement) -> dict[str, Any]:
    """Return what one work changed, with who and why, as the object that `--output json` prints.

    Its keys are `work_key`, `claims` (who, and the cause) and `changes` (unit, indicator and
    difference).
    """
    return {
        "work_key": line.work_key,
        "claims": [
            {
                "submission_id": claim.submission_id,
                "institution": claim.institution_id,
                "unit": claim.unit_id,
                "submitted_by": claim.submitted_by,
                "cause": enum_text(api.RestatedClaim.Cause.Name(claim.cause), "CAUSE_"),
                "version_before": claim.version_before,
                "version_now": claim.version_now,
            }
            for claim in line.claims
        ],
        "changes": [
            {
                "unit": change.unit_id,
                "indicator": change.indicator_code,
                "difference": value_json(change.difference),
            }
            for change in line.changes
        ],
    }


def restated_json(cell: api.RestatedCell) -> dict[str, Any]:
    """Return a changed number of an edition as the object that `--output json` prints.

    `by_works` and `by_definitions` are the parts of the change that they cause, or null.
    """
    return {
        "unit": cell.unit_id,
        "indicator": cell.indicator_code,
        "closed": value_json(cell.closed),
        "by_works": value_json(cell.by_works),
        "by_definitions": value_json(cell.by_definitions),
        "now": value_json(cell.now),
    }


def _read_file(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
        if not isinstance(document["content"], dict) or not isinstance(document["signature"], str):
            raise ValueError("no content with a signature")
        return dict(document)
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} is not the file of an edition: {error}", USAGE) from error


def _read_key(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise Failure(f"{path} is not a public key as PEM: {error}", USAGE) from error
    if not isinstance(key, Ed25519PublicKey):
        raise Failure(f"{path} is not an Ed25519 key", USAGE)
    return key


def canonical(content: Any) -> bytes:
    """Return the bytes of an edition's content that are signed; docs/reading.md describes them.

    They are JSON in UTF-8, with sorted keys and without spaces.
    """
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def signature_problem(document: dict[str, Any], key: Ed25519PublicKey) -> str:
    """Return why the signature of an edition file is not valid; empty if it is valid.

    Args:
        document: the parsed file, with the keys `content` and `signature`.
        key: public key that must have signed the content.
    """
    try:
        key.verify(base64.b64decode(document["signature"]), canonical(document["content"]))
    except InvalidSignature:
        return "the content is not what this key has signed"
    except ValueError:
        return "the signature is not base64"
    return ""
