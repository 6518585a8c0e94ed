"""`kieng partner ...`: registers and finds partners."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table

from kieng.partners.v1 import partner_pb2
from kieng.partners.v1 import partner_service_pb2 as partner_api
from kieng.partners.v1.partner_service_pb2_grpc import PartnerServiceStub
from services.cli.admin.partner_file import house_of
from services.cli.client.stack import CONSORTIUM
from services.cli.commands import proposal
from services.cli.session import Session, with_session
from services.cli.terminal.render import enum_text, message_json
from services.cli.terminal.screen import Screen

FOUND_MAX = 50
"""Maximum number of partners that are listed."""

app = typer.Typer(no_args_is_help=True, help="Register and find partners.")


@app.command()
@with_session("steward", institution=CONSORTIUM)
def add(
    session: Session,
    name: Annotated[str, typer.Argument(help="Usual name.")],
    house: Annotated[str, typer.Option(help="state, school, enterprise or other.")],
    tax_code: Annotated[str, typer.Option(help="Tax code (MST).")] = "",
    alias: Annotated[list[str], typer.Option(help="Another name. Repeatable.")] = [],  # noqa: B006
    country: Annotated[str, typer.Option(help="ISO 3166 alpha-2.")] = "VN",
) -> None:
    """Register a partner; for a known one, propose the names and the tax code that it lacks.

    Example: kieng partner add "Công ty Mẫu" --house enterprise --tax-code 0100233488
    """
    partner = partner_pb2.Partner(
        name=name, tax_code=tax_code, aliases=alias, house=house_of(house), country=country
    )
    stub = session.stub(PartnerServiceStub)
    found = stub.RegisterPartner(partner_api.RegisterPartnerRequest(partner=partner))
    if proposal.is_told(session.screen, found):
        return
    _answer_one(session.screen, found.partner)


@app.command()
@with_session("viewer")
def search(
    session: Session,
    query: Annotated[str, typer.Argument(help="Words, diacritics do not matter.")] = "",
) -> None:
    """Find partners by words of their names.

    Example: kieng partner search "cong ty mau"
    """
    stub = session.stub(PartnerServiceStub)
    # One more than is shown tells whether there are more.
    request = partner_api.SearchPartnersRequest(query=query, page_size=FOUND_MAX + 1)
    partners = stub.SearchPartners(request).partners
    found, more = partners[:FOUND_MAX], len(partners) > FOUND_MAX
    document = {"partners": [message_json(partner) for partner in found], "more": more}
    screen = session.screen
    advice = [] if found else [screen.text("search.no_partner", query=query)]
    advice += [screen.text("search.more", rows=len(found))] if more else []
    screen.answer(document, lambda: Group(_partners(screen, found), *advice))


@app.command()
@with_session("viewer")
def resolve(
    session: Session,
    query: Annotated[str, typer.Argument(help="Registry id, tax code, name or alias.")],
) -> None:
    """Find the one partner that a text identifies.

    Example: kieng partner resolve 0100233488
    """
    stub = session.stub(PartnerServiceStub)
    found = stub.ResolvePartner(partner_api.ResolvePartnerRequest(query=query))
    _answer_one(session.screen, found.partner)


def _answer_one(screen: Screen, partner: partner_pb2.Partner) -> None:
    screen.answer(message_json(partner), lambda: _partners(screen, [partner]))


def _partners(screen: Screen, found: Iterable[partner_pb2.Partner]) -> Table:
    table = screen.table("partner_id", "name", "tax_code", "house", "country", "aliases")
    for partner in found:
        house = screen.text(
            f"partner_house.{enum_text(partner_pb2.House.Name(partner.house), 'HOUSE_')}"
        )
        names = " | ".join(partner.aliases)
        table.add_row(
            partner.partner_id, partner.name, partner.tax_code, house, partner.country, names
        )
    return table
