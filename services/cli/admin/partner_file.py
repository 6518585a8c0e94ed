"""Registers the partners in a CSV file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from kieng.partners.v1 import partner_pb2
from kieng.partners.v1 import partner_service_pb2 as api
from kieng.partners.v1.partner_service_pb2_grpc import PartnerServiceStub
from services.cli.client.clients import Clients
from services.cli.errors import USAGE, Failure
from services.importing import spreadsheets
from services.importing.field_values import TRUE, split


def _once(call: Callable[[], object]) -> object:
    return call()


def register(
    clients: Clients,
    path: Path,
    advance: Callable[[], None],
    make: Callable[[Callable[[], object]], object] = _once,
) -> int:
    """Register the partners in a CSV file in order, and return their number.

    The columns of the file are name, tax_code, aliases, house, country and synthetic.

    Args:
        clients: clients of the services.
        path: the file.
        advance: called after each row.
        make: calls the function that it is given, and may repeat it after a failure.

    Raises:
        Failure: a row is not valid or was refused; the message names it. Earlier rows stay
            registered.
    """
    stub = clients.stub(PartnerServiceStub)
    count = 0
    for number, row in spreadsheets.read_records(path):
        partner = partner_pb2.Partner(
            name=row["name"],
            tax_code=row.get("tax_code", ""),
            aliases=split(row.get("aliases", "")),
            house=house_of(row["house"]),
            country=row.get("country", ""),
            synthetic=row.get("synthetic", "").lower() in TRUE,
        )
        try:
            make(partial(stub.RegisterPartner, api.RegisterPartnerRequest(partner=partner)))
        except Failure as failure:
            raise Failure(f"{path}:{number}: {failure.message}", failure.exit_code) from failure
        count += 1
        advance()
    return count


def house_of(name: str) -> partner_pb2.House.ValueType:
    """Return the `House` of the contract that has a lower-case name, e.g. `enterprise`.

    Raises:
        Failure: there is no house of this name.
    """
    try:
        return partner_pb2.House.Value(f"HOUSE_{name.upper()}")
    except ValueError:
        raise Failure(f"house {name!r}: state, school, enterprise or other", USAGE) from None
