"""`kieng partner ...` and `kieng target ...`: what stewards keep beside the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from kieng.kpi.v1 import target_service_pb2 as target_api
from kieng.kpi.v1.target_service_pb2_grpc import TargetServiceStub
from kieng.partners.v1 import partner_pb2
from kieng.partners.v1 import partner_service_pb2 as partner_api
from kieng.partners.v1.partner_service_pb2_grpc import PartnerServiceStub
from services.cli import options
from services.cli.client.clients import Clients
from services.cli.client.local_issuer import CONSORTIUM
from services.cli.errors import USAGE, Failure
from services.cli.files import spreadsheets
from services.cli.files.submission_rows import TRUE, split
from services.cli.terminal.render import enum_text, message_json, number_text
from services.cli.terminal.screen import Screen

app = typer.Typer(no_args_is_help=True, help="Register and find partners.")
targets = typer.Typer(no_args_is_help=True, help="Set and list yearly targets.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Usual name.")],
    house: Annotated[str, typer.Option(help="state, school, enterprise or other.")],
    tax_code: Annotated[str, typer.Option(help="Tax code (MST).")] = "",
    alias: Annotated[list[str], typer.Option(help="Another name; repeat it.")] = [],  # noqa: B006
    country: Annotated[str, typer.Option(help="ISO 3166 alpha-2.")] = "VN",
    institution: options.Institution = CONSORTIUM,
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Register a partner; a known one gets the names and the tax code that it lacks.

    Example: kieng partner add "Công ty Mẫu" --house enterprise --tax-code 0100233488
    """
    partner = partner_pb2.Partner(
        name=name, tax_code=tax_code, aliases=alias, house=_house(house), country=country
    )
    with options.session(output, lang, data, "steward", institution=institution) as session:
        stub = session.clients.stub(PartnerServiceStub)
        found = stub.RegisterPartner(partner_api.RegisterPartnerRequest(partner=partner))
    _answer_one(session.screen, found.partner)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="Words, diacritics do not matter.")] = "",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Find partners by words of their names.

    Example: kieng partner search "cong ty mau"
    """
    with options.session(output, lang, data, "viewer") as session:
        stub = session.clients.stub(PartnerServiceStub)
        found = stub.SearchPartners(partner_api.SearchPartnersRequest(query=query)).partners
    document = {"partners": [message_json(partner) for partner in found]}
    session.screen.answer(document, lambda: _partners(session.screen, found))


@app.command()
def resolve(
    query: Annotated[str, typer.Argument(help="Registry id, tax code, name or alias.")],
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Name the one partner that a text means.

    Example: kieng partner resolve 0100233488
    """
    with options.session(output, lang, data, "viewer") as session:
        stub = session.clients.stub(PartnerServiceStub)
        found = stub.ResolvePartner(partner_api.ResolvePartnerRequest(query=query))
    _answer_one(session.screen, found.partner)


def _answer_one(screen: Screen, partner: partner_pb2.Partner) -> None:
    screen.answer(message_json(partner), lambda: _partners(screen, [partner]))


def _partners(screen: Screen, found: Iterable[partner_pb2.Partner]) -> Table:
    table = screen.table("partner_id", "name", "tax_code", "house", "country", "aliases")
    for partner in found:
        house = enum_text(partner_pb2.House.Name(partner.house), "HOUSE_")
        names = " | ".join(partner.aliases)
        table.add_row(
            partner.partner_id, partner.name, partner.tax_code, house, partner.country, names
        )
    return table


def _house(name: str) -> partner_pb2.House.ValueType:
    try:
        return partner_pb2.House.Value(f"HOUSE_{name.upper()}")
    except ValueError:
        raise Failure(f"house {name!r}: state, school, enterprise or other", USAGE) from None


def read_csv(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a CSV file by its headings; number and columns of each row."""
    header, body = spreadsheets.read(path)
    for number, cells in body:
        yield number, dict(zip(header, cells, strict=False))


def register_file(clients: Clients, path: Path, advance: Callable[[], None]) -> int:
    """Register every partner of a CSV file: name, tax_code, aliases, house, country, synthetic.

    Raises:
        Failure: a row is wrong; it is named.
    """
    stub = clients.stub(PartnerServiceStub)
    count = 0
    for number, row in read_csv(path):
        partner = partner_pb2.Partner(
            name=row["name"],
            tax_code=row.get("tax_code", ""),
            aliases=split(row.get("aliases", "")),
            house=_house(row["house"]),
            country=row.get("country", ""),
            synthetic=row.get("synthetic", "").lower() in TRUE,
        )
        try:
            stub.RegisterPartner(partner_api.RegisterPartnerRequest(partner=partner))
        except Failure as failure:
            raise Failure(f"{path}:{number}: {failure.message}", failure.exit_code) from failure
        count += 1
        advance()
    return count


@targets.command("set")
def set_target(
    unit: Annotated[str, typer.Option(help="Unit, e.g. vnu.")],
    indicator: Annotated[str, typer.Option(help="Indicator, e.g. KNW-01.")],
    year: Annotated[int, typer.Option(help="Calendar year.")],
    value: Annotated[int, typer.Option(help="Value to reach in that year.")],
    institution: options.Institution = "",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Set the target of an indicator at a unit for a year.

    Example: kieng target set --unit vnu --indicator KNW-01 --year 2025 --value 120
    """
    target = target_api.Target(unit_id=unit, indicator_code=indicator, year=year, value=value)
    who = institution or unit.partition("/")[0]
    with options.session(output, lang, data, "steward", institution=who) as session:
        stub = session.clients.stub(TargetServiceStub)
        found = stub.SetTarget(target_api.SetTargetRequest(target=target)).target
    screen = session.screen
    screen.answer(message_json(found), lambda: _targets(screen, [found]))


@targets.command("list")
def list_targets(
    year: Annotated[int, typer.Option(help="Calendar year.")],
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """List the targets of a year.

    Example: kieng target list --year 2025
    """
    with options.session(output, lang, data, "viewer") as session:
        stub = session.clients.stub(TargetServiceStub)
        found = stub.ListTargets(target_api.ListTargetsRequest(year=year)).targets
    document = {"targets": [message_json(target) for target in found]}
    session.screen.answer(document, lambda: _targets(session.screen, found))


def _targets(screen: Screen, found: Iterable[target_api.Target]) -> Table:
    table = screen.table("unit", "indicator", "year", ">target")
    for target in found:
        value = number_text(target.value, screen.lang)
        table.add_row(target.unit_id, target.indicator_code, str(target.year), value)
    return table


def set_targets_of_file(clients: Clients, path: Path) -> int:
    """Set every target of a CSV file: unit_id, indicator_code, year, value.

    Raises:
        Failure: a row is wrong; it is named.
    """
    stub = clients.stub(TargetServiceStub)
    count = 0
    for number, row in read_csv(path):
        if not all(re.fullmatch(r"\d+", row[name]) for name in ("year", "value")):
            raise Failure(f"{path}:{number}: year and value are whole numbers")
        target = target_api.Target(
            unit_id=row["unit_id"],
            indicator_code=row["indicator_code"],
            year=int(row["year"]),
            value=int(row["value"]),
        )
        try:
            stub.SetTarget(target_api.SetTargetRequest(target=target))
        except Failure as failure:
            raise Failure(f"{path}:{number}: {failure.message}", failure.exit_code) from failure
        count += 1
    return count
