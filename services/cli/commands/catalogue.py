"""`kieng catalogue ...`: shows, checks and publishes catalogues of indicators."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.json_format import MessageToJson
from rich.console import RenderableType

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services import definitions
from services.cli.admin import offline
from services.cli.client.stack import DEPLOY
from services.cli.commands import catalogue_reorganisation, catalogue_views, catalogue_what_if
from services.cli.errors import NO
from services.cli.files import catalogue_yaml
from services.cli.files.destination import need_place
from services.cli.session import Session, with_session
from services.cli.terminal.render import enum_text
from services.cli.terminal.screen import Screen
from services.refusals import in_language
from services.texts import Lang

app = typer.Typer(
    no_args_is_help=True, help="Publish catalogues of indicators, and try them out beforehand."
)
app.command()(catalogue_views.publish)
app.command()(catalogue_views.rollback)
app.command("what-if")(catalogue_what_if.what_if)
app.command()(catalogue_reorganisation.reorganisation)
app.command("views")(catalogue_views.list_views)

UP = "up"


@app.command("list")
@with_session("viewer")
def list_catalogue(
    session: Session,
    file: Annotated[
        Path | None, typer.Option("--file", help="Catalogue file (default: the live catalogue).")
    ] = None,
) -> None:
    """List the indicators: names, unit, direction, house, and what each counts, in words.

    Example: kieng catalogue list --output json
    """
    if file is not None:
        message = catalogue_yaml.read(file, session.screen.lang)
    else:
        request = catalogue_service_pb2.GetCatalogueRequest()
        message = session.stub(CatalogueServiceStub).GetCatalogue(request).catalogue
    screen = session.screen
    screen.answer(catalogue_json(message), lambda: _table(screen, message))


def catalogue_json(message: catalogue_pb2.Catalogue) -> dict[str, Any]:
    """Return a catalogue as the JSON object that `--output json` prints.

    Its keys are `version`, `directory_version`, `indicators`, as in `indicator_json`, and
    `taxonomies`, with their terms. Names are objects with the keys `vi` and `en`.
    """
    return {
        "version": message.version,
        "directory_version": message.directory_version,
        "indicators": [indicator_json(indicator) for indicator in message.indicators],
        "taxonomies": [
            {
                "code": taxonomy.code,
                "name": {"vi": taxonomy.name.vi, "en": taxonomy.name.en},
                "terms": [
                    {"code": term.code, "name": {"vi": term.name.vi, "en": term.name.en}}
                    for term in taxonomy.terms
                ],
            }
            for taxonomy in message.taxonomies
        ],
    }


def indicator_json(indicator: catalogue_pb2.Indicator) -> dict[str, Any]:
    """Return an indicator as the JSON object that `--output json` prints.

    `rule` is the counting rule of its value, or of its numerator if it is a ratio; `formula` says
    in words, by language, what is counted.
    """
    rule = catalogue_pb2.CountingRule.Name(indicator.value.rule)
    return {
        "code": indicator.code,
        "name": {"vi": indicator.name.vi, "en": indicator.name.en},
        "unit": indicator.unit,
        "direction": indicator.direction or UP,
        "house": indicator.house,
        "rule": "attainment" if indicator.attainment_of else enum_text(rule, "COUNTING_RULE_"),
        "is_ratio": indicator.HasField("denominator") or bool(indicator.attainment_of),
        "is_stock": bool(indicator.value.until),
        "cuts": list(indicator.cuts),
        "formula": {lang.value: definitions.words(indicator, lang.value) for lang in Lang},
    }


def _table(screen: Screen, message: catalogue_pb2.Catalogue) -> RenderableType:
    table = screen.table("indicator", "name", "unit_of_value", "house", "formula")
    for indicator in message.indicators:
        table.add_row(
            indicator.code,
            getattr(indicator.name, screen.lang.value),
            indicator.unit,
            screen.text(f"house.{indicator.house}"),
            definitions.words(indicator, screen.lang.value),
        )
    return table


@app.command()
@with_session("viewer")
def export(
    session: Session,
    file: Annotated[Path, typer.Argument(help="File to write, JSON.")],
    version: Annotated[
        int,
        typer.Option(
            "--version", min=0, max=1_000_000, help="Catalogue version; 0 is the live one."
        ),
    ] = 0,
) -> None:
    """Write a catalogue version as it is frozen: indicators, taxonomies and its own unit tree.

    With it anyone can recompute the numbers: `kieng verify --log FILE --catalogue FILE`.

    Example: kieng catalogue export catalogue.json
    """
    need_place(file)
    request = catalogue_service_pb2.GetCatalogueRequest(version=version)
    stub = session.stub(CatalogueServiceStub)
    message = stub.GetCatalogue(request).catalogue
    text = MessageToJson(message, indent=1, preserving_proto_field_name=True, ensure_ascii=False)
    file.write_text(f"{text}\n", encoding="utf-8")
    document = {
        "file": str(file),
        "version": message.version,
        "directory_version": message.directory_version,
        "indicators": len(message.indicators),
        "units": len(message.units),
    }
    session.screen.fields(document)


@app.command()
@with_session(data=False)
def check(
    session: Session,
    file: Annotated[Path, typer.Argument(help="A catalogue file, YAML.")],
    units: Annotated[Path, typer.Option(help="Unit tree for the examples.")] = (
        DEPLOY / "directory" / "units.yaml"
    ),
    examples: Annotated[
        Path | None, typer.Option(help="Folder of examples (default: `examples` beside the file).")
    ] = None,
) -> None:
    """Find the mistakes of a catalogue file, by line and column, and run its examples.

    Needs no running stack. Exit code 1 when there are mistakes.

    Example: kieng catalogue check indicators.yaml
    """
    screen = session.screen
    found = catalogue_yaml.look_at(file)
    answer: dict[str, Any] = {"examples": 0, "differences": []}
    if not found.mistakes:
        folder = examples or file.parent / "examples"
        answer = _checked(found.message, units, folder if folder.is_dir() else None)
        for path, problem in answer.pop("mistakes").items():
            found.add(path, problem)
    wrong = bool(found.mistakes or answer["differences"])
    document = {
        "file": str(file),
        "indicators": len(found.message.indicators),
        "mistakes": [asdict(mistake) for mistake in sorted(found.mistakes)],
        **answer,
    }
    good = screen.text("check.good", indicators=document["indicators"], **answer)
    differences = (in_language(each, screen.lang) for each in answer["differences"])
    text = "\n".join([*found.lines(screen.lang), *differences]) if wrong else good
    screen.answer(document, lambda: text)
    if wrong:
        raise typer.Exit(NO)


def _checked(
    message: catalogue_pb2.Catalogue, units: Path, examples: Path | None
) -> dict[str, Any]:
    arguments = [str(units)] + ([str(examples)] if examples is not None else [])
    given = message.SerializeToString()
    return offline.run(offline.CHECK_DEFINITIONS, *arguments, exit_code=NO, given=given)
